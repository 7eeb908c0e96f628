"""The page of alerts: where to, when and how often; every way can be tried out."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from quart import Blueprint, abort, flash, jsonify, redirect, render_template, request
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession
from werkzeug.datastructures import MultiDict

from app.accounts.rate_limits import RateLimit
from app.alerts import channel_settings, preferences, sent_alerts
from app.alerts.channels import apprise, telegram, webpush
from app.alerts.channels.webpush_encryption import public_key
from app.alerts.sent_alerts import Sent
from app.alerts.text_context import Setting
from app.alerts.types import Preferences
from app.models.alert import AlertChannel
from app.web.alerts import labels as words
from app.web.context import dashboard, person
from app.web.middleware.authentication import public
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import overdone

blueprint = Blueprint("alerts", __name__)

PAGE = "/alerts"
TESTS = RateLimit(10, timedelta(minutes=10))  # of one person
ADDITIONS = RateLimit(20, timedelta(hours=1))
LONGEST_URL = 1_000  # characters


@blueprint.get("/alerts")
async def index() -> ResponseReturnValue:
    return await _page()


@blueprint.post("/alerts/preferences")
async def choose() -> ResponseReturnValue:
    wishes = _wishes(await request.form, (await _wanted()).zone)
    if wishes is None:
        return await _page(error=words.BAD_HOURS), 422
    async with dashboard().database.sessions.begin() as session:
        await preferences.save(session, person().user_id, wishes)
    return await _back(words.SAVED)


@blueprint.post("/alerts/webhooks")
async def add_webhook() -> ResponseReturnValue:
    """The secret is on this one answer and never again."""
    url = (await request.form).get("url", "").strip()
    if not _may_be_asked(url):
        return await _page(error=words.BAD_URL), 422
    if wait := await _too_often("alerts-add", ADDITIONS):
        return await too_many(wait)
    async with dashboard().database.sessions.begin() as session:
        secret = await channel_settings.add_webhook(
            session, dashboard().keys, person().user_id, url
        )
    if secret is None:
        return await _page(error=words.TOO_MANY), 422
    return await _page(secret=secret)


@blueprint.post("/alerts/telegram")
async def add_telegram() -> ResponseReturnValue:
    """The bot's link with a one-time code: opening it is what connects."""
    post = dashboard().alerting.post
    if not post.settings.telegram_bot_token:
        abort(404)
    if wait := await _too_often("alerts-add", ADDITIONS):
        return await too_many(wait)
    bot = await telegram.bot_name(post)
    if bot is None:
        return await _page(error=words.NO_BOT), 503
    async with dashboard().database.sessions.begin() as session:
        code = await channel_settings.await_telegram(session, person().user_id)
    if code is None:
        return await _page(error=words.TOO_MANY), 422
    return await _page(bot_url=f"https://t.me/{bot}?start={code}")


@blueprint.post("/alerts/push")
async def add_push() -> ResponseReturnValue:
    """What a browser's `PushSubscription.toJSON()` gives, and what to call it."""
    said: Any = await request.get_json(silent=True)
    subscription: Any = said.get("subscription") if isinstance(said, dict) else None
    wanted = dashboard().settings.vapid_private_key and not webpush.fault_in(subscription)
    if not wanted or not _may_be_asked(str(subscription["endpoint"])):
        abort(400)
    if wait := await _too_often("alerts-add", ADDITIONS):
        return await too_many(wait)
    target = {"endpoint": subscription["endpoint"], "keys": subscription["keys"]}
    label = str(said.get("label") or "Браузер")
    async with dashboard().database.sessions.begin() as session:
        user_id, keys = person().user_id, dashboard().keys
        added = await channel_settings.add(session, keys, user_id, "push", label, target)
    return jsonify(added=added), 201 if added else 422


@blueprint.post("/alerts/apprise")
async def add_apprise() -> ResponseReturnValue:
    if not apprise.is_offered(dashboard().settings.allow_apprise):
        abort(404)
    url = (await request.form).get("url", "").strip()
    if not url or len(url) > LONGEST_URL or not apprise.is_address(url):
        return await _page(error=words.BAD_APPRISE), 422
    async with dashboard().database.sessions.begin() as session:
        label = f"{urlsplit(url).scheme}://…"  # the rest is often a secret
        user_id, keys = person().user_id, dashboard().keys
        if not await channel_settings.add(session, keys, user_id, "apprise", label, {"url": url}):
            return await _page(error=words.TOO_MANY), 422
    return await _back(words.SAVED)


@blueprint.post("/alerts/channels/<uuid:id>/tests")
async def test(id: UUID) -> ResponseReturnValue:
    app, channel = dashboard(), await _own(id)
    if wait := await _too_often("alerts-test", TESTS):
        return await too_many(wait)
    refused = await app.alerting.deliverer.test(channel, person().email, (await _wanted()).zone)
    if refused is not None:
        return await _back(words.TEST_REFUSED.format(why=refused.why), "warn")
    async with app.database.sessions.begin() as session:
        if (
            own := await channel_settings.owned(session, person().user_id, id)
        ) and own.state != "off":
            await channel_settings.switch(session, own, "on")
    return await _back(words.TEST_SENT.format(name=words.CHANNELS[channel.kind].name))


@blueprint.post("/alerts/channels/<uuid:id>/state")
async def switch(id: UUID) -> ResponseReturnValue:
    await _own(id)
    state = (await request.form).get("state", "")
    if state not in ("on", "off"):
        abort(400)
    async with dashboard().database.sessions.begin() as session:
        if own := await channel_settings.owned(session, person().user_id, id):
            await channel_settings.switch(session, own, state)
    return await _back(words.SAVED if state == "on" else words.REMOVED)


@blueprint.post("/alerts/channels/<uuid:id>/removal")
async def remove(id: UUID) -> ResponseReturnValue:
    channel = await _own(id)
    if channel.kind == "email":
        abort(400)  # everybody has one; it can be switched off
    async with dashboard().database.sessions.begin() as session:
        await channel_settings.remove(session, channel)
    return await _back(words.REMOVED)


@blueprint.get("/alerts/unsubscribe/<uuid:id>")
@public
async def unsubscribe_page(id: UUID) -> ResponseReturnValue:
    """Looking changes nothing: mail programs open links before people do."""
    async with dashboard().database.sessions() as session:
        if not await channel_settings.is_letter_link(session, id):
            abort(404)
    return await render_template("alerts/unsubscribe.html", key=id, done=False)


@blueprint.post("/alerts/unsubscribe/<uuid:id>")
@public
async def unsubscribe(id: UUID) -> ResponseReturnValue:
    """Also what a mail program sends by itself (RFC 8058)."""
    async with dashboard().database.sessions.begin() as session:
        if not await channel_settings.unsubscribe(session, id):
            abort(404)
    return await render_template("alerts/unsubscribe.html", key=id, done=True)


async def sent_about(session: AsyncSession, connection_id: UUID) -> list[Sent]:
    """What the person was told of one connection of theirs."""
    user_id = person().user_id
    wishes = await preferences.of_person(session, user_id, dashboard().settings.zone)
    return await sent_alerts.sent_to(session, user_id, _setting(wishes), connection_id)


async def _page(
    *, error: str | None = None, secret: str | None = None, bot_url: str | None = None
) -> str:
    app, user_id, settings = dashboard(), person().user_id, dashboard().settings
    async with app.database.sessions.begin() as session:
        wishes = await preferences.of_person(session, user_id, settings.zone)
        channels = await channel_settings.of_person(session, user_id)
        sent = await sent_alerts.sent_to(session, user_id, _setting(wishes))
    return await render_template(
        "alerts/index.html",
        channels=[each for each in channels if each.state != "waiting"],
        own_email=person().email,
        wishes=wishes,
        sent=sent,
        error=error,
        secret=secret,
        bot_url=bot_url,
        telegram_offered=bool(settings.telegram_bot_token),
        push_key=public_key(settings.vapid_private_key) if settings.vapid_private_key else None,
        apprise_offered=apprise.is_offered(settings.allow_apprise),
        mail_sent=settings.smtp is not None,
    )


async def _own(channel_id: UUID) -> AlertChannel:
    """Somebody else's channel does not exist: 404."""
    async with dashboard().database.sessions() as session:
        channel = await channel_settings.owned(session, person().user_id, channel_id)
    if channel is None or channel.state == "waiting":
        abort(404)
    return channel


async def _too_often(what: str, limit: RateLimit) -> int:
    return await overdone((f"{what}:{person().user_id}", limit))


async def _back(message: str, category: str = "ok") -> ResponseReturnValue:
    await flash(message, category)
    return redirect(PAGE, 303)


async def _wanted() -> Preferences:
    app = dashboard()
    async with app.database.sessions() as session:
        return await preferences.of_person(session, person().user_id, app.settings.zone)


def _setting(wishes: Preferences) -> Setting:
    return Setting(
        dashboard().alerting.titles,
        wishes.zone,
        dashboard().settings.public_url,
        datetime.now(UTC),
    )


def _wishes(form: MultiDict[str, str], zone: ZoneInfo) -> Preferences | None:
    """None: one of the quiet hours is missing. What is not on our lists is as usual."""
    start, end = _hour(form.get("quiet_from", "")), _hour(form.get("quiet_until", ""))
    if (start is None) != (end is None):
        return None
    reminder = _number(form.get("reminder"), words.REMINDERS, 1)
    digest = form.get("digest", "")
    return Preferences(
        zone,
        timedelta(minutes=_number(form.get("delay"), words.DELAYS, 10)),
        timedelta(days=reminder) if reminder else None,
        digest if digest in words.DIGESTS else "none",
        start,
        end,
    )


def _number(text: str | None, allowed: dict[int, str], usual: int) -> int:
    number = int(text) if text and text.isdecimal() and len(text) < 5 else usual
    return number if number in allowed else usual


def _hour(text: str) -> time | None:
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def _may_be_asked(url: str) -> bool:
    """Does it look like an address to ask? Where it may lead is checked when it is asked."""
    try:
        parts = urlsplit(url)
        known = parts.hostname is not None and (parts.port or 1) > 0
    except ValueError:
        return False
    schemes = ("https", "http") if dashboard().settings.allow_insecure_providers else ("https",)
    named = parts.username is None and parts.password is None
    return known and named and parts.scheme in schemes and len(url) <= LONGEST_URL

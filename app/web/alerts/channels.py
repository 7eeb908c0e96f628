"""Alert channels: adding, testing, switching on and off, removing."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from quart import Blueprint, abort, jsonify, request
from quart.typing import ResponseReturnValue

from app.accounts.rate_limits import RateLimit
from app.alerts import channel_settings
from app.alerts.channels import apprise, telegram, webpush
from app.alerts.channels.webpush_encryption import public_key
from app.connections.naming import tags_of
from app.i18n.connection_titles import distinct_tags
from app.models.alert import AlertChannel
from app.outbound.allowed_hosts import LOOPBACK, is_special, origin_of, typed_url
from app.web.alerts import labels as words
from app.web.alerts.index import alerts_page, back_to_alerts, own_preferences
from app.web.context import dashboard, person
from app.web.json_body import json_body
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import overdone

blueprint = Blueprint("alert_channels", __name__)

TESTS = RateLimit(10, timedelta(minutes=10))  # of one user
ADDITIONS = RateLimit(20, timedelta(hours=1))
LONGEST_URL = 1_000  # characters


@blueprint.post("/alerts/webhooks")
async def add_webhook() -> ResponseReturnValue:
    """The secret is shown on this answer only."""
    url = (await request.form).get("url", "").strip()
    if not _may_be_asked(url):
        return await alerts_page(error=words.BAD_URL), 422
    if wait := await _too_often("alerts-add", ADDITIONS):
        return await too_many(wait)
    async with dashboard().database.sessions.begin() as session:
        secret = await channel_settings.add_webhook(
            session, dashboard().keys, person().user_id, url
        )
    if secret is None:
        return await alerts_page(error=words.TOO_MANY), 422
    return await alerts_page(secret=secret)


@blueprint.post("/alerts/telegram")
async def add_telegram() -> ResponseReturnValue:
    """Shows a link to the bot with a one-time code; opening it connects the channel."""
    post = dashboard().alerting.post
    if not post.settings.telegram_bot_token:
        abort(404)
    if wait := await _too_often("alerts-add", ADDITIONS):
        return await too_many(wait)
    bot = await telegram.bot_name(post)
    if bot is None:
        return await alerts_page(error=words.NO_BOT), 503
    async with dashboard().database.sessions.begin() as session:
        code = await channel_settings.await_telegram(session, person().user_id)
    if code is None:
        return await alerts_page(error=words.TOO_MANY), 422
    return await alerts_page(bot_url=f"https://t.me/{bot}?start={code}")


@blueprint.post("/alerts/push")
async def add_push() -> ResponseReturnValue:
    """JSON: `subscription`, from a browser's `PushSubscription.toJSON()`, and a `label` for it."""
    said: Any = await json_body()
    subscription: Any = said.get("subscription") if isinstance(said, dict) else None
    wanted = dashboard().settings.vapid_private_key and not webpush.fault_in(subscription)
    if not wanted or not _may_be_asked(str(subscription["endpoint"])):
        abort(400)
    if wait := await _too_often("alerts-add", ADDITIONS):
        return await too_many(wait)
    # A subscription is for one key of ours: with another one it is worth nothing.
    target = {
        "endpoint": subscription["endpoint"],
        "keys": subscription["keys"],
        "vapid_key": public_key(dashboard().settings.vapid_private_key),
    }
    label = str(said.get("label") or "Браузер")
    async with dashboard().database.sessions.begin() as session:
        user_id, keys = person().user_id, dashboard().keys
        added = await channel_settings.add(session, keys, user_id, "push", label, target)
    return jsonify(added=added), 201 if added else 422


@blueprint.post("/alerts/apprise")
async def add_apprise() -> ResponseReturnValue:
    if not apprise.is_offered(dashboard().settings.allow_apprise):
        abort(404)
    if wait := await _too_often("alerts-add", ADDITIONS):
        return await too_many(wait)
    url = (await request.form).get("url", "").strip()
    if not url or len(url) > LONGEST_URL or not apprise.is_address(url):
        return await alerts_page(error=words.BAD_APPRISE), 422
    async with dashboard().database.sessions.begin() as session:
        label = f"{urlsplit(url).scheme}://…"  # the rest often contains a secret
        user_id, keys = person().user_id, dashboard().keys
        if not await channel_settings.add(session, keys, user_id, "apprise", label, {"url": url}):
            return await alerts_page(error=words.TOO_MANY), 422
    return await back_to_alerts(words.SAVED)


@blueprint.post("/alerts/channels/<uuid:id>/tests")
async def test(id: UUID) -> ResponseReturnValue:
    app, channel = dashboard(), await _own(id)
    if wait := await _too_often("alerts-test", TESTS):
        return await too_many(wait)
    zone = (await own_preferences()).zone
    refused = await app.alerting.deliverer.test(channel, person().email, zone)
    async with app.database.sessions.begin() as session:
        own = await channel_settings.owned(session, person().user_id, id)
        if own is not None and own.state != "off":
            if refused is None:
                await channel_settings.switch(session, own, "on")
            elif refused.gone:
                await channel_settings.end(session, own, refused.why)
    if refused is not None:
        return await back_to_alerts(words.TEST_REFUSED.format(why=refused.why), "warn")
    if app.alerting.deliverer.only_logs(channel):
        return await back_to_alerts(words.TEST_LOGGED, "warn")
    return await back_to_alerts(words.TEST_SENT.format(name=words.CHANNELS[channel.kind].name))


@blueprint.post("/alerts/channels/<uuid:id>/state")
async def switch(id: UUID) -> ResponseReturnValue:
    await _own(id)
    state = (await request.form).get("state", "")
    if state not in ("on", "off"):
        abort(400)
    async with dashboard().database.sessions.begin() as session:
        if own := await channel_settings.owned(session, person().user_id, id):
            await channel_settings.switch(session, own, state)
    return await back_to_alerts(words.SAVED if state == "on" else words.REMOVED)


@blueprint.post("/alerts/channels/<uuid:id>/tags")
async def limit(id: UUID) -> ResponseReturnValue:
    """Only tags that a connection has, or that the channel had: others would mean silence."""
    channel = await _own(id)
    given = (await request.form).getlist("tag")
    async with dashboard().database.sessions.begin() as session:
        known = distinct_tags([*channel.tags, *await tags_of(session, person().user_id)])
        if own := await channel_settings.owned(session, person().user_id, id):
            await channel_settings.limit(session, own, [tag for tag in known if tag in given])
    return await back_to_alerts(words.SAVED)


@blueprint.post("/alerts/channels/<uuid:id>/removal")
async def remove(id: UUID) -> ResponseReturnValue:
    channel = await _own(id)
    if channel.kind == "email":
        abort(400)  # every user has exactly one; it can only be switched off
    async with dashboard().database.sessions.begin() as session:
        await channel_settings.remove(session, channel)
    return await back_to_alerts(words.REMOVED)


async def _own(channel_id: UUID) -> AlertChannel:
    """404 for a channel of another user."""
    async with dashboard().database.sessions() as session:
        channel = await channel_settings.owned(session, person().user_id, channel_id)
    if channel is None or channel.state == "waiting":
        abort(404)
    return channel


async def _too_often(what: str, limit: RateLimit) -> int:
    return await overdone((f"{what}:{person().user_id}", limit))


def _may_be_asked(url: str) -> bool:
    """Is it a URL that we would send to? Where it resolves to is checked when something is sent."""
    parsed = typed_url(url) if len(url) <= LONGEST_URL else None
    if parsed is None or parsed.userinfo:
        return False
    scheme, host, _ = origin_of(parsed)
    if host in LOOPBACK:
        allowed = dashboard().settings.allow_loopback_targets
        return allowed and scheme in ("https", "http")
    return scheme == "https" and not is_special(host)

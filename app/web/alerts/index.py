"""The page of alerts: channels, preferences, and what was sent."""

from datetime import UTC, datetime
from uuid import UUID

from quart import Blueprint, flash, redirect, render_template
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts import channel_settings, preferences, sent_alerts
from app.alerts.channels import apprise
from app.alerts.channels.webpush_encryption import public_key
from app.alerts.sent_alerts import Sent
from app.alerts.text_context import Setting
from app.alerts.types import Preferences
from app.connections.naming import tags_of
from app.web.context import dashboard, person

blueprint = Blueprint("alerts", __name__)

PAGE = "/alerts"


@blueprint.get("/alerts")
async def index() -> ResponseReturnValue:
    return await alerts_page()


async def alerts_page(
    *, error: str | None = None, secret: str | None = None, bot_url: str | None = None
) -> str:
    app, user_id, settings = dashboard(), person().user_id, dashboard().settings
    async with app.database.sessions.begin() as session:
        own = await preferences.of_person(session, user_id, settings.zone)
        channels = await channel_settings.of_person(session, user_id)
        sent = await sent_alerts.sent_to(session, user_id, _setting(own))
        tags = await tags_of(session, user_id)
    return await render_template(
        "alerts/index.html",
        channels=[each for each in channels if each.state != "waiting"],
        own_email=person().email,
        preferences=own,
        sent=sent,
        tags=tags,
        error=error,
        secret=secret,
        bot_url=bot_url,
        bot_trouble=next((each.error for each in channels if each.state == "waiting"), None),
        telegram_offered=bool(settings.telegram_bot_token),
        push_key=public_key(settings.vapid_private_key) if settings.vapid_private_key else None,
        apprise_offered=apprise.is_offered(settings.allow_apprise),
        mail_sent=settings.smtp is not None,
    )


async def back_to_alerts(message: str, category: str = "ok") -> ResponseReturnValue:
    await flash(message, category)
    return redirect(PAGE, 303)


async def own_preferences() -> Preferences:
    app = dashboard()
    async with app.database.sessions() as session:
        return await preferences.of_person(session, person().user_id, app.settings.zone)


async def sent_about(session: AsyncSession, connection_id: UUID) -> list[Sent]:
    """The alerts that the user was sent about one connection."""
    user_id = person().user_id
    own = await preferences.of_person(session, user_id, dashboard().settings.zone)
    return await sent_alerts.sent_to(session, user_id, _setting(own), connection_id)


def _setting(own: Preferences) -> Setting:
    return Setting(
        dashboard().alerting.titles,
        own.zone,
        dashboard().settings.public_url,
        datetime.now(UTC),
    )

"""The form of when and how often to be alerted."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

from quart import Blueprint, request
from quart.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.alerts import preferences
from app.alerts.types import Preferences
from app.web.alerts import labels as words
from app.web.alerts.index import alerts_page, back_to_alerts, own_preferences
from app.web.context import dashboard, person

blueprint = Blueprint("alert_preferences", __name__)


@blueprint.post("/alerts/preferences")
async def choose() -> ResponseReturnValue:
    chosen = _read_preferences(await request.form, (await own_preferences()).zone)
    if chosen is None:
        return await alerts_page(error=words.BAD_HOURS), 422
    async with dashboard().database.sessions.begin() as session:
        await preferences.save(session, person().user_id, chosen)
    return await back_to_alerts(words.SAVED)


def _read_preferences(form: MultiDict[str, str], zone: ZoneInfo) -> Preferences | None:
    """None if one of the quiet hours is missing; a value that is not offered means the default."""
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

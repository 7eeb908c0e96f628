"""«Приостановить» and «Возобновить»."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from quart import Blueprint, abort, redirect, request
from quart.typing import ResponseReturnValue

from app.connections import pausing, queries
from app.models.pause import FOREVER
from app.web.context import dashboard, own_zone, person

blueprint = Blueprint("pausing", __name__)

MORNING = 9  # o'clock, by the owner's clock


@blueprint.post("/connections/<uuid:connection_id>/pause")
async def pause(connection_id: UUID) -> ResponseReturnValue:
    """`until`: "hour", "morning", "week" or "forever", else 400."""
    chosen, user_id = (await request.form).get("until", ""), person().user_id
    async with dashboard().database.sessions.begin() as session:
        if await queries.locked(session, user_id, connection_id) is None:
            abort(404)
        until = end_of_pause(chosen, await pausing.now_of(session), own_zone()) or abort(400)
        await pausing.pause_checks(session, user_id, connection_id, until)
    return redirect(f"/connections/{connection_id}", 303)


@blueprint.post("/connections/<uuid:connection_id>/resume")
async def resume(connection_id: UUID) -> ResponseReturnValue:
    user_id = person().user_id
    async with dashboard().database.sessions.begin() as session:
        if await queries.locked(session, user_id, connection_id) is None:
            abort(404)
        await pausing.resume_checks(session, user_id, connection_id)
    return redirect(f"/connections/{connection_id}", 303)


def end_of_pause(chosen: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """None: no such choice. The morning is the next day's, however early it is."""
    if chosen == "morning":
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        morning = datetime(tomorrow.year, tomorrow.month, tomorrow.day, MORNING, tzinfo=zone)
        return morning.astimezone(UTC)
    ends = {
        "hour": now + timedelta(hours=1),
        "week": now + timedelta(days=7),
        "forever": FOREVER,
    }
    return ends.get(chosen)

"""Outages and uptime of a period to take away: as CSV for people, as JSON for programs.

Both have what the address asks for: `from` and `to` or `days`, and `connection`; outages `cause`,
uptime `by`. A mistake in it is answered with what is right: nobody should file the wrong period.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from quart import Blueprint, abort, jsonify, request
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession

from app import connections, outage_list, uptime_list
from app.cards import CardRow
from app.models import Cause
from app.outage_list import Wanted
from app.uptime_list import WAYS
from app.web.dashboard import dashboard, own_zone, person
from app.web.errors import Refused
from app.web.fragments import titles
from app.web.periods import period_of
from app.web.sheets import sheet
from app.web.wording_report import OUTAGE_HEADINGS, UPTIME_HEADINGS, outage_row, uptime_row
from app.windows import Window

blueprint = Blueprint("exports", __name__)

NO_CAUSE = "Такой причины (cause) нет. Есть: {}."
NO_WAY = "Период делится (by) по дням: day, по месяцам: month, или никак: whole."

Records = Sequence[dict[str, object]]


@dataclass(frozen=True)
class Asked:
    """What both tables are about."""

    period: Window
    rows: Sequence[CardRow]  # the person's connections, or the one that is asked for
    connection_id: UUID | None


@blueprint.get("/outages.csv")
async def outages_csv() -> ResponseReturnValue:
    asked, records = await _outages()
    names = titles(dashboard())
    rows = [outage_row(record, names) for record in records]
    return sheet(_file("outages", asked), OUTAGE_HEADINGS, rows)


@blueprint.get("/outages.json")
async def outages_json() -> ResponseReturnValue:
    asked, records = await _outages()
    return jsonify(**_told(asked), outages=_plain(records))


@blueprint.get("/uptime.csv")
async def uptime_csv() -> ResponseReturnValue:
    asked, records = await _uptime()
    names = titles(dashboard())
    rows = [uptime_row(record, names) for record in records]
    return sheet(_file("uptime", asked), UPTIME_HEADINGS, rows)


@blueprint.get("/uptime.json")
async def uptime_json() -> ResponseReturnValue:
    asked, records = await _uptime()
    return jsonify(**_told(asked), uptime=_plain(records))


async def _outages() -> tuple[Asked, Records]:
    cause = request.args.get("cause") or None
    if cause is not None and cause not in set(Cause):
        raise Refused(NO_CAUSE.format(", ".join(Cause)))
    async with dashboard().database.sessions() as session:
        asked = await _asked(session)
        wanted = Wanted(asked.period.whole, asked.connection_id, cause, asked.period)
        found = await outage_list.find(session, person().user_id, wanted, most=None)
    return asked, list(outage_list.records(found, own_zone()))


async def _uptime() -> tuple[Asked, Records]:
    way, zone = request.args.get("by") or WAYS[0], own_zone()
    if way not in WAYS:
        raise Refused(NO_WAY)
    async with dashboard().database.sessions() as session:
        asked = await _asked(session)
        found = await uptime_list.spent(session, asked.rows, asked.period, way, zone)
    return asked, list(uptime_list.records(found, zone))


async def _asked(session: AsyncSession) -> Asked:
    own = await connections.of_user(session, person().user_id)
    now = own[0].read_at if own else datetime.now(UTC)
    period = period_of(request.args, own_zone(), now)
    if isinstance(period, str):
        raise Refused(period)
    connection_id = request.args.get("connection") or None
    rows = [row for row in own if connection_id in (None, str(row.id))]
    if connection_id is not None and not rows:
        abort(404)
    return Asked(period, rows, rows[0].id if connection_id else None)


def _told(asked: Asked) -> dict[str, str]:
    """Which period it is, as far as it is over and kept."""
    zone = own_zone()
    return {
        "began_at": asked.period.began.astimezone(zone).isoformat(),
        "ended_at": asked.period.ended.astimezone(zone).isoformat(),
        "zone": zone.key,
    }


def _plain(records: Records) -> Records:
    return [{name: _text(value) for name, value in record.items()} for record in records]


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _file(name: str, asked: Asked) -> str:
    """Its days are in its name: a folder of downloads holds many."""
    zone, latest = own_zone(), asked.period.ended - timedelta.resolution
    days = (at.astimezone(zone).date().isoformat() for at in (asked.period.began, latest))
    return "-".join([name, *days])

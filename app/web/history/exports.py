"""Exports of outages and uptime over a period: CSV for people, JSON for programs.

Query parameters: `from` and `to`, or `days`; `connection`; `tag`; `cause` for outages; `by` for
uptime. A wrong value is refused with the values that are allowed, not ignored: somebody would
archive a table of another period than they meant.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from uuid import UUID
from zoneinfo import ZoneInfo

from quart import Blueprint, Response, abort, jsonify, request
from quart.typing import ResponseReturnValue
from sqlalchemy.ext.asyncio import AsyncSession

from app.connections import queries
from app.connections.queries import CardRow
from app.history import outage_list, uptime_table
from app.history.outage_list import OutageFilter
from app.history.periods import TimeRange
from app.history.uptime_table import PERIOD_PARTS
from app.i18n.connection_titles import distinct_tags, has_tag
from app.models.connection import Cause
from app.web.context import dashboard, own_zone, person, titles
from app.web.history.csv import sheet
from app.web.history.period_params import period_of
from app.web.history.report_labels import OUTAGE_HEADINGS, UPTIME_HEADINGS, outage_row, uptime_row
from app.web.middleware.error_pages import RequestRefused
from app.web.middleware.standby_reads import may_read_standby, session_to_read

blueprint = Blueprint("exports", __name__)

NO_CAUSE = "Такой причины (cause) нет. Есть: {}."
NO_TAG = "Такой метки (tag) у ваших подключений нет. Есть: {}."
NO_WAY = "Период делится (by) по дням: day, по месяцам: month, или никак: whole."

Records = Iterable[dict[str, object]]
Row = Callable[[dict[str, object], Mapping[str, str]], list[object]]


@dataclass(frozen=True)
class Asked:
    """What an export is asked for, outages or uptime."""

    period: TimeRange
    zone: ZoneInfo
    rows: Sequence[CardRow]  # the user's connections, or only those asked for
    connections: Sequence[UUID] | None  # None: all


@blueprint.get("/outages.csv")
@may_read_standby
async def outages_csv() -> ResponseReturnValue:
    asked, records = await _outages()
    return await _table("outages", asked, OUTAGE_HEADINGS, records, outage_row)


@blueprint.get("/outages.json")
@may_read_standby
async def outages_json() -> ResponseReturnValue:
    asked, records = await _outages()
    return await asyncio.to_thread(_json, "outages", asked, records)


@blueprint.get("/uptime.csv")
@may_read_standby
async def uptime_csv() -> ResponseReturnValue:
    asked, records = await _uptime()
    return await _table("uptime", asked, UPTIME_HEADINGS, records, uptime_row)


@blueprint.get("/uptime.json")
@may_read_standby
async def uptime_json() -> ResponseReturnValue:
    asked, records = await _uptime()
    return await asyncio.to_thread(_json, "uptime", asked, records)


async def _outages() -> tuple[Asked, Records]:
    cause = request.args.get("cause") or None
    if cause is not None and cause not in set(Cause):
        raise RequestRefused(NO_CAUSE.format(", ".join(Cause)))
    async with session_to_read() as session:
        asked = await _asked(session)
        wanted = OutageFilter(asked.period.whole, asked.connections, cause, asked.period)
        found = await outage_list.find(session, person().user_id, wanted, most=None)
    return asked, outage_list.records(found, asked.zone, titles(dashboard()))


async def _uptime() -> tuple[Asked, Records]:
    way = request.args.get("by") or PERIOD_PARTS[0]
    if way not in PERIOD_PARTS:
        raise RequestRefused(NO_WAY)
    async with session_to_read() as session:
        asked = await _asked(session)
        found = await uptime_table.spent(session, asked.rows, asked.period, way, asked.zone)
    return asked, uptime_table.records(found, asked.zone, titles(dashboard()))


async def _asked(session: AsyncSession) -> Asked:
    own = await queries.of_user(session, person().user_id)
    now = own[0].read_at if own else datetime.now(UTC)
    period = period_of(request.args, own_zone(), now)
    if isinstance(period, str):
        raise RequestRefused(period)
    connection_id = request.args.get("connection") or None
    rows = [row for row in own if connection_id in (None, str(row.id))]
    if connection_id is not None and not rows:
        abort(404)
    tag = request.args.get("tag") or None
    if tag is not None and not any(has_tag(row.tags, [tag]) for row in own):
        known = distinct_tags(chain.from_iterable(row.tags for row in own))
        raise RequestRefused(NO_TAG.format(", ".join(known)))
    rows = [row for row in rows if has_tag(row.tags, [tag] if tag else [])]
    picked = connection_id is not None or tag is not None
    return Asked(period, own_zone(), rows, [row.id for row in rows] if picked else None)


async def _table(
    name: str, asked: Asked, headings: Sequence[str], records: Records, row: Row
) -> Response:
    """The CSV file, written in a thread: it may have a hundred thousand rows."""
    names = titles(dashboard())
    rows = (row(record, names) for record in records)
    return await asyncio.to_thread(sheet, _file(name, asked), headings, rows)


def _json(name: str, asked: Asked, records: Records) -> Response:
    """`began_at` and `ended_at` are the period, cut to what is over and still kept."""
    about = {
        "began_at": asked.period.began.astimezone(asked.zone).isoformat(),
        "ended_at": asked.period.ended.astimezone(asked.zone).isoformat(),
        "zone": asked.zone.key,
    }
    plain = [{key: _text(value) for key, value in record.items()} for record in records]
    return jsonify(**about, **{name: plain})


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _file(name: str, asked: Asked) -> str:
    """The file's name with its days: a folder of downloads may hold many exports."""
    ends = asked.period.began, asked.period.ended - timedelta.resolution
    days = (at.astimezone(asked.zone).date().isoformat() for at in ends)
    return "-".join([name, *days])

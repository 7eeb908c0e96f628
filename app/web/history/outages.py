"""The page that lists all outages."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from app.connections import queries
from app.connections.queries import CardRow
from app.history.outage_list import OUTAGES_PER_PAGE, OutageFilter, entries, find
from app.i18n.connection_titles import distinct_tags, has_tag
from app.models.connection import Cause
from app.web.context import dashboard, own_zone, person, titles
from app.web.history.labels import CAUSES, PERIODS
from app.web.history.outage_days import by_day, news_of, total_of
from app.web.history.period_params import USUAL
from app.web.middleware.standby_reads import may_read_standby, session_to_read
from app.web.url_params import choice_of, uuid_of

blueprint = Blueprint("outages", __name__)


@blueprint.get("/outages")
@may_read_standby
async def index() -> ResponseReturnValue:
    app, connection_id = dashboard(), uuid_of(request.args.get("connection"))
    async with session_to_read() as session:
        own = await queries.of_user(session, person().user_id)
        tags = distinct_tags(tag for row in own for tag in row.tags)
        tag = choice_of(tags, request.args.get("tag"))
        wanted = _wanted(own, connection_id, tag)
        rows = await find(session, person().user_id, wanted)
    found = entries(rows)
    return await render_template(
        "history/outages.html",
        groups=by_day(found, own_zone()),
        total=total_of(found) if found else "",
        news=news_of(found),
        cut_short=len(rows) == OUTAGES_PER_PAGE,
        own=own,
        wanted=wanted,
        connection_id=connection_id,
        tags={each: each for each in tags},
        tag=tag,
        days=wanted.period.days,
        periods=PERIODS,
        causes=CAUSES,
        titles=titles(app),
        query=_query(wanted, connection_id, tag),
    )


def _wanted(own: Sequence[CardRow], connection_id: UUID | None, tag: str | None) -> OutageFilter:
    """The filter in the query string; values that make no sense are ignored."""
    given = request.args
    days = choice_of(PERIODS, given.get("days")) or USUAL
    cause = given.get("cause")
    return OutageFilter(
        timedelta(days=days),
        [
            row.id
            for row in own
            if connection_id in (None, row.id) and has_tag(row.tags, [tag] if tag else [])
        ],
        cause if cause in set(Cause) else None,
    )


def _query(wanted: OutageFilter, connection_id: UUID | None, tag: str | None) -> str:
    """The same filter as a query string, for the links to the exports."""
    asked = {
        **{"days": wanted.period.days, "connection": connection_id, "cause": wanted.cause},
        "tag": tag,
    }
    return urlencode({name: value for name, value in asked.items() if value})

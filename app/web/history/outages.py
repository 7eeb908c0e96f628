"""The page that lists all outages."""

from datetime import timedelta
from urllib.parse import urlencode

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from app.connections import queries
from app.history.outage_list import OUTAGES_PER_PAGE, OutageFilter, entries, find
from app.models.connection import Cause
from app.web.context import dashboard, person, titles
from app.web.history.labels import CAUSES, PERIODS
from app.web.history.period_params import USUAL
from app.web.middleware.standby_reads import may_read_standby, session_to_read
from app.web.url_params import choice_of, uuid_of

blueprint = Blueprint("outages", __name__)


@blueprint.get("/outages")
@may_read_standby
async def index() -> ResponseReturnValue:
    app, wanted = dashboard(), _wanted()
    async with session_to_read() as session:
        rows = await find(session, person().user_id, wanted)
        own = await queries.of_user(session, person().user_id)
    return await render_template(
        "history/outages.html",
        entries=entries(rows),
        cut_short=len(rows) == OUTAGES_PER_PAGE,
        own=own,
        wanted=wanted,
        days=wanted.period.days,
        periods=PERIODS,
        causes=CAUSES,
        titles=titles(app),
        query=_query(wanted),
    )


def _wanted() -> OutageFilter:
    """The filter in the query string; values that make no sense are ignored."""
    given = request.args
    days = choice_of(PERIODS, given.get("days")) or USUAL
    cause = given.get("cause")
    return OutageFilter(
        timedelta(days=days),
        uuid_of(given.get("connection")),
        cause if cause in set(Cause) else None,
    )


def _query(wanted: OutageFilter) -> str:
    """The same filter as a query string, for the links to the exports."""
    asked = {"days": wanted.period.days, "connection": wanted.connection_id, "cause": wanted.cause}
    return urlencode({name: value for name, value in asked.items() if value})

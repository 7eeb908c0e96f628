"""The page of all outages, and the same to take away as CSV and JSON."""

import csv
import io
from datetime import timedelta
from uuid import UUID

from quart import Blueprint, Response, jsonify, render_template, request
from quart.typing import ResponseReturnValue

from app import connections
from app.models import Cause
from app.outage_list import MOST, Wanted, entries, find, records
from app.web.dashboard import dashboard, person
from app.web.fragments import titles
from app.web.wording_history import CAUSES, PERIODS

blueprint = Blueprint("outages", __name__)

USUAL = 30  # days
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


@blueprint.get("/outages")
async def index() -> ResponseReturnValue:
    app, wanted = dashboard(), _wanted()
    async with app.database.sessions() as session:
        rows = await find(session, person().user_id, wanted)
        own = await connections.of_user(session, person().user_id)
    return await render_template(
        "outages/index.html",
        entries=entries(rows),
        cut_short=len(rows) == MOST,
        own=own,
        wanted=wanted,
        days=wanted.period.days,
        periods=PERIODS,
        causes=CAUSES,
        titles=titles(app),
        query=request.query_string.decode("ascii", "ignore"),
    )


@blueprint.get("/outages.json")
async def as_json() -> ResponseReturnValue:
    async with dashboard().database.sessions() as session:
        rows = await find(session, person().user_id, _wanted(), most=None)
    return jsonify(outages=list(records(rows)))


@blueprint.get("/outages.csv")
async def as_csv() -> ResponseReturnValue:
    async with dashboard().database.sessions() as session:
        rows = await find(session, person().user_id, _wanted(), most=None)
    file = io.StringIO()
    names = [*next(records(rows), {"connection": None})]
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    for record in records(rows):
        writer.writerow({name: _cell(value) for name, value in record.items()})
    # The mark in front tells a spreadsheet that this is UTF-8.
    answer = Response("\ufeff" + file.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="outages.csv"'
    return answer


def _wanted() -> Wanted:
    """What the address asks for; nonsense in it asks for nothing."""
    given = request.args
    days = next((each for each in PERIODS if str(each) == given.get("days")), USUAL)
    cause = given.get("cause")
    return Wanted(
        timedelta(days=days),
        _uuid(given.get("connection")),
        cause if cause in set(Cause) else None,
    )


def _uuid(given: str | None) -> UUID | None:
    try:
        return UUID(given) if given else None
    except ValueError:
        return None


def _cell(value: object) -> object:
    """What a provider calls an account must not become a formula."""
    is_formula = isinstance(value, str) and value.startswith(FORMULA)
    return f"'{value}" if is_formula else value

"""The page to be printed: how one connection was in one month."""

from uuid import UUID

from quart import Blueprint, abort, render_template, request
from quart.typing import ResponseReturnValue

from app.cards import describe
from app.connections import queries
from app.history.monthly_report import report
from app.web import wording_report
from app.web.dashboard import dashboard, own_zone, person
from app.web.drawing import day_painter
from app.web.errors import Refused
from app.web.periods import month_of

blueprint = Blueprint("report", __name__)

WIDE = 28  # pixels from day to day


@blueprint.get("/connections/<uuid:connection_id>/report")
async def show(connection_id: UUID) -> ResponseReturnValue:
    app, zone = dashboard(), own_zone()
    async with app.database.sessions() as session:
        own = await queries.owned(session, person().user_id, connection_id)
        if own is None:
            abort(404)
        month = month_of(request.args.get("month"), zone, own.read_at)
        if isinstance(month, str):
            raise Refused(month)
        told = await report(session, connection_id, month, zone, own.read_at)
    return await render_template(
        "connections/report.html",
        card=describe(own, app.catalogue, app.settings.interval),
        told=told,
        bars=day_painter(zone, WIDE).bars(told.days, "Доступность по дням", told.split),
        words=wording_report,
        months=[wording_report.month_number(each, zone) for each in told.months],
        zone=zone,
        now=own.read_at,
    )

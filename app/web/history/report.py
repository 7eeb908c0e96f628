"""The monthly report of one connection, laid out for printing."""

from uuid import UUID

from quart import Blueprint, abort, render_template, request
from quart.typing import ResponseReturnValue

from app.connections import queries
from app.history import monthly_report
from app.web.connections.cards import describe
from app.web.context import dashboard, own_zone, person
from app.web.history import report_labels
from app.web.history.period_params import month_of
from app.web.history.sparklines import month_bars
from app.web.middleware.error_pages import RequestRefused
from app.web.middleware.standby_reads import may_read_standby, session_to_read

blueprint = Blueprint("report", __name__)


@blueprint.get("/connections/<uuid:connection_id>/report")
@may_read_standby
async def show(connection_id: UUID) -> ResponseReturnValue:
    app, zone = dashboard(), own_zone()
    async with session_to_read() as session:
        own = await queries.owned(session, person().user_id, connection_id)
        if own is None:
            abort(404)
        month = month_of(request.args.get("month"), zone, own.read_at)
        if isinstance(month, str):
            raise RequestRefused(month)
        found = await monthly_report.report(session, connection_id, month, zone, own.read_at)
    return await render_template(
        "history/report.html",
        card=describe(own, app.catalogue, app.settings.interval),
        report=found,
        bars=month_bars(found, zone),
        words=report_labels,
        months=[report_labels.month_number(each, zone) for each in found.months],
        zone=zone,
        period=report_labels.table_query(connection_id, found, zone),
        read_at=own.read_at,
    )

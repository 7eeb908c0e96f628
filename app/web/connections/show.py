"""The page of one connection, and the same as JSON."""

from uuid import UUID

from quart import Blueprint, abort, jsonify, render_template, request
from quart.typing import ResponseReturnValue

from app.connections import queries
from app.connections.queries import details
from app.history import uptime
from app.history.timeline import CHART_DAYS, timeline
from app.web.alerts.index import sent_about
from app.web.connections.cards import describe, describe_all
from app.web.connections.check_labels import spending
from app.web.connections.fragments import card_html
from app.web.connections.grant_labels import allowed
from app.web.context import dashboard, own_zone, person
from app.web.middleware.standby_reads import may_read_standby, session_to_read

blueprint = Blueprint("connection", __name__)


@blueprint.get("/connections/<uuid:connection_id>")
@may_read_standby
async def show(connection_id: UUID) -> ResponseReturnValue:
    app = dashboard()
    # An open page fetches everything but its card, which comes over the stream.
    anew = bool(request.headers.get("HX-Request"))
    async with session_to_read() as session:
        rows = await queries.of_user(session, person().user_id)
        own = next((row for row in rows if row.id == connection_id), None)
        facts = await details(session, connection_id) if own is not None else None
        if own is None or facts is None:
            if anew:  # deleted since its last event; the stream tells the page
                return "", 204
            abort(404)
        pasts = await uptime.pasts(session, [own], app.settings.zone)
        history = await timeline(session, connection_id, own_zone(), _period(), own.read_at)
        sent = await sent_about(session, connection_id)
    card = describe(own, app.catalogue, app.settings.interval, pasts)
    if request.accept_mimetypes.best == "application/json":
        return jsonify(card.as_json())
    provider = app.catalogue.get(own.provider)
    page = "_details_refresh" if anew else "show"
    beside = [row for row in rows if row.provider == own.provider]
    return await render_template(
        f"connections/{page}.html",
        card=card,
        shown="" if anew else await card_html(app, card),
        cards=describe_all(beside, app.catalogue, app.settings.interval),
        facts=facts,
        allowed=allowed(facts.scopes, provider.scope_words if provider else {}),
        spending=spending(provider, app.settings.interval) if provider else "",
        history=history,
        naming="naming" in request.args,
        sent=sent,
        checks_run=app.checks_run,
        is_offline=app.is_offline,
    )


def _period() -> str:
    """The period of the chart."""
    period = request.args.get("chart", "")
    return period if period in CHART_DAYS else "24h"

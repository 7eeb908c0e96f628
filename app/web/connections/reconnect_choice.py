"""The page that asks what to do with a reconnect that came back with another account."""

from uuid import UUID

from quart import Blueprint, abort, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app.connections import pending_reconnects
from app.connections.pending_reconnects import PendingReconnect
from app.providers.provider import Provider
from app.web.connections.disconnect_result import what_happened
from app.web.connections.reconnect_labels import CANCELLED, KEPT, OVER
from app.web.context import dashboard, person
from app.web.middleware.error_pages import error_page

blueprint = Blueprint("reconnect_choice", __name__)


@blueprint.get("/connections/<uuid:connection_id>/choice")
async def show(connection_id: UUID) -> ResponseReturnValue:
    question = await _question(connection_id)
    if question is None:
        return await error_page(404, OVER)
    return await render_template(
        "connections/reconnect_choice.html", question=question, provider=_provider(question)
    )


@blueprint.post("/connections/<uuid:connection_id>/choice")
async def choose(connection_id: UUID) -> ResponseReturnValue:
    question = await _question(connection_id)
    if question is None:
        return await error_page(404, OVER)
    entry = _provider(question)
    match (await request.form).get("choice"):
        case "new":
            done = await _keep(entry, connection_id)
        case "cancel":
            done = await _cancel(entry, connection_id)
        case _:
            abort(400)
    return redirect("/connections", 303) if done else await error_page(404, OVER)


async def _question(connection_id: UUID) -> PendingReconnect | None:
    async with dashboard().database.sessions() as session:
        return await pending_reconnects.question(session, person().user_id, connection_id)


async def _keep(entry: Provider, connection_id: UUID) -> bool:
    async with dashboard().database.sessions.begin() as session:
        kept = await pending_reconnects.keep(session, person().user_id, connection_id)
    if kept:
        await flash(KEPT.format(name=entry.title), "ok")
    return kept


async def _cancel(entry: Provider, connection_id: UUID) -> bool:
    app = dashboard()
    async with app.database.sessions.begin() as session:
        gone = await pending_reconnects.cancel(
            session, app.keys, entry, person().user_id, connection_id
        )
    if gone is None:
        return False
    outcome = await what_happened(entry, gone)
    good = outcome in ("proven", "revoked", "already", "shared")
    await flash(CANCELLED[outcome].format(name=entry.title), "ok" if good else "warn")
    return True


def _provider(question: PendingReconnect) -> Provider:
    """404 if it is not in the catalogue any more: its grant could not be revoked."""
    return dashboard().catalogue.get(question.provider) or abort(404)

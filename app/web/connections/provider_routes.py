"""Step 3 of 8 of a connect: back from the provider. And a provider's page, and the disconnect."""

from collections.abc import Mapping
from uuid import UUID

from quart import Blueprint, abort, redirect, request
from quart.typing import ResponseReturnValue

from app.accounts.sessions import CurrentUser
from app.connections import authorization, oauth_states, queries
from app.connections import disconnect as ending
from app.connections.connect_result import ConnectResult, connect_result
from app.connections.oauth_states import ConnectError, Repeated
from app.providers.provider import Provider
from app.web.connections.connect import connect, install
from app.web.connections.connect_outcome import flash_outcome, show_error, show_result
from app.web.connections.disconnect_result import what_happened
from app.web.connections.kept_history import flash_kept
from app.web.connections.provider_page import (
    NOTHING,
    known_fields,
    own_connection,
    provider_named,
    provider_page,
)
from app.web.context import Dashboard, dashboard, person
from app.web.url_params import uuid_of

blueprint = Blueprint("providers", __name__)
blueprint.post("/<provider:provider>/connect")(connect)
blueprint.post("/<provider:provider>/install")(install)


@blueprint.get("/<provider:provider>")
async def show(provider: str) -> ResponseReturnValue:
    entry, error = provider_named(provider), request.args.get("error")
    connection_id = await own_connection(provider, request.args.get("connection"))
    known = await known_fields(entry, connection_id) if connection_id else NOTHING
    return await provider_page(entry, error, connection_id, known)


@blueprint.get("/<provider:provider>/callback")
async def callback(provider: str) -> ResponseReturnValue:
    app, entry = dashboard(), provider_named(provider)
    # Not cancelled when the browser disconnects: the authorization code can be used only once.
    outcome = await app.unfinished.run(_finish(app, entry, person(), request.args))
    if isinstance(outcome, ConnectError):
        return show_error(provider, outcome)
    return await show_result(entry, outcome)


@blueprint.post("/<provider:provider>/disconnect")
async def disconnect(provider: str) -> ResponseReturnValue:
    app, entry = dashboard(), provider_named(provider)
    connection_id = await _which(provider, (await request.form).get("connection"))
    async with app.database.sessions.begin() as session:
        gone = await ending.disconnect(
            session, app.keys, entry, person().user_id, connection_id, sent_by_caller=True
        )
    if gone is None:
        abort(404)
    await flash_outcome(f"disconnected_{await what_happened(entry, gone)}", entry)
    await flash_kept(gone.kept)
    return redirect("/connections", 303)


async def _finish(
    app: Dashboard, entry: Provider, who: CurrentUser, answer: Mapping[str, str]
) -> ConnectResult | ConnectError | None:
    """Exchanges the code, stores the connection, checks it once and reads the result."""
    uri = app.redirect_uri(entry.name)
    sessions, http, keys = app.database.sessions, app.http, app.keys
    outcome = await authorization.finish(sessions, http, keys, entry, who, uri, answer)
    if isinstance(outcome, ConnectError):
        return outcome
    if isinstance(outcome, Repeated):
        return await _once_more(app, who, outcome)
    await app.checker.check_now(outcome.stored_as)
    async with sessions.begin() as session:
        await oauth_states.note_outcome(session, outcome)
        return await connect_result(session, who.user_id, outcome.stored_as)


async def _once_more(
    app: Dashboard, who: CurrentUser, repeated: Repeated
) -> ConnectResult | ConnectError:
    """The outcome of the first callback with the same state, as far as it is still known."""
    first = await oauth_states.outcome(app.database.sessions, repeated)
    if isinstance(first, ConnectError):
        return first
    async with app.database.sessions() as session:
        result = await connect_result(session, who.user_id, first)
    return result or ConnectError.EXPIRED


async def _which(provider: str, given: str | None) -> UUID:
    """The connection in the form; without one, the only one of this provider."""
    if given is not None:
        return uuid_of(given) or abort(404)
    async with dashboard().database.sessions() as session:
        rows = await queries.of_user(session, person().user_id)
    ids: list[UUID] = [row.id for row in rows if row.provider == provider]
    if len(ids) != 1:
        abort(400 if ids else 404)
    return ids[0]

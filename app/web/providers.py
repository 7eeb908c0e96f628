"""A provider's page, the way there and back, and the way out. One rule per known provider."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from quart import Blueprint, abort, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app import connecting, connections, installations
from app.cards import describe
from app.connecting import ConnectError
from app.landing import Landing, Place, landing
from app.models import Status
from app.people import SignedIn
from app.providers import Catalogue, Provider
from app.web.dashboard import Dashboard, dashboard, person
from app.web.parting import what_happened
from app.web.reconnect_wording import ELSEWHERE, WAITS, called, scope_news
from app.web.wording import FLASH

CONNECTED = {Status.ONLINE: "connected", Status.CHECKING: "connected_waiting"}
GOOD_NEWS = ("connected", "disconnected_proven", "disconnected_revoked", "disconnected_shared")

VIEWS: list[tuple[str, str, Callable[..., Any]]] = []


def provider_pages(catalogue: Catalogue) -> Blueprint:
    """The routes of every provider by name, so that `/anything` stays 404."""
    blueprint = Blueprint("providers", __name__)
    for method, path, view in VIEWS:
        for name in catalogue:
            blueprint.add_url_rule(
                f"/{name}{path}",
                view.__name__,
                view,
                methods=[method],
                defaults={"provider": name},
            )
    return blueprint


def _route(method: str, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        VIEWS.append((method, path, view))
        return view

    return register


@_route("GET", "")
async def show(provider: str) -> ResponseReturnValue:
    app = dashboard()
    async with app.database.sessions() as session:
        rows = await connections.of_user(session, person().user_id)
        pushed = await installations.pushed_to(session, person().user_id, provider)
    cards = [
        describe(row, app.catalogue, app.settings.interval)
        for row in rows
        if row.provider == provider
    ]
    error = request.args.get("error")
    return await render_template(
        "providers/show.html",
        provider=_known(provider),
        cards=cards,
        pushed=[card for card in cards if card.id in pushed],
        configured=_known(provider).configured,
        error=error if error in set(ConnectError) else None,
    )


@_route("POST", "/connect")
async def connect(provider: str) -> ResponseReturnValue:
    app, entry = dashboard(), _known(provider)
    if not entry.configured:
        return _failed(provider, ConnectError.MISCONFIGURED)
    connection_id = _uuid((await request.form).get("connection"))
    async with app.database.sessions.begin() as session:
        if connection_id is not None:
            row = await connections.owned(session, person().user_id, connection_id)
            if row is None or row.provider != provider:
                abort(404)
        url = await connecting.begin(
            session, app.keys, entry, person(), app.redirect_uri(provider), connection_id
        )
    return redirect(url, 303)


@_route("GET", "/callback")
async def callback(provider: str) -> ResponseReturnValue:
    app = dashboard()
    # Seen through to the end even if the browser leaves: the code is spent by then.
    outcome = await app.unfinished.run(_finish(app, _known(provider), person(), request.args))
    if isinstance(outcome, ConnectError):
        return _failed(provider, outcome)
    if outcome is not None and outcome.place is Place.ASKS:
        return redirect(f"/connections/{outcome.connection_id}/choice", 303)
    await _flash_landing(_known(provider), outcome)
    return redirect("/connections", 303)


@_route("POST", "/disconnect")
async def disconnect(provider: str) -> ResponseReturnValue:
    app, entry = dashboard(), _known(provider)
    connection_id = await _which(provider, (await request.form).get("connection"))
    async with app.database.sessions.begin() as session:
        gone = await connections.disconnect(
            session, app.keys, entry, person().user_id, connection_id
        )
    if gone is None:
        abort(404)
    await _flash(f"disconnected_{await what_happened(entry, gone)}", entry)
    return redirect("/connections", 303)


async def _finish(
    app: Dashboard, entry: Provider, who: SignedIn, answer: Mapping[str, str]
) -> Landing | ConnectError | None:
    """Store the connection, look at it for the first time, and see what became of it."""
    uri = app.redirect_uri(entry.name)
    sessions, http, keys = app.database.sessions, app.http, app.keys
    outcome = await connecting.finish(sessions, http, keys, entry, who, uri, answer)
    if isinstance(outcome, ConnectError):
        return outcome
    await app.checker.check_now(outcome)
    async with sessions() as session:
        return await landing(session, who.user_id, outcome)


async def _flash_landing(entry: Provider, landed: Landing | None) -> None:
    """Say what came of it, and which scopes went and came."""
    if landed is None:
        return await _flash("connected_waiting", entry)
    if landed.place is Place.WAITS:
        await flash(WAITS.format(name=entry.title), "warn")
    elif landed.place is Place.ELSEWHERE:
        await flash(ELSEWHERE.format(name=entry.title, label=called(landed.label, None)), "warn")
    else:
        await _flash(CONNECTED.get(landed.status, "connected_failing"), entry)
    if news := scope_news(entry.title, landed.lost, landed.gained):
        await flash(news, "warn" if landed.lost else "ok")


async def _flash(code: str, provider: Provider) -> None:
    category = "ok" if code in GOOD_NEWS else "warn"
    await flash(FLASH[code].format(name=provider.title), category)


async def _which(provider: str, given: str | None) -> UUID:
    """The connection named in the form; without one, the only one there is."""
    if given is not None:
        return _uuid(given) or abort(404)
    async with dashboard().database.sessions() as session:
        rows = await connections.of_user(session, person().user_id)
    ids: list[UUID] = [row.id for row in rows if row.provider == provider]
    if len(ids) != 1:
        abort(400 if ids else 404)
    return ids[0]


def _failed(provider: str, error: ConnectError) -> ResponseReturnValue:
    return redirect(f"/{provider}?error={error.value}", 303)


def _known(provider: str) -> Provider:
    return dashboard().catalogue[provider]


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        abort(404)

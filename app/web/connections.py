"""The page of all connections, and a check by hand."""

from datetime import timedelta
from uuid import UUID

from quart import Blueprint, abort, flash, jsonify, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app import connections, limits
from app.cards import Descriptor, describe, describe_all
from app.limits import Limit
from app.web.dashboard import dashboard, person, person_or_none
from app.web.errors import error_page
from app.web.guard import public
from app.web.stream import card_html

blueprint = Blueprint("connections", __name__)

BY_HAND = Limit(1, timedelta(seconds=10))
TOO_SOON = "Это подключение проверяли только что. Подождите десять секунд."


@blueprint.get("/")
@public
async def home() -> ResponseReturnValue:
    return redirect("/login" if person_or_none() is None else "/connections", 303)


@blueprint.get("/connections")
async def index() -> ResponseReturnValue:
    app = dashboard()
    async with app.database.sessions() as session:
        rows = await connections.of_user(session, person().user_id)
    cards = describe_all(rows, app.catalogue, app.settings.interval)
    if request.accept_mimetypes.best == "application/json":
        return jsonify(connections=[card.as_json() for card in cards])
    return await render_template(
        "connections/index.html",
        cards=cards,
        interval=round(app.settings.interval),
        checks_run=app.checks_run,
    )


@blueprint.post("/connections/<uuid:connection_id>/checks")
async def check(connection_id: UUID) -> ResponseReturnValue:
    app = dashboard()
    await _own_card(connection_id)
    async with app.database.sessions.begin() as session:
        wait = await limits.attempt(session, f"check:{connection_id}", BY_HAND)
    if wait:
        return await _too_soon(connection_id, wait)
    status = await app.checker.check_now(connection_id)
    if request.headers.get("HX-Request"):
        return await card_html(app, await _own_card(connection_id))
    if status is None:
        await flash("Проверка ещё идёт, результат появится на карточке.", "warn")
    return redirect("/connections", 303)


async def _too_soon(connection_id: UUID, wait: int) -> ResponseReturnValue:
    headers = {"Retry-After": str(wait)}
    if request.headers.get("HX-Request"):
        card = await _own_card(connection_id)
        return await card_html(dashboard(), card), 429, headers
    page, status, extra = await error_page(429, TOO_SOON)
    return page, status, headers | extra


async def _own_card(connection_id: UUID) -> Descriptor:
    """Somebody else's connection does not exist: 404."""
    app = dashboard()
    async with app.database.sessions() as session:
        row = await connections.owned(session, person().user_id, connection_id)
    if row is None:
        abort(404)
    return describe(row, app.catalogue, app.settings.interval)

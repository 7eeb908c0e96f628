"""Deleting the account: a page that says what will happen, confirmed by password or passkey."""

from quart import Blueprint, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue
from quart_auth import logout_user

from app.accounts import passkeys
from app.accounts import sessions as user_sessions
from app.connections import disconnect, queries
from app.models.account import TokenPurpose
from app.web.connections.cards import describe
from app.web.context import dashboard, person
from app.web.middleware.rate_limits import wrong_password

blueprint = Blueprint("deletion", __name__)

NOT_PROVEN = "Ключ доступа не подошёл. Попробуйте ещё раз или введите пароль."
GONE = "Учётная запись удалена, сервисы отключены. Доступы отзываем прямо сейчас."


@blueprint.get("/account/delete")
async def ask() -> ResponseReturnValue:
    return await _page()


@blueprint.post("/account/delete")
async def delete() -> ResponseReturnValue:
    if refusal := await _not_proven():
        return refusal
    app, who = dashboard(), person()
    async with app.database.sessions.begin() as session:
        await user_sessions.end_sessions_of(session, who.user_id)
        await disconnect.delete_person(session, app.keys, app.catalogue, who.user_id)
    logout_user()
    await flash(GONE, "ok")
    return redirect("/login", 303)


async def _not_proven() -> ResponseReturnValue | None:
    """None if the password or the passkey is right; else the answer."""
    answer = (await request.form).get("answer", "")
    if not answer:
        refusal = await wrong_password()
        return (await _page(refusal), 422) if isinstance(refusal, str) else refusal
    who = person()
    async with dashboard().database.sessions.begin() as session:
        key = await passkeys.prove(
            session, dashboard().site, TokenPurpose.PASSKEY_PROOF, answer, who.user_id
        )
    return None if key is not None else (await _page(NOT_PROVEN), 422)


async def _page(error: str | None = None) -> str:
    app, who = dashboard(), person()
    async with app.database.sessions() as session:
        rows = await queries.of_user(session, who.user_id)
        keys = await passkeys.of_person(session, who.user_id)
    cards = [describe(row, app.catalogue, app.settings.interval) for row in rows]
    return await render_template("accounts/deletion.html", cards=cards, passkeys=keys, error=error)

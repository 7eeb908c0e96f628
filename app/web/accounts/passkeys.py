"""Passkeys: log-in with one, adding one, removing one.

static/passkey.js fetches the options (JSON), lets the browser sign, and submits the form with the
result in a text field; so the answers are pages and redirects as everywhere else.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from quart import Blueprint, Response, abort, flash, jsonify, redirect, request
from quart.typing import ResponseReturnValue

from app import audit_log
from app.accounts import passkeys, rate_limits
from app.accounts.rate_limits import RateLimit, address_key
from app.audit_log import AuditEvent
from app.models.account import TokenPurpose
from app.web.accounts import emails
from app.web.accounts.log_in import enter
from app.web.accounts.settings import account_page
from app.web.accounts.sign_in import login_form
from app.web.accounts.user_agents import device
from app.web.context import dashboard, person, user_agent
from app.web.middleware.authentication import public, safe_next
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import overdone, wrong_password

blueprint = Blueprint("passkeys", __name__)

PER_ADDRESS = RateLimit(50, timedelta(minutes=15))
PROOFS = RateLimit(10, timedelta(minutes=15))

NOT_KNOWN = "Этот ключ доступа здесь не подходит. Войдите с паролем."
NOT_ADDED = "Ключ доступа не добавлен: ответ браузера не подошёл. Попробуйте ещё раз."


@blueprint.post("/login/passkey/options")
@public
async def log_in_options() -> ResponseReturnValue:
    if wait := await overdone((address_key("passkey", request.remote_addr), PER_ADDRESS)):
        return await too_many(wait)
    return await _options_to_prove(TokenPurpose.PASSKEY_LOG_IN)


@blueprint.post("/login/passkey")
@public
async def log_in() -> ResponseReturnValue:
    form, address = await request.form, address_key("passkey", request.remote_addr)
    if wait := await overdone((address, PER_ADDRESS)):
        return await too_many(wait)
    async with dashboard().database.sessions.begin() as session:
        key = await passkeys.prove(
            session, dashboard().site, TokenPurpose.PASSKEY_LOG_IN, form.get("answer", "")
        )
        if key is not None:
            await rate_limits.forgive(session, address)
            await enter(session, key.user_id)
    if key is None:
        return await login_form(form.get("next"), error=NOT_KNOWN), 422
    return redirect(safe_next(form.get("next")), 303)


@blueprint.post("/account/passkeys/options")
async def add_options() -> ResponseReturnValue:
    """The password is checked before there is a challenge, and so not again with the answer."""
    refusal = await wrong_password()
    if isinstance(refusal, str):
        return jsonify(error=refusal), 422
    if refusal is not None:
        return refusal
    async with dashboard().database.sessions.begin() as session:
        options = await passkeys.options_to_add(
            session, dashboard().site, person().user_id, person().email
        )
    return Response(options, mimetype="application/json")


@blueprint.post("/account/passkeys")
async def add() -> ResponseReturnValue:
    form = await request.form
    name = form.get("name", "").strip() or device(user_agent())
    async with dashboard().database.sessions.begin() as session:
        key = await passkeys.add(
            session, dashboard().site, person().user_id, form.get("answer", ""), name
        )
        if key is not None:
            await audit_log.write(session, person().user_id, AuditEvent.PASSKEY_ADDED)
    if key is None:
        return await account_page("passkeys", NOT_ADDED), 422
    emails.tell(dashboard(), person().user_id, person().email, "passkey")
    await flash("Ключ доступа добавлен. Теперь можно входить без пароля.", "ok")
    return redirect("/account", 303)


@blueprint.post("/account/passkeys/<uuid:passkey_id>/remove")
async def remove(passkey_id: UUID) -> ResponseReturnValue:
    async with dashboard().database.sessions.begin() as session:
        if not await passkeys.remove(session, person().user_id, passkey_id):
            abort(404)
        await audit_log.write(session, person().user_id, AuditEvent.PASSKEY_REMOVED)
    await flash("Ключ доступа удалён: войти с ним больше нельзя.", "ok")
    return redirect("/account", 303)


@blueprint.post("/account/proof/options")
async def proof_options() -> ResponseReturnValue:
    """Options for proving again who one is, before the account is deleted."""
    if wait := await overdone((f"proof:{person().user_id}", PROOFS)):
        return await too_many(wait)
    return await _options_to_prove(TokenPurpose.PASSKEY_PROOF, person().user_id)


async def _options_to_prove(purpose: TokenPurpose, *whose: Any) -> Response:
    async with dashboard().database.sessions.begin() as session:
        options = await passkeys.options_to_prove(session, dashboard().site, purpose, *whose)
    return Response(options, mimetype="application/json")

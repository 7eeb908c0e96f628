"""Password reset: an e-mail with a link that works once, for half an hour.

The answer does not depend on whether the address is known, and comes before anything is looked up.
"""

from datetime import timedelta

from quart import Blueprint, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue
from quart_auth import logout_user

from app.accounts import one_time_tokens, passwords, users
from app.accounts.rate_limits import RateLimit, address_key
from app.alerts import account_letters
from app.models.account import LetterKind, TokenPurpose
from app.web.accounts import emails
from app.web.accounts.known_browser import remember_browser
from app.web.accounts.letters import letter_page, to_mailbox
from app.web.accounts.sign_up import FAULTS
from app.web.context import dashboard
from app.web.middleware.authentication import public
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import overdone

blueprint = Blueprint("password_reset", __name__)

FROM_ONE_ADDRESS = RateLimit(20, timedelta(hours=1))
SENT = "Письмо могло уже прийти: ссылка из него действует 30 минут."
STALE = "Ссылка устарела или уже использована. Попросите новую."
DONE = "Новый пароль сохранён, все сеансы завершены. Войдите с ним."


@blueprint.get("/reset")
@public
async def ask_page() -> ResponseReturnValue:
    return await _ask_form()


@blueprint.post("/reset")
@public
async def ask() -> ResponseReturnValue:
    app, email = dashboard(), (await request.form).get("email", "").strip()
    if not app.settings.sends_mail:
        return await _ask_form(), 403
    if users.is_no_email(email):
        return await _ask_form(email, FAULTS["email"]), 422
    address = address_key("reset", request.remote_addr), FROM_ONE_ADDRESS
    if wait := await overdone(address, *to_mailbox("reset", email)):
        return await too_many(wait, SENT)
    async with app.database.sessions.begin() as session:
        letter = await account_letters.put(session, LetterKind.RESET, email)
    page = await letter_page(letter)  # first: how long it takes must not tell what is sent
    emails.send(app, letter)
    return page


@blueprint.get("/reset/password")
@public
async def password_page() -> ResponseReturnValue:
    link = request.args.get("link", "")
    async with dashboard().database.sessions() as session:
        good = await one_time_tokens.peek(session, TokenPurpose.RESET, link)
    return await _password_form(link) if good else (await _ask_form(error=STALE), 410)


@blueprint.post("/reset/password")
@public
async def password() -> ResponseReturnValue:
    form = await request.form
    link, new = form.get("link", ""), form.get("password", "")
    if wait := await overdone((address_key("reset", request.remote_addr), FROM_ONE_ADDRESS)):
        return await too_many(wait)
    if fault := passwords.fault_in_password(new):
        return await _password_form(link, FAULTS[fault]), 422
    password_hash = await passwords.hash_password(new)
    async with dashboard().database.sessions.begin() as session:
        spent = await one_time_tokens.spend(session, TokenPurpose.RESET, link)
        if spent is None or spent.user_id is None:
            return await _ask_form(error=STALE), 410
        email = await users.change_password(session, spent.user_id, password_hash)
    emails.tell(dashboard(), spent.user_id, email, "password")
    logout_user()
    remember_browser(spent.user_id)  # who reads the mailbox waits for no stranger
    await flash(DONE, "ok")
    return redirect("/login", 303)


async def _ask_form(email: str = "", error: str | None = None) -> str:
    return await render_template(
        "accounts/password_reset.html",
        email_value=email,
        error=error,
        sends_mail=dashboard().settings.sends_mail,
    )


async def _password_form(link: str, error: str | None = None) -> str:
    return await render_template("accounts/new_password.html", link=link, error=error)

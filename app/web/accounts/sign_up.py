"""Sign-up: at once, or after an e-mail was confirmed where there is a mail server.

With e-mails the answer does not depend on whether the address is known: whoever sends the letter
looks that up. After the e-mail the password is asked for again: otherwise somebody could create an
account for a stranger's address, let them confirm it, and know its password.
"""

from datetime import timedelta

from quart import Blueprint, redirect, render_template, request
from quart.typing import ResponseReturnValue

from app.accounts import one_time_tokens, passwords, users
from app.accounts.rate_limits import RateLimit, address_key
from app.alerts import account_letters
from app.database.secret_hashes import secret_hash
from app.models.account import LetterKind, TokenPurpose
from app.outbound import smtp
from app.web.accounts import emails
from app.web.accounts.letters import letter_page, to_mailbox
from app.web.accounts.log_in import enter
from app.web.context import dashboard, person_or_none
from app.web.middleware.authentication import public, safe_next
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import NOT_YOURS, overdone

blueprint = Blueprint("sign_up", __name__)

FROM_ONE_ADDRESS = RateLimit(30, timedelta(hours=1))
PASSWORDS = RateLimit(10, timedelta(minutes=15))

FAULTS = {
    "email": "Проверьте адрес почты: например, anna@example.ru.",
    "utf8": (
        "Наш почтовый сервер не умеет писать на адреса, в которых до «@» есть русские или другие "
        "нелатинские буквы. Укажите другой адрес."
    ),
    "unsure": (
        "Не можем узнать, дойдёт ли письмо на такой адрес: почтовый сервер сейчас не отвечает. "
        "Попробуйте позже или укажите адрес латинскими буквами."
    ),
    "short": f"Пароль слишком короткий: нужно не меньше {passwords.SHORTEST_PASSWORD} символов.",
    "long": "Пароль слишком длинный.",
}
TAKEN = "На эту почту уже есть учётная запись. Войдите с ней."
STALE = "Ссылка устарела или уже использована. Зарегистрируйтесь ещё раз: это минута."


@blueprint.get("/signup")
@public
async def signup_page() -> ResponseReturnValue:
    if person_or_none() is not None:
        return redirect("/connections", 303)
    return await _form(request.args.get("next"))


@blueprint.post("/signup")
@public
async def signup() -> ResponseReturnValue:
    form = await request.form
    email, password = form.get("email", ""), form.get("password", "")
    if not dashboard().settings.signup_open:
        return await _form(form.get("next")), 403
    if fault := users.fault_in(email, password):
        return await _form(form.get("next"), email, FAULTS[fault]), 422
    if wait := await overdone((address_key("signup", request.remote_addr), FROM_ONE_ADDRESS)):
        return await too_many(wait)
    if fault := await fault_in_mailbox(email):
        return await _form(form.get("next"), email, fault), 422
    if dashboard().settings.sends_mail:
        return await _by_letter(email.strip(), password)
    return await _at_once(email, password, form.get("next"))


@blueprint.get("/signup/confirm")
@public
async def confirm_page() -> ResponseReturnValue:
    link = request.args.get("link", "")
    async with dashboard().database.sessions() as session:
        waiting = await one_time_tokens.peek(session, TokenPurpose.SIGN_UP, link)
    if waiting is None:
        return await _form(None, error=STALE), 410
    return await _confirm_form(link, waiting.email)


@blueprint.post("/signup/confirm")
@public
async def confirm() -> ResponseReturnValue:
    form = await request.form
    link = form.get("link", "")
    if wait := await overdone((f"signup:{secret_hash(link).hex()}", PASSWORDS)):
        return await too_many(wait)
    sessions = dashboard().database.sessions
    async with sessions() as session:
        waiting = await one_time_tokens.peek(session, TokenPurpose.SIGN_UP, link)
    if waiting is None:
        return await _form(None, error=STALE), 410
    if not await passwords.matches(waiting.password_hash, form.get("password", "")):
        return await _confirm_form(link, waiting.email, NOT_YOURS), 422
    async with sessions.begin() as session:
        spent = await one_time_tokens.spend(session, TokenPurpose.SIGN_UP, link)
        if spent is None:
            return await _form(None, error=STALE), 410
        user_id = await users.sign_up(session, spent.email, spent.password_hash)
        if user_id is None:
            return await _form(None, error=TAKEN), 422
        await enter(session, user_id)
    return redirect("/connections", 303)


async def fault_in_mailbox(email: str) -> str | None:
    """Why our mail server cannot write to this address; None: it can, as far as we know."""
    fault = await smtp.fault_of(dashboard().settings, email)
    if fault is None:
        return None
    if fault == smtp.NEEDS_UTF8:
        return FAULTS["utf8"]
    return FAULTS["email" if fault.for_good else "unsure"]


async def _at_once(email: str, password: str, target: str | None) -> ResponseReturnValue:
    password_hash = await passwords.hash_password(password)
    async with dashboard().database.sessions.begin() as session:
        user_id = await users.sign_up(session, email, password_hash)
        if user_id is None:
            return await _form(target, email, TAKEN), 422
        await enter(session, user_id)
    return redirect(safe_next(target), 303)


async def _by_letter(email: str, password: str) -> ResponseReturnValue:
    if wait := await overdone(*to_mailbox("mail", email)):
        return await too_many(wait)
    app, password_hash = dashboard(), await passwords.hash_password(password)
    async with app.database.sessions.begin() as session:
        letter = await account_letters.put(
            session, LetterKind.SIGN_UP, email, password_hash=password_hash
        )
    page = await letter_page(letter)  # first: how long it takes must not tell what is sent
    emails.send(app, letter)
    return page


async def _form(target: str | None, email: str = "", error: str | None = None) -> str:
    return await render_template(
        "accounts/sign_up.html",
        email_value=email,
        error=error,
        next=safe_next(target),
        signup_open=dashboard().settings.signup_open,
        shortest=passwords.SHORTEST_PASSWORD,
    )


async def _confirm_form(link: str, email: str, error: str | None = None) -> str:
    return await render_template(
        "accounts/sign_up_confirmation.html", link=link, email_value=email, error=error
    )

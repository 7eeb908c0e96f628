"""Log-in with a password, its second step, and log-out."""

from datetime import timedelta
from urllib.parse import urlencode

from quart import Blueprint, flash, redirect, render_template, request
from quart import session as cookie
from quart.typing import ResponseReturnValue
from quart_auth import logout_user
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import one_time_tokens, passwords, rate_limits, two_factor, users
from app.accounts import sessions as user_sessions
from app.accounts.rate_limits import RateLimit, address_key, login_key
from app.audit_log import AuditEvent
from app.models.account import TokenPurpose, User
from app.web.accounts.known_browser import has_known_browser, known_browser
from app.web.accounts.log_in import enter
from app.web.context import Dashboard, dashboard, person, person_or_none
from app.web.middleware.authentication import public, safe_next
from app.web.middleware.error_pages import is_for_program, too_many
from app.web.middleware.rate_limits import overdone

blueprint = Blueprint("sign_in", __name__)

PER_ACCOUNT = RateLimit(10, timedelta(minutes=15))
PER_ADDRESS = RateLimit(50, timedelta(minutes=15))
# Once strangers have used up an account's: slower, for whoever comes first, but not shut
SLOWED = RateLimit(1, timedelta(minutes=1))
PER_BROWSER = RateLimit(10, timedelta(minutes=15))  # of one in which this person logged in before
# Of one user; a code is one of a million, and is valid for 90 seconds.
CODES = RateLimit(5, timedelta(minutes=15))
RECOVERY = RateLimit(5, timedelta(hours=1))  # apart, so that wrong codes leave a way in
HALF = "half"  # the key in the cookie for the one-time token between the password and the code

WRONG = "Почта или пароль не подходят. Проверьте раскладку и попробуйте ещё раз."
TOO_OFTEN = "Слишком много попыток."
WRONG_CODE = "Код не подходит. Дождитесь следующего или возьмите запасной."
BY_MAIL = "Не хотите ждать — задайте новый пароль по ссылке из письма: после неё вход открыт сразу."
TOO_LATE = "Вход не закончен за 10 минут. Начните заново."
EXPIRED = "Сеанс закончился. Войдите снова, и мы вернём вас на ту же страницу."


@blueprint.get("/login")
@public
async def login_page() -> ResponseReturnValue:
    if person_or_none() is not None:
        return redirect(safe_next(request.args.get("next")), 303)
    note = EXPIRED if "expired" in request.args else None
    return await login_form(request.args.get("next"), note=note)


@blueprint.post("/login")
@public
async def login() -> ResponseReturnValue:
    form = await request.form
    email, password = form.get("email", ""), form.get("password", "")
    async with passwords.turn():
        if wait := await _wait_before(email):
            return await _wait_in_form(wait, form.get("next"), email)
        user = await users.verify(dashboard().database.sessions, email, password)
    if user is None:
        dashboard().unfinished.start(_note_refusal(dashboard(), email))
        return await login_form(form.get("next"), email=email, error=WRONG), 422
    async with dashboard().database.sessions.begin() as session:
        await _give_back(session, user)
        if await two_factor.is_on(session, user.id):
            cookie[HALF] = await one_time_tokens.issue(session, TokenPurpose.SECOND_FACTOR, user.id)
            return redirect(_code_url(form.get("next")), 303)
        await enter(session, user.id)
    return redirect(safe_next(form.get("next")), 303)


@blueprint.get("/login/code")
@public
async def code_page() -> ResponseReturnValue:
    if person_or_none() is not None:
        return redirect(safe_next(request.args.get("next")), 303)
    async with dashboard().database.sessions() as session:
        half = await one_time_tokens.peek(session, TokenPurpose.SECOND_FACTOR, cookie.get(HALF, ""))
    if half is None:
        return await _too_late(request.args.get("next"))
    return await _code_form(request.args.get("next"))


@blueprint.post("/login/code")
@public
async def code() -> ResponseReturnValue:
    form = await request.form
    sessions, half = dashboard().database.sessions, cookie.get(HALF, "")
    async with sessions() as session:
        ticket = await one_time_tokens.peek(session, TokenPurpose.SECOND_FACTOR, half)
    if ticket is None or ticket.user_id is None:
        return await _too_late(form.get("next"))
    code, browser = form.get("code", ""), known_browser(ticket.user_id)
    kind, limit = ("recovery", RECOVERY) if two_factor.is_for_recovery(code) else ("code", CODES)
    key = f"{kind}:{browser or ticket.user_id}"
    if wait := await overdone((key, limit)):
        if is_for_program():
            return await too_many(wait)
        page = await _code_form(form.get("next"), TOO_OFTEN, wait)
        return page, 429, {"Retry-After": str(wait)}
    if not await _finish(ticket.user_id, half, code, key):
        async with sessions.begin() as session:
            await audit_log.write(session, ticket.user_id, AuditEvent.CODE_REFUSED)
        return await _code_form(form.get("next"), WRONG_CODE), 422
    del cookie[HALF]
    return redirect(safe_next(form.get("next")), 303)


@blueprint.post("/logout")
async def logout() -> ResponseReturnValue:
    async with dashboard().database.sessions.begin() as session:
        await user_sessions.end_session(session, person().session_hash)
        await audit_log.write(session, person().user_id, AuditEvent.LOGGED_OUT)
    logout_user()
    await flash("Вы вышли.", "ok")
    return redirect("/login", 303)


async def login_form(
    target: str | None,
    *,
    email: str = "",
    error: str | None = None,
    note: str | None = None,
    wait: int = 0,
) -> str:
    """`wait`: seconds until the next attempt."""
    return await render_template(
        "accounts/sign_in.html",
        email_value=email,
        error=error,
        note=note,
        wait=wait,
        next=safe_next(target),
        signup_open=dashboard().settings.signup_open,
        can_have_passkeys=dashboard().site.can_have_passkeys,
    )


async def _wait_before(email: str) -> int:
    """Seconds until a password for this account may be tried from here.

    A browser that is known to this person has a budget of its own, whatever strangers do.
    """
    async with dashboard().database.sessions() as session:
        browser = await _browser_of(session, email)
    if browser:
        return await overdone((f"login-known:{browser}", PER_BROWSER))
    account, address = login_key(email), (address_key("login", request.remote_addr), PER_ADDRESS)
    if not await overdone(address, (account, PER_ACCOUNT)):
        return 0
    return await overdone(address, (f"{account} slowed", SLOWED))


async def _browser_of(session: AsyncSession, email: str) -> str:
    if not has_known_browser():  # a stranger's request takes as long for any address
        return ""
    user = await users.with_email(session, email)
    return known_browser(user.id) if user else ""


async def _give_back(session: AsyncSession, user: User) -> None:
    """What a right password had cost; strangers' wrong ones go on counting where we know them."""
    if browser := known_browser(user.id):
        await rate_limits.forgive(session, f"login-known:{browser}")
        return
    await rate_limits.forgive(session, login_key(user.email))
    await rate_limits.take_back(session, address_key("login", request.remote_addr))


async def _wait_in_form(wait: int, target: str | None, email: str) -> ResponseReturnValue:
    """Whoever opens the link of a letter has a known browser, and waits for nobody."""
    if is_for_program():
        return await too_many(wait)
    by_mail = BY_MAIL if dashboard().settings.sends_mail else None
    page = await login_form(target, email=email, error=TOO_OFTEN, note=by_mail, wait=wait)
    return page, 429, {"Retry-After": str(wait)}


async def _finish(user_id: int, half: str, code: str, key: str) -> bool:
    """The code is used up before the one-time token: of two concurrent requests one logs in."""
    async with dashboard().database.sessions.begin() as session:
        right = await two_factor.accepts(session, dashboard().keys, user_id, code)
        if (
            not right
            or await one_time_tokens.spend(session, TokenPurpose.SECOND_FACTOR, half) is None
        ):
            return False
        await rate_limits.forgive(session, key)
        await enter(session, user_id)
        return True


async def _note_refusal(app: Dashboard, email: str) -> None:
    """In the background: the time of the answer must not tell whether the address is known."""
    async with app.database.sessions.begin() as session:
        user = await users.with_email(session, email)
        if user is not None:
            await audit_log.write(session, user.id, AuditEvent.LOGIN_REFUSED)


async def _too_late(target: str | None) -> ResponseReturnValue:
    cookie.pop(HALF, None)
    return await login_form(target, note=TOO_LATE), 422


async def _code_form(target: str | None, error: str | None = None, wait: int = 0) -> str:
    return await render_template(
        "accounts/sign_in_code.html", next=safe_next(target), error=error, wait=wait
    )


def _code_url(target: str | None) -> str:
    return f"/login/code?{urlencode({'next': safe_next(target)})}"

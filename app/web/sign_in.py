"""Sign-up, log-in, log-out."""

from datetime import timedelta

from quart import Blueprint, flash, redirect, render_template, request
from quart.typing import ResponseReturnValue
from quart_auth import AuthUser, login_user, logout_user
from sqlalchemy.ext.asyncio import AsyncSession

from app import limits, people
from app.limits import Limit
from app.web.dashboard import dashboard, person, person_or_none
from app.web.errors import too_many
from app.web.guard import public, safe_next

blueprint = Blueprint("sign_in", __name__)

PER_ACCOUNT = Limit(10, timedelta(minutes=15))
PER_ADDRESS = Limit(50, timedelta(minutes=15))
SIGN_UPS = Limit(30, timedelta(hours=1))  # from one address

WRONG = "Почта или пароль не подходят. Проверьте раскладку и попробуйте ещё раз."
FAULTS = {
    "email": "Проверьте адрес почты: например, anna@example.ru.",
    "short": f"Пароль слишком короткий: нужно не меньше {people.SHORTEST_PASSWORD} символов.",
    "long": "Пароль слишком длинный.",
}
TAKEN = "На эту почту уже есть учётная запись. Войдите с ней."
EXPIRED = "Сеанс закончился. Войдите снова, и мы вернём вас на ту же страницу."


@blueprint.get("/login")
@public
async def login_page() -> ResponseReturnValue:
    if person_or_none() is not None:
        return redirect(safe_next(request.args.get("next")), 303)
    note = EXPIRED if "expired" in request.args else None
    return await _login_form(request.args.get("next"), note=note)


@blueprint.post("/login")
@public
async def login() -> ResponseReturnValue:
    form = await request.form
    email, password = form.get("email", ""), form.get("password", "")
    account, address = f"login:{email.strip().lower()[:254]!r}", f"login@{request.remote_addr}"
    async with dashboard().database.sessions.begin() as session:
        waits = [
            await limits.attempt(session, account, PER_ACCOUNT),
            await limits.attempt(session, address, PER_ADDRESS),
        ]
    if wait := max(each or 0 for each in waits):
        return await too_many(wait)
    user = await people.verify(dashboard().database.sessions, email, password)
    if user is None:
        return await _login_form(form.get("next"), email=email, error=WRONG), 422
    async with dashboard().database.sessions.begin() as session:
        await limits.forgive(session, account)
        await limits.take_back(session, address)
        await _enter(session, user.id)
    return redirect(safe_next(form.get("next")), 303)


@blueprint.get("/signup")
@public
async def signup_page() -> ResponseReturnValue:
    if person_or_none() is not None:
        return redirect("/connections", 303)
    return await _signup_form(request.args.get("next"))


@blueprint.post("/signup")
@public
async def signup() -> ResponseReturnValue:
    form = await request.form
    email, password = form.get("email", ""), form.get("password", "")
    if not dashboard().settings.signup_open:
        return await _signup_form(form.get("next")), 403
    if fault := people.fault_in(email, password):
        return await _signup_form(form.get("next"), email, FAULTS[fault]), 422
    async with dashboard().database.sessions.begin() as session:
        wait = await limits.attempt(session, f"signup@{request.remote_addr}", SIGN_UPS)
    if wait:
        return await too_many(wait)
    password_hash = await people.hash_password(password)
    async with dashboard().database.sessions.begin() as session:
        user_id = await people.sign_up(session, email, password_hash)
        if user_id is None:
            return await _signup_form(form.get("next"), email, TAKEN), 422
        await _enter(session, user_id)
    return redirect(safe_next(form.get("next")), 303)


@blueprint.post("/logout")
async def logout() -> ResponseReturnValue:
    async with dashboard().database.sessions.begin() as session:
        await people.end_session(session, person().session_hash)
    logout_user()
    await flash("Вы вышли.", "ok")
    return redirect("/login", 303)


async def _enter(session: AsyncSession, user_id: int) -> None:
    """Always a new session id: one that was known before log-in is worth nothing after it."""
    if (before := person_or_none()) is not None:
        await people.end_session(session, before.session_hash)
    token = await people.open_session(session, user_id, request.headers.get("User-Agent", ""))
    login_user(AuthUser(token), remember=True)


async def _login_form(
    target: str | None, *, email: str = "", error: str | None = None, note: str | None = None
) -> str:
    return await render_template(
        "people/login.html",
        email_value=email,
        error=error,
        note=note,
        next=safe_next(target),
        signup_open=dashboard().settings.signup_open,
    )


async def _signup_form(target: str | None, email: str = "", error: str | None = None) -> str:
    return await render_template(
        "people/signup.html",
        email_value=email,
        error=error,
        next=safe_next(target),
        signup_open=dashboard().settings.signup_open,
        shortest=people.SHORTEST_PASSWORD,
    )

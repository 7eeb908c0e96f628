"""Rate limits on changes to an account, the queue for hashing passwords, and the check of the
password that is asked for again.
"""

from datetime import timedelta

from quart import request
from quart.typing import ResponseReturnValue

from app.accounts import passwords, rate_limits, users
from app.accounts.fair_queue import Overloaded
from app.accounts.rate_limits import RateLimit, address_key
from app.web.context import Dashboard, dashboard, person, person_or_none
from app.web.middleware.csrf import SAFE
from app.web.middleware.error_pages import error_page, too_many

PASSWORD_AGAIN = RateLimit(10, timedelta(minutes=15))
CHANGES = RateLimit(120, timedelta(minutes=15))  # of whatever kind, by one person
LINKS = RateLimit(60, timedelta(minutes=15))  # followed from one network address
LINK_PAGES = ("password_reset.password_page", "sign_up.confirm_page", "email_change.confirm_page")
OWN = (
    "account_settings",
    "email_change",
    "two_factor",
    "passkeys",
    "deletion",
    "calendar",
)  # blueprints
BUSY = "Слишком многие входят одновременно. Попробуйте через несколько секунд."
NOT_YOURS = "Пароль не подходит. Проверьте раскладку и попробуйте ещё раз."


def limit_changes(app: Dashboard) -> None:
    """A limit on all changes of an account together, in addition to those of single views."""

    app.register_error_handler(Overloaded, _come_back_later)

    @app.before_request
    async def queue_by_address() -> None:
        passwords.hash_for(request.remote_addr)

    @app.before_request
    async def refuse_overdone() -> ResponseReturnValue | None:
        wait = 0
        if request.endpoint in LINK_PAGES and "link" in request.args:
            wait = await overdone((address_key("link", request.remote_addr), LINKS))
        elif request.blueprint in OWN and request.method not in SAFE and person_or_none():
            wait = await overdone((f"account:{person().user_id}", CHANGES))
        return await too_many(wait) if wait else None


async def overdone(*tries: tuple[str, RateLimit]) -> int:
    """Counts one attempt for each key; seconds to wait, 0 if none is over its limit.

    Where one is, nothing is counted for any: what is refused must cost nobody a budget. So what a
    stranger cannot choose comes first: the address before the account.
    """
    async with dashboard().database.sessions() as session:
        for key, limit in tries:
            if wait := await rate_limits.attempt(session, key, limit):
                return wait  # and the session ends without a commit
        await session.commit()
    return 0


async def wrong_password() -> ResponseReturnValue | str | None:
    """None if the form's `password` is right; else a text for the page, or the answer for too many
    attempts.
    """
    form = await request.form
    key = f"password:{person().user_id}"
    if wait := await overdone((key, PASSWORD_AGAIN)):
        return await too_many(wait)
    sessions = dashboard().database.sessions
    if await users.verify(sessions, person().email, form.get("password", "")) is None:
        return NOT_YOURS
    async with sessions.begin() as session:
        await rate_limits.forgive(session, key)
    return None


async def _come_back_later(_: Exception) -> ResponseReturnValue:
    body, status, headers = await error_page(503, BUSY)
    return body, status, headers | {"Retry-After": str(Overloaded.RETRY_AFTER)}

"""How often something may be asked for here, and the person's own password asked for again."""

from datetime import timedelta

from quart import request
from quart.typing import ResponseReturnValue

from app import limits, people
from app.limits import Limit
from app.web.dashboard import dashboard, person
from app.web.errors import too_many

PASSWORD_AGAIN = Limit(10, timedelta(minutes=15))
NOT_YOURS = "Пароль не подходит. Проверьте раскладку и попробуйте ещё раз."


async def overdone(*tries: tuple[str, Limit]) -> int:
    """Count a try of each; seconds to wait, 0: go ahead."""
    async with dashboard().database.sessions.begin() as session:
        waits = [await limits.attempt(session, key, limit) for key, limit in tries]
    return max(wait or 0 for wait in waits)


def keys_of(user_id: int, email: str) -> tuple[str, ...]:
    """What counts against this one person, wherever they are: for an operator to forget."""
    name = email.strip().lower()
    return (login_key(email), f"reset:{name}", f"code:{user_id}", f"password:{user_id}")


def login_key(email: str) -> str:
    return f"login:{email.strip().lower()[:254]!r}"


async def wrong_password() -> ResponseReturnValue | str | None:
    """None: the form's `password` is the person's own. Else an answer, or a text for the page."""
    form = await request.form
    key = f"password:{person().user_id}"
    if wait := await overdone((key, PASSWORD_AGAIN)):
        return await too_many(wait)
    sessions = dashboard().database.sessions
    if await people.verify(sessions, person().email, form.get("password", "")) is None:
        return NOT_YOURS
    async with sessions.begin() as session:
        await limits.forgive(session, key)
    return None

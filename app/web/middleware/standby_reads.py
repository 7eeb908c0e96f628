"""Pages of the past are read from a standby where there is one: who has just changed something, and
a page that refreshes itself after an event, read the primary.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import cast

from quart import Response, g, request
from quart.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from werkzeug.exceptions import NotFound

from app.database.standby import MOST_BEHIND, Standby
from app.web.context import Dashboard, dashboard, own_zone

COOKIE = "changed"
COOKIE_LIFE = 2 * int(MOST_BEHIND)  # seconds
SAFE = ("GET", "HEAD")

View = Callable[..., Awaitable[ResponseReturnValue]]


def may_read_standby(view: View) -> View:
    """A view that only reads, through `session_to_read`. It is called once more, with the primary,
    when the standby fails it (it ends queries that stand in the way of its replay) or knows nothing
    of what is asked for.
    """

    @wraps(view)
    async def read(*arguments: object, **parts: object) -> ResponseReturnValue:
        standby = dashboard().standby
        if standby is None or _wants_the_newest() or not standby.is_fresh:
            return await view(*arguments, **parts)
        g.standby = standby
        try:
            return await view(*arguments, **parts)
        except NotFound:
            pass  # what is new may not have come there yet
        except (SQLAlchemyError, OSError):
            standby.doubt()
        g.standby = None
        return await view(*arguments, **parts)

    return read


def session_to_read() -> AsyncSession:
    standby = _read_from()
    return standby.sessions() if standby else dashboard().database.sessions()


def data_as_of() -> str | None:
    """What was committed until then is on this page, by the reader's clock; None: everything is."""
    standby = _read_from()
    if standby is None:
        return None
    return (datetime.now(own_zone()) - timedelta(seconds=standby.behind)).strftime("%H:%M:%S")


def remember_changes(app: Dashboard) -> None:
    """In the browser, for whichever process it asks next."""

    @app.after_request
    async def remember(response: Response) -> Response:
        if app.standby and (request.method not in SAFE or response.location):
            secure = app.settings.secure_cookies
            response.set_cookie(
                COOKIE, "1", COOKIE_LIFE, secure=secure, httponly=True, samesite="Lax"
            )
        return response


def _wants_the_newest() -> bool:
    return COOKIE in request.cookies or "HX-Request" in request.headers


def _read_from() -> Standby | None:
    return cast("Standby | None", g.get("standby"))

"""The colour theme: light, dark, or the system's. A cookie keeps it, so that the server can render
it: no JavaScript is needed, and the page does not flash in the other theme first.
"""

from quart import Blueprint, redirect, request
from quart.typing import ResponseReturnValue

from app.web.context import dashboard
from app.web.middleware.authentication import page_of, public

blueprint = Blueprint("theme", __name__)

COOKIE = "theme"
THEMES = ("light", "dark")
YEAR = 31_536_000  # seconds


@blueprint.post("/theme")
@public
async def choose() -> ResponseReturnValue:
    chosen = (await request.form).get("theme", "")
    response = redirect(page_of(request.referrer), 303)
    if chosen in THEMES:
        secure = dashboard().settings.secure_cookies
        response.set_cookie(COOKIE, chosen, max_age=YEAR, samesite="Lax", secure=secure)
    else:
        response.delete_cookie(COOKIE)
    return response


def current_theme() -> str | None:
    theme = request.cookies.get(COOKIE)
    return theme if theme in THEMES else None

"""A browser in which somebody has logged in before is known by a signed cookie.

What strangers do in a person's name does not count there: it has a budget of its own. The cookie
opens nothing by itself, so it outlives a log-out and a new password.
"""

import secrets
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeTimedSerializer
from quart import after_this_request, request
from quart.typing import ResponseTypes

from app.web.context import dashboard

KNOWN_FOR = timedelta(days=365)  # after the last log-in
MOST_PEOPLE = 5  # who share a browser; the one who was there last stays longest


def known_browser(user_id: int | None) -> str:
    """What names this browser for this user; "" where they have not logged in here before."""
    browser, people = _read()
    return f"{user_id} {browser}" if user_id in people else ""


def has_known_browser() -> bool:
    """Has anybody logged in here before?"""
    return bool(_read()[1])


def remember_browser(user_id: int) -> None:
    """Set the cookie with the answer to this request: they have just proved who they are."""
    browser, people = _read()
    known = [user_id, *(each for each in people if each != user_id)][:MOST_PEOPLE]
    text = _serializer().dumps([browser or secrets.token_urlsafe(16), known])

    @after_this_request
    async def set_cookie(response: ResponseTypes) -> ResponseTypes:
        response.set_cookie(
            _name(),
            text if isinstance(text, str) else text.decode(),
            max_age=KNOWN_FOR,
            secure=dashboard().settings.secure_cookies,
            httponly=True,
            samesite="Lax",
        )
        return response


def _read() -> tuple[str, list[int]]:
    try:
        age = int(KNOWN_FOR.total_seconds())
        browser, people = _serializer().loads(request.cookies.get(_name(), ""), max_age=age)
    except BadSignature:
        return "", []
    return browser, people


def _name() -> str:
    return "__Host-browser" if dashboard().settings.secure_cookies else "browser"


def _serializer() -> URLSafeTimedSerializer:
    settings = dashboard().settings
    keys = [*reversed(settings.secret_key_fallbacks), settings.secret_key]  # the last one signs
    return URLSafeTimedSerializer(keys, salt="known browser")

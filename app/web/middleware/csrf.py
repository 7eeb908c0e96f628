"""CSRF: requests from other sites that would change something are refused."""

from typing import Any

from quart import request
from quart.typing import ResponseReturnValue

from app.web.context import dashboard

SAFE = ("GET", "HEAD", "OPTIONS")


def is_same_site(method: str, headers: Any, public_url: str) -> bool:
    """May this request change something? After Go's CrossOriginProtection (Fetch Metadata, W3C).

    A request with neither header does not come from a browser, so nobody's cookies are misused.
    """
    if method in SAFE:
        return True
    if site := headers.get("Sec-Fetch-Site"):
        return site in ("same-origin", "none")
    origin = headers.get("Origin")
    return origin is None or origin == public_url


async def refuse_cross_site() -> ResponseReturnValue | None:
    if is_same_site(request.method, request.headers, dashboard().settings.public_url):
        return None
    return "cross-site request refused", 403

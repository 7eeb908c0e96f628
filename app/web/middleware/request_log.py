"""The id of a request, in every line of the log that it causes, and its own line there.

A proxy's X-Request-ID is kept where TRUSTED_HOPS says that there is a proxy. The line names the
route, never the address: addresses hold ids, codes and links that let somebody in.
"""

import logging
import re
import secrets
import time

from quart import Response, g, request

from app import tracing
from app.logging import LogEvent, request_id
from app.web.context import Dashboard

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
LONGEST_ID = 64  # characters of a proxy's id
UNUSUAL = re.compile(r"[^A-Za-z0-9._:-]")


def log_requests(app: Dashboard) -> None:
    """To be installed first: what is installed before it has no id and is not in the time."""

    @app.before_request
    async def begin() -> None:
        g.began = time.perf_counter()
        given = request.headers.get(HEADER, "") if app.settings.trusted_hops else ""
        request_id.set(UNUSUAL.sub("", given)[:LONGEST_ID] or secrets.token_hex(8))

    @app.after_request
    async def end(response: Response) -> Response:
        response.headers[HEADER] = request_id.get()
        seconds = time.perf_counter() - g.began
        route, status = current_route(), response.status_code
        tracing.request_ended(request.method, route, status, seconds)
        level = logging.DEBUG if _is_asked_often() else logging.INFO
        if app.settings.access_log and log.isEnabledFor(level):
            ms = seconds * 1000
            log.log(
                level,
                LogEvent("request", method=request.method, route=route, status=status, ms=ms),
            )
        return response


def current_route() -> str:
    """The rule of the route, with names where an address has values."""
    return request.url_rule.rule if request.url_rule else "none"


def _is_asked_often() -> bool:
    """Every few seconds, or many times a page."""
    return request.blueprint == "health" or request.endpoint == "static"

"""The HTTP client of a process: opened once, and handed to whoever asks other machines.

What holds for every request is the transport's (docs/decisions/0021).
"""

import time
from datetime import timedelta

import httpx

from app.outbound.allowed_hosts import Destination
from app.outbound.failures import Failure, failure_of
from app.outbound.pool import HttpPool
from app.outbound.request import DEFAULT_HEADERS
from app.outbound.transport import GuardedTransport, bounds

HttpClient = httpx.AsyncClient  # its name, for those who only hand it on


def client_of(pool: HttpPool) -> HttpClient:
    """To be entered with `async with`, inside the pool's own."""
    return httpx.AsyncClient(
        transport=GuardedTransport(pool),
        headers=DEFAULT_HEADERS,
        timeout=None,  # noqa: S113 - the deadline of each request is for the whole of it
        follow_redirects=False,
        trust_env=False,
    )


async def send_request(
    http: HttpClient, request: httpx.Request, timeout: float, destination: Destination
) -> httpx.Response | Failure:
    """Send it once, and wait at most `timeout` seconds for the whole answer.

    An expected failure is a value. The response's `elapsed` is the time until it was whole.
    """
    request.extensions |= bounds(timeout, destination)
    began = time.monotonic()
    try:
        response = await http.send(request)
    except httpx.HTTPError as error:
        return failure_of(error, timeout, time.monotonic() - began)
    response.elapsed = timedelta(seconds=time.monotonic() - began)
    return response

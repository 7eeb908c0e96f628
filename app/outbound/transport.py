"""The transport below our httpx client: every request says where it may go and until when."""

import time
from typing import Any

import httpx

from app.outbound.allowed_hosts import Destination
from app.outbound.http1 import RawResponse
from app.outbound.pool import HttpPool
from app.outbound.request import written_request

DEADLINE, DESTINATION = "deadline", "destination"  # keys in a request's extensions
# What a client acts upon by itself. The body is unpacked and whole. It would keep cookies for the
# next person at the same host. It reads where a redirect leads although it follows none, and
# raises InvalidURL, which is no HTTPError, for some of what stands there.
NOT_PASSED_ON = frozenset(
    {"content-encoding", "content-length", "location", "set-cookie", "transfer-encoding"}
)


def bounds(seconds: float, destination: Destination) -> dict[str, Any]:
    """The extensions of a request: the whole of it may take so long from now, and go only there."""
    return {DEADLINE: time.monotonic() + seconds, DESTINATION: destination}


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends over a pool, whose owner closes it."""

    def __init__(self, pool: HttpPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises KeyError for a request without `bounds`, else httpx's exceptions (`failures`)."""
        until, destination = request.extensions[DEADLINE], request.extensions[DESTINATION]
        await request.aread()
        try:
            message = written_request(request)
        except ValueError:
            raise httpx.LocalProtocolError("a header that would be two") from None
        answer = await self._pool.exchange(message, until - time.monotonic(), destination)
        return httpx.Response(answer.status, headers=_headers(answer), content=answer.body)


def _headers(answer: RawResponse) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers.items()
        if name not in NOT_PASSED_ON
    ]

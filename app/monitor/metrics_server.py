"""`/metrics` and `/healthz` of a process without pages, on METRICS_PORT."""

import asyncio
import contextlib
import hmac
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from ipaddress import ip_address
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import metrics
from app.config import Settings
from app.monitor.gauges import Gauges
from app.process import bind

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Answer = tuple[int, str, bytes]

MOST_CONNECTIONS = 64  # a few collectors and whoever looks

# What proxies write into a request that they pass on (RFC 7239, RFC 9110 section 7.6.3, habits)
FORWARDED = re.compile(r"forwarded$|via$|x-forwarded-|x-real-ip|.*client-ip$|.*connecting-ip$")
NOT_FOUND: Answer = (404, "text/plain", b"not found\n")
ALIVE: Answer = (200, "application/json", b'{"status":"ok"}\n')


async def exposition(gauges: Gauges) -> bytes:
    """All metrics of this process, in Prometheus's text format."""
    metrics.TASKS.set(len(asyncio.all_tasks()))
    await gauges.refresh()
    return generate_latest()


def may_read_metrics(settings: Settings, headers: Mapping[str, str], address: str | None) -> bool:
    """With METRICS_TOKEN whoever has it; else this machine, and not through a proxy on it. One that
    TRUSTED_HOPS tells of may add no header to what it passes on.

    `headers`: by their names in lower case.
    """
    if settings.metrics_token:
        given, wanted = headers.get("authorization", ""), f"Bearer {settings.metrics_token}"
        return hmac.compare_digest(given.encode(), wanted.encode())
    is_forwarded = settings.trusted_hops > 0 or any(map(FORWARDED.match, headers))
    return not is_forwarded and _is_loopback(address)


@contextlib.asynccontextmanager
async def serving_metrics(settings: Settings, gauges: Gauges) -> AsyncIterator[None]:
    """While the block runs, if METRICS_PORT is set. Raises CommandError when it is taken."""
    if not settings.metrics_port:
        yield
        return
    from app.http_bounds import Bounds  # here: they load uvicorn, which few need
    from app.http_server import http_server

    listening = bind(settings.host, settings.metrics_port, "METRICS_PORT")
    bounds = Bounds(connections=MOST_CONNECTIONS)
    server = http_server(_application(settings, gauges), bounds, lifespan="off")
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _application(settings: Settings, gauges: Gauges) -> Any:
    async def application(scope: Message, receive: Receive, send: Send) -> None:
        status, kind, body = await _answer(scope, settings, gauges)
        headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


async def _answer(scope: Message, settings: Settings, gauges: Gauges) -> Answer:
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return NOT_FOUND
    if scope["path"] == "/healthz":
        return ALIVE
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    address = scope["client"][0] if scope.get("client") else None
    if scope["path"] == "/metrics" and may_read_metrics(settings, headers, address):
        return 200, CONTENT_TYPE_LATEST, await exposition(gauges)
    return NOT_FOUND


def _is_loopback(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False

"""The client over a pool of its own, and what a request came to, in one value."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from app.outbound.allowed_hosts import Destination
from app.outbound.client import HttpClient, client_of, send_request
from app.outbound.connector import Resolve, look_up
from app.outbound.failures import Failure
from app.outbound.pool import open_pool

ANYWHERE = Destination(None, loopback=True)  # this machine too, where the pool allows it


@dataclass(frozen=True)
class Outcome:
    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""  # as in `Failure.code`
    reached: bool = True


@asynccontextmanager
async def open_client(
    loopback: bool = False, resolve: Resolve = look_up
) -> AsyncIterator[HttpClient]:
    async with open_pool(loopback, resolve) as pool, client_of(pool) as http:
        yield http


async def ask(
    http: HttpClient,
    request: httpx.Request,
    timeout: float = 5,
    destination: Destination = ANYWHERE,
) -> Outcome:
    reply = await send_request(http, request, timeout, destination)
    if isinstance(reply, Failure):
        return Outcome(failure=reply.code, reached=reply.reached)
    return Outcome(reply.status_code, reply.content, reply.headers)

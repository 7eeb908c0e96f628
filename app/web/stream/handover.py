"""How a request for a stream is taken over from Quart.

Quart answers it like any other request, guards and headers included, with an empty body. When it is
done, and only if the answer was 200, the connection is an open page's. Nothing of the request is
kept: a stream outlives it by hours.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast
from uuid import UUID

from quart import Response, request

from app.accounts.sessions import CurrentUser
from app.realtime.hub import Hub, Mailbox
from app.web.context import dashboard
from app.web.stream.known_cards import HEADER, read_known
from app.web.stream.open_page import ASGIApp, Message, Receive, Send, stay_open

OPENING = 8  # streams at a time; each is a request that costs a millisecond, and others wait
COME_BACK = 30  # seconds, where there are too many open pages
HANDOVER = "svyazka.handover"  # the key in the ASGI scope


class Streams:
    """ASGI middleware around Quart, for paths that end with /stream."""

    def __init__(self, app: ASGIApp, hub: Callable[[], Hub]) -> None:
        """`hub` is asked for at each stream: an application that starts again has a new one."""
        self._app, self._hub = app, hub
        self._turn = asyncio.Semaphore(OPENING)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/stream"):
            await self._app(scope, receive, send)
            return
        handover = _Handover(receive, send)
        async with self._turn:
            await self._app({**scope, HANDOVER: handover}, handover.receive, handover.send)
        if mailbox := handover.mailbox:
            del handover
            scope["headers"].clear()  # uvicorn keeps the scope as long as the stream is open
            await stay_open(self._hub(), mailbox, receive, send)


def streaming(signed_in: CurrentUser, only: UUID | None = None) -> Response:
    """A view's answer: the head of a stream. `only`: the page of this connection.

    To HEAD it is all that there is.
    """
    if dashboard().hub.is_full:
        return Response("", 503, {"Retry-After": str(COME_BACK)})
    if request.method == "GET":
        expires_at = signed_in.expires_at.timestamp()
        known = read_known(request.headers.get(HEADER, ""))
        mailbox = Mailbox(signed_in.user_id, signed_in.session_hash, only, expires_at, known)
        cast(Any, request.scope)[HANDOVER].mailbox = mailbox
    response = Response(_no_body(), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


class _Handover:
    """One request on its way through Quart. Once a view has put a `mailbox` here, the end of the
    body is kept back, so that the answer goes on after Quart is done.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.mailbox: Mailbox | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.mailbox = None  # the browser left already
        return message

    async def send(self, message: Message) -> None:
        if message.get("status", 200) != 200:
            self.mailbox = None  # a guard refused after the view
        if self.mailbox is None or message["type"] == "http.response.start":
            await self._send(message)


async def _no_body() -> AsyncIterator[bytes]:
    """An empty iterator instead of b"", so that Quart sends no Content-Length."""
    return
    yield b""

"""The end of step 6 of a check: what comes into a page's mailbox goes out on its stream.

A stream outlives its request by hours, so nothing of the request stays: Quart answers it as any
other one, guards and headers included, and hands the connection over when it is done. From then on
a page has no task of its own that waits; one is made for each sending, and ends with it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

from quart import Response, request

from app import metrics
from app.accounts.sessions import CurrentUser
from app.realtime.hub import Hub, Mailbox
from app.web.sse import ServerSentEvent

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[..., Awaitable[None]]

HEARTBEAT = 15.0  # seconds; routers drop a stream that stays silent for longer than a minute
HANDOVER = "svyazka.handover"  # where in the scope a view finds its own

SESSION_EXPIRED = ServerSentEvent("session-expired", "").encode()


class Streams:
    """ASGI middleware around Quart, for paths that end with /stream."""

    def __init__(self, app: ASGIApp, hub: Callable[[], Hub]) -> None:
        """`hub` is asked for at each stream: an application that starts again has a new one."""
        self._app, self._hub = app, hub

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/stream"):
            await self._app(scope, receive, send)
            return
        handover = _Handover(receive, send)
        await self._app({**scope, HANDOVER: handover}, handover.receive, handover.send)
        if mailbox := handover.mailbox:
            del handover
            scope["headers"].clear()  # the server would keep them as long as the stream
            await _stay_open(self._hub(), mailbox, receive, send)


def streaming(signed_in: CurrentUser, only: UUID | None = None) -> Response:
    """The head of a stream; its body begins when Quart is done with the request."""
    if request.method == "GET":
        expires_at = signed_in.expires_at.timestamp()
        mailbox = Mailbox(signed_in.user_id, signed_in.session_hash, only, expires_at)
        cast(Any, request.scope)[HANDOVER].mailbox = mailbox
    response = Response(_nothing(), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def beat(hub: Hub) -> None:
    """A heartbeat for every page whose time has come; whose session is over gets its last event."""
    now = time.time()
    event = _heartbeat(now)
    for mailbox in hub.pages:
        if mailbox.expires_at <= now:
            mailbox.close(expired=True)
        elif mailbox.beat_at <= now:
            mailbox.beat_at = now + HEARTBEAT
            mailbox.put("heartbeat", event)


class _Handover:
    """One request on its way through Quart: what it sends and receives, and whose page it opens."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.mailbox: Mailbox | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.mailbox = None
        return message

    async def send(self, message: Message) -> None:
        if message.get("status", 200) != 200:
            self.mailbox = None
        if self.mailbox is None or message["type"] == "http.response.start":
            await self._send(message)


async def _stay_open(hub: Hub, mailbox: Mailbox, receive: Receive, send: Send) -> None:
    """Until the browser leaves, or the stream has ended."""
    with metrics.OPEN_PAGES.track_inprogress(), hub.subscribe(mailbox):
        page = _OpenPage(mailbox, send)
        mailbox.put("heartbeat", _heartbeat(time.time()))  # first bytes at once, and our clock
        mailbox.beat_at = time.time() + HEARTBEAT
        while (await receive())["type"] != "http.disconnect":
            pass
        page.forget()


class _OpenPage:
    """Sends what is in its mailbox, all of it at once, and again when something came meanwhile. It
    takes nothing while the network does not: what comes then is conflated in the mailbox.
    """

    __slots__ = ("_mailbox", "_send", "_sending")

    def __init__(self, mailbox: Mailbox, send: Send) -> None:
        self._mailbox, self._send = mailbox, send
        self._sending: asyncio.Task[None] | None = None
        mailbox.wake = self._wake

    def forget(self) -> None:
        """The browser is gone."""
        self._mailbox.wake = _asleep
        if self._sending is not None:
            self._sending.cancel()

    def _wake(self) -> None:
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        with suppress(OSError):  # gone meanwhile
            while events := self._mailbox.take():
                await self._send(_body(events))
            if not self._mailbox.closed:
                self._sending = None
                return
            if self._mailbox.expired:
                await self._send(_body(SESSION_EXPIRED))
            await self._send(_body(b"", more=False))


def _body(events: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": events, "more_body": more}


def _heartbeat(now: float) -> bytes:
    return ServerSentEvent("heartbeat", str(int(now))).encode()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _asleep() -> None:
    """Nobody is there to be told."""

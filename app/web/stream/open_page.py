"""The end of step 6 of a check: what comes into a page's mailbox goes out on its stream.

An open page has no task of its own that waits, but the server's, which waits for the browser to
leave: one is made for each sending, and ends with it (docs/decisions/0019).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from app import metrics
from app.background import forever
from app.realtime.hub import Hub, Mailbox
from app.web.sse import ServerSentEvent

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[..., Awaitable[None]]

HEARTBEAT = 15.0  # seconds; routers drop a stream that stays silent for longer than a minute
BEAT_PAUSE = 1.0  # seconds between two runs

SESSION_EXPIRED = ServerSentEvent("session-expired", "").encode()


async def send_heartbeats(hub: Hub) -> None:
    """Until cancelled: sends every open page its heartbeats."""

    async def once() -> None:
        send_due_heartbeats(hub, time.time())

    await forever(once, BEAT_PAUSE)


def send_due_heartbeats(hub: Hub, now: float) -> None:
    """Closes the pages whose session is over."""
    event = _heartbeat(now)
    for mailbox in hub.pages:
        if mailbox.expires_at <= now:
            mailbox.close(expired=True)
        elif mailbox.beat_at <= now:
            mailbox.beat_at = now + HEARTBEAT
            mailbox.put("heartbeat", event)


async def stay_open(hub: Hub, mailbox: Mailbox, receive: Receive, send: Send) -> None:
    """Runs until the browser disconnects or the stream has ended."""
    with metrics.OPEN_PAGES.track_inprogress(), hub.subscribe(mailbox):
        page = _OpenPage(mailbox, send)
        now = time.time()
        mailbox.put("heartbeat", _heartbeat(now))  # first bytes at once, with our clock's time
        mailbox.beat_at = now + HEARTBEAT
        while (await receive())["type"] != "http.disconnect":
            pass
        page.forget()


class _OpenPage:
    """Sends all that is in its mailbox at once, and again if something came meanwhile. While the
    network takes nothing it does not take from the mailbox either, which conflates what comes.
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
        with suppress(OSError):  # the browser went meanwhile
            while events := self._mailbox.take():
                await self._send(_body(events))
            if self._mailbox.closed:
                await self._end()
            else:
                self._sending = None  # the next change makes a new task

    async def _end(self) -> None:
        """`_sending` stays: nothing may follow the end of a body."""
        if self._mailbox.expired:
            await self._send(_body(SESSION_EXPIRED))
        await self._send(_body(b"", more=False))


def _body(events: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": events, "more_body": more}


def _heartbeat(now: float) -> bytes:
    return ServerSentEvent("heartbeat", str(int(now))).encode()


def _asleep() -> None:
    """What wakes a page that is gone."""

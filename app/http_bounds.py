"""What one connection to a server of ours may send, hold and wait for: uvicorn has no bounds of its
own for a request's head, its time, or the number of connections.
"""

import asyncio
import resource
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 32 * 1024  # bytes of a request that are not of its body; nginx takes as many
MOST_HEADERS = 100
MOST_FRAMING = 8  # bytes around each byte of a body: chunks of one byte take five
MOST_PIPELINED = 32  # requests that wait for the one before them; more stay unread
MAX_IGNORED = 1024 * 1024  # bytes of a body that still come when the answer is out
PIECE = 4096  # bytes that are parsed before anything is counted again
FILES_BESIDE = 512  # open files that are no connection of a client
RETRY_AFTER = 5  # seconds, for whom there is no room


@dataclass(frozen=True)
class Bounds:
    """Seconds are those that one step may take, however slowly bytes come."""

    connections: int = 12_000  # 10,000 open pages, and requests
    head_seconds: float = 20.0  # from the connection, or a request's first byte, to its whole head
    body_seconds: float = 60.0  # from there to the end of its body
    linger_seconds: float = 3.0  # for the rest of a body that nobody reads, or to read a refusal


@dataclass
class Door:
    """What the connections of one server share."""

    bounds: Bounds
    waiting: dict["BoundedHttp", None] = field(default_factory=dict)  # no request under way

    @property
    def room(self) -> int:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files == resource.RLIM_INFINITY:
            return self.bounds.connections
        return min(self.bounds.connections, max(files - FILES_BESIDE, files // 2))

    def make_room(self) -> bool:
        """The one that has waited for longest without a request goes; False if all are busy."""
        for connection in self.waiting:
            del self.waiting[connection]
            connection.transport.abort()
            return True
        return False


class _Refused(Exception):  # noqa: N818 - reads as what it is
    """Raised within the parser, which stops there."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__()
        self.status = status


class BoundedHttp(HttpToolsProtocol):
    """A request is in its head, then in its body; the answer may begin and end meanwhile."""

    def __init__(self, door: Door, **options: Any) -> None:
        super().__init__(**options)
        self._door = door
        self._unread = b""
        self._outside = 0  # bytes since the last request began that are not of a body
        self._ignored = 0  # bytes of a body that came after the answer
        self._in_head = self._in_body = self._is_deaf = False
        self._requests = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._awaited: tuple[float, int] | None = None  # seconds, and of which request

    # What asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._door.room and not self._door.make_room():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._door.waiting[self] = None
        self._await(self._door.bounds.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._await(None)
        self._door.waiting.pop(self, None)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._unread += data
        self._read()
        if not self._is_deaf:
            self._await(self._patience(is_spoken_to=True))

    # What httptools calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._requests += 1
        self._outside = self._ignored = 0
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:  # a trailer: uvicorn would add it to what the application has already
            return
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            raise _Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        if self._get_upgrade() == b"websocket":
            raise _Refused(HTTPStatus.BAD_REQUEST)
        super().on_headers_complete()
        if self.parser.should_upgrade():  # to what we do not speak (RFC 9110 section 7.8)
            self.cycle.keep_alive = False
        self._in_head, self._in_body = False, True
        self._door.waiting.pop(self, None)

    def on_body(self, body: bytes) -> None:
        self._outside -= len(body) * (1 + MOST_FRAMING)
        super().on_body(body)
        if not self._is_busy:
            self._ignored += len(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body = False
        self._outside = 0

    # What uvicorn calls

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            return
        self._read()
        if not self._is_busy and not self._is_deaf:
            self._door.waiting[self] = None
            self._await(self._patience(is_spoken_to=False))

    # What is done about it

    def _read(self) -> None:
        """Parse what came, as far as there is room for requests."""
        data, position = self._unread, 0
        while position < len(data) and not self._is_deaf and len(self.pipeline) < MOST_PIPELINED:
            piece = data[position : position + PIECE]
            position += len(piece)
            self._outside += len(piece)
            self._parse(piece)
            if self._outside > MAX_HEAD and not self._is_deaf:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            elif self._ignored > MAX_IGNORED:
                self._leave()
        self._unread = data[position:]
        if self._unread:
            self.flow.pause_reading()

    def _parse(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:  # what follows would be another protocol's
            self._is_deaf, self._in_body = True, False
            self._await(None)
        except httptools.HttpParserError as error:
            own = error.__context__
            self._refuse(own.status if isinstance(own, _Refused) else HTTPStatus.BAD_REQUEST)

    @property
    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _patience(self, *, is_spoken_to: bool) -> float | None:
        """How long the step may take that the connection is in. None: uvicorn's own time between
        two requests, or the application's.
        """
        bounds = self._door.bounds
        if self._in_head:
            return bounds.head_seconds
        if self._in_body:
            return bounds.body_seconds if self._is_busy else bounds.linger_seconds
        return bounds.head_seconds if is_spoken_to and not self._is_busy else None

    def _await(self, seconds: float | None) -> None:
        """Give this step so long; the same step of the same request goes on with its time."""
        awaited = None if seconds is None else (seconds, self._requests)
        if awaited == self._awaited:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._awaited = awaited
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        if self._is_deaf or not (self._in_head or self._in_body) or self._is_answered:
            self.transport.abort()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    @property
    def _is_answered(self) -> bool:
        """The request that comes in has had the beginning of its answer, at least."""
        return self._in_body and (not self._is_busy or self.cycle.response_started)

    def _refuse(self, status: HTTPStatus) -> None:
        """Say so, where an answer has its place now."""
        if self._is_answered or self.pipeline or (self._is_busy and not self._in_body):
            self.transport.close()
            self._is_deaf = True
            return
        if self._is_busy:
            self.cycle.disconnected = self.cycle.response_complete = True
            self.cycle.message_event.set()
        self.transport.write(_refusal(status))
        self._leave()

    def _leave(self) -> None:
        """Read no more. What still comes stays in the kernel for a moment: closed over it, the
        connection would be reset, and the answer lost (RFC 9112 section 9.6).
        """
        self._is_deaf = True
        self.flow.pause_reading()
        self.transport.write_eof()
        self._door.waiting.pop(self, None)
        self._await(None)
        self._await(self._door.bounds.linger_seconds)


def _refusal(status: HTTPStatus) -> bytes:
    text = f"{status} {status.phrase}\n".encode()
    wait = f"retry-after: {RETRY_AFTER}\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: text/plain\r\n{wait}"
        f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + text

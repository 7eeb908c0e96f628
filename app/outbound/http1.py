"""HTTP/1.1 on one connection, a request at a time (RFC 9112). httptools reads; what is read is
bounded, and nothing that comes unasked is ever taken for an answer.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast

import httptools

from app.outbound import lenient_head

MAX_HEAD = 64 * 1024  # bytes before the body begins; as many after it that are not of the body
MOST_FRAMING = 8  # bytes around each byte of a body: chunks of one byte take five
PIECE = 16 * 1024  # bytes that are read before anything is counted again
CONTINUE, SWITCHING, OK = 100, 101, 200


class Closed(ConnectionError):  # noqa: N818 - reads as what it is
    """The connection ended before an answer began."""


class Unanswered(Closed):
    """It ended before a single byte came back."""


class Garbled(ValueError):  # noqa: N818 - reads as what it is
    """What came is no HTTP, or stopped in the middle."""


class TooLarge(ValueError):  # noqa: N818 - reads as what it is
    """The body is longer than we read."""


@dataclass
class RawResponse:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)  # lower case, joined
    body: bytes = b""
    is_over_kept_connection: bool = False  # not over one that was made for this request
    is_redirected: bool = False  # it came after a redirect


class HttpConnection(asyncio.Protocol):
    """`exchange` is for one caller at a time; afterwards `reusable` says whether to keep it."""

    def __init__(self, max_body: int) -> None:
        self.reusable = True
        self.idle_since = 0.0  # seconds, monotonic
        self._max_body = max_body
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[RawResponse] | None = None
        self._begin("GET")

    async def exchange(self, method: str, message: bytes, seconds: float) -> RawResponse:
        """Send a whole request, and wait at most so long for the whole answer.

        Raises TimeoutError, Closed, Garbled, TooLarge and ssl.SSLError. Whoever stops waiting
        closes the connection: what comes later is nobody's.
        """
        transport = self._transport
        if transport is None or not self.reusable or transport.is_closing():
            raise Unanswered
        self._begin(method)
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        late = loop.call_later(seconds, self._fail, TimeoutError())
        transport.write(message)
        try:
            return await self._waiter
        except BaseException:
            self.abort()
            raise
        finally:
            late.cancel()
            self._waiter = None

    def abort(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _begin(self, method: str) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._answer = RawResponse()
        self._body: list[bytes] = []
        self._method = method
        self._read = self._length = 0  # bytes of all, and of the body
        self._in_body = self._is_framed = self._is_whole = False
        self._head = bytearray()  # as it came, until it is read
        self._is_mending = self._is_mended = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            if self._is_over:
                self.abort()  # what follows an answer is nobody's
                return
            self._receive(data[start : start + PIECE])

    def _receive(self, data: bytes) -> None:
        self._read += len(data)
        if not self._in_body:
            self._head += data
        if self._is_mending:
            self._mend(len(data))
        else:
            self._parse(data)
        if self._is_whole:
            self._finish()
        elif self._read > self._most():
            self._fail(Garbled())

    @property
    def _is_over(self) -> bool:
        """The answer is whole, or nobody waits for it any more."""
        return self._waiter is None or self._waiter.done()

    def _most(self) -> int:
        """How many bytes may have come so far: trailers and chunk sizes are bounded like a head,
        which httptools joins anew for each piece that comes.
        """
        if not self._in_body:
            return MAX_HEAD
        return 2 * MAX_HEAD + self._length * (1 + MOST_FRAMING)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.reusable = False
            if not self._is_whole:
                self._fail(Garbled())
        except httptools.HttpParserError as error:
            self.reusable = False
            own = _own(error)
            if self._is_whole:  # it is about what follows
                return
            if own is None and not self._in_body and not self._is_mended:
                self._is_mending = True
                self._mend(len(self._head))
            else:
                self._fail(own or Garbled())

    def _mend(self, new: int) -> None:
        """Read a head that the parser refuses, if it can be read in one way; then close. `new`: how
        many of its bytes were not looked at yet.
        """
        found = lenient_head.split(self._head, new)
        if found is None:
            return  # the rest of it is on its way
        head = lenient_head.mended(found[0])
        if head is None:
            self._fail(Garbled())
            return
        self._begin(self._method)
        self._is_mended, self.reusable = True, False
        self._read = len(head) + len(found[1])
        self._parse(head + found[1])

    def eof_received(self) -> None:
        self._end(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error)
        self._transport = None
        del self._parser  # each holds the other, and the search for cycles is rare

    # What httptools calls

    def on_message_begin(self) -> None:
        if self._is_whole:  # something follows the answer
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body or self._is_whole:  # a trailer
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers = self._answer.headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._is_whole:
            return
        if status == SWITCHING or status < CONTINUE:
            raise Garbled
        if status < OK:
            self._answer.headers.clear()
            return
        self._answer.status = status
        self._in_body = True
        headers = self._answer.headers
        self._is_framed = "content-length" in headers or "transfer-encoding" in headers
        if self._method == "HEAD":  # its headers speak of a body that does not come
            self.reusable, self._is_whole = False, True

    def on_body(self, data: bytes) -> None:
        if self._is_whole:
            return
        self._length += len(data)
        if self._length > self._max_body:
            raise TooLarge
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._in_body and not self._is_whole:
            self._is_whole = True
            self.reusable = self.reusable and self._parser.should_keep_alive()

    # How it ends

    def _end(self, error: Exception | None) -> None:
        self.reusable = False
        if self._in_body and not self._is_framed and error is None:
            self._finish()  # a body without a length lasts until the end of the connection
        elif self._in_body or self._is_mending:
            self._fail(Garbled())
        elif isinstance(error, ssl.SSLError):
            self._fail(error)
        else:
            self._fail(Closed() if self._read else Unanswered())

    def _finish(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._answer.body = b"".join(self._body)
            self._waiter.set_result(self._answer)
        if not self.reusable:
            self.abort()

    def _fail(self, error: Exception) -> None:
        self.reusable = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def _own(error: Exception) -> Exception | None:
    """What one of the callbacks raised, which httptools wraps."""
    cause = error.__context__
    return cause if isinstance(cause, (Garbled, TooLarge)) else None

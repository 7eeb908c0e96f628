"""What one connection may do to our server, over real sockets, on both event loops."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest
import uvloop

from app.http_bounds import MAX_HEAD, MOST_PIPELINED, PIECE, Bounds
from app.http_server import http_server
from app.process import bind
from tests.support.waiting import PATIENCE, until

HASTY = Bounds(head_seconds=0.5, body_seconds=0.5, linger_seconds=0.2)
PATIENT = Bounds(head_seconds=PATIENCE, body_seconds=PATIENCE, linger_seconds=PATIENCE)
HOST = b"Host: x\r\n"
GET = b"GET /read HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /read HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
CHUNKED = b"POST /read HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n"
LENGTH = b"POST /%s HTTP/1.1\r\nContent-Length: %d\r\n" + HOST + b"\r\n"
MUCH = [b"a" * 65_536] * 160  # 10 MB


async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Says how long the body was, without reading it at /unread; at /stream it never ends."""
    length, more = 0, scope["path"] == "/read"
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    says = b"%s %d" % (scope["path"].encode(), length)
    ends = scope["path"] != "/stream"
    headers = [(b"content-length", b"%d" % len(says))] if ends else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": says, "more_body": not ends})
    while not ends and (await receive())["type"] != "http.disconnect":
        pass


class Door:
    """A server in a thread of its own: what we do here cannot help it."""

    def __init__(self, run: Callable[[Any], None], bounds: Bounds) -> None:
        listening = bind("127.0.0.1", 0)
        self.port = listening.getsockname()[1]
        self.server = http_server(
            application,
            bounds,
            lifespan="off",
            timeout_keep_alive=PATIENCE,
            timeout_graceful_shutdown=2,
        )
        serving = self.server.serve(sockets=[listening])
        self.thread = threading.Thread(target=lambda: run(serving))
        self.thread.start()

    @property
    def open_now(self) -> int:
        return len(self.server.server_state.connections)

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    return asyncio.run if request.param == "asyncio" else uvloop.run


@contextmanager
def opened(run: Callable[[Any], None], bounds: Bounds) -> Iterator[Door]:
    door = Door(run, bounds)
    try:
        yield door
    finally:
        door.close()


@pytest.fixture(scope="module")
def hasty(run: Callable[[Any], None]) -> Iterator[Door]:
    with opened(run, HASTY) as door:
        yield door


@pytest.fixture(scope="module")
def patient(run: Callable[[Any], None]) -> Iterator[Door]:
    with opened(run, PATIENT) as door:
        yield door


class Caller:
    """A client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Until it is refused."""
        try:
            for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()
                await asyncio.sleep(pause)
        except OSError:
            pass

    async def hear(self, wanted: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._reader.readuntil(wanted)

    async def rest(self) -> bytes:
        """All that the server says until it hangs up."""
        said = b""
        async with asyncio.timeout(PATIENCE):
            try:
                while piece := await self._reader.read(65_536):
                    said += piece
            except OSError:
                pass
        return said


@asynccontextmanager
async def calling(door: Door) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def answers(door: Door, *pieces: bytes, pause: float = 0.0) -> list[str]:
    """The first line of every answer, up to the end of the connection."""
    async with calling(door) as caller:
        saying = asyncio.create_task(caller.say(*pieces, pause=pause))
        said = await caller.rest()
        saying.cancel()
    return [f"HTTP{each.partition(chr(13))[0]}" for each in said.decode().split("HTTP")[1:]]


OK = "HTTP/1.1 200 OK"
BAD = "HTTP/1.1 400 Bad Request"
LATE = "HTTP/1.1 408 Request Timeout"
TOO_LARGE = "HTTP/1.1 431 Request Header Fields Too Large"
FULL = "HTTP/1.1 503 Service Unavailable"


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /", *MUCH],
        [b"GET /read HTTP/1.1\r\nX: ", *MUCH],
        [b"GET /read HTTP/1.1\r\n", *[b"X: a\r\n"] * 5_000],
        [b"GET /read HTTP/1.1\r\n", *[b"X%d: \r\n" % each for each in range(200)]],
        [CHUNKED, b"0\r\nX: ", *MUCH],
        [CHUNKED, b"0\r\n", *[b"X: a\r\n"] * 50_000],
        [CHUNKED, b"1;x=", *MUCH],
        [CHUNKED, *[b"1;" + b"x" * 8_000 + b"\r\na\r\n"] * 50],
        [b"\r\n" * MAX_HEAD],
    ],
    ids=[
        *("request line", "header", "headers", "many headers"),
        *("trailer", "trailers", "chunk extension", "chunk extensions", "empty lines"),
    ],
)
async def test_what_is_not_the_body_may_not_be_endless(patient: Door, pieces: list[bytes]) -> None:
    assert await answers(patient, *pieces) == [TOO_LARGE]


async def test_a_head_of_a_usual_size_comes_through_in_pieces_of_any_size(patient: Door) -> None:
    head = GET[:-2] + b"Cookie: " + b"c" * 16_000 + b"\r\nConnection: close\r\n\r\n"
    for size in (1_000, len(head)):
        pieces = [head[at : at + size] for at in range(0, len(head), size)]
        assert await answers(patient, *pieces) == [OK]


async def test_a_body_in_chunks_of_one_byte_is_read(patient: Door) -> None:
    pieces = [b"1\r\na\r\n" * 20_000, b"0\r\nX-Sum: 1\r\n\r\n"]
    async with calling(patient) as caller:
        await caller.say(CHUNKED, *pieces)
        await caller.hear(b"/read 20000")
        await caller.say(LAST)
        assert b"200 OK" in await caller.rest()


@pytest.mark.parametrize(
    ("pieces", "pause", "said"),
    [
        ([], 0, []),
        ([b"GET /read HTT"], 0, [LATE]),
        ([GET[:-2], *[b"a: b\r\n"] * 60], 0.05, [LATE]),
        ([GET, b"GET /read HTT"], 0.01, [OK, LATE]),
        ([b"\r\n"] * 60, 0.05, []),
        ([GET, *[b"\r\n"] * 60], 0.05, [OK]),
        ([LENGTH % (b"read", 100), b"a"], 0, [LATE]),
        ([LENGTH % (b"read", 100), *[b"a"] * 60], 0.05, [LATE]),
        ([LENGTH % (b"unread", 100), *[b"a"] * 60], 0.05, [OK]),
    ],
    ids=[
        *("says nothing", "half a head", "header after header", "half a head after a request"),
        *("empty lines", "empty lines after a request"),
        *("half a body", "a byte at a time", "a byte at a time to nobody"),
    ],
)
async def test_a_request_comes_in_time_or_the_connection_goes(
    hasty: Door, pieces: list[bytes], pause: float, said: list[str]
) -> None:
    assert await answers(hasty, *pieces, pause=pause) == said


async def test_time_for_a_request_is_no_time_for_its_answer(hasty: Door) -> None:
    async with calling(hasty) as caller:
        await caller.say(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n")
        await caller.hear(b"/stream 0")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(HASTY.head_seconds + HASTY.body_seconds):
                await caller.rest()


async def test_between_requests_a_connection_may_be_silent(hasty: Door) -> None:
    async with calling(hasty) as caller:
        await caller.say(GET)
        await caller.hear(b"/read 0")
        await asyncio.sleep(2 * HASTY.head_seconds)
        await caller.say(LAST)
        assert b"200 OK" in await caller.rest()


async def test_a_body_that_nobody_reads_is_not_read_to_its_end(patient: Door) -> None:
    async with calling(patient) as caller:
        saying = asyncio.create_task(caller.say(LENGTH % (b"unread", 10**12), *MUCH * 100))
        said = await caller.rest()
        saying.cancel()
    assert said.endswith(b"/unread 0")


async def test_pipelined_requests_are_answered_in_their_order(patient: Door) -> None:
    async with calling(patient) as caller:
        saying = asyncio.create_task(
            caller.say((GET + LENGTH % (b"read", 3) + b"abc") * 1_000 + LAST)
        )
        said = await caller.rest()
        await saying
    assert said.count(b"200 OK") == 2_001
    order = [b"/read 3" in each for each in said.split(b"HTTP/1.1 ")[1:]]
    assert order == [False, True] * 1_000 + [False]


async def test_requests_that_wait_for_a_stream_are_not_kept_for_ever(patient: Door) -> None:
    async with calling(patient) as caller:
        await caller.say(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n")
        await caller.hear(b"/stream 0")
        saying = asyncio.create_task(caller.say(*[GET * 1_000] * 100))
        await until(lambda: _queued(patient))
        assert await _queued(patient) <= MOST_PIPELINED + PIECE // len(GET) + 1
        saying.cancel()


UPGRADE = b"GET /read HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: %s\r\n" + HOST


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (UPGRADE % b"websocket" + b"Sec-WebSocket-Version: 13\r\n\r\n", [BAD]),
        (UPGRADE % b"WebSocket" + b"Sec-WebSocket-Key: aGk=\r\n\r\n" + b"\x81\x05" * 99, [BAD]),
        (UPGRADE % b"h2c" + b"\r\n", [OK]),
        (UPGRADE % b"h2c" + b"Content-Length: 3\r\n\r\nabc" + GET, [OK]),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", [BAD]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [BAD]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [BAD]),
    ],
    ids=[
        "websocket",
        "WebSocket and frames",
        "h2c",
        "h2c, a body, more",
        "CONNECT",
        "HTTP/2",
        "TLS",
    ],
)
async def test_another_protocol_is_refused_without_a_word_in_the_log(
    patient: Door, caplog: pytest.LogCaptureFixture, request_: bytes, said: list[str]
) -> None:
    assert await answers(patient, request_) == said
    assert caplog.records == []


async def test_there_is_room_for_so_many_and_who_waits_longest_goes(
    run: Callable[[Any], None],
) -> None:
    with opened(run, Bounds(connections=5, linger_seconds=0.1)) as door:
        async with calling(door) as first, calling(door), calling(door):
            await until(lambda: _open(door, 3))
            async with calling(door), calling(door), calling(door) as caller:
                await caller.say(LAST)
                assert b"200 OK" in await caller.rest()
                assert await first.rest() == b""


async def test_where_all_are_busy_there_is_no_room(run: Callable[[Any], None]) -> None:
    with opened(run, Bounds(connections=2, linger_seconds=0.1)) as door:
        async with calling(door) as one, calling(door) as other:
            for busy in (one, other):
                await busy.say(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n")
                await busy.hear(b"/stream 0")
            assert await answers(door, GET) == [FULL]


async def _open(door: Door, count: int) -> bool:
    return door.open_now == count


async def _queued(door: Door) -> int:
    connections: set[Any] = set(door.server.server_state.connections)
    return sum(len(each.pipeline) for each in connections)

"""What a server may do to us on the wire, over TCP and TLS, on both event loops."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path

import httpx
import pytest
import uvloop

from app.outbound.client import HttpClient
from app.outbound.failures import MAX_BODY
from app.providers.provider import Provider
from app.providers.spec_parts import Probe
from tests.support.certificates import self_signed
from tests.support.outbound import Outcome, ask, open_client
from tests.support.waiting import PATIENCE, every, until

Script = Callable[["Wire", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Story = Callable[["Wire", HttpClient], Awaitable[None]]
Run = Callable[[Script, Story], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@dataclass
class Wire:
    """A server that says exactly what its script says; it counts connections and requests."""

    url: str = ""
    ca_file: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        return head

    async def was_asked(self) -> bool:
        return bool(self.requests)

    async def ask(
        self, http: HttpClient, method: str = "GET", timeout: float = PATIENCE
    ) -> Outcome:
        entry = Provider(
            "acme", "Acme", f"{self.url}/a", f"{self.url}/t", Probe(f"{self.url}/me"),
            ca_file=self.ca_file,
        )  # fmt: skip
        request = httpx.Request(method, f"{self.url}/me")
        return await ask(http, request, timeout, entry.destination)


@pytest.fixture(params=["tcp", "tls"])
def files(
    request: pytest.FixtureRequest, certificate: tuple[Path, Path]
) -> tuple[Path, Path] | None:
    return certificate if request.param == "tls" else None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("server"))


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest, files: tuple[Path, Path] | None) -> Run:
    """Plays the story to the end, in a thread with a loop of its own."""
    play = asyncio.run if request.param == "asyncio" else uvloop.run
    return lambda script, story: asyncio.to_thread(lambda: play(_played(script, story, files)))


async def _played(script: Script, story: Story, files: tuple[Path, Path] | None) -> None:
    wire = Wire()
    served: list[tuple[asyncio.Task[None] | None, asyncio.StreamWriter]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append((asyncio.current_task(), writer))
        wire.connections += 1
        try:
            await script(wire, reader, writer)
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError, RuntimeError):
            wire.gone.set()  # RuntimeError: uvloop's word for a write to what is closed
        finally:
            writer.close()

    context = None
    if files:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        wire.ca_file = str(files[0])
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    wire.url = f"http{'s' if files else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with open_client(loopback=True) as http:
            await story(wire, http)
    finally:
        server.close()
        # Whatever is still under way ends here: uvloop's loop, closed over it, may never end.
        for task, writer in served:
            if task is not None:
                task.cancel()
            with suppress(AttributeError):  # Python 3.11.2's word for TLS that was closed twice
                writer.transport.abort()
        await asyncio.gather(*(task for task, _ in served if task), return_exceptions=True)
        await server.wait_closed()


def saying(*pieces: bytes, closing: bool = False) -> Script:
    """Each request is answered with these pieces."""

    async def script(
        wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await wire.request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if closing:
                return

    return script


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(*pieces: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces)
    return CHUNKED + body + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [OK + b"{}"],
        [bytes([each]) for each in OK + b"{}"],
        [chunked(b"{", b"}")],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n"],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"{}"],
    ],
    ids=["whole", "a byte at a time", "chunked", "with a trailer", "after hints"],
)
async def test_an_answer_is_read_however_it_comes_and_the_connection_is_kept(
    run: Run, pieces: list[bytes]
) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        for _ in range(3):
            reply = await wire.ask(http)
            assert (reply.status, reply.body, reply.failure) == (200, b"{}", "")
            assert "link" not in reply.headers
        assert wire.connections == 1

    await run(saying(*pieces), story)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["until the end", "1.0", "close"],
)
async def test_a_connection_that_ends_with_its_answer_is_not_used_again(
    run: Run, answer: bytes
) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        for number in (1, 2):
            reply = await wire.ask(http)
            assert (reply.status, reply.body) == (200, b"{}")
            assert wire.connections == number

    await run(saying(answer, closing=True), story)


@pytest.mark.parametrize("more", [OK + b"[]", b"garbage", OK[:9]], ids=["whole", "no", "half"])
async def test_what_follows_an_answer_is_never_the_answer_to_the_next_request(
    run: Run, more: bytes
) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        for number in (1, 2, 3):
            assert (await wire.ask(http)).body == b"{}"
            assert wire.connections == number

    await run(saying(OK + b"{}" + more), story)


async def test_what_comes_unasked_closes_the_connection(run: Run) -> None:
    async def script(
        wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await wire.request(reader)
        writer.write(OK + b"{}")
        await writer.drain()
        await wire.gone.wait() if wire.connections > 1 else None
        writer.write(OK + b"[]")
        await reader.read()
        wire.gone.set()

    async def story(wire: Wire, http: HttpClient) -> None:
        assert (await wire.ask(http)).body == b"{}"
        await asyncio.wait_for(wire.gone.wait(), PATIENCE)
        assert (await wire.ask(http)).body == b"{}"
        assert wire.connections == 2

    await run(script, story)


async def test_a_connection_that_was_closed_meanwhile_costs_a_look_nothing(run: Run) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        for number in (1, 2):
            assert (await wire.ask(http)).status == 200
            assert wire.connections == number

    await run(saying(OK + b"{}", closing=True), story)


async def test_what_may_have_been_carried_out_is_not_sent_again(run: Run) -> None:
    async def script(
        wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await wire.request(reader)
        if len(wire.requests) == 1:
            writer.write(OK + b"{}")
            await writer.drain()
            await wire.request(reader)

    async def story(wire: Wire, http: HttpClient) -> None:
        assert (await wire.ask(http, "POST")).status == 200
        reply = await wire.ask(http, "POST")
        assert (reply.failure, reply.reached) == ("unreachable", True)
        assert (wire.connections, len(wire.requests)) == (1, 2)

    await run(script, story)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\n folded\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\nno colon\nContent-Length: 2\n\n{}",
        b"HTTP/1.1 200 OK\nX\0: y\nContent-Length: 2\n\n{}",
        b"HTTP/1.1 200 OK\nContent-Length : 2\n\n{}",
        b"HTTP/1.1 101 Switching\nUpgrade: x\nConnection: upgrade\n\n",
        b"HTTP/0.9 200 OK\nContent-Length: 2\n\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-Sh\x01op: a\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: \x012\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \x01chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=ascii,
)
async def test_what_is_no_whole_answer_is_called_so(run: Run, answer: bytes) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        reply = await wire.ask(http)
        assert (reply.failure, reply.reached, reply.status) == ("not_http", True, None)

    await run(saying(answer, closing=True), story)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-"], ids=["none", "half"])
async def test_a_server_that_hangs_up_is_unreachable(run: Run, answer: bytes) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        reply = await wire.ask(http)
        assert (reply.failure, reply.reached) == ("unreachable", True)

    await run(saying(answer, closing=True), story)


def flooding(start: bytes, piece: bytes) -> Script:
    """Never stops by itself."""

    async def script(
        wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await wire.request(reader)
        writer.write(start)
        async for _ in every(0, 10):
            writer.write(piece)
            await writer.drain()

    return script


@pytest.mark.parametrize(
    ("start", "piece", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", b"x" * 65536, "too_large"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, "too_large"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Same: 1\r\n" * 500, "not_http"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 4096, "not_http"),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 50, "not_http"),
        (CHUNKED + b"0\r\nX-Long: ", b"x" * 4096, "not_http"),
        (CHUNKED + b"0\r\n", b"X-Same: 1\r\n" * 500, "not_http"),
        (CHUNKED + b"1;x=", b"x" * 4096, "not_http"),
        (CHUNKED, b"1;x\r\nx\r\n" * 500, "too_large"),
        (CHUNKED, b"0" * 4096, "not_http"),
    ],
    ids=[
        *("100 MB", "for ever", "headers", "one header", "hints"),
        *("one trailer", "trailers", "one extension", "chunks", "one size"),
    ],
)
async def test_a_flood_is_left_at_its_bound(
    run: Run, start: bytes, piece: bytes, failure: str
) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        reply = await wire.ask(http, timeout=PATIENCE)
        assert (reply.failure, reply.body) == (failure, b"")
        await asyncio.wait_for(wire.gone.wait(), PATIENCE)

    await run(flooding(start, piece), story)


async def test_a_drip_is_cut_off_in_time_and_its_connection_closed(run: Run) -> None:
    async def script(
        wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await wire.request(reader)
        writer.write(OK.removesuffix(b"\r\n"))
        async for _ in every(0.05, PATIENCE):  # a header that has no end
            writer.write(b"x")
            await writer.drain()

    async def story(wire: Wire, http: HttpClient) -> None:
        for seconds in (0.3, 3, 30):  # it must have come to the drip: not at once on a busy machine
            reply = await wire.ask(http, timeout=seconds)
            assert reply.failure == "timeout"
            if reply.reached:
                break
        assert reply.reached
        await asyncio.wait_for(wire.gone.wait(), PATIENCE)

    await run(script, story)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"
        b"2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX-Long: one\r\n two\r\n\tthree\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 2\n\n{}",
        b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\r\n\n{}",
        b"HTTP/1.1 200 OK\r\nX-Shop: \x01a\x1fb\x7f\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "a byte at a time"])
async def test_what_browsers_read_is_read_and_its_connection_closed(
    run: Run, answer: bytes, at_once: bool
) -> None:
    """Whatever framing such an answer may have for somebody else, nothing comes after it."""
    pieces = [answer] if at_once else [bytes([each]) for each in answer]

    async def story(wire: Wire, http: HttpClient) -> None:
        for number in (1, 2):
            reply = await wire.ask(http)
            assert (reply.status, reply.body, reply.failure) == (200, b"{}", "")
            assert wire.connections == number

    await run(saying(*pieces), story)


def packed(body: bytes, encoding: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def packed_by_gzip(body: bytes) -> bytes:
    """Without the time of day, which would be in the names of tests."""
    return gzip.compress(body, mtime=0)


@cache
def bomb() -> bytes:
    return packed_by_gzip(b"x" * MAX_BODY * 400)


RAW = zlib.compressobj(wbits=-15)
BARE = RAW.compress(b"{}") + RAW.flush()
NAMED = BytesIO()  # with a name in its head
with gzip.GzipFile("answer.json", "wb", fileobj=NAMED, mtime=0) as file:
    file.write(b"{}")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (packed_by_gzip(b"{}"), "gzip"),
        (packed_by_gzip(b"{}"), "X-GZIP"),
        (zlib.compress(b"{}"), "deflate"),
        (BARE, "deflate"),
        (packed_by_gzip(b"{") + packed_by_gzip(b"}"), "gzip"),
        (packed_by_gzip(b"{}")[:-8], "gzip"),
        (packed_by_gzip(b"{}")[:-3], "gzip"),
        (packed_by_gzip(b"{}") + b"\0" * 20, "gzip"),
        (NAMED.getvalue(), "gzip"),
        (packed_by_gzip(b"{}"), "identity, gzip"),
        *[(b"{}", each) for each in ("identity", "identity, identity", "none", "UTF-8", "binary")],
        *[(b"{}", each) for each in ("ISO-8859-1", "windows-1251", "application/json", "null")],
        (packed_by_gzip(b"{}"), "utf-8, gzip"),
    ],
    ids=ascii,
)
async def test_a_packed_body_is_unpacked(run: Run, body: bytes, encoding: str) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        assert (await wire.ask(http)).body == b"{}"

    await run(saying(packed(body, encoding)), story)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (packed_by_gzip(b"{}")[:-10], "gzip"),
        (packed_by_gzip(b"{}")[:-8] + b"\1" * 8, "gzip"),  # its check fails
        (packed_by_gzip(b"{}") + packed_by_gzip(b"{}")[:12], "gzip"),
        (packed_by_gzip(b"") * 17, "gzip"),
        (b"\x1f\x8b\x08\x04", "gzip"),
        (b"\x1f\x8b\x08\x08\0\0\0\0\0\0no end", "gzip"),
        (packed_by_gzip(packed_by_gzip(b"{}")), "gzip, gzip"),
        *[(b"{}", each) for each in ("br", "ZSTD", "compress", "gzip, br")],
    ],
    ids=ascii,
)
async def test_what_cannot_be_unpacked_whole_is_no_answer(
    run: Run, body: bytes, encoding: str
) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        assert (await wire.ask(http)).failure == "not_http"

    await run(saying(packed(body, encoding)), story)


@pytest.mark.parametrize("cut", [0, 10], ids=["a bomb", "cut short"])
async def test_a_packed_body_is_bounded_too(run: Run, cut: int) -> None:
    body = bomb() if not cut else packed_by_gzip(b"{}")[:-cut]

    async def story(wire: Wire, http: HttpClient) -> None:
        assert (await wire.ask(http)).failure == ("not_http" if cut else "too_large")

    await run(saying(packed(body, "gzip")), story)


async def test_an_answer_to_head_has_no_body_whatever_its_headers_say(run: Run) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        for number in (1, 2):
            reply = await wire.ask(http, "HEAD")
            assert (reply.status, reply.body) == (200, b"")
            assert wire.connections == number

    await run(saying(OK), story)


@pytest.mark.parametrize("status", [204, 304])
async def test_some_answers_have_no_body(run: Run, status: int) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        for _ in range(2):
            assert (await wire.ask(http)).status == status
        assert wire.connections == 1

    await run(saying(b"HTTP/1.1 %d x\r\n\r\n" % status), story)


async def test_whoever_stops_waiting_leaves_no_answer_for_the_next(run: Run) -> None:
    async def script(
        wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await wire.request(reader)
        if wire.connections == 1:
            await reader.read()
            wire.gone.set()
        writer.write(OK + b"{}")
        await writer.drain()

    async def story(wire: Wire, http: HttpClient) -> None:
        asking = asyncio.create_task(wire.ask(http, timeout=PATIENCE))
        await until(wire.was_asked)
        asking.cancel()
        await asyncio.wait_for(wire.gone.wait(), PATIENCE)
        assert (await wire.ask(http)).body == b"{}"
        assert wire.connections == 2

    await run(script, story)


@pytest.mark.parametrize("token", ["a\r\nX: 1", "a\nX: 1", "a\rX", "a\0"], ids=ascii)
async def test_a_token_never_becomes_a_second_header(run: Run, token: str) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        request = httpx.Request("GET", f"{wire.url}/me", headers={"Authorization": token})
        reply = await ask(http, request, PATIENCE)
        assert reply.failure
        assert not reply.reached
        assert wire.connections == 0

    await run(saying(OK + b"{}"), story)


async def test_another_hosts_certificate_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        wire.url = wire.url.replace("127.0.0.1", "localhost")
        reply = await wire.ask(http)
        assert (reply.failure, reply.reached) == ("tls", False)
        assert wire.requests == []

    for play in (asyncio.run, uvloop.run):
        played = _played(saying(OK + b"{}"), story, self_signed(tmp_path))
        await asyncio.to_thread(play, played)


async def test_nobody_at_the_port_is_known_to_have_got_nothing(run: Run) -> None:
    async def story(wire: Wire, http: HttpClient) -> None:
        wire.url = "http://127.0.0.1:1"
        reply = await wire.ask(http)
        assert (reply.failure, reply.reached) == ("unreachable", False)

    await run(saying(OK), story)

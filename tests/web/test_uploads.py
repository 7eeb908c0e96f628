"""Bodies that are too large or never end, to the real application over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.process import bind
from app.web.app import LARGEST_FORM
from app.web.context import Dashboard
from tests.support.servers import served
from tests.support.waiting import PATIENCE

POST = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = [b"email=" + b"a" * 65_530] * 1_000  # 65 MB


@pytest.fixture
async def port(dashboard: Dashboard) -> AsyncIterator[int]:
    listening = bind("127.0.0.1", 0)
    async with served(dashboard, listening):
        yield listening.getsockname()[1]


async def sent(port: int, head: bytes, *pieces: bytes) -> tuple[bytes, bool]:
    """The first line of the answer, and whether the server took everything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        writer.write(head)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    sending = asyncio.create_task(send())
    async with asyncio.timeout(PATIENCE):
        line = await reader.readline()
        try:
            while await reader.read(65_536):
                pass
        except OSError:
            pass
    took_all = sending.done() and sending.exception() is None
    sending.cancel()
    writer.transport.abort()
    return line.strip(), took_all


@pytest.mark.parametrize("path", [b"/login", b"/signup", b"/reset"])
@pytest.mark.parametrize(
    ("framing", "pieces"),
    [
        (LENGTH % 10**12, ENDLESS),
        (CHUNKED, [b"%x\r\n%b\r\n" % (len(each), each) for each in ENDLESS]),
    ],
    ids=["a length", "chunks"],
)
async def test_a_form_without_end_is_413_and_is_not_read_to_its_end(
    port: int, path: bytes, framing: bytes, pieces: list[bytes]
) -> None:
    line, took_all = await sent(port, POST % path + framing, *pieces)
    assert b" 413 " in line
    assert not took_all


async def test_a_page_that_reads_no_body_does_not_take_it(port: int) -> None:
    line, took_all = await sent(port, POST % b"/nowhere" + LENGTH % 10**12, *ENDLESS)
    assert b" 404 " in line or b" 303 " in line
    assert not took_all


async def test_a_large_form_that_fits_is_read(port: int) -> None:
    form = b"email=nobody%40example.ru&password=" + b"a" * (LARGEST_FORM - 100)
    head = POST % b"/login" + b"Connection: close\r\n" + LENGTH % len(form)
    line, took_all = await sent(port, head, form)
    assert b" 422 " in line
    assert took_all

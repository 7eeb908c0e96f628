"""A page whose reader stalls costs nobody else anything, and not much and not for ever at that."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from app.process import bind
from app.realtime.hub import Mailbox
from tests.support.people import Person
from tests.support.servers import served
from tests.support.waiting import PATIENCE, until

UNREAD = 1.0  # seconds; 30 in earnest
SMALL = 4096  # bytes of a stalled reader's buffer
PLACES = 20  # cards that change, …
EVENT = b"data: " + b"x" * 50_000 + b"\n\n"  # … and what each of them is


@pytest.fixture
async def port(person: Person) -> AsyncIterator[int]:
    """The application over real HTTP."""
    listening = bind("127.0.0.1", 0, unread=UNREAD)
    async with served(person.app, listening):
        yield listening.getsockname()[1]


async def opened(person: Person, port: int, buffer: int = 0) -> socket.socket:
    """A page of the person's, open; `buffer` bytes are all that its reader has room for."""
    own = socket.socket()
    if buffer:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    own.setblocking(False)
    await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
    cookies = "; ".join(f"{each.name}={each.value}" for each in person.client.cookie_jar or ())
    head = f"GET /connections/stream HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n\r\n"
    before = len(person.app.hub.pages)
    await asyncio.get_running_loop().sock_sendall(own, head.encode())
    await until(lambda: pages(person, before + 1))
    return own


async def pages(person: Person, count: int) -> bool:
    return len(person.app.hub.pages) == count


async def read_until(reader: socket.socket, mark: bytes) -> None:
    rest = b""
    async with asyncio.timeout(PATIENCE):
        while mark not in rest:
            piece = await asyncio.get_running_loop().sock_recv(reader, 1 << 20)
            assert piece, "the stream ended"
            rest = rest[-len(mark) :] + piece


def change_all(person: Person, mark: bytes) -> None:
    for place in range(PLACES):
        person.app.hub.broadcast(f"card {place}", EVENT)
    person.app.hub.broadcast("mark", b"data: " + mark + b"\n\n")


async def test_a_stalled_page_ends_and_costs_the_others_nothing(person: Person, port: int) -> None:
    with await opened(person, port, SMALL), await opened(person, port) as reading:
        round_ = 0

        async def stalled_is_gone() -> bool:
            nonlocal round_
            round_ += 1
            change_all(person, b"round-%d." % round_)
            await read_until(reading, b"round-%d." % round_)
            return await pages(person, 1)

        await until(stalled_is_gone)
        assert round_ > 1


async def test_what_waits_for_a_stalled_page_is_one_event_a_card(person: Person, port: int) -> None:
    with await opened(person, port, SMALL):
        (mailbox,) = person.app.hub.pages

        async def full() -> bool:
            change_all(person, b"-")
            return waiting(mailbox) >= PLACES * len(EVENT)

        await until(full)
        for _ in range(50):
            change_all(person, b"-")
        assert waiting(mailbox) < 2 * PLACES * len(EVENT)
        await until(lambda: pages(person, 0))


def waiting(mailbox: Mailbox) -> int:
    return sum(map(len, mailbox._events.values()))


async def test_a_page_that_reads_slowly_stays(person: Person, port: int) -> None:
    with await opened(person, port, SMALL) as slow:
        change_all(person, b"last")
        loop, end = asyncio.get_running_loop(), asyncio.get_running_loop().time() + 3 * UNREAD

        async def read_a_little() -> bool:
            assert await loop.sock_recv(slow, 2000)
            return loop.time() > end

        await until(read_a_little)
        assert await pages(person, 1)

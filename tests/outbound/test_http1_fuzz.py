"""Whatever comes over a connection, in whatever pieces: an answer or a failure that has a name.

`FUZZ_SECONDS` (3) and `FUZZ_SEED` make it longer, or do it once more.
"""

import asyncio
import os
import random
import ssl
import time
from collections.abc import Callable

import pytest

from app.outbound.http1 import (
    MAX_HEAD,
    MOST_FRAMING,
    PIECE,
    Closed,
    Garbled,
    HttpConnection,
    RawResponse,
    TooLarge,
)

SECONDS = float(os.environ.get("FUZZ_SECONDS", "3"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.randrange(1 << 32)
MAX_BODY = 2_000
FAILURES = (TimeoutError, Closed, Garbled, TooLarge, ssl.SSLError)
Outcome = tuple[object, ...]

STATUSES = (b"200 OK", b"100 Continue", b"101 Switching", b"103 Hints", b"204 No", b"304 Not",
            b"401 ", b"500", b"999 X", b"2OO OK", b"-1 X", b"")  # fmt: skip
NAMES = (b"Content-Length", b"Transfer-Encoding", b"Connection", b"Upgrade", b"X", b"", b" X",
         b"X Y", b"\xd0\xb8", b"X:Y", b"\0")  # fmt: skip
VALUES = (b"2", b"0", b"1e3", b"-1", b"99999999999999999999", b"2, 2", b"chunked", b"gzip, chunked",
          b"close", b"keep-alive", b"upgrade", b"websocket", b"a\tb", b"\0", b"\xff")  # fmt: skip
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n ", b"")
CHUNKS = (b"2\r\n{}\r\n", b"2\r\n{}", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"2;a=b\r\n{}\r\n",
          b"fffffffffffffffff\r\n", b"-2\r\n", b"\r\n", b"{}",
          b"7d1\r\n" + b"a" * 2_001)  # fmt: skip


class Wire(asyncio.Transport):
    """Takes all and remembers whether it was aborted."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True


def made_up(dice: random.Random) -> bytes:
    """Something like an answer: its parts in their order mostly, and then some bytes changed."""
    said = b""
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        said += b"HTTP/1.%d %b%b" % (dice.choice((1, 1, 0)), usual(STATUSES, dice), end(dice))
        for _ in range(dice.randrange(5)):
            said += b"%b: %b%b" % (usual(NAMES, dice), usual(VALUES, dice), end(dice))
        said += end(dice) + b"".join(dice.choices(CHUNKS, k=dice.randrange(5)))
    if dice.random() < 0.1:
        place = dice.randrange(len(said))
        said = said[:place] + dice.choice((b"a", b"\r\n", b"X: y\r\n")) * 30_000 + said[place:]
    changed = bytearray(said)
    for _ in range(dice.choice((0, 0, 0, 0, 1, 20))):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def usual(among: tuple[bytes, ...], dice: random.Random) -> bytes:
    return among[0] if dice.random() < 0.5 else dice.choice(among)


def end(dice: random.Random) -> bytes:
    return usual(ENDS, dice)


def split(said: bytes, dice: random.Random) -> list[bytes]:
    most = dice.choice((1, 2, 7, 100, 5_000)) if len(said) < 5_000 else 5_000
    pieces = []
    while said:
        length = dice.randint(1, most)
        pieces.append(said[:length])
        said = said[length:]
    return pieces


async def outcome(method: str, pieces: list[bytes]) -> Outcome:
    """What becomes of these pieces and the end of the connection after them."""
    wire, connection = Wire(), HttpConnection(MAX_BODY)
    connection.connection_made(wire)
    exchange = asyncio.ensure_future(connection.exchange(method, b"", 60))
    await asyncio.sleep(0)
    came = 0
    for piece in pieces:
        if wire.is_aborted:
            break
        connection.data_received(piece)
        came += len(piece)
    assert came <= 2 * MAX_HEAD + MAX_BODY * (1 + MOST_FRAMING) + PIECE or wire.is_aborted
    connection.eof_received()
    connection.connection_lost(None)
    assert not connection.reusable
    try:
        answer = await exchange
    except TooLarge:
        return (Garbled,)  # which of the two faults is met first may depend on the pieces
    except FAILURES as error:
        return (type(error),)
    assert isinstance(answer, RawResponse)
    assert len(answer.body) <= MAX_BODY
    return answer.status, answer.headers, answer.body


def test_whatever_comes_has_one_meaning_however_it_is_split() -> None:
    """Whole, in pieces, in other pieces: the same answer, or the same failure."""
    dice, until = random.Random(SEED), time.monotonic() + SECONDS
    met: dict[object, int] = {}

    async def fuzz() -> None:
        while time.monotonic() < until:
            said, method = made_up(dice), dice.choice(("GET", "GET", "POST", "HEAD"))
            whole = await outcome(method, [said])
            assert await outcome(method, split(said, dice)) == whole, (SEED, method, said[:500])
            kind = whole[0] if len(whole) == 1 else "answer"
            met[kind] = met.get(kind, 0) + 1

    asyncio.run(fuzz())
    print(SEED, met)
    assert met["answer"]  # it meets both
    assert met[Garbled]


@pytest.mark.parametrize(
    "rest", [b"X: y\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"\0", b"a" * 100], ids=repr
)
def test_what_follows_an_answer_is_not_parsed(rest: bytes) -> None:
    """However much of it is there already: its sender would choose how long we work."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    assert _work(ok + rest * (1_000_000 // len(rest))) < 3 * PIECE


def _work(said: bytes) -> int:
    """How many bytes the connection reads of it."""
    read: list[int] = []

    class Counting(HttpConnection):
        def _receive(self, data: bytes) -> None:
            read.append(len(data))
            super()._receive(data)

    async def once() -> None:
        connection = Counting(MAX_BODY)
        connection.connection_made(Wire())
        exchange: Callable[..., asyncio.Future[RawResponse]] = asyncio.ensure_future
        waiting = exchange(connection.exchange("GET", b"", 60))
        await asyncio.sleep(0)
        connection.data_received(said)
        assert (await waiting).body == b"{}"
        assert not connection.reusable

    asyncio.run(once())
    return sum(read)

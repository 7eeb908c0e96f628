"""Thousands of open streams in a process of its own: bare sockets, epoll, a count of what came."""

import asyncio
import multiprocessing
import resource
import select
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import Any

from bench._machine import stay_on

AT_ONCE = 200  # streams that are being opened
PIECE = 256 * 1024  # bytes of one read
LONGEST_MARK = 64  # bytes
SMALLEST_BUFFER = 4096  # bytes of SO_RCVBUF that a stalled reader has
PATIENCE = 90.0  # seconds until what has not come never will


class Readers:
    """Orders for the process that reads."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    async def open(self, port: int, requests: Sequence[bytes], mark: bytes) -> float:
        """One stream for each request; returns the seconds until `mark` came on all of them."""
        return float(await self._order("open", port, requests, mark))

    async def stall(self, port: int, requests: Sequence[bytes], _: bytes) -> None:
        """Streams that are asked for and never read."""
        await self._order("stall", port, requests)

    async def watch(self, mark: bytes, expected: dict[int, int]) -> None:
        """From now on look for `mark`, so many times on each of these streams."""
        self._pipe.send(("watch", mark, expected))
        await asyncio.to_thread(self._pipe.recv)  # it looks

    async def seen(self) -> list[float]:
        """`time.monotonic()` of the last mark of each watched stream; shorter where some is
        missing.
        """
        return list(await asyncio.to_thread(self._pipe.recv))

    async def bytes_read(self) -> int:
        return int(await self._order("bytes_read"))

    async def close_last(self, count: int) -> None:
        """The streams that were opened last; stalled ones stay."""
        await self._order("close_last", count)

    async def _order(self, *order: Any) -> Any:
        self._pipe.send(order)
        return await asyncio.to_thread(self._pipe.recv)


@asynccontextmanager
async def open_readers(core: int) -> AsyncIterator[Readers]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, core))
    process.start()
    theirs.close()  # so that the end of the process is an error here, not silence
    try:
        yield Readers(ours)
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)


def many_files() -> None:
    """As many open files as may be, for this process and what it starts from now on."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _serve(pipe: Connection, core: int) -> None:
    stay_on(core)
    many_files()
    streams = _Streams(pipe)
    while True:
        name, *arguments = pipe.recv()
        pipe.send(getattr(streams, name)(*arguments))


class _Streams:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._sockets: list[socket.socket] = []
        self._stalled: list[socket.socket] = []
        self._places: dict[int, int] = {}  # of a descriptor, in the order of opening
        self._poll = select.epoll()
        self._read = 0
        self._buffer = bytearray(LONGEST_MARK + PIECE)
        self._view = memoryview(self._buffer)
        self._missing: dict[int, int] = {}  # marks that are still to come, by place
        self._tails: dict[int, bytes] = {}  # ends of pieces: a mark may be cut in two
        self._mark = b""

    def open(self, port: int, requests: Sequence[bytes], mark: bytes) -> float:
        began = time.monotonic()
        first = len(self._sockets)
        self._look_for(mark, dict.fromkeys(range(first, first + len(requests)), 1))
        for request in requests:
            while len(self._sockets) - first - self._done(len(requests)) >= AT_ONCE:
                self._turn()
            self._connect(port, request)
        while self._missing:
            self._turn()
        return time.monotonic() - began

    def stall(self, port: int, requests: Sequence[bytes]) -> None:
        for request in requests:
            each = socket.socket()
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_BUFFER)
            each.connect(("127.0.0.1", port))
            each.send(request)
            self._stalled.append(each)

    def watch(self, mark: bytes, expected: dict[int, int]) -> list[float]:
        self._look_for(mark, dict(expected))
        self._pipe.send(None)
        times: list[float] = []
        end = time.monotonic() + PATIENCE
        while self._missing and time.monotonic() < end:
            times += self._turn()
        return times

    def bytes_read(self) -> int:
        return self._read

    def close_last(self, count: int) -> None:
        for each in self._sockets[-count:]:
            del self._places[each.fileno()]
            each.close()
        del self._sockets[-count:]

    def _done(self, count: int) -> int:
        return count - len(self._missing)

    def _connect(self, port: int, request: bytes) -> None:
        each = socket.create_connection(("127.0.0.1", port))
        each.setblocking(False)
        self._places[each.fileno()] = len(self._sockets)
        self._sockets.append(each)
        self._poll.register(each, select.EPOLLIN)
        each.send(request)

    def _look_for(self, mark: bytes, expected: dict[int, int]) -> None:
        self._mark, self._missing, self._tails = mark, expected, {}

    def _turn(self) -> list[float]:
        """Read what there is; returns the times of streams that now have all their marks."""
        times = []
        for descriptor, _ in self._poll.poll(0.5):
            place = self._places[descriptor]
            if self._missing.get(place, 0) and not self._take(descriptor, place):
                del self._missing[place]
                times.append(time.monotonic())
            elif place not in self._missing:
                self._read += self._receive(descriptor, place)
        return times

    def _take(self, descriptor: int, place: int) -> int:
        """How many marks are still to come on this stream."""
        tail = self._tails.get(place, b"")
        start = LONGEST_MARK - len(tail)
        self._buffer[start:LONGEST_MARK] = tail
        end = LONGEST_MARK + self._receive(descriptor, place)
        self._read += end - LONGEST_MARK
        self._missing[place] -= self._buffer.count(self._mark, start, end)
        self._tails[place] = bytes(self._view[max(start, end - len(self._mark) + 1) : end])
        return max(0, self._missing[place])

    def _receive(self, descriptor: int, place: int) -> int:
        count = self._sockets[place].recv_into(self._view[LONGEST_MARK:])
        if not count:
            self._poll.unregister(descriptor)
        return count

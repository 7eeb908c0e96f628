"""Passwords: the rules for a new one, and hashing with Argon2id off the event loop."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.accounts.client_address import subscriber_of
from app.accounts.fair_queue import FairQueue

SHORTEST_PASSWORD = 10  # characters
LONGEST_PASSWORD = 1_000  # characters; a longer one would only take longer to hash

# Argon2id as OWASP recommends it: 19 MiB, two passes. It fits a server with 512 MB.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
AT_ONCE = 2
MOST_WAITING = 64  # about a second and a half of hashing
_queue = FairQueue(AT_ONCE, MOST_WAITING)
_asker: ContextVar[str] = ContextVar("asker", default="")  # whose turn it is

T = TypeVar("T")


def fault_in_password(password: str) -> str | None:
    """ "short", "long", or None for a good password."""
    if len(password) < SHORTEST_PASSWORD:
        return "short"
    return "long" if len(password) > LONGEST_PASSWORD else None


def hash_for(address: str | None) -> None:
    """From now on this task hashes for the client with this address, who waits for a turn."""
    _asker.set(subscriber_of(address))


async def hash_password(password: str) -> str:
    """Raises Overloaded, as `matches` does."""
    return await _in_turn(lambda: _hasher.hash(password))


async def matches(password_hash: str, password: str) -> bool:
    return await _in_turn(lambda: _verified(password_hash, password[:LONGEST_PASSWORD]))


class Turn:
    """It ends with the work: a thread goes on, whether or not somebody still waits."""

    def __init__(self) -> None:
        self.has_ended = False
        self._working: asyncio.Future[Any] | None = None

    async def run(self, work: Callable[[], T]) -> T:
        working = self._working = asyncio.get_running_loop().run_in_executor(None, work)
        return await asyncio.shield(working)

    def end(self) -> None:
        self.has_ended = True
        if self._working is None or self._working.done():
            _queue.leave()
        else:
            self._working.add_done_callback(lambda _: _queue.leave())


_held: ContextVar[Turn | None] = ContextVar("held", default=None)


@asynccontextmanager
async def turn() -> AsyncIterator[Turn]:
    """What ends with hashing takes its turn before the rest of it, which waits for the database:
    a crowd would wait there in no order. The hashing in it has that turn. Raises Overloaded.
    """
    held = _held.get()
    if held is not None and not held.has_ended:
        yield held
        return
    await _queue.enter(_asker.get())
    mine = Turn()
    before = _held.set(mine)
    try:
        yield mine
    finally:
        _held.reset(before)
        mine.end()


async def _in_turn(work: Callable[[], T]) -> T:
    async with turn() as mine:
        return await mine.run(work)


def _verified(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


_nobody: list[str] = []


async def hash_of_nobody() -> str:
    if not _nobody:
        _nobody.append(await hash_password(secrets.token_urlsafe(16)))
    return _nobody[0]

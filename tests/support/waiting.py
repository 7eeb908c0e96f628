"""Waiting for something to become true: the only place where tests sleep."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LOOK = 0.02  # seconds between two looks
PATIENCE = 60.0  # seconds: only what never happens takes so long, on the busiest machine too


async def until(look: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
    """The first truthy thing that `look` brings; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        if found := await look():
            return found
        assert time.monotonic() < end, f"did not happen within {seconds} s"
        await asyncio.sleep(LOOK)


async def every(pause: float, seconds: float) -> AsyncIterator[None]:
    """Once in `pause` seconds, for so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        await asyncio.sleep(pause)

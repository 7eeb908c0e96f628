"""A step that is done again and again: a crash is logged and costs one pause, never the rest."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from app.away import is_away, name_of

log = logging.getLogger(__name__)

AFTER_FAULT = 2.0  # seconds before a step that crashed is tried again

Step = Callable[[], Awaitable[None]]


async def forever(step: Step, pause: float = 0.0) -> None:
    """Until cancelled: `step`, then `pause` seconds. The database may be away; we outlive that."""
    told = ""
    while True:
        try:
            await step()
            if told:
                log.warning("%s goes on", step.__qualname__)
            told = ""
        except Exception as error:
            _tell(step, error, told)
            told = name_of(error)
            await asyncio.sleep(AFTER_FAULT)
        await asyncio.sleep(pause)


@asynccontextmanager
async def running(work: Awaitable[Any]) -> AsyncIterator[None]:
    """A background task that lives as long as the block."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(_tell_death)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _tell(step: Step, error: Exception, told: str) -> None:
    """A surprise: its trace once, then a line each time. A database that is away: one line."""
    name = name_of(error)
    if not is_away(error):
        log.error("%s failed: %s", step.__qualname__, name, exc_info=name != told)
    elif name != told:
        log.warning("%s: no database (%s)", step.__qualname__, name)


def _tell_death(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("a background task is dead", exc_info=task.exception())

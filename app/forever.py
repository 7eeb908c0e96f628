"""A step that is done again and again: a crash is logged and costs one pause, never the rest."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

log = logging.getLogger(__name__)

AFTER_FAULT = 2.0  # seconds before a step that crashed is tried again

Step = Callable[[], Awaitable[None]]


async def forever(step: Step, pause: float = 0.0) -> None:
    """Until cancelled: `step`, then `pause` seconds. The database may be away; we outlive that."""
    told: type[Exception] | None = None
    while True:
        try:
            await step()
            told = None
        except Exception as error:
            # The whole trace once; a fault that stays is a line each time, not a page.
            trace = type(error) is not told
            told = type(error)
            log.error("%s failed: %s", step.__qualname__, told.__name__, exc_info=trace)
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


def _tell_death(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("a background task is dead", exc_info=task.exception())

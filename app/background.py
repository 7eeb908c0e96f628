"""Work beside requests: periodic steps, and work that is finished whoever waits for it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, overload

from app.database.availability import is_away, name_of

log = logging.getLogger(__name__)

AFTER_FAULT = 2.0  # seconds before a step that crashed is tried again

T = TypeVar("T")
Step = Callable[[], Awaitable[None]]


class Unfinished:
    """Tasks that nobody else may cancel. `stopping` tells them to begin nothing new."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.stopping = False

    @overload
    async def run(self, work: Coroutine[Any, Any, T], seconds: None = None) -> T: ...
    @overload
    async def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T | None: ...
    async def run(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T | None:
        """The result; None when it does not come within `seconds`, but then it goes on."""
        task = self._begin(work)
        done, _ = await asyncio.wait([task], timeout=seconds)
        return task.result() if done else None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin it and wait for nothing: whoever asked must not learn how long it takes."""
        self._begin(work).add_done_callback(_tell_failure)

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def drain(self, seconds: float) -> None:
        """Wait for what is under way; what has not ended by then never will."""
        self.stopping = True
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)
        for task in self.tasks:
            task.cancel()


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("work in the background failed", exc_info=error)


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

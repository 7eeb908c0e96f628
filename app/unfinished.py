"""Work that must come to its end although whoever asked for it may be gone.

A refresh or an exchange that is cut off half-way is a grant that is lost: the provider has
answered, and nobody kept the answer.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Unfinished:
    """Tasks that nobody else may cancel. `stopping` tells them to begin nothing new."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.stopping = False

    async def run(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T | None:
        """The result; None when it does not come within `seconds`, but then it goes on."""
        task = self._begin(work)
        done, _ = await asyncio.wait([task], timeout=seconds)
        return task.result() if done else None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin it and wait for nothing: whoever asked must not learn how long it takes."""
        self._begin(work).add_done_callback(_tell)

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


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("work in the background failed", exc_info=error)

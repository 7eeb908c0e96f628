"""Work that must come to its end although whoever asked for it may be gone.

A refresh or an exchange that is cut off half-way is a grant that is lost: the provider has
answered, and nobody kept the answer.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Unfinished:
    """Tasks that nobody else may cancel. `stopping` tells them to begin nothing new."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.stopping = False

    async def run(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T | None:
        """The result; None when it does not come within `seconds`, but then it goes on."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        done, _ = await asyncio.wait([task], timeout=seconds)
        return task.result() if done else None

    async def drain(self, seconds: float) -> None:
        """Wait for what is under way; what has not ended by then never will."""
        self.stopping = True
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)
        for task in self.tasks:
            task.cancel()

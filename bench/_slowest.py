"""Which query of a program is the slowest, and what PostgreSQL does for it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine


@dataclass
class Watch:
    """How long each statement took, in seconds, and what it was given the last time."""

    times: dict[str, list[float]] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def slowest(self) -> str:
        return max(self.times, key=lambda statement: median(self.times[statement]))

    def milliseconds(self, statement: str) -> float:
        return round(median(self.times[statement]) * 1000, 1)

    async def plan(self, engine: AsyncEngine, statement: str) -> list[str]:
        async with engine.connect() as connection:
            asked = f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement}"
            rows = await connection.exec_driver_sql(asked, self.given[statement])
            return [str(row[0]) for row in rows]


@contextmanager
def watched(engine: AsyncEngine) -> Iterator[Watch]:
    watch = Watch()

    def begin(_: Any, __: Any, statement: str, given: Any, context: Any, ___: Any) -> None:
        context.began = time.perf_counter()
        watch.given[statement] = given

    def end(_: Any, __: Any, statement: str, ___: Any, context: Any, ____: Any) -> None:
        took = time.perf_counter() - context.began
        watch.times.setdefault(statement, []).append(took)

    hooks = (("before_cursor_execute", begin), ("after_cursor_execute", end))
    for name, hook in hooks:
        event.listen(engine.sync_engine, name, hook)
    try:
        yield watch
    finally:
        for name, hook in hooks:
            event.remove(engine.sync_engine, name, hook)

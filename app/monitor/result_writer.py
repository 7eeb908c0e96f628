"""Between steps 3 and 4 of a check: results wait while the batch before them is being written."""

import asyncio
import logging
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from app import metrics
from app.database.availability import is_away, name_of
from app.logging import LogEvent
from app.monitor.checked import Checked
from app.monitor.checker import Checker

log = logging.getLogger(__name__)

WRITE_BATCH = 500  # results in one transaction
# Of a batch that the database refuses. Then each result is tried alone; where that fails too, the
# lease runs out, and the connection is checked again.
WRITE_TRIES = 3
LAST_WRITES = 5.0  # seconds for what still waits when the process ends
WRITE_PAUSE = 0.5  # seconds between tries


class ResultWriter:
    """Batches form by themselves: what arrives during one write is the next batch."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._waiting: asyncio.Queue[Checked] = asyncio.Queue()
        self.is_failing = False  # the last write of all failed: what is found out reaches nobody

    def put(self, checked: Checked) -> None:
        self._waiting.put_nowait(checked)

    async def write_next(self) -> None:
        """Wait for a result, and write it with all that came meanwhile.

        While the database is away nothing is leased either, so that the queue stays short.
        """
        batch = self._batch(await self._waiting.get())
        try:
            if not await self._written(batch, WRITE_TRIES, patient=True):
                for each in batch:  # one of them may be what the database refuses
                    await self._written([each], 1)
        except asyncio.CancelledError:
            for each in batch:  # what was written already is not written twice: its lease is gone
                self._waiting.put_nowait(each)
            raise

    async def write_rest(self) -> None:
        """At shutdown: write what still waits, in one try and within LAST_WRITES."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WRITES):
                while not self._waiting.empty():
                    await self._written(self._batch(self._waiting.get_nowait()), 1)

    def _batch(self, first: Checked) -> list[Checked]:
        batch = [first]
        while not self._waiting.empty() and len(batch) < WRITE_BATCH:
            batch.append(self._waiting.get_nowait())
        return batch

    async def _written(self, batch: list[Checked], tries: int, patient: bool = False) -> bool:
        """`patient`: a try does not count while the database is away."""
        while tries:
            try:
                await self._checker.write(batch)
                self._note(failing=False)
                return True
            except (SQLAlchemyError, OSError) as error:
                self._note(failing=True)
                log.warning(LogEvent("verdicts_not_written", rows=len(batch), error=name_of(error)))
                tries -= not (patient and is_away(error))
                await asyncio.sleep(WRITE_PAUSE)
        return False

    def _note(self, *, failing: bool) -> None:
        self.is_failing = failing
        metrics.WRITES_FAILING.set(failing)
        metrics.VERDICTS_WAITING.set(self._waiting.qsize())

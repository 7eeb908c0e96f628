"""Between steps 3 and 4: verdicts wait here while the batch before them is being written."""

import asyncio
import logging

from sqlalchemy.exc import DBAPIError

from app.monitor.check import Checker
from app.monitor.record import Checked

log = logging.getLogger(__name__)

BATCH = 500  # verdicts in one transaction
TRIES = 3  # then each alone, and then the lease runs out and the connection is checked again
PAUSE = 0.5  # seconds between tries


class Recorder:
    """Batches form by themselves: what arrives during one write is the next one."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._waiting: asyncio.Queue[Checked] = asyncio.Queue()

    def put(self, checked: Checked) -> None:
        self._waiting.put_nowait(checked)

    async def write_next(self) -> None:
        """Wait for a verdict, and write it with all that came meanwhile."""
        await self._write([await self._waiting.get()])

    async def write_rest(self) -> None:
        while not self._waiting.empty():
            await self._write([])

    async def _write(self, batch: list[Checked]) -> None:
        while not self._waiting.empty() and len(batch) < BATCH:
            batch.append(self._waiting.get_nowait())
        if not await self._written(batch):
            for each in batch:  # one of them may be what the database refuses
                await self._written([each])

    async def _written(self, batch: list[Checked]) -> bool:
        for _ in range(TRIES):
            try:
                await self._checker.write(batch)
                return True
            except (DBAPIError, OSError) as error:
                log.warning("%d verdicts not written: %s", len(batch), type(error).__name__)
                await asyncio.sleep(PAUSE)
        return False

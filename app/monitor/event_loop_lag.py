"""Lag of our own event loop: it makes every answer look late, so that a time-out proves nothing."""

import asyncio
import time

LAG_TICK = 0.1  # seconds between two measurements
LAG_LIMIT = 0.5  # seconds; above this a time-out proves nothing


class EventLoopLag:
    """Measures the lag, and remembers when it was last too long."""

    def __init__(self) -> None:
        self._seen = float("-inf")

    def seen_since(self, moment: float) -> bool:
        """Did the loop lag since this `time.monotonic()`?"""
        return self._seen >= moment

    async def watch(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(LAG_TICK)
            if time.monotonic() - before - LAG_TICK > LAG_LIMIT:
                self._seen = time.monotonic()

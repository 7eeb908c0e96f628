"""Our own slowness: a late event loop makes every answer look late, and must not be blamed on
anyone.
"""

import asyncio
import time

LAG_TICK = 0.1  # seconds
LAG_LIMIT = 0.5  # seconds; above this a time-out proves nothing


class EventLoopLag:
    """Remembers when this process last ran late."""

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

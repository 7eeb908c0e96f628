"""Does our mail server answer just now? Asked before it has a letter, so that a page can say so."""

import asyncio
import time

from app.config import Settings
from app.outbound.smtp import NotSent, fault_of_server

FRESH = 10.0  # seconds that an answer is believed: strangers must not make us knock all the time
PATIENCE = 3.0  # seconds, while a person waits
SILENT = NotSent("the mail server does not answer")


class MailServer:
    """Whoever asks at the same time shares one conversation."""

    def __init__(self) -> None:
        self._asking: asyncio.Task[NotSent | None] | None = None
        self._asked_at = 0.0

    async def fault(self, settings: Settings) -> NotSent | None:
        """None: it greets us, and takes our log-in if there is one."""
        if settings.smtp is None:
            return None
        if self._asking is None or self._is_stale(self._asking):
            self._asking = asyncio.create_task(fault_of_server(settings.smtp))
            self._asked_at = time.monotonic()
        done, _ = await asyncio.wait([self._asking], timeout=PATIENCE)
        return self._asking.result() if done else SILENT

    def _is_stale(self, asking: "asyncio.Task[NotSent | None]") -> bool:
        return asking.done() and time.monotonic() - self._asked_at > FRESH

"""Step 5 of 6 of a check, first half: hear announcements, whatever happens to the connection."""

import asyncio
import logging
import random
from typing import Protocol

from app.database.engine import Database
from app.realtime.events import CHANNEL, Announcement, read_announcement

log = logging.getLogger(__name__)

PING = 15.0  # seconds between signs of life; finds a connection that died without a word
COMMAND_TIMEOUT = 5.0  # seconds for connecting and for one ping
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 15.0  # seconds before connecting again
PROVEN = 30.0  # seconds; a connection that lived so long was a good one


class Hears(Protocol):
    """Who is told what was announced."""

    def announced(self, announcement: Announcement) -> None: ...
    def resync(self) -> None: ...


class Listener:
    """Between two `resync`s every announcement arrives; after a break only `resync` does."""

    def __init__(self, database: Database, hears: Hears) -> None:
        self._database = database
        self._hears = hears
        self.connected = False

    async def run(self) -> None:
        """Until cancelled: connect, listen, and again after a growing pause."""
        pause = SHORTEST_PAUSE
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            try:
                await self._listen()
            except Exception as error:  # whatever it was: pages that hear nothing would be worse
                log.warning("listener lost its connection: %s", type(error).__name__)
            if clock() - started > PROVEN:
                pause = SHORTEST_PAUSE
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self) -> None:
        gone = asyncio.Event()
        connection = await self._database.listener(COMMAND_TIMEOUT)
        try:
            connection.add_termination_listener(lambda _: gone.set())
            await connection.add_listener(CHANNEL, self._on_notify)
            self.connected = True
            self._hears.resync()  # after LISTEN, so that no change falls between the two
            while not gone.is_set():
                try:
                    await asyncio.wait_for(gone.wait(), PING)
                except TimeoutError:
                    await connection.fetchval("SELECT 1")
        finally:
            self.connected = False
            connection.terminate()

    def _on_notify(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            self._hears.announced(read_announcement(str(payload)))
        except ValueError:
            log.warning("listener heard something that is not an announcement")

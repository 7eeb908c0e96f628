"""A streaming standby of PostgreSQL that pages may be read from, and how old its data are."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from sqlalchemy import text

from app.database.engine import Database

MOST_BEHIND = 5.0  # seconds that what is read from a standby may be old
LOOK_PAUSE = 0.5  # seconds between two looks
LOOK_PATIENCE = 3.0  # seconds that one may take
# In bytes of write-ahead log since the beginning of the cluster (PostgreSQL, "pg_lsn Type"). As
# inserted, not as written out: with synchronous_commit off a commit is there before that.
WRITTEN = text("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
REPLAYED = text(
    "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
    " ELSE pg_current_wal_insert_lsn() END - '0/0'::pg_lsn"
)


class Standby:
    """Measured by the log itself: what the primary had written at a moment, and the standby has
    replayed. The standby's own word (`pg_last_xact_replay_timestamp`) grows while nobody writes,
    and stands still when its link is cut.
    """

    def __init__(
        self, primary: Database, database: Database, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._primary, self._database, self._clock = primary, database, clock
        self._written: deque[tuple[float, int]] = deque(maxlen=1000)  # moments, not replayed yet
        self._current_at = float("-inf")  # all that was written until then can be read there
        self.sessions = database.sessions

    @property
    def behind(self) -> float:
        """Seconds, at most; infinity while nothing is known."""
        return self._clock() - self._current_at

    @property
    def is_fresh(self) -> bool:
        return self.behind <= MOST_BEHIND

    def doubt(self) -> None:
        """It failed a reader: nobody reads there until the next look has found it well."""
        self._current_at = float("-inf")

    async def look(self) -> None:
        """Asks both. Raises what they raise; then it gets older by itself."""
        async with asyncio.timeout(LOOK_PATIENCE):
            now = self._clock()
            async with self._primary.reading() as primary:
                self._written.append((now, int(await primary.scalar(WRITTEN))))
            async with self._database.reading() as standby:
                replayed = int(await standby.scalar(REPLAYED))
        while self._written and self._written[0][1] <= replayed:
            self._current_at, _ = self._written.popleft()

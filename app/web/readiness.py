"""What `/readyz` says: one look at the database for all who ask, and an answer soon."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import cache

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.config import ROOT
from app.database.engine import Database
from app.monitor import heartbeats

READY_TIMEOUT = 5.0  # seconds for the database to answer
ANSWERED_WITHIN = 0.1  # seconds, if it is remembered how the last look ended
REMEMBERED = 5.0  # seconds; longer, and a database that is away would be told too late
READ_ONLY = text("SELECT current_setting('transaction_read_only')")
# No row, no table, and nobody else sees it. First a record in the write-ahead log, whose commit
# wants the log on its disk. A log has room in advance though, and pages of tables have some too: of
# a full disk they know nothing for a while. So a query follows whose rows spill into a file.
WRITES = (
    text("SELECT pg_logical_emit_message(true, 'svyazka', 'ready')"),
    text("SET LOCAL work_mem = '64kB'"),
    text("SELECT count(*) FROM generate_series(1, 8192)"),
)
REVISION = text("SELECT version_num FROM alembic_version")

Parts = dict[str, bool]


class Readiness:
    """Where all connections are with pages, the last answer is better than none: a balancer that
    hears nothing takes the process out, and its load to the next one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looking: asyncio.Task[Parts] | None = None
        self._known: Parts = {}
        self._known_until = 0.0

    @property
    def is_looking(self) -> bool:
        return self._looking is not None

    async def parts(self, look: Callable[[], Awaitable[Parts]]) -> Parts:
        looking = self._looking = self._looking or asyncio.create_task(self._look(look))
        is_known = self._clock() < self._known_until
        done, _ = await asyncio.wait([looking], timeout=ANSWERED_WITHIN if is_known else None)
        return dict(looking.result() if done else self._known)

    async def _look(self, look: Callable[[], Awaitable[Parts]]) -> Parts:
        try:
            self._known = await look()
            self._known_until = self._clock() + REMEMBERED
            return self._known
        finally:
            self._looking = None


async def look_at(database: Database) -> Parts:
    """Every part that the database knows of; those that were not reached are false."""
    parts = dict.fromkeys(("database", "schema", "monitor", "way_out", "writable"), False)
    try:
        async with asyncio.timeout(READY_TIMEOUT), database.sessions.begin() as session:
            parts["schema"] = await session.scalar(REVISION) not in _older_revisions()
            parts["database"] = True
            parts["monitor"] = await heartbeats.monitor_alive(session)
            parts["way_out"] = not await heartbeats.all_offline(session)
            may_write = await session.scalar(READ_ONLY) == "off"
            if may_write:
                for write in WRITES:
                    await session.execute(write)
        parts["writable"] = may_write  # and committed
    except (SQLAlchemyError, OSError, TimeoutError):
        pass
    return parts


@cache
def _older_revisions() -> frozenset[str | None]:
    """Revisions older than this code's. An unknown one is newer: a deployment is under way.

    By the numbers of the files: to load Alembic takes a fifth of a start, and 9 MB.
    """
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    return frozenset({None, *(file.name.partition("_")[0] for file in files[:-1])})

"""What must be true after the chaos, and what was said during it."""

import os
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx

from bench._chaos_faults import DATABASE_AWAY
from bench._chaos_world import INTERVAL, Ready, World
from tests.support.people import Sandbox

LATE = 10.0  # seconds that a healthy connection may be overdue
NOTICED = 6.0  # seconds until `/readyz` must have noticed (its own patience is five)
MOST_FILES = 120  # open files and sockets of a program that has nothing left over
MOST_TASKS = 40  # of the web process
# What asyncio says of a task, a connection or an error that nobody looked after.
FORGOTTEN = re.compile("was destroyed but|never retrieved|never awaited|[Uu]nclosed|is dead")

STATE = "SELECT id, status, version FROM connections WHERE replaces_connection_id IS NULL"
OFF_SCHEDULE = f"""
SELECT count(*) FROM connections WHERE provider <> 'wild' AND status <> 'revoked'
AND (next_check_at < now() - interval '{LATE} seconds'
     OR next_check_at > now() + interval '{INTERVAL * 2} seconds'
     OR last_checked_at < now() - interval '{INTERVAL + LATE} seconds'
     OR lease_until < now() - interval '{LATE} seconds')
"""
OVERLAPS = """
SELECT count(*) FROM outages a JOIN outages b ON a.connection_id = b.connection_id AND a.id < b.id
AND tstzrange(a.opened_at, a.closed_at) && tstzrange(b.opened_at, b.closed_at)
"""
OPEN_WRONGLY = """
SELECT count(*) FROM outages o JOIN connections c ON c.id = o.connection_id
WHERE o.closed_at IS NULL AND c.status = 'online'
"""
MISSING = """
SELECT count(*) FROM connections c WHERE c.status IN ('offline', 'blocked', 'revoked')
AND NOT EXISTS (SELECT FROM outages o WHERE o.connection_id = c.id AND o.closed_at IS NULL)
"""
REVOKED = "SELECT id FROM connections WHERE status = 'revoked'"
IN_DOUBT = "SELECT connection_id FROM grants WHERE refresh_sent_at IS NOT NULL"
ALL_OVER = "SELECT count(*) FROM provider_outages WHERE closed_at IS NULL"
OUTBOX = "SELECT count(*) FROM revocations"


@dataclass(frozen=True)
class Event:
    name: str
    began: float  # monotonic
    ended: float


@dataclass
class Truth:
    world: World
    database: asyncpg.Connection
    sandbox: Sandbox
    in_doubt: set[UUID] = field(default_factory=set)  # whose refresh a killed program took along

    async def note_doubts(self) -> None:
        self.in_doubt |= {each["connection_id"] for each in await self.database.fetch(IN_DOUBT)}

    async def broken(self) -> dict[str, object]:
        """Each invariant that does not hold, with what was seen; empty when all is well."""
        looks: dict[str, Callable[[], Awaitable[object]]] = {
            "off schedule": lambda: self.database.fetchval(OFF_SCHEDULE),
            "overlapping outages": lambda: self.database.fetchval(OVERLAPS),
            "outages left open": lambda: self.database.fetchval(OPEN_WRONGLY),
            "trouble without an outage": lambda: self.database.fetchval(MISSING),
            "provider-wide outages left open": lambda: self.database.fetchval(ALL_OVER),
            "revocations left over": lambda: self.database.fetchval(OUTBOX),
            "lost grants": self._lost,
            "pages that differ": self._differing,
            "open files": self._leaking,
            "tasks": self._tasks,
            "forgotten": self._forgotten,
            "not ready": self._not_ready,
            "noted by a fault": self._noted,
        }
        found = {name: await look() for name, look in looks.items()}
        return {name: seen for name, seen in found.items() if seen}

    async def _lost(self) -> int:
        revoked = {each["id"] for each in await self.database.fetch(REVOKED)}
        return len(revoked - self.in_doubt)

    async def _differing(self) -> list[str]:
        rows = await self.database.fetch(STATE)
        known = {str(row["id"]): row["status"] for row in rows}
        wrong = []
        for number, page in enumerate(self.world.pages):
            shown = {id: status for id, (status, _) in page.shown.items() if id in known}
            wrong += [f"{number}: {id}" for id, seen in shown.items() if seen != known[id]]
            if not shown:
                wrong.append(f"{number}: shows nothing")
        return wrong

    async def _leaking(self) -> dict[int, int]:
        counts = {each.pid: _files(each.pid) for each in self.world.programs}
        return {pid: count for pid, count in counts.items() if count > MOST_FILES}

    async def _tasks(self) -> int:
        """Of the web process, when they are too many; -1 where it does not say."""
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                said = (await client.get(f"{self.world.url}/metrics")).text
        except httpx.HTTPError:
            return -1
        count = int(float(said.partition("\nsvyazka_tasks ")[2].split()[0]))
        return count if count > MOST_TASKS else 0

    async def _forgotten(self) -> list[str]:
        lines = "\n".join(each.said() for each in self.world.programs).splitlines()
        return [line for line in lines if FORGOTTEN.search(line)][:5]

    async def _noted(self) -> list[str]:
        return self.world.noted

    async def _not_ready(self) -> bool:
        return await Ready(self.world.url).ask() != 200


def lies(ready: Ready, events: list[Event]) -> list[str]:
    """When `/readyz` said that all is well while the database was away."""
    wrong = []
    for event in events:
        if event.name in DATABASE_AWAY:
            since = event.began + NOTICED
            said = [at for at, status in ready.said if status == 200 and since < at < event.ended]
            wrong += [f"{event.name} after {at - event.began:.1f} s" for at in said]
    return wrong


def _files(pid: int) -> int:
    try:
        return len(os.listdir(Path("/proc") / str(pid) / "fd"))
    except OSError:
        return 0


def now() -> float:
    return time.monotonic()

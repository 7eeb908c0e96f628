"""Two and four workers on one database: who checks how much, and what comes twice or late.

BENCH_ROWS (4,000), BENCH_SECONDS of each measurement (60).
"""

import asyncio
import os
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import asyncpg

from app import local_postgres
from app.announce import CHANNEL, read_announcement
from app.commands import migrate_database
from app.sealing import Keys
from bench._crowd import fill
from bench._machine import show
from bench._origin import Origin, origin
from bench.checks import ENTRY
from tests.processes import APP, Program, environment, free_port
from tests.settings import TOKEN_KEYS

ROWS = int(os.environ.get("BENCH_ROWS", "4000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
INTERVAL = 10.0  # seconds, with a tenth of jitter either way
WARM_UP = 12.0  # seconds: all have been checked once
WRITERS = "SELECT pid, application_name FROM pg_stat_activity WHERE application_name ~ '^worker'"


@dataclass
class Heard:
    """Every announced check: when, of which connection, written by which backend."""

    moments: dict[UUID, list[float]] = field(default_factory=lambda: defaultdict(list))
    backends: Counter[int] = field(default_factory=Counter)

    def hear(self, _: object, backend: int, __: str, payload: str) -> None:
        now = time.monotonic()
        for ids in read_announcement(payload).cards.values():
            self.backends[backend] += len(ids)
            for each in ids:
                self.moments[each].append(now)

    def gaps(self) -> list[float]:
        every = self.moments.values()
        return sorted(b - a for times in every for a, b in pairwise(times))


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures."""
    with (
        local_postgres.throwaway() as server,
        tempfile.TemporaryDirectory() as name,
        origin(Path(name)) as provider,
    ):
        await asyncio.to_thread(migrate_database, server.url)
        await fill(server.url, Keys(TOKEN_KEYS), "bench", ROWS)
        figures = {
            str(count): await _shared(count, server.url, provider, Path(name)) for count in (2, 4)
        }
    head = (
        "workers",
        "checks/s",
        "share of each",
        "shortest gap s",
        "p99 gap s",
        "longest gap s",
        "never",
    )
    show(head, [(count, *each.values()) for count, each in figures.items()])
    return {"rows": ROWS, "seconds": SECONDS, "interval": INTERVAL, **figures}


async def _shared(
    count: int, database_url: str, provider: Origin, folder: Path
) -> dict[str, object]:
    workers = [
        Program([*APP, "worker"], _environ(database_url, provider, folder, number)).start()
        for number in range(count)
    ]
    listener = await asyncpg.connect(database_url)
    try:
        await asyncio.sleep(WARM_UP)
        heard = Heard()
        await listener.add_listener(CHANNEL, heard.hear)
        await asyncio.sleep(SECONDS)
        assert all(each.runs for each in workers), [each.said() for each in workers]
        writers = {each["pid"]: each["application_name"] for each in await listener.fetch(WRITERS)}
        return _figures(heard, writers)
    finally:
        await listener.close()
        for each in workers:
            await each.stop()
            await each.close()


def _environ(database_url: str, provider: Origin, folder: Path, number: int) -> dict[str, str]:
    file = folder / "providers.toml"
    file.write_text(ENTRY.format(url=provider.http, ca_file=provider.ca_file), encoding="utf-8")
    return environment(
        f"{database_url}{'&' if '?' in database_url else '?'}application_name=worker-{number}",
        free_port(),
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        HEALTH_CHECK_INTERVAL_SECONDS=f"{INTERVAL:.0f}",
        BENCH_CLIENT_ID="bench",
        BENCH_CLIENT_SECRET="bench-secret",
    )


def _figures(heard: Heard, writers: dict[int, str]) -> dict[str, object]:
    """A connection that was not heard of in the whole time was starved."""
    shares: Counter[str] = Counter()
    for backend, checks in heard.backends.items():
        shares[writers.get(backend, "gone")] += checks
    total, gaps = shares.total(), heard.gaps()
    return {
        "checks_per_second": round(total / SECONDS),
        "shares": " ".join(f"{shares[name] / total:.0%}" for name in sorted(shares)),
        "shortest_gap": round(gaps[0], 2),
        "p99_gap": round(gaps[int(len(gaps) * 0.99)], 2),
        "longest_gap": round(gaps[-1], 2),
        "never": ROWS - len(heard.moments),
    }

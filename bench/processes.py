"""Two and four workers on one database: who checks how much, what comes twice or late, what all
can do together.

BENCH_ROWS (4,000), BENCH_MANY (200,000) where more is due than can be done, BENCH_SECONDS of each
measurement (60).
"""

import asyncio
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import asyncpg

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.encryption import Keys
from app.realtime.events import CHANNEL, read_announcement
from bench._crowd import fill
from bench._machine import show, usage
from bench._origin import Origin, origin
from bench.checks import ENTRY
from tests.support.processes import APP, Program, environment, free_port
from tests.support.settings import TOKEN_KEYS

ROWS = int(os.environ.get("BENCH_ROWS", "4000"))
MANY = int(os.environ.get("BENCH_MANY", "200000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
INTERVAL = 10  # seconds, with a tenth of jitter either way
LONG_INTERVAL = 3600  # seconds: nothing falls due twice
WARM_UP = 12.0  # seconds: all have been checked once
WRITERS = "SELECT pid, application_name FROM pg_stat_activity WHERE application_name ~ '^worker'"


@dataclass
class Heard:
    """Every announced check: when, of which connection, written by which backend."""

    moments: dict[UUID, list[float]] = field(default_factory=lambda: defaultdict(list))
    backends: Counter[int] = field(default_factory=Counter)
    writers: dict[int, str] = field(default_factory=dict)  # which worker a backend belongs to
    cpu: float = 0.0  # seconds of all workers meanwhile

    def hear(self, _: object, backend: int, __: str, payload: str) -> None:
        now = time.monotonic()
        for ids in read_announcement(payload).cards.values():
            self.backends[backend] += len(ids)
            for each in ids:
                self.moments[each].append(now)

    def gaps(self) -> list[float]:
        every = self.moments.values()
        return sorted(b - a for times in every for a, b in pairwise(times))

    def shares(self) -> str:
        shares: Counter[str] = Counter()
        for backend, checks in self.backends.items():
            shares[self.writers.get(backend, "gone")] += checks
        return " ".join(f"{shares[name] / shares.total():.0%}" for name in sorted(shares))


async def measure() -> dict[str, object]:
    """Prints the tables; returns their figures."""
    with tempfile.TemporaryDirectory() as name, origin(Path(name)) as provider:
        async with _database(ROWS) as url:
            shared = {
                str(count): _even(await _heard(count, url, provider, Path(name), INTERVAL))
                for count in (2, 4)
            }
        _table(shared, "shortest gap s", "p99 gap s", "longest gap s", "never")
        busy = {}
        for count in (1, 2, 4):
            async with _database(MANY) as url:  # what has been checked is not due again
                heard = await _heard(count, url, provider, Path(name), LONG_INTERVAL)
            busy[str(count)] = _fast(heard)
    _table(busy, "CPU µs a check", "cores busy")
    settings = {"rows": ROWS, "many": MANY, "seconds": SECONDS, "interval": INTERVAL}
    return {**settings, **shared, "busy": busy}


@asynccontextmanager
async def _database(rows: int) -> AsyncIterator[str]:
    with local_postgres.throwaway() as server:
        await asyncio.to_thread(migrate_database, server.url)
        await fill(server.url, Keys(TOKEN_KEYS), "bench", rows)
        yield server.url


async def _heard(
    count: int, database_url: str, provider: Origin, folder: Path, interval: int
) -> Heard:
    """What so many workers announce in SECONDS, after a while of running in."""
    workers = [
        Program(
            [*APP, "worker"], _environ(database_url, provider, folder, number, interval)
        ).start()
        for number in range(count)
    ]
    listener = await asyncpg.connect(database_url)
    try:
        await asyncio.sleep(WARM_UP)
        heard = Heard()
        before = sum(usage(each.pid).cpu for each in workers)
        await listener.add_listener(CHANNEL, heard.hear)
        await asyncio.sleep(SECONDS)
        assert all(each.runs for each in workers), [each.said() for each in workers]
        heard.cpu = sum(usage(each.pid).cpu for each in workers) - before
        rows = await listener.fetch(WRITERS)
        heard.writers = {each["pid"]: each["application_name"] for each in rows}
        return heard
    finally:
        await listener.close()
        for each in workers:
            await each.stop()
            await each.close()


def _environ(
    database_url: str, provider: Origin, folder: Path, number: int, interval: int
) -> dict[str, str]:
    file = folder / "providers.toml"
    file.write_text(ENTRY.format(url=provider.http, ca_file=provider.ca_file), encoding="utf-8")
    return environment(
        f"{database_url}{'&' if '?' in database_url else '?'}application_name=worker-{number}",
        free_port(),
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        HEALTH_CHECK_INTERVAL_SECONDS=str(interval),
        BENCH_CLIENT_ID="bench",
        BENCH_CLIENT_SECRET="bench-secret",
    )


def _even(heard: Heard) -> dict[str, object]:
    """The work is given. A connection that was not heard of in the whole time was starved."""
    gaps = heard.gaps()
    return {
        "checks_per_second": round(heard.backends.total() / SECONDS),
        "shares": heard.shares(),
        "shortest_gap": round(gaps[0], 2),
        "p99_gap": round(gaps[int(len(gaps) * 0.99)], 2),
        "longest_gap": round(gaps[-1], 2),
        "never": ROWS - len(heard.moments),
    }


def _fast(heard: Heard) -> dict[str, object]:
    """More is due than can be done."""
    checks = heard.backends.total()
    return {
        "checks_per_second": round(checks / SECONDS),
        "shares": heard.shares(),
        "us_per_check": round(heard.cpu / checks * 1e6),
        "cores_busy": round(heard.cpu / SECONDS, 2),
    }


def _table(figures: dict[str, dict[str, object]], *rest: str) -> None:
    head = ("workers", "checks/s", "share of each", *rest)
    show(head, [(count, *each.values()) for count, each in figures.items()])

"""A provider that never answers, beside one that does: do the healthy connections keep time?

BENCH_ROWS of each provider (100,000), BENCH_SECONDS of each measurement (150), BENCH_WAYS in which
it fails (alone hangs refuses).
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.encryption import Keys
from bench._crowd import fill
from bench._machine import on, show, stay_on, usage
from bench._origin import Origin, origin
from tests.support.processes import APP, Program, environment, free_port
from tests.support.settings import TOKEN_KEYS

ROWS = int(os.environ.get("BENCH_ROWS", "100000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "150"))
INTERVAL = 120  # seconds: a fifth of the usual one, so five times the usual crowd
WARM_UP = 10.0  # seconds
OURS, THEIRS = 1, 0  # cores
DUE = f"now() + interval '{INTERVAL} seconds' * random()"
WAYS = os.environ.get("BENCH_WAYS", "alone hangs refuses").split()

# What every write knows and forgets: when the check had been due. One write in ten is kept.
WATCH = """
CREATE UNLOGGED TABLE late (provider text, at timestamptz, seconds float8);
CREATE FUNCTION note_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO late VALUES (OLD.provider, now(),
                             extract(epoch FROM clock_timestamp() - OLD.next_check_at));
    RETURN NULL;
END $$;
CREATE TRIGGER note_late AFTER UPDATE ON connections FOR EACH ROW
WHEN (OLD.lease_id IS NOT NULL AND NEW.lease_id IS NULL AND OLD.check_count <> NEW.check_count
      AND right(OLD.id::text, 1) = '7')
EXECUTE FUNCTION note_late();
"""
LATENESS = """
SELECT count(*) * 16 AS checks,
       percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY seconds) AS spread
FROM late WHERE provider = 'healthy' AND at > now() - $1 * interval '1 second'
"""
NEVER = """
SELECT count(*) FROM connections
WHERE provider = 'healthy' AND last_checked_at < $1
"""
OUT = "SELECT count(*) FROM provider_outages WHERE closed_at IS NULL"

ENTRY = """
[providers.{name}]
name = "{name}"
icon = "bi-box-seam"
authorization_endpoint = "{url}/auth"
token_endpoint = "{url}/token"
refresh = "never"
max_rate = 10000
max_concurrency = 200
[providers.{name}.probe]
url = "{url}/me"
"""


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures, lateness in seconds."""
    stay_on(THEIRS)
    figures = {}
    for way in WAYS:
        with (
            local_postgres.throwaway() as server,
            tempfile.TemporaryDirectory() as name,
            origin(Path(name)) as healthy,
        ):
            await asyncio.to_thread(migrate_database, server.url)
            async with _dead(way) as dead:
                figures[way] = await _beside(way, server.url, healthy, dead, Path(name))
    head = ("the other provider", "checks/s of the healthy", "median late s", "p99 s", "longest s",
            "never", "told out", "CPU")  # fmt: skip
    show(head, [(way, *each.values()) for way, each in figures.items()])
    return {"rows": ROWS, "seconds": SECONDS, "interval": INTERVAL, **figures}


async def _beside(
    way: str, database_url: str, healthy: Origin, dead: str, folder: Path
) -> dict[str, object]:
    keys = Keys(TOKEN_KEYS)
    await fill(database_url, keys, "healthy", ROWS, DUE)
    if way != "alone":
        await fill(database_url, keys, "dead", ROWS, DUE, after=ROWS)
    database = await asyncpg.connect(database_url)
    worker = Program(on(OURS, *APP, "worker"), _environ(database_url, healthy, dead, folder))
    try:
        await database.execute(WATCH)
        began = await database.fetchval("SELECT now()")
        worker.start()
        await asyncio.sleep(WARM_UP)
        before = usage(worker.pid).cpu
        await asyncio.sleep(SECONDS)
        assert worker.runs, worker.said()
        found = await database.fetchrow(LATENESS, SECONDS)
        median, p99, longest = found["spread"]
        return {
            "checks_per_second": round(found["checks"] / SECONDS),
            "median_late": round(median, 2),
            "p99_late": round(p99, 2),
            "longest_late": round(longest, 2),
            "never": await database.fetchval(NEVER, began),
            "told_out": bool(await database.fetchval(OUT)),
            "busy": round((usage(worker.pid).cpu - before) / SECONDS, 2),
        }
    finally:
        await worker.stop()
        await worker.close()
        await database.close()


@asynccontextmanager
async def _dead(way: str) -> AsyncIterator[str]:
    """It takes every connection and says nothing, or nobody listens there."""
    if way == "refuses":
        yield f"http://127.0.0.1:{free_port()}"
        return

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0, backlog=4096)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _environ(database_url: str, healthy: Origin, dead: str, folder: Path) -> dict[str, str]:
    file = folder / "providers.toml"
    entries = (("healthy", healthy.http), ("dead", dead))
    file.write_text("".join(ENTRY.format(name=name, url=url) for name, url in entries))
    return environment(
        database_url,
        free_port(),
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        HEALTH_CHECK_INTERVAL_SECONDS=str(INTERVAL),
        HEALTHY_CLIENT_ID="healthy",
        HEALTHY_CLIENT_SECRET="healthy-secret",
        DEAD_CLIENT_ID="dead",
        DEAD_CLIENT_SECRET="dead-secret",
    )

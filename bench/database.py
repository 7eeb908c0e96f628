"""What an hour of checks makes of the hot table, under several settings; how claim and write go.

BENCH_ROWS (100,000) for the settings, six checks of each; BENCH_MANY (1,000,000) for the plans.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import text

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.encryption import Keys
from app.database.engine import Database, open_database
from app.models.connection import Status
from app.monitor.answer import Answer
from app.monitor.checked import Checked
from app.monitor.leases import Lease, claim_due
from app.monitor.results import record
from app.monitor.verdict import Verdict
from bench._crowd import fill
from bench._machine import show
from bench._slowest import watched
from tests.support.settings import TOKEN_KEYS

ROWS = int(os.environ.get("BENCH_ROWS", "100000"))
MANY = int(os.environ.get("BENCH_MANY", "1000000"))
ROUNDS = 6  # checks of a connection in an hour, at 600 s
CLAIM, BATCH = 200, 400  # connections
DELAY = 10.0  # seconds between two checks of one: an hour passes in minutes
NAPTIME = 2  # seconds: so must autovacuum's minute
PROVIDER = "bench"

# Name, fill factor, share of dead rows that wakes autovacuum.
SETTINGS = (
    ("PostgreSQL's own", 100, 0.2),
    ("85 %", 85, 0.02),
    ("70 % (ours)", 70, 0.02),
    ("70 %, late vacuum", 70, 0.2),
    ("50 %", 50, 0.02),
)
SET = "ALTER TABLE connections SET (fillfactor = {}, autovacuum_vacuum_scale_factor = {})"
COUNTS = """
SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot, autovacuum_count AS vacuums,
       n_dead_tup AS dead, (pg_relation_size(relid) / 1048576.0)::float8 AS mb,
       (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 AS wal
FROM pg_stat_user_tables WHERE relname = 'connections'
"""
INDEXES = """
SELECT c.relname AS name, (pg_relation_size(c.oid) / 1048576.0)::float8 AS mb, s.idx_scan AS scans
FROM pg_stat_user_indexes s JOIN pg_class c ON c.oid = s.indexrelid
WHERE s.relname = 'connections' ORDER BY mb DESC
"""


async def measure() -> dict[str, object]:
    """Prints tables and plans; returns them."""
    figures = {}
    for name, room, share in SETTINGS:
        async with _table(ROWS, SET.format(room, share)) as (database, raw):
            figures[name] = await _loaded(database, raw)
    head = ("fill factor", "checks/s", "HOT", "WAL bytes a check", "table MB before", "after",
            "due index MB before", "after", "dead rows", "vacuums")  # fmt: skip
    show(head, [(name, *each.values()) for name, each in figures.items()])
    async with _table(MANY) as (database, raw):
        plans = await _plans(database)
        sizes = {each["name"]: round(each["mb"], 1) for each in await raw.fetch(INDEXES)}
    for name, lines in plans.items():
        print(f"\n{name}:", *lines, sep="\n  ")
    print(f"\nindexes at {MANY:,} rows, MB:", sizes)
    return {"rows": ROWS, "many": MANY, "settings": figures, "plans": plans, "indexes": sizes}


@asynccontextmanager
async def _table(rows: int, *prepare: str) -> AsyncIterator[tuple[Database, asyncpg.Connection]]:
    with local_postgres.throwaway() as server:
        await asyncio.to_thread(migrate_database, server.url)
        raw = await asyncpg.connect(server.url)
        try:
            for each in (*prepare, f"ALTER SYSTEM SET autovacuum_naptime = {NAPTIME}"):
                await raw.execute(each)
            await raw.execute("SELECT pg_reload_conf()")
            await fill(server.url, Keys(TOKEN_KEYS), PROVIDER, rows)
            async with open_database(server.url) as database:
                yield database, raw
        finally:
            await raw.close()


async def _loaded(database: Database, raw: asyncpg.Connection) -> dict[str, object]:
    """An hour's checks, claimed and written as the monitor does."""
    before, began = await raw.fetchrow(COUNTS), time.monotonic()
    due_before = (await _sizes(raw))["ix_connections_provider_next_check_at"]
    left = ROWS * ROUNDS
    while left > 0:
        leases = await _claimed(database, BATCH)
        await _written(database, leases)
        left -= len(leases)
        if not leases:
            await asyncio.sleep(0.05)
    took = time.monotonic() - began
    await asyncio.sleep(2.0)  # until the backends have told their counts
    after, checks = await raw.fetchrow(COUNTS), ROWS * ROUNDS - left
    updates = after["updates"] - before["updates"]
    return {
        "checks_per_second": round(checks / took),
        "hot": f"{(after['hot'] - before['hot']) / updates:.0%}",
        "wal": round((after["wal"] - before["wal"]) / checks),
        "table_before": round(before["mb"], 1),
        "table_after": round(after["mb"], 1),
        "due_before": due_before,
        "due_after": (await _sizes(raw))["ix_connections_provider_next_check_at"],
        "dead": after["dead"],
        "vacuums": after["vacuums"] - before["vacuums"],
    }


async def _sizes(raw: asyncpg.Connection) -> dict[str, float]:
    return {each["name"]: round(each["mb"], 1) for each in await raw.fetch(INDEXES)}


async def _claimed(database: Database, count: int) -> list[Lease]:
    leases: list[Lease] = []
    while len(leases) < count:
        async with database.sessions.begin() as session:
            found = await claim_due(session, PROVIDER, CLAIM)
        if not found:
            break
        leases += found
    return leases


async def _written(database: Database, leases: Sequence[Lease]) -> None:
    if leases:
        async with database.sessions.begin() as session:
            await record(session, [_well(each) for each in leases])


def _well(lease: Lease) -> Checked:
    """As the last time."""
    answer = Answer("GET /me → 200 за 12 мс", 12, status=200)
    return Checked(lease, answer, Verdict(Status.ONLINE, None, 0, False, DELAY))


async def _plans(database: Database) -> dict[str, list[str]]:
    """Of claim and write, after all has been checked a little."""
    with watched(database.engine) as watch:
        for _ in range(20):
            await _written(database, await _claimed(database, BATCH))
        found = {}
        for name, word in (("claim", "RETURNING connections.id"), ("write", "unnest(")):
            statement = next(each for each in watch.times if word in each)
            median = watch.milliseconds(statement)
            if name == "write":
                await _make_leased(database, watch.given[statement])
            plan = await watch.plan(database.engine, statement)
            found[f"{name}, median {median} ms"] = plan
    return found


async def _make_leased(database: Database, given: tuple[object, ...]) -> None:
    """The last batch is ours once more, so that writing it once more finds its rows."""
    ids, lease_ids = (each for each in given if isinstance(each, list) and _are_ids(each))
    again = """
    UPDATE connections c SET lease_id = new.lease_id, lease_until = now() + interval '90 seconds'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:lease_ids AS uuid[])) AS new(id, lease_id)
    WHERE c.id = new.id
    """
    async with database.engine.begin() as connection:
        await connection.execute(text(again), {"ids": ids, "lease_ids": lease_ids})


def _are_ids(values: list[object]) -> bool:
    return bool(values) and hasattr(values[0], "hex")

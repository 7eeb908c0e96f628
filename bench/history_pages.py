"""Pages of a long past: 5,000 connections with 400 days of history each."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from app import local_postgres
from app.accounts.passwords import hash_password
from app.cli.commands import migrate_database
from app.cli.garbage_collector import collect_seldom
from app.config import Settings
from app.database.engine import Database, open_database
from app.history.latency import BUCKETS, DAY_SLOTS, HOUR_SLOTS
from app.web.app import create_app
from app.web.context import Dashboard
from bench._slowest import Watch, watched
from tests.support.settings import PASSWORD, PUBLIC_URL, TOKEN_KEYS

PEOPLE, EACH = 25, 200  # connections of one person: as many as a page may have
PAST = 400  # days
ROUNDS = 21  # requests of a page; the first one is not counted
EMAIL = "shop-{}@example.ru"

# An outage a week on the average, most of them short; a gap a month; something open for a tenth.
CONNECTIONS = text(
    """
    INSERT INTO connections (id, user_id, provider, account, label, status, cause, evidence, since,
        strikes, latency_ms, last_checked_at, next_check_at, connected_at, watched_until,
        check_count, recent_latencies)
    SELECT gen_random_uuid(), u.id, 'evotor', 'shop-' || n, 'Магазин № ' || n,
        CASE WHEN n % 10 = 0 THEN 'offline' ELSE 'online' END,
        CASE WHEN n % 10 = 0 THEN 'provider_error' END, 'GET api.evotor.ru/stores → 200 за 128 мс',
        now() - interval '18 minutes', CASE WHEN n % 10 = 0 THEN 4 ELSE 0 END, 128,
        now() - interval '5 minutes', now() + interval '5 minutes',
        now() - CAST(:past AS int) * interval '1 day', now() + interval '15 minutes', 60,
        (SELECT array_agg((600 << 16) | (1 << 15) | (90 + (random() * 120)::int + (n + g) * 0))
         FROM generate_series(1, 60) g)
    FROM users u, generate_series(1, CAST(:each AS int)) n
    """
)
OUTAGES = text(
    """
    INSERT INTO outages (connection_id, status, cause, fault, opened_at, closed_at, evidence,
        last_evidence, checks)
    SELECT c.id, kind.status, kind.cause, kind.fault, day + began * interval '1 minute',
        day + (began + lasted) * interval '1 minute',
        CASE WHEN kind.cause IS NULL THEN '' ELSE 'GET api.evotor.ru/stores → 503 за 412 мс' END,
        CASE WHEN kind.cause IS NULL THEN '' ELSE 'GET api.evotor.ru/stores → 503 за 412 мс' END,
        CASE WHEN kind.cause IS NULL THEN 1 ELSE 4 END
    FROM connections c,
        LATERAL (SELECT c.connected_at + n * interval '1 day' AS day,
                        floor(random() * 600)::int AS began,
                        (3 + random() * random() * 300)::int AS lasted, random() AS dice, n
                 FROM generate_series(1, CAST(:past AS int) - 2) n) d,
        LATERAL (SELECT * FROM (VALUES ('offline', 'provider_error', 'provider', 0.70),
            ('blocked', 'access_denied', 'you', 0.80), ('unwatched', NULL, 'us', 1.0))
            AS k(status, cause, fault, up_to)
            WHERE d.dice * 5.5 < up_to ORDER BY up_to LIMIT 1) kind
    WHERE d.dice < 1 / 5.5
    """
)
OPEN_OUTAGES = text(
    """
    INSERT INTO outages (connection_id, status, cause, fault, opened_at, evidence, last_evidence)
    SELECT id, status, cause, 'provider', since, evidence, evidence FROM connections
    WHERE status = 'offline'
    """
)
LATENCIES = text(
    f"""
    INSERT INTO latencies (connection_id, slot, began, counts)
    SELECT c.id, slot,
        CASE WHEN slot < {HOUR_SLOTS}
             THEN date_trunc('hour', now()) - ((extract(epoch FROM now())::bigint / 3600 - slot)
                % {HOUR_SLOTS}) * interval '1 hour'
             ELSE date_trunc('day', now(), 'Europe/Moscow')
                - (slot - {HOUR_SLOTS}) * interval '1 day'
        END,
        (SELECT array_agg(CASE WHEN b BETWEEN 46 AND 58 THEN 1 + (random() * 10)::int + slot * 0
                          END ORDER BY b)
         FROM generate_series(0, {BUCKETS - 1}) b)
    FROM connections c, generate_series(0, {HOUR_SLOTS + DAY_SLOTS - 1}) slot
    """
)
GRANTS = text(
    "INSERT INTO grants (connection_id, access_token) SELECT id, '\\x00'::bytea FROM connections"
)
SIZES = text(
    """
    SELECT relname, pg_total_relation_size(oid) AS bytes FROM pg_class
    WHERE relname IN ('outages', 'latencies', 'connections', 'journal')
    """
)


async def measure() -> dict[str, object]:
    """Prints the figures, and returns them: bytes, and milliseconds at the median."""
    with local_postgres.throwaway() as server:
        await asyncio.to_thread(migrate_database, server.url)
        async with open_database(server.url, patience=None) as database:
            await seed(database)
            figures = await _sizes(database)
            collect_seldom()  # as the web process does
            async with started(server.url) as app:
                client = await signed_in(app)
                some_id = await _some_id(database)
                with watched(app.database.engine) as watch:
                    figures |= await _medians(client, _pages(some_id))
                figures |= await _slowest(app, watch)
                figures |= await _medians(client, _tables(some_id))
    for name, value in figures.items():
        if not isinstance(value, list):
            print(f"{name:<44} {value}")
    return figures


async def seed(
    database: Database, people: int = PEOPLE, each: int = EACH, past: int = PAST
) -> None:
    """People with connections that have a past; the passwords are all the same."""
    given = {
        "password": await hash_password(PASSWORD),
        "people": people,
        "each": each,
        "past": past,
    }
    users = text(
        "INSERT INTO users (email, password_hash) SELECT 'shop-' || n || '@example.ru', :password"
        " FROM generate_series(1, CAST(:people AS int)) n"
    )
    for statement in (users, CONNECTIONS, GRANTS, OUTAGES, OPEN_OUTAGES, LATENCIES):
        async with database.sessions.begin() as session:
            wanted = {key: given[key] for key in statement.compile().params}
            await session.execute(statement, wanted)
    listener = await database.listener(600)
    await listener.execute("VACUUM ANALYZE")
    await listener.close()


async def _sizes(database: Database) -> dict[str, object]:
    async with database.sessions() as session:
        sizes = {row.relname: row.bytes for row in await session.execute(SIZES)}
        count = await session.scalar(text("SELECT count(*) FROM connections"))
        rows = await session.scalar(text("SELECT count(*) FROM outages"))
    yearly = sizes["outages"] * 365 / PAST / count
    return {
        "connections": count,
        "stretches": rows,
        "outages: bytes a connection-year": round(yearly),
        "latencies: bytes a connection": round(sizes["latencies"] / count),
    }


async def _some_id(database: Database) -> str:
    query = text(
        "SELECT c.id FROM connections c JOIN users u ON u.id = c.user_id"
        " WHERE u.email = 'shop-1@example.ru' AND c.status = 'offline' LIMIT 1"
    )
    async with database.sessions() as session:
        return str(await session.scalar(query))


@asynccontextmanager
async def started(database_url: str) -> AsyncIterator[Dashboard]:
    settings = Settings(
        database_url=database_url,
        secret_key="only for this benchmark",
        token_keys=TOKEN_KEYS,
        public_url=PUBLIC_URL,
        run_monitor=False,
    )
    app = create_app(settings)
    async with app.test_app():
        yield app


async def signed_in(app: Dashboard, number: int = 1) -> Any:
    client = app.test_client()
    await client.post("/login", form={"email": EMAIL.format(number), "password": PASSWORD})
    return client


def _pages(connection_id: str) -> dict[str, str]:
    last_month = date.today().replace(day=1) - timedelta(days=1)
    return {
        "/connections": f"{EACH} cards",
        f"/connections/{connection_id}": "one connection, 24 hours",
        f"/connections/{connection_id}?chart=30d": "one connection, 30 days",
        f"/connections/{connection_id}/report": "report of this month",
        f"/connections/{connection_id}/report?month={last_month:%Y-%m}": "report of last month",
        "/outages": f"outages of {EACH} connections, 30 days",
        "/outages?days=400": f"outages of {EACH} connections, 400 days",
    }


def _tables(connection_id: str) -> dict[str, str]:
    return {
        f"/outages.csv?days=400&connection={connection_id}": "outages.csv, one, 400 days",
        "/outages.csv?days=400": f"outages.csv of {EACH}, 400 days",
        "/uptime.csv?days=30&by=day": f"uptime.csv of {EACH}, 30 days",
        "/uptime.csv?days=400&by=month": f"uptime.csv of {EACH}, 14 months",
        "/uptime.csv?days=400&by=day": f"uptime.csv of {EACH}, 400 days by day",
    }


async def _medians(client: Any, paths: dict[str, str]) -> dict[str, object]:
    figures: dict[str, object] = {}
    for path, name in paths.items():
        figures[f"{name}: ms"], figures[f"{name}: CPU ms"] = await _median(client, path)
    return figures


async def _slowest(app: Dashboard, watch: Watch) -> dict[str, object]:
    statement = watch.slowest
    plan = await watch.plan(app.database.engine, statement)
    print("\n".join([statement, "", *plan, ""]))
    return {"slowest query: ms": watch.milliseconds(statement), "slowest query: plan": plan}


async def _median(client: Any, path: str) -> tuple[float, float]:
    """Of the whole answer, database included, and of our own process alone."""
    times = []
    for _ in range(ROUNDS):
        began, worked = time.perf_counter(), time.process_time()
        answer = await client.get(path)
        await answer.get_data()
        times.append((time.perf_counter() - began, time.process_time() - worked))
        assert answer.status_code == 200, (path, answer.status_code)
    whole, own = (statistics.median(each) * 1000 for each in zip(*times[1:], strict=True))
    return round(whole, 1), round(own, 1)

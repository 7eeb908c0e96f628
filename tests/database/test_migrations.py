"""Migrations: they make what the models say, back and forth, and several at once do no harm."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url, text

from app.cli.commands import migrate_database
from app.config import ROOT
from app.database.engine import Database, open_database
from app.models.base import Base
from migrations.__main__ import write_next

MIGRATIONS = ROOT / "migrations"
CONDITIONS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype IN ('c', 'x') AND connamespace = 'public'::regnamespace
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def config(url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = url
    return config


@pytest.fixture
async def empty_url(database_url: str) -> AsyncIterator[str]:
    """A database with nothing in it, beside the one with our tables."""
    name = f"empty_{uuid4().hex}"
    await _run(database_url, f"CREATE DATABASE {name}")
    yield make_url(database_url).set(database=name).render_as_string(hide_password=False)
    await _run(database_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _run(url: str, statement: str) -> None:
    async with open_database(url) as database:
        listener = await database.listener(5)
        try:
            await listener.execute(statement)
        finally:
            await listener.close()


async def tables(url: str) -> set[str]:
    async with open_database(url) as database, database.sessions() as session:
        return set(await session.scalars(text(TABLES)))


async def in_thread(function: object, *arguments: object) -> None:
    """Alembic runs an event loop of its own."""
    await asyncio.to_thread(function, *arguments)  # type: ignore[arg-type]


async def test_the_tables_are_what_the_models_say(database: Database, database_url: str) -> None:
    await in_thread(command.check, config(database_url))


async def test_the_conditions_are_what_the_models_say(empty_url: str) -> None:
    """Alembic does not compare them: a new cause or kind wants a migration of its own."""
    await in_thread(command.upgrade, config(empty_url), "head")
    async with open_database(empty_url) as database, database.engine.begin() as connection:
        migrated = set(await connection.execute(text(CONDITIONS)))
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
        assert migrated == set(await connection.execute(text(CONDITIONS)))
    assert migrated


async def test_there_and_back_and_there_again(empty_url: str) -> None:
    ours = {table.name for table in Base.metadata.sorted_tables}
    await in_thread(command.upgrade, config(empty_url), "head")
    assert await tables(empty_url) == {*ours, "alembic_version"}
    await in_thread(command.downgrade, config(empty_url), "base")
    assert await tables(empty_url) == {"alembic_version"}
    await in_thread(migrate_database, empty_url)
    await in_thread(command.check, config(empty_url))


async def test_several_at_once_do_no_harm(empty_url: str) -> None:
    runs = [await _started(empty_url) for _ in range(3)]
    ends = await asyncio.gather(*(run.communicate() for run in runs))
    assert [run.returncode for run in runs] == [0, 0, 0], ends
    assert "connections" in await tables(empty_url)


async def test_a_second_run_changes_nothing(database: Database, database_url: str) -> None:
    before = await tables(database_url)
    await in_thread(migrate_database, database_url)
    assert await tables(database_url) == before


def test_migrations_are_numbered_one_after_the_other() -> None:
    names = sorted(file.name for file in (MIGRATIONS / "versions").glob("*.py"))
    assert [name[:5] for name in names] == [f"{n:04}_" for n in range(1, len(names) + 1)]


async def test_the_next_migration_gets_the_next_number_and_what_the_models_say(
    empty_url: str, tmp_path: Path
) -> None:
    shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    await in_thread(command.upgrade, config(empty_url), "head")
    await _run(empty_url, "ALTER TABLE connections DROP COLUMN label")
    folder = tmp_path / "migrations"
    written = await asyncio.to_thread(write_next, "a label is back", empty_url, folder)
    number = len(list((MIGRATIONS / "versions").glob("*.py"))) + 1
    assert written.name == f"{number:04}_a_label_is_back.py"
    added = 'op.add_column("connections", sa.Column("label", sa.String(), nullable=True))'
    assert added in written.read_text()


async def test_online_is_made_by_the_database_itself(database: Database) -> None:
    query = text(
        "SELECT is_generated, generation_expression FROM information_schema.columns"
        " WHERE table_name = 'connections' AND column_name = 'is_online'"
    )
    async with database.sessions() as session:
        generated, expression = (await session.execute(query)).one()
    assert generated == "ALWAYS"
    assert "'online'" in expression


async def test_every_time_has_its_zone(database: Database) -> None:
    query = text(
        "SELECT table_name || '.' || column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"
    )
    async with database.sessions() as session:
        assert list(await session.scalars(query)) == []


# Migration 0015: what was in a table or a column under its old name, and where it is then.
ONE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
NAMED_BEFORE: dict[str, list[dict[str, object]]] = {
    "connections": [
        {
            **{"id": ONE, "user_id": 1, "provider": "evotor", "replaces": None, "asked_at": None},
            **{"looks": 61, "unfolded": 3, "recent": "{7,8,9}", "flips": "{2026-10-01T10:00:00Z}"},
        },
        {
            **{"id": OTHER, "user_id": 1, "provider": "evotor", "replaces": ONE, "recent": "{}"},
            **{"asked_at": "2026-10-02T10:00:00Z", "looks": 1, "unfolded": 1, "flips": "{}"},
        },
    ],
    "told": [
        {"connection_id": ONE, "user_id": 1, "kind": "broken", "cause": "revoked"},
        {"connection_id": OTHER, "user_id": 1, "look_at": "2026-10-03T10:00:00Z"},
    ],
    "tickets": [
        {
            **{"token_hash": r"\x0102", "purpose": "reset", "user_id": 1},
            "expires_at": "2026-10-04T10:00:00Z",
        }
    ],
    "rounds": [{"user_id": 1, "connection_ids": f"{{{ONE},{OTHER}}}", "later": '{"evotor": 2}'}],
    "journal": [{"user_id": 1, "deed": "connected", "connection_id": ONE, "who": "person"}],
    "oauth_states": [
        {
            **{"state_hash": r"\x03", "user_id": 1, "session_hash": r"\x04", "provider": "evotor"},
            **{"kept": '{"shop": "a"}', "expires_at": "2026-10-05T10:00:00Z"},
        }
    ],
    "revocations": [
        {
            **{"id": ONE, "provider": "evotor", "token": r"\x05", "kept": '{"shop": "b"}'},
            "token_type_hint": "access_token",
        }
    ],
}
TABLES_NOW = {
    "told": "alert_states",
    "tickets": "one_time_tokens",
    "rounds": "bulk_checks",
    "journal": "audit_log",
}
COLUMNS_NOW = {
    "looks": "check_count",
    "unfolded": "unaggregated_count",
    "recent": "recent_latencies",
    "flips": "transitions",
    "asked_at": "decision_requested_at",
    "replaces": "replaces_connection_id",
    "kept": "extra",
}


async def test_new_names_lose_nothing_there_and_back(empty_url: str) -> None:
    await in_thread(command.upgrade, config(empty_url), "0014")
    before = await _filled(empty_url)
    now = {
        TABLES_NOW.get(table, table): [_under_new_names(row) for row in rows]
        for table, rows in before.items()
    }
    await in_thread(command.upgrade, config(empty_url), "0015")
    assert await _rows(empty_url, now) == now
    await in_thread(command.downgrade, config(empty_url), "0014")
    assert await _rows(empty_url, before) == before
    await in_thread(command.upgrade, config(empty_url), "0015")
    assert await _rows(empty_url, now) == now


async def test_new_names_leave_no_old_ones_at_keys_and_indexes(database: Database) -> None:
    query = """
        SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    """
    async with database.sessions() as session:
        names = list(await session.scalars(text(query)))
    old = re.compile(r"(^|_)(told|tickets|rounds|journal|replaces(?!_connection_id))(_|$)")
    assert "pk_audit_log" in names
    assert [name for name in names if old.search(name)] == []


@pytest.mark.parametrize("change", ["UPDATE audit_log SET deed = 'x'", "DELETE FROM audit_log"])
async def test_the_audit_log_is_append_only_under_its_new_name(empty_url: str, change: str) -> None:
    await in_thread(command.upgrade, config(empty_url), "0014")
    await _filled(empty_url)
    await in_thread(command.upgrade, config(empty_url), "head")
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await _run(empty_url, change)


# Migration 0017: names that were stored before they were cleaned on their way in.
DIRTY = {
    "Основной магазин": "Основной магазин",
    "Лавка\nBcc: boris@example.ru": "Лавка Bcc: boris@example.ru",
    "\u202eЛавка\u202c\u2028№ 2\r\n": "Лавка № 2",
    "a\tb\x07": "a b",
    "\u200b\n": None,
}


async def test_names_from_before_are_cleaned_once(empty_url: str) -> None:
    await in_thread(command.upgrade, config(empty_url), "0016")
    insert = text("INSERT INTO connections (id, user_id, provider, label) VALUES (:id, 1, 'a', :l)")
    async with open_database(empty_url) as database, database.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO users (id, email, password_hash) VALUES (1, 'a@example.ru', '')")
        )
        for label in DIRTY:
            await connection.execute(insert, {"id": uuid4(), "l": label})
    await in_thread(command.upgrade, config(empty_url), "head")
    async with open_database(empty_url) as database, database.sessions() as session:
        labels = set(await session.scalars(text("SELECT label FROM connections")))
    assert labels == set(DIRTY.values())


async def test_what_was_broken_before_there_were_alerts_counts_as_told_to_nobody(
    empty_url: str,
) -> None:
    await in_thread(command.upgrade, config(empty_url), "0009")
    insert = text(
        "INSERT INTO connections (id, user_id, provider, status) VALUES (:id, 1, 'a', :s)"
    )
    async with open_database(empty_url) as database, database.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO users (id, email, password_hash) VALUES (1, 'a@example.ru', '')")
        )
        for status in ("online", "offline", "revoked"):
            await connection.execute(insert, {"id": uuid4(), "s": status})
    await in_thread(command.upgrade, config(empty_url), "head")
    query = text("SELECT kind, told_at, look_at > now() FROM alert_states ORDER BY kind")
    async with open_database(empty_url) as database, database.sessions() as session:
        states = [tuple(row) for row in await session.execute(query)]
    # Nothing is due at once for them but what may be said of a healthy one.
    assert states == [("offline", None, False), ("revoked", None, True), ("well", None, False)]


async def _filled(url: str) -> dict[str, list[dict[str, object]]]:
    """The tables of migration 0014 with rows in them: what is in them then."""
    inserts = ["INSERT INTO users (id, email, password_hash) VALUES (1, 'anna@example.ru', '')"]
    for table, rows in NAMED_BEFORE.items():
        for row in rows:
            values = ", ".join(f"'{each}'" if each else "NULL" for each in row.values())
            inserts.append(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})")
    await _run(url, "; ".join(inserts))
    return await _rows(url, NAMED_BEFORE)


async def _rows(url: str, names: Iterable[str]) -> dict[str, list[dict[str, object]]]:
    async with open_database(url) as database, database.sessions() as session:
        return {
            name: list(await session.scalars(text(f"SELECT to_jsonb(t) FROM {name} t ORDER BY t")))
            for name in names
        }


def _under_new_names(row: dict[str, object]) -> dict[str, object]:
    return {COLUMNS_NOW.get(name, name): value for name, value in row.items()}


async def _started(url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "migrate"),
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

"""Connections by DATABASE_URL: several hosts, names, keepalives, poolers."""

import os
import socket

import pytest
from sqlalchemy import make_url, text

from app.database.engine import Database, open_database
from tests.support.waiting import until

NAMES = text("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
DEAD = "127.0.0.1:1"  # refuses connections


def by_hosts(url: str, *hosts: str, query: str = "") -> str:
    """The same database at these hosts; None is its own."""
    own = make_url(url)
    user, _, rest = url.partition("@")
    database = rest.partition("/")[2]
    named = [host or f"{own.host}:{own.port}" for host in hosts]
    return f"{user}@{','.join(named)}/{database}?{query}"


async def test_the_server_is_told_who_is_there(database_url: str) -> None:
    async with open_database(database_url, role="web") as database:
        listener = await database.listener(5)
        async with database.sessions() as session:
            names = set(await session.scalars(NAMES))
        await listener.close()
    assert {f"svyazka web {os.getpid()}", f"svyazka web listener {os.getpid()}"} <= names


async def test_a_name_of_ones_own_stands_in_front(database_url: str) -> None:
    url = f"{database_url}?sslmode=disable&application_name=links"
    async with open_database(url, role="worker") as database, database.sessions() as session:
        assert f"links worker {os.getpid()}" in set(await session.scalars(NAMES))


async def test_of_several_hosts_the_first_that_answers_is_taken(database_url: str) -> None:
    url = by_hosts(database_url, DEAD, "", query="target_session_attrs=read-write")
    async with open_database(url) as database:
        async with database.sessions() as session:
            assert await session.scalar(text("SELECT 1")) == 1
        listener = await database.listener(5)
        assert await listener.fetchval("SELECT 1") == 1
        await listener.close()


async def test_a_standby_is_preferred_and_a_primary_is_taken(database_url: str) -> None:
    url = by_hosts(database_url, "", query="target_session_attrs=prefer-standby")
    async with open_database(url) as database, database.sessions() as session:
        assert await session.scalar(text("SELECT 1")) == 1


async def test_where_no_host_is_what_is_wanted_the_database_is_away(database_url: str) -> None:
    url = by_hosts(database_url, "", query="target_session_attrs=standby")
    async with open_database(url) as database:
        with pytest.raises(OSError, match="no host is standby"):
            await database.listener(5)


async def test_keepalives_and_options_arrive(database_url: str) -> None:
    query = "keepalives_idle=31&keepalives_interval=7&keepalives_count=4&options=-c%20work_mem=5MB"
    async with open_database(f"{database_url}?{query}") as database:
        listener = await database.listener(5)
        used = listener._transport.get_extra_info("socket")
        assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert used.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 31
        assert await listener.fetchval("SHOW work_mem") == "5MB"
        await listener.close()


async def test_without_statements_of_a_session_everything_is_read_and_written(
    database_url: str,
) -> None:
    """As behind a pooler that gives each transaction another connection."""
    async with open_database(f"{database_url}?pgbouncer=true", pool_size=1) as database:
        query = text("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")
        for _ in range(3):
            async with database.sessions() as session:
                assert await session.scalar(query) == 0
            async with database.reading() as reader:
                assert (await reader.execute(query)).scalar() == 0


async def test_a_restarted_server_costs_no_failed_request(database: Database) -> None:
    async with database.sessions() as session:
        connection = await session.connection()
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()")
        number = (await pid).scalar_one()
        raw = (await connection.get_raw_connection()).driver_connection
    listener = await database.listener(5)
    await listener.fetchval("SELECT pg_terminate_backend($1)", number)
    await listener.close()

    async def closed() -> bool:
        return raw is None or bool(raw.is_closed())

    await until(closed)
    async with database.sessions() as session:
        assert (await (await session.connection()).exec_driver_sql("SELECT 1")).scalar_one() == 1


async def test_a_transaction_of_a_process_that_stands_still_ends(database_url: str) -> None:
    """Not that of a migration, nor where a pooler would give the setting to somebody else."""
    query = text("SHOW idle_in_transaction_session_timeout")
    opened = {
        "30s": open_database(database_url),
        "0": open_database(f"{database_url}?pgbouncer=true"),
        "0 ": open_database(database_url, patience=None),
    }
    for wanted, opening in opened.items():
        async with opening as database, database.sessions() as session:
            assert await session.scalar(query) == wanted.strip()

"""DATABASE_URL as hosting companies write it."""

import ssl
from pathlib import Path

import pytest

from app.database.engine import Database, open_database, parse_database_url
from tests.support.certificates import self_signed
from tests.support.waiting import until


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_spelling_becomes_asyncpgs(scheme: str) -> None:
    url, arguments = parse_database_url(f"{scheme}://app:p%40ss@db.example:5433/links")
    assert url.drivername == "postgresql+asyncpg"
    assert (url.username, url.password) == ("app", "p@ss")
    assert (url.host, url.port, url.database) == ("db.example", 5433, "links")
    assert arguments == {}


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
def test_sslmode_is_handed_to_asyncpg(mode: str) -> None:
    url, arguments = parse_database_url(f"postgres://a@b/c?sslmode={mode}")
    assert arguments == {"ssl": mode}
    assert not url.query


@pytest.mark.parametrize(("mode", "by_name"), [("verify-full", True), ("verify-ca", False)])
def test_given_authorities_are_checked(tmp_path: Path, mode: str, by_name: bool) -> None:
    certificate, _ = self_signed(tmp_path)
    _, arguments = parse_database_url(f"postgres://a@b/c?sslmode={mode}&sslrootcert={certificate}")
    context = arguments["ssl"]
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is by_name


def test_a_pooler_gets_no_prepared_statements() -> None:
    _, arguments = parse_database_url("postgres://a@b/c?pgbouncer=true")
    assert arguments == {"statement_cache_size": 0}


def test_the_applications_name_is_kept() -> None:
    _, arguments = parse_database_url("postgres://a@b/c?application_name=links")
    assert arguments == {"server_settings": {"application_name": "links"}}


def test_words_for_other_drivers_are_dropped() -> None:
    url, arguments = parse_database_url(
        "postgres://a@b/c?channel_binding=require&target_session_attrs=read-write&connect_timeout=5"
    )
    assert (dict(url.query), arguments) == ({}, {})


def test_the_password_is_not_in_the_repr() -> None:
    url, _ = parse_database_url("postgres://app:hunter2@db.example/links")
    assert "hunter2" not in repr(url)
    assert "hunter2" not in str(url)


async def test_sessions_and_listener_both_reach_it(database_url: str) -> None:
    async with open_database(f"{database_url}?sslmode=disable&application_name=links") as database:
        async with database.sessions() as session:
            names = [(await session.connection()).engine.dialect.name]
        assert names == ["postgresql"]
        listener = await database.listener(5)
        assert await listener.fetchval("SELECT 1") == 1
        await listener.close()


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

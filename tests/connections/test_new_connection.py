"""Whatever goes wrong after a token came, it is kept or revoked, never dropped."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from app.config import Settings
from app.connections.oauth_states import FIRST_CALLBACK
from app.database.encryption import Keys
from app.database.engine import Database
from app.models.account import User
from app.models.connection import Connection
from app.monitor.loop import Monitor
from app.outbound.client import HttpClient
from tests.connections.scripted import Says, Scripted, open_scripted

REFUSE = """
CREATE OR REPLACE FUNCTION refuse_it() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$;
"""
TRIGGER = (
    "CREATE TRIGGER refuse_it BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_it()"
)
TAKES_AGAIN = "DROP FUNCTION IF EXISTS refuse_it() CASCADE"
BAD_DATA, DISK_FULL = "22021", "53100"  # SQLSTATE


@pytest.fixture
async def acme(
    database: Database, settings: Settings, http: HttpClient, tmp_path: Path
) -> AsyncIterator[Scripted]:
    async with open_scripted(settings, database, http, tmp_path) as acme:
        yield acme
    await execute(database, TAKES_AGAIN)


async def execute(database: Database, *statements: str) -> None:
    async with database.engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def refuse_rows(database: Database, table: str, code: str = BAD_DATA) -> None:
    """From now on the database refuses every new row of this table."""
    await execute(database, REFUSE.format(code=code), TRIGGER.format(table=table))


async def connections(database: Database) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(Connection)) or 0


async def revoked(acme: Scripted) -> list[str]:
    """What was revoked, once the outbox is empty."""
    await Monitor(acme.person.app.checker)._revoke_due()
    return acme.revoked


async def status_of_callback(acme: Scripted) -> int:
    query = await acme.way()
    answer = await acme.person.client.get("/acme/callback", query_string=query)
    return int(answer.status_code)


@pytest.mark.parametrize("table", ["connections", "grants", "audit_log"])
async def test_tokens_that_the_database_refuses_are_revoked(
    acme: Scripted, database: Database, table: str
) -> None:
    await refuse_rows(database, table)
    assert await status_of_callback(acme) == 500
    assert await connections(database) == 0
    assert await revoked(acme) == ["refresh-1"]


async def test_who_loads_the_error_page_anew_is_told_at_once(
    acme: Scripted, database: Database
) -> None:
    await refuse_rows(database, "grants")
    query = await acme.way()
    answer = await acme.person.client.get("/acme/callback", query_string=query)
    assert answer.status_code == 500
    async with asyncio.timeout(FIRST_CALLBACK.total_seconds() / 2):
        assert await acme.person.come_back("acme", query) == "/acme?error=expired"


async def test_tokens_that_not_even_the_outbox_takes_are_revoked_at_once(
    acme: Scripted, database: Database
) -> None:
    await refuse_rows(database, "grants")
    await execute(database, TRIGGER.format(table="revocations"))
    assert await status_of_callback(acme) == 500
    assert acme.revoked == ["refresh-1"]


async def test_what_neither_the_outbox_nor_the_provider_takes_is_logged_without_the_token(
    acme: Scripted, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await refuse_rows(database, "grants")
    await execute(database, TRIGGER.format(table="revocations"))
    acme.revoke = Says(status=503)
    with caplog.at_level(logging.ERROR):
        await status_of_callback(acme)
    assert "a grant at acme is neither kept nor revoked: 503" in caplog.text
    assert "refresh-1" not in caplog.text
    assert "access-1" not in caplog.text


async def test_a_database_that_is_away_for_a_moment_costs_no_connection(
    acme: Scripted, database: Database
) -> None:
    await refuse_rows(database, "grants", DISK_FULL)
    coming_back = asyncio.create_task(acme.connect())
    await acme.traded()
    await execute(database, TAKES_AGAIN)
    assert await coming_back == "/connections"
    assert (await acme.card())["status"] == "online"
    assert acme.revoked == []


async def test_a_person_who_is_gone_meanwhile_leaves_no_live_token(
    acme: Scripted, database: Database
) -> None:
    acme.token_may_answer.clear()
    coming_back = asyncio.create_task(acme.connect())
    await acme.traded()
    async with database.sessions.begin() as session:
        await session.delete((await session.scalars(select(User))).one())
    acme.token_may_answer.set()
    assert await coming_back == "/acme?error=expired"
    assert await revoked(acme) == ["refresh-1"]


async def test_a_browser_that_leaves_meanwhile_finds_the_connection_later(
    acme: Scripted, database: Database
) -> None:
    acme.token_may_answer.clear()
    query = await acme.way()
    coming_back = asyncio.create_task(acme.person.come_back("acme", query))
    await acme.traded()
    coming_back.cancel()
    await asyncio.gather(coming_back, return_exceptions=True)
    acme.token_may_answer.set()
    await acme.person.app.unfinished.drain(5)
    assert (await acme.card())["status"] == "online"
    assert acme.revoked == []


async def test_a_task_that_is_cancelled_while_it_stores_revokes(
    acme: Scripted, database: Database
) -> None:
    """A process that is told to stop does not wait for ever."""
    await refuse_rows(database, "grants", DISK_FULL)
    coming_back = asyncio.create_task(acme.connect())
    await acme.traded()
    await acme.person.app.unfinished.drain(0.3)
    await asyncio.gather(coming_back, return_exceptions=True)
    assert await revoked(acme) == ["refresh-1"]


@pytest.mark.parametrize("me", [Says(status=500), Says(b"no JSON"), Says({"sub": "shop-1"})])
async def test_a_name_that_cannot_be_had_costs_no_grant(
    acme: Scripted, database: Database, me: Says
) -> None:
    acme.me = me
    assert await acme.connect() == "/connections"
    assert await connections(database) == 1
    assert acme.revoked == []


async def test_a_reconnect_with_another_account_that_is_cancelled_is_revoked(
    acme: Scripted, database: Database
) -> None:
    await acme.connect()
    card = await acme.card()
    acme.me = Says({"sub": "shop-2", "name": "Чужая"})
    acme.token = Says({"access_token": "access-2", "refresh_token": "refresh-2"})
    choice = await acme.connect(connection=card["id"])
    assert choice.endswith("/choice")
    await acme.person.post(choice, choice="cancel")
    assert await revoked(acme) == ["refresh-2"]


async def test_a_reconnect_whose_answer_has_no_refresh_token_goes_on_being_refreshed(
    acme: Scripted, database: Database, keys: Keys
) -> None:
    await acme.connect()
    card = await acme.card()
    acme.token = Says({"access_token": "access-2", "expires_in": 0})
    assert await acme.connect(connection=card["id"]) == "/connections"
    acme.token = Says({"access_token": "access-3", "refresh_token": "refresh-3"})
    acme.me = Says(status=401)
    await acme.person.check(card)
    assert acme.exchanges[-1]["refresh_token"] == "refresh-1"

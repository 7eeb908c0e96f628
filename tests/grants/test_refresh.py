"""When a token is refreshed, and what happens when nobody knows whether it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from sqlalchemy import select, text

from app.database.engine import Database
from app.grants import store
from app.grants.refresh import refresh
from app.models.connection import Grant, Revocation, Status
from app.monitor.checker import Checker
from app.monitor.leases import claim_one
from app.oauth.token_response import Tokens
from app.providers.provider import Provider
from tests.support import rows
from tests.support.servers import Acme, saying
from tests.support.waiting import until

EXPIRED = Tokens("access-1", "refresh-1", 0.0)
SOON = Tokens("access-1", "refresh-1", 3600.0)
DUE_AFTER = 3600 - 360  # seconds; a tenth of an hour before its end


# As a full disk does it: only the pair that is to be stored finds no room.
FULL, BAD_DATA = "53100", "22021"  # SQLSTATE
REFUSING = (
    "CREATE SEQUENCE refused",
    """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM nextval('refused'); RAISE EXCEPTION 'as if' USING ERRCODE = '{code}';
    END $$""",
    """CREATE TRIGGER full_disk BEFORE UPDATE ON grants FOR EACH ROW
    WHEN ({when}) EXECUTE FUNCTION refuse()""",
)
NEW_PAIR = "new.version <> old.version"
ROOM = ("DROP TRIGGER full_disk ON grants", "DROP FUNCTION refuse", "DROP SEQUENCE refused")
REFUSED = text("SELECT last_value FROM refused")  # counted past every rollback


def checker_for(checker: Checker, provider: Provider) -> Checker:
    return replace(checker, catalogue={"acme": provider})


async def connected(checker: Checker, database: Database, tokens: Tokens) -> UUID:
    user = await rows.add_person(database)
    return await rows.add_connection(database, checker.keys, user, tokens, provider="acme")


async def grant_of(database: Database, connection_id: UUID) -> Grant:
    async with database.sessions() as session:
        return await session.get_one(Grant, connection_id)


async def make_due(database: Database, connection_id: UUID, left: float = 300) -> None:
    """As if the hour of the token had gone by but for so many seconds."""
    async with database.sessions.begin() as session:
        grant = await session.get_one(Grant, connection_id)
        assert grant.expires_at is not None
        passed = grant.expires_at - grant.granted_at
        grant.granted_at -= passed * (3600 - left) / 3600
        grant.expires_at -= passed * (3600 - left) / 3600


@asynccontextmanager
async def refusing(
    database: Database, code: str = FULL, when: str = NEW_PAIR
) -> AsyncIterator[None]:
    await say(database, *(each.format(code=code, when=when) for each in REFUSING))
    try:
        yield
    finally:
        await say(database, *ROOM)


async def say(database: Database, *statements: str) -> None:
    async with database.engine.begin() as connection:
        for each in statements:
            await connection.execute(text(each))


async def hang_up(request: web.Request) -> web.Response:
    """The request was read, and perhaps carried out; its answer is lost."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_token_is_refreshed_ahead_of_its_end(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert acme.spent == []
    await make_due(database, connection_id)
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert (acme.spent, acme.shown) == (["refresh-1"], ["access-1", "access-2"])


@pytest.mark.parametrize("policy", ["on_expired", "never"])
async def test_a_provider_that_forbids_it_is_not_asked_ahead(
    checker: Checker, database: Database, acme: Acme, policy: str
) -> None:
    checker = checker_for(checker, replace(acme.provider, refresh=policy))
    connection_id = await connected(checker, database, EXPIRED)
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert acme.spent == []


async def test_where_it_is_forbidden_the_providers_own_expired_is_what_counts(
    checker: Checker, database: Database, acme: Acme
) -> None:
    checker = checker_for(checker, replace(acme.provider, refresh="on_expired"))
    connection_id = await connected(checker, database, EXPIRED)
    acme.api_says = acme.refuse_first_tokens
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert acme.spent == ["refresh-1"]


async def test_the_next_look_comes_in_time_for_the_refresh(
    checker: Checker, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)
    await make_due(database, connection_id, left=500)
    await checker.check_now(connection_id)
    connection = await rows.found(database, connection_id)
    assert connection.last_checked_at is not None
    pause = connection.next_check_at - connection.last_checked_at
    assert 100 < pause.total_seconds() < 170


async def test_a_refresh_ahead_that_fails_does_no_harm_while_the_token_is_good(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)
    await make_due(database, connection_id)
    acme.token_says = saying(503)
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert (await grant_of(database, connection_id)).refresh_sent_at is None
    acme.token_says = None
    await checker.check_now(connection_id)
    assert acme.spent == ["refresh-1", "refresh-1"]


async def test_while_the_access_token_works_a_refused_refresh_is_only_noted(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)
    await make_due(database, connection_id)
    acme.token_says = saying(400, error="invalid_grant")
    for refusals in (1, 2):
        assert await checker.check_now(connection_id) is Status.ONLINE
        assert (await grant_of(database, connection_id)).refused_refreshes == refusals
    acme.token_says = None
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert (await grant_of(database, connection_id)).refused_refreshes == 0


async def test_a_lost_answer_is_not_asked_for_again_while_the_access_token_works(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)
    await make_due(database, connection_id)
    acme.token_says = hang_up
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert (await grant_of(database, connection_id)).refresh_sent_at is not None
    acme.token_says = None
    for _ in range(3):
        assert await checker.check_now(connection_id) is Status.ONLINE
    assert acme.spent == ["refresh-1"]


async def test_an_answer_that_nobody_can_read_is_as_good_as_lost(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)
    await make_due(database, connection_id)
    acme.token_says = saying(200, unexpected="answer")
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert (await grant_of(database, connection_id)).refresh_sent_at is not None


async def test_after_a_lost_answer_the_last_try_may_succeed(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)
    await make_due(database, connection_id)
    acme.token_says = hang_up
    await checker.check_now(connection_id)
    acme.token_says, acme.api_says = None, acme.refuse_first_tokens
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert (await grant_of(database, connection_id)).refresh_sent_at is None


async def test_after_a_lost_answer_a_refused_last_try_asks_for_a_reconnect(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, EXPIRED)
    acme.token_says = hang_up
    acme.api_says = saying(401)
    assert await checker.check_now(connection_id) is Status.DEGRADED
    acme.token_says = saying(400, error="invalid_grant")
    for _ in range(2):  # two different failures in turn: down, and nothing more is known
        assert await checker.check_now(connection_id) is Status.OFFLINE
    assert await checker.check_now(connection_id) is Status.REVOKED


async def test_a_provider_that_does_not_rotate_is_asked_again(
    checker: Checker, database: Database, acme: Acme
) -> None:
    checker = checker_for(checker, replace(acme.provider, rotates=False))
    connection_id = await connected(checker, database, SOON)
    await make_due(database, connection_id)
    acme.token_says = hang_up
    await checker.check_now(connection_id)
    acme.token_says = None
    await checker.check_now(connection_id)
    assert acme.spent == ["refresh-1", "refresh-1"]


async def test_a_request_that_never_left_is_not_in_doubt(
    checker: Checker, database: Database, acme: Acme
) -> None:
    away = replace(acme.provider, token_endpoint="http://127.0.0.1:1/token")
    checker = checker_for(checker, away)
    connection_id = await connected(checker, database, EXPIRED)
    assert await checker.check_now(connection_id) is Status.ONLINE  # so the API says
    assert (await grant_of(database, connection_id)).refresh_sent_at is None


async def test_a_token_that_is_good_for_something_else_is_not_refreshed(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)

    async def wrong_scope(_: web.Request) -> web.Response:
        challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        return web.Response(status=401, headers=challenge)

    acme.api_says = wrong_scope
    await checker.check_now(connection_id)
    assert await checker.check_now(connection_id) is Status.BLOCKED
    assert acme.spent == []


async def test_what_is_revoked_is_not_looked_at_sooner_because_its_token_ends(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, SOON)
    acme.token_says = saying(400, error="invalid_grant")
    acme.api_says = saying(401)
    for _ in range(7):
        await checker.check_now(connection_id)
    connection = await rows.found(database, connection_id)
    assert connection.status == "revoked"
    assert connection.last_checked_at is not None
    assert connection.next_check_at - connection.last_checked_at > timedelta(hours=20)


async def test_a_token_that_was_rotated_away_is_not_sent(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, EXPIRED)
    async with database.sessions.begin() as session:
        lease = await claim_one(session, connection_id)
        assert lease is not None
    old = store.open_grant(checker.keys, lease.row)
    async with database.sessions.begin() as session:  # another process has stored its pair
        grant = await session.get_one(Grant, connection_id)
        newer = store.sealed(checker.keys, connection_id, Tokens("access-9", "refresh-9", 3600.0))
        grant.access_token, grant.refresh_token = newer["access_token"], newer["refresh_token"]
        grant.version += 1
    found = await refresh(
        database.sessions, checker.http, checker.keys, acme.provider, old, lease.lease_id
    )
    assert isinstance(found, store.OpenGrant)
    assert (found.refresh_token, acme.spent) == ("refresh-9", [])


async def test_a_new_pair_is_kept_until_the_database_can_take_it(
    checker: Checker, acme: Acme, database: Database
) -> None:
    connection_id = await connected(checker, database, EXPIRED)

    async def refused_twice() -> bool:
        async with database.sessions() as session:
            return bool(await session.scalar(REFUSED) >= 2)

    async with refusing(database):
        checking = asyncio.create_task(checker.check_now(connection_id))
        await until(refused_twice)
    assert await checking is Status.ONLINE
    stored = (await grant_of(database, connection_id)).refresh_token
    bound_to = ("grants", connection_id, "refresh_token")
    assert stored is not None
    assert checker.keys.open(stored, *bound_to) == "refresh-2"
    assert acme.spent == ["refresh-1"]


@pytest.mark.parametrize("column", ["scopes", "extra"])
async def test_a_new_pair_is_stored_although_what_came_beside_it_cannot_be(
    checker: Checker, acme: Acme, database: Database, column: str
) -> None:
    checker = checker_for(checker, replace(acme.provider, token_keep=("shop",)))
    pair: dict[str, Any] = {"access_token": "access-2", "refresh_token": "refresh-2"}
    acme.token_says = saying(**pair, scope="other", shop="another")
    connection_id = await connected(checker, database, EXPIRED)
    async with refusing(database, BAD_DATA, f"new.{column} IS DISTINCT FROM old.{column}"):
        assert await checker.check_now(connection_id) is Status.ONLINE
    stored = (await grant_of(database, connection_id)).refresh_token
    assert stored is not None
    assert checker.keys.open(stored, "grants", connection_id, "refresh_token") == "refresh-2"


@pytest.mark.parametrize("is_shared", [False, True])
async def test_a_new_pair_that_the_database_refuses_is_in_the_outbox(
    checker: Checker, acme: Acme, database: Database, is_shared: bool
) -> None:
    """Unless its revocation would end the grant of somebody else at the same account."""
    connection_id = await connected(checker, database, EXPIRED)
    if is_shared:
        other = await rows.add_person(database, "boris@example.ru")
        await rows.add_connection(database, checker.keys, other, SOON, provider="acme")
    await say(database, "UPDATE connections SET account = 'the shop'")
    async with refusing(database, BAD_DATA):
        await checker.check_now(connection_id)
    async with database.sessions() as session:
        outbox = (await session.scalars(select(Revocation))).all()
    opened = [checker.keys.open(each.token, "revocations", each.id, "token") for each in outbox]
    assert opened == ([] if is_shared else ["refresh-2"])

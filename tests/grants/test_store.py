"""A connection's tokens: refreshed by one at a time, never lost, never shown."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from aiohttp import web
from sqlalchemy import delete, func, select, update

from app.database.encryption import Keys
from app.database.engine import Database
from app.grants import refresh, store
from app.grants import revocation as revocations
from app.grants.refresh import NotRefreshed, RefreshOutcome
from app.grants.store import OpenGrant
from app.models.connection import Connection, Grant, Revocation, Status
from app.monitor.checker import Checker
from app.monitor.leases import Lease, claim_one
from app.oauth.token_response import Tokens
from tests.support import rows
from tests.support.servers import Acme, saying
from tests.support.waiting import until

EXPIRED = Tokens("access-1", "refresh-1", 0.0)


async def connected(checker: Checker, database: Database, tokens: Tokens = rows.TOKENS) -> UUID:
    user = await rows.add_person(database)
    return await rows.add_connection(database, checker.keys, user, tokens, provider="acme")


async def claimed(database: Database, connection_id: UUID) -> Lease:
    async with database.sessions.begin() as session:
        lease = await claim_one(session, connection_id)
    assert lease is not None
    return lease


async def refreshed(checker: Checker, acme: Acme, lease: Lease) -> RefreshOutcome:
    grant = store.open_grant(checker.keys, lease.row)
    return await refresh.refresh(
        checker.sessions, checker.http, checker.keys, acme.provider, grant, lease.lease_id
    )


async def stored(database: Database, keys: Keys, connection_id: UUID) -> OpenGrant:
    query = select(*store.GRANT_COLUMNS).join(Connection, Connection.id == Grant.connection_id)
    async with database.sessions() as session:
        return store.open_grant(
            keys, (await session.execute(query.where(Grant.connection_id == connection_id))).one()
        )


async def store_newer_pair(database: Database, keys: Keys, connection_id: UUID, name: str) -> None:
    """What another process does when it refreshes."""
    async with database.sessions.begin() as session:
        await session.execute(
            update(Grant).values(
                version=Grant.version + 1,
                access_token=keys.seal(f"access-{name}", "grants", connection_id, "access_token"),
                refresh_token=keys.seal(
                    f"refresh-{name}", "grants", connection_id, "refresh_token"
                ),
            )
        )


async def outbox(database: Database, keys: Keys) -> list[str]:
    async with database.sessions() as session:
        left = await session.scalars(select(Revocation))
    return [keys.open(each.token, "revocations", each.id, "token") for each in left]


async def test_a_rotated_pair_is_stored_before_it_is_used(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    connection_id = await connected(checker, database)
    fresh = await refreshed(checker, acme, await claimed(database, connection_id))
    assert acme.spent == ["refresh-1"]
    assert isinstance(fresh, OpenGrant)
    kept = await stored(database, keys, connection_id)
    assert (kept.access_token, kept.refresh_token) == ("access-2", "refresh-2")
    assert (kept, kept.version) == (fresh, 2)


async def test_a_refresh_token_that_is_not_replaced_is_kept(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    acme.token_says = saying(access_token="access-9")
    connection_id = await connected(checker, database)
    await refreshed(checker, acme, await claimed(database, connection_id))
    kept = await stored(database, keys, connection_id)
    assert (kept.access_token, kept.refresh_token) == ("access-9", "refresh-1")


async def test_a_pair_that_never_expires_loses_the_old_expiry(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    acme.token_says = saying(access_token="access-9")
    connection_id = await connected(checker, database, EXPIRED)
    await refreshed(checker, acme, await claimed(database, connection_id))
    assert not (await stored(database, keys, connection_id)).expired


async def test_without_the_lease_nothing_is_refreshed(
    checker: Checker, database: Database, acme: Acme
) -> None:
    connection_id = await connected(checker, database)
    lost = await claimed(database, connection_id)
    await rows.let_lease_run_out(database, connection_id)
    await claimed(database, connection_id)
    assert await refreshed(checker, acme, lost) is NotRefreshed.LEASE_LOST
    assert acme.spent == []


async def test_a_refresh_makes_the_lease_last(
    checker: Checker, database: Database, acme: Acme
) -> None:
    connection_id = await connected(checker, database)
    lease = await claimed(database, connection_id)
    await rows.let_lease_run_out(database, connection_id)
    await refreshed(checker, acme, lease)
    async with database.sessions.begin() as session:
        assert await claim_one(session, connection_id) is None


async def test_checks_at_once_refresh_once(
    checker: Checker, database: Database, acme: Acme
) -> None:
    connection_id = await connected(checker, database, EXPIRED)
    statuses = await asyncio.gather(*(checker.check_now(connection_id) for _ in range(4)))
    assert set(statuses) == {Status.ONLINE}
    assert acme.spent == ["refresh-1"]


async def test_a_pair_for_a_connection_that_is_gone_is_revoked_instead(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    async def disconnected_meanwhile(_: web.Request) -> web.Response:
        async with database.sessions.begin() as session:
            await session.execute(delete(Connection))
        return web.json_response({"access_token": "access-2", "refresh_token": "refresh-2"})

    acme.token_says = disconnected_meanwhile
    connection_id = await connected(checker, database)
    lease = await claimed(database, connection_id)
    assert await refreshed(checker, acme, lease) is NotRefreshed.CONNECTION_GONE
    assert await outbox(database, keys) == ["refresh-2"]


async def test_a_pair_that_was_replaced_meanwhile_is_not_overwritten(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    async def reconnected_meanwhile(_: web.Request) -> web.Response:
        await store_newer_pair(database, keys, connection_id, "new")
        return web.json_response({"access_token": "access-2", "refresh_token": "refresh-2"})

    acme.token_says = reconnected_meanwhile
    connection_id = await connected(checker, database)
    lease = await claimed(database, connection_id)
    assert await refreshed(checker, acme, lease) is NotRefreshed.REPLACED
    assert (await stored(database, keys, connection_id)).access_token == "access-new"


async def test_a_refused_pair_that_somebody_has_replaced_is_no_revocation(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    async def another_was_faster(_: web.Request) -> web.Response:
        await store_newer_pair(database, keys, connection_id, "new")
        return web.json_response({"error": "invalid_grant"}, status=400)

    acme.token_says = another_was_faster
    connection_id = await connected(checker, database, EXPIRED)
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert acme.shown == ["access-new"]
    assert (await rows.found(database, connection_id)).status == "online"


async def test_an_expired_token_is_refreshed_before_it_is_shown(
    checker: Checker, database: Database, acme: Acme
) -> None:
    connection_id = await connected(checker, database, EXPIRED)
    await checker.check_now(connection_id)
    assert acme.shown == ["access-2"]
    assert (await rows.found(database, connection_id)).status == "online"


async def test_an_expired_token_that_cannot_be_refreshed_is_tried_all_the_same(
    checker: Checker, database: Database, acme: Acme
) -> None:
    connection_id = await connected(checker, database, Tokens("access-1", None, 0.0))
    await checker.check_now(connection_id)
    assert (acme.shown, acme.spent) == (["access-1"], [])


async def test_a_token_that_is_refused_is_refreshed_and_tried_again(
    checker: Checker, database: Database, acme: Acme
) -> None:
    acme.api_says = acme.refuse_first_tokens
    connection_id = await connected(checker, database)
    await checker.check_now(connection_id)
    assert acme.shown == ["access-1", "access-2"]
    assert (await rows.found(database, connection_id)).status == "online"


async def test_a_fresh_token_that_is_refused_too_is_the_providers_contradiction(
    checker: Checker, database: Database, acme: Acme
) -> None:
    acme.api_says = saying(401)
    connection_id = await connected(checker, database)
    for status in ("degraded", "offline"):
        await checker.check_now(connection_id)
        connection = await rows.found(database, connection_id)
        assert (connection.status, connection.cause) == (status, "inconsistent")


async def test_a_refused_refresh_is_believed_when_it_is_refused_again(
    checker: Checker, database: Database, acme: Acme
) -> None:
    acme.token_says = saying(400, error="invalid_grant")
    acme.api_says = saying(401)
    connection_id = await connected(checker, database, EXPIRED)
    for status in ("degraded", "revoked"):
        await checker.check_now(connection_id)
        connection = await rows.found(database, connection_id)
        assert (connection.status, connection.cause) == (status, "revoked")
    assert "invalid_grant" in str(connection.evidence)


async def test_our_own_mistake_is_amber_and_no_longer_green(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    acme.token_says = saying(401, error="invalid_client")
    acme.api_says = saying(401)
    connection_id = await connected(checker, database, EXPIRED)
    async with database.sessions.begin() as session:
        await session.execute(update(Connection).values(status="online"))
    await checker.check_now(connection_id)
    connection = await rows.found(database, connection_id)
    assert (connection.status, connection.cause) == ("degraded", "misconfigured")
    assert (await stored(database, keys, connection_id)).refresh_token == "refresh-1"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_token_endpoint_that_is_down_costs_no_grant(
    checker: Checker, database: Database, acme: Acme, status: int
) -> None:
    acme.token_says = saying(status)
    connection_id = await connected(checker, database, EXPIRED)
    for _ in range(3):
        await checker.check_now(connection_id)
    assert (await rows.found(database, connection_id)).status != "revoked"


async def test_a_check_that_is_cancelled_half_way_keeps_the_new_pair(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: web.Request) -> web.Response:
        asked.set()
        await go_on.wait()
        return web.json_response({"access_token": "access-2", "refresh_token": "refresh-2"})

    acme.token_says = slowly
    connection_id = await connected(checker, database, EXPIRED)
    check = asyncio.create_task(checker.check_now(connection_id))
    await asked.wait()
    check.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await check

    async def is_stored() -> bool:
        return (await stored(database, keys, connection_id)).refresh_token == "refresh-2"

    await until(is_stored)


async def two_connections(checker: Checker, database: Database) -> tuple[UUID, UUID]:
    user = await rows.add_person(database)
    return (
        await rows.add_connection(
            database, checker.keys, user, Tokens("access-old", "refresh-old"), provider="acme"
        ),
        await rows.add_connection(
            database, checker.keys, user, Tokens("access-new", "refresh-new"), provider="acme"
        ),
    )


async def test_a_moved_grant_opens_in_its_new_place(
    checker: Checker, database: Database, keys: Keys
) -> None:
    old, new = await two_connections(checker, database)
    async with database.sessions.begin() as session:
        assert await store.move(session, keys, new, old)
    kept = await stored(database, keys, old)
    assert (kept.access_token, kept.refresh_token) == ("access-new", "refresh-new")
    assert kept.version == 2  # a refresh of the old pair that is on its way misses


@pytest.mark.parametrize(
    ("came", "same_account", "kept"),
    [
        ("refresh-new", True, "refresh-new"),
        (None, True, "refresh-old"),
        (None, False, None),  # it may be another person's
    ],
)
async def test_a_grant_without_a_refresh_token_keeps_the_one_of_its_account(
    checker: Checker,
    database: Database,
    keys: Keys,
    came: str | None,
    same_account: bool,
    kept: str | None,
) -> None:
    user = await rows.add_person(database)
    old, new = [
        await rows.add_connection(database, keys, user, tokens, provider="acme")
        for tokens in (Tokens("access-old", "refresh-old"), Tokens("access-new", came, 60.0))
    ]
    async with database.sessions.begin() as session:
        await session.execute(
            update(Grant).where(Grant.connection_id == old).values(refresh_sent_at=func.now())
        )
        assert await store.move(session, keys, new, old, same_account=same_account)
    grant = await stored(database, keys, old)
    assert (grant.access_token, grant.refresh_token) == ("access-new", kept)
    assert grant.in_doubt is (kept == "refresh-old")


async def test_an_older_grant_does_not_take_the_place_of_a_newer_one(
    checker: Checker, database: Database, keys: Keys
) -> None:
    old, new = await two_connections(checker, database)
    async with database.sessions.begin() as session:
        yesterday = func.now() - timedelta(days=1)
        await session.execute(
            update(Grant).where(Grant.connection_id == old).values(granted_at=yesterday)
        )
    async with database.sessions.begin() as session:
        assert not await store.move(session, keys, old, new)
    assert (await stored(database, keys, new)).access_token == "access-new"


async def test_a_revocation_waits_while_somebody_has_the_account_again(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    connection_id = await connected(checker, database)
    grant = replace(await stored(database, keys, connection_id), account="shop-1")
    async with database.sessions.begin() as session:
        revocation = await revocations.enqueue(session, keys, acme.provider, grant)
        await session.execute(update(Connection).values(account="shop-1"))
    assert revocation is not None
    asked = await revocations.send(database.sessions, checker.http, keys, acme.provider, revocation)
    assert asked is None
    assert (acme.revoked, await outbox(database, keys)) == ([], [])


async def test_tokens_are_neither_logged_nor_shown(
    checker: Checker, database: Database, acme: Acme, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    acme.api_says = acme.refuse_first_tokens
    connection_id = await connected(checker, database)
    lease = await claimed(database, connection_id)
    grant = store.open_grant(checker.keys, lease.row)
    checked = await checker.check(lease)
    shown = f"{rows.TOKENS!r} {grant!r} {checked!r} {checker!r} {acme.provider!r} {caplog.text}"
    for secret in ("access-1", "refresh-1", "access-2", "refresh-2", "client-secret"):
        assert secret not in shown

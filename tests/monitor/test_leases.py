"""Leases: no connection is checked by two, and a dead process gives its work back."""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func

from app.database.encryption import Keys
from app.database.engine import Database
from app.monitor.leases import Lease, claim_due, claim_one, release
from tests.support import rows


async def claim(database: Database, provider: str = "evotor", limit: int = 10) -> list[Lease]:
    async with database.sessions.begin() as session:
        return await claim_due(session, provider, limit)


def ids(leases: list[Lease]) -> set[UUID]:
    return {lease.connection_id for lease in leases}


async def test_what_is_leased_is_not_handed_out_again(database: Database, keys: Keys) -> None:
    user = await rows.add_person(database)
    connection_id = await rows.add_connection(database, keys, user)
    assert ids(await claim(database)) == {connection_id}
    assert await claim(database) == []


async def test_processes_that_claim_at_once_share_the_work(database: Database, keys: Keys) -> None:
    user = await rows.add_person(database)
    every = {await rows.add_connection(database, keys, user) for _ in range(40)}
    claimed = await asyncio.gather(*(claim(database, limit=7) for _ in range(8)))
    handed_out = [lease.connection_id for leases in claimed for lease in leases]
    assert len(handed_out) == len(set(handed_out))
    assert set(handed_out) <= every


async def test_only_what_is_due_is_claimed_longest_overdue_first(
    database: Database, keys: Keys
) -> None:
    user = await rows.add_person(database)
    now = func.now()
    late = await rows.add_connection(database, keys, user, next_check_at=now - timedelta(hours=2))
    later = await rows.add_connection(database, keys, user, next_check_at=now - timedelta(hours=1))
    await rows.add_connection(database, keys, user, next_check_at=now + timedelta(hours=1))
    assert ids(await claim(database, limit=1)) == {late}
    assert ids(await claim(database)) == {later}


async def test_a_provider_does_not_stand_in_anothers_way(database: Database, keys: Keys) -> None:
    user = await rows.add_person(database)
    await rows.add_connection(database, keys, user, provider="sklad")
    mine = await rows.add_connection(database, keys, user)
    assert ids(await claim(database, "evotor", 1)) == {mine}


async def test_a_lease_that_ran_out_is_handed_out_again(database: Database, keys: Keys) -> None:
    user = await rows.add_person(database)
    connection_id = await rows.add_connection(database, keys, user)
    first = (await claim(database))[0]
    await rows.let_lease_run_out(database, connection_id)
    second = (await claim(database))[0]
    assert second.connection_id == first.connection_id
    assert second.lease_id != first.lease_id


async def test_a_released_connection_waits_for_its_pause(database: Database, keys: Keys) -> None:
    user = await rows.add_person(database)
    connection_id = await rows.add_connection(database, keys, user)
    lease = (await claim(database))[0]
    async with database.sessions.begin() as session:
        await release(session, [lease], timedelta(minutes=1))
    assert await claim(database) == []
    async with database.sessions.begin() as session:
        assert await claim_one(session, connection_id) is not None


async def test_one_connection_is_claimed_whether_it_is_due_or_not(
    database: Database, keys: Keys
) -> None:
    user = await rows.add_person(database)
    future = func.now() + timedelta(hours=1)
    connection_id = await rows.add_connection(database, keys, user, next_check_at=future)
    async with database.sessions.begin() as session:
        assert await claim_one(session, connection_id) is not None
    async with database.sessions.begin() as session:
        assert await claim_one(session, connection_id) is None

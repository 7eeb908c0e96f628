"""Leases: no connection is checked by two, and a dead process gives its work back."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, update

from app.database.encryption import Keys
from app.database.engine import Database
from app.models.connection import Connection, Grant, Status
from app.monitor import heartbeats
from app.monitor.answer import Answer
from app.monitor.checked import Checked
from app.monitor.leases import Lease, claim_due, claim_one, free_leases_of, release
from app.monitor.results import record
from app.monitor.verdict import Verdict
from tests.support import rows


async def claim(
    database: Database, provider: str = "evotor", limit: int = 10, monitor: UUID | None = None
) -> list[Lease]:
    async with database.sessions.begin() as session:
        return await claim_due(session, provider, limit, monitor)


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


async def freed(database: Database, monitor: UUID) -> int:
    async with database.sessions.begin() as session:
        return await free_leases_of(session, monitor)


async def test_what_a_silent_monitor_held_is_handed_out_at_once(
    database: Database, keys: Keys
) -> None:
    user, silent, other = await rows.add_person(database), uuid4(), uuid4()
    lost = {await rows.add_connection(database, keys, user) for _ in range(3)}
    assert ids(await claim(database, monitor=silent)) == lost
    kept = await rows.add_connection(database, keys, user)
    assert ids(await claim(database, monitor=other)) == {kept}
    assert await freed(database, silent) == 3
    assert ids(await claim(database, monitor=other)) == lost
    assert await freed(database, silent) == 0


async def test_one_that_was_merely_slow_cannot_write_with_what_it_lost(
    database: Database, keys: Keys
) -> None:
    """Not before another one has claimed it, either."""
    user, slow = await rows.add_person(database), uuid4()
    connection_id = await rows.add_connection(database, keys, user)
    (lease,) = await claim(database, monitor=slow)
    await freed(database, slow)
    verdict = Verdict(Status.ONLINE, None, 0, True, 600)
    late = Checked(lease, Answer("GET /me → 200", 12, status=200), verdict)
    async with database.sessions.begin() as session:
        assert await record(session, [late]) == set()
    assert (await rows.found(database, connection_id)).status == "checking"


async def test_a_lease_with_a_refresh_on_its_way_is_left_to_run_out(
    database: Database, keys: Keys
) -> None:
    """A refresh that was in doubt before is none that is on its way."""
    user, silent = await rows.add_person(database), uuid4()
    on_its_way, in_doubt = [await rows.add_connection(database, keys, user) for _ in range(2)]
    sent = update(Grant).values(refresh_sent_at=func.now() - timedelta(minutes=1))
    async with database.sessions.begin() as session:
        await session.execute(sent.where(Grant.connection_id == in_doubt))
        await claim_due(session, "evotor", 10, silent)
        await session.execute(
            sent.where(Grant.connection_id == on_its_way).values(refresh_sent_at=func.now())
        )
    assert await freed(database, silent) == 1
    assert ids(await claim(database)) == {in_doubt}
    await rows.let_lease_run_out(database, on_its_way)
    assert ids(await claim(database)) == {on_its_way}


async def test_a_row_that_the_silent_one_still_locks_stops_nobody(
    database: Database, keys: Keys
) -> None:
    """It was paused in the middle of a transaction."""
    user, paused = await rows.add_person(database), uuid4()
    locked, other = [await rows.add_connection(database, keys, user) for _ in range(2)]
    await claim(database, monitor=paused)
    async with database.sessions.begin() as session:
        await session.get(Connection, locked, with_for_update=True)
        assert await freed(database, paused) == 1
    assert ids(await claim(database)) == {other}


async def test_a_heartbeat_that_came_meanwhile_keeps_the_leases(database: Database) -> None:
    slow, own = uuid4(), uuid4()
    async with database.sessions.begin() as session:
        await heartbeats.beat(session, slow)
        await heartbeats.beat(session, own)
    async with database.sessions.begin() as session:
        seen = await heartbeats.of_others(session, own)
        assert set(seen) == {slow}
        await heartbeats.beat(session, slow)
    async with database.sessions.begin() as session:
        assert not await heartbeats.give_up(session, slow, seen[slow])
        (now,) = (await heartbeats.of_others(session, own)).values()
        assert await heartbeats.give_up(session, slow, now)
        assert not await heartbeats.give_up(session, slow, now)

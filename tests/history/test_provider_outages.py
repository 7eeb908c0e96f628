"""Where many fail at once it is the provider's outage: opened, dated and closed in one place."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from app.database.encryption import Keys
from app.database.engine import Database
from app.history import provider_outages, rescheduling
from app.history.provider_outages import is_good_sample, is_outage
from app.history.refusal_waves import RecentChecks
from app.models.connection import Connection
from app.models.history import ProviderOutage
from app.monitor.leases import claim_sample
from tests.support import rows
from tests.support.servers import Acme

DOWN: dict[str, Any] = {"status": "offline", "cause": "timeout", "evidence": "GET a/me → 503"}
WELL: dict[str, Any] = {"status": "online"}
NOBODYS_FAULT: dict[str, Any] = {"status": "degraded", "cause": "rate_limited"}
THEIRS: dict[str, Any] = {"status": "revoked", "cause": "revoked"}


@pytest.mark.parametrize(
    ("seen", "failing", "outage"),
    [(4, 4, False), (5, 5, True), (10, 5, True), (11, 5, False), (200, 100, True), (0, 0, False)],
)
def test_five_and_half_of_all_make_an_outage(seen: int, failing: int, outage: bool) -> None:
    assert is_outage(RecentChecks(seen, failing)) is outage


@pytest.mark.parametrize(
    ("seen", "failing", "quorum", "over"),
    [
        (5, 0, 3, True),
        (5, 1, 3, False),
        (10, 1, 3, True),
        (9, 1, 3, False),
        (2, 0, 3, False),
        (2, 0, 2, True),
        (0, 0, 0, True),  # nobody is left
    ],
)
def test_a_sample_is_good_when_nearly_all_are_well(
    seen: int, failing: int, quorum: int, over: bool
) -> None:
    assert is_good_sample(RecentChecks(seen, failing, quorum)) is over


async def looked_at(
    database: Database, keys: Keys, number: int, ago: float = 1, **columns: Any
) -> None:
    """So many connections of one person, last checked so many seconds ago."""
    user = await rows.add_person(database, f"{datetime.now().timestamp()}@example.ru")
    moment = func.now() - timedelta(seconds=ago)
    for _ in range(number):
        await rows.add_connection(
            database, keys, user, last_checked_at=moment, since=moment, **columns
        )


async def follow(database: Database, provider: str = "evotor") -> datetime | None:
    async with database.sessions.begin() as session:
        return await provider_outages.follow(session, provider)


async def ended(database: Database, spacing: float = 0.0) -> datetime | None:
    """What is followed by two samples in a row, both of what was looked at already."""
    async with database.sessions.begin() as session:
        first = await provider_outages.follow(session, "evotor", spacing)
        assert first is None
        earlier = ProviderOutage.sampled_at - timedelta(microseconds=1)
        await session.execute(update(ProviderOutage).values(sampled_at=earlier))
    async with database.sessions.begin() as session:
        return await provider_outages.follow(session, "evotor", spacing)


async def outages(database: Database) -> list[ProviderOutage]:
    async with database.sessions() as session:
        return list(await session.scalars(select(ProviderOutage).order_by(ProviderOutage.id)))


async def test_it_opens_once_with_cause_evidence_and_first_failure(
    database: Database, keys: Keys
) -> None:
    await looked_at(database, keys, 5, ago=60, **DOWN)
    await looked_at(database, keys, 2, **WELL)
    for _ in range(2):
        assert await follow(database) is None
    (outage,) = await outages(database)
    assert (outage.provider, outage.cause, outage.closed_at) == ("evotor", "timeout", None)
    assert outage.evidence == "GET a/me → 503"
    async with database.sessions() as session:
        assert await session.scalar(select(func.min(Connection.since))) == outage.opened_at


@pytest.mark.parametrize("columns", [NOBODYS_FAULT, THEIRS, WELL])
async def test_what_is_not_the_providers_fault_opens_nothing(
    database: Database, keys: Keys, columns: dict[str, Any]
) -> None:
    await looked_at(database, keys, 9, **columns)
    await follow(database)
    assert await outages(database) == []


async def test_what_was_seen_long_ago_or_elsewhere_does_not_count(
    database: Database, keys: Keys
) -> None:
    await looked_at(database, keys, 9, ago=121, **DOWN)
    await looked_at(database, keys, 9, provider="sklad", **DOWN)
    await follow(database)
    assert await outages(database) == []


async def test_grants_that_were_refused_do_not_hide_an_outage(
    database: Database, keys: Keys
) -> None:
    await looked_at(database, keys, 9, **THEIRS)
    await looked_at(database, keys, 5, **DOWN)
    await follow(database)
    assert len(await outages(database)) == 1


async def test_one_old_failure_does_not_date_it(database: Database, keys: Keys) -> None:
    await looked_at(database, keys, 5, ago=10, **DOWN)
    user = await rows.add_person(database)
    long_ago = func.now() - timedelta(days=3)
    await rows.add_connection(
        database, keys, user, last_checked_at=func.now(), since=long_ago, **DOWN
    )
    await follow(database)
    (outage,) = await outages(database)
    async with database.sessions() as session:
        now = (await session.scalars(select(func.now()))).one()
    assert now - outage.opened_at < timedelta(minutes=1)


async def test_it_ends_by_what_was_seen_since_the_last_sample(
    database: Database, keys: Keys
) -> None:
    await looked_at(database, keys, 6, **DOWN)
    await follow(database)
    await looked_at(database, keys, 4, ago=-1, **WELL)  # seen after the outage was opened
    for _ in range(3):
        assert await follow(database) is None  # one sample alone may be luck
    assert await ended(database) is not None
    (outage,) = await outages(database)
    assert outage.closed_at is not None
    assert await open_ones(database) == {}


async def test_it_goes_on_while_the_sample_fails(database: Database, keys: Keys) -> None:
    await looked_at(database, keys, 6, **DOWN)
    await follow(database)
    await looked_at(database, keys, 3, ago=-1, **WELL)
    await looked_at(database, keys, 2, ago=-1, **DOWN)
    assert await ended(database) is None
    assert list(await open_ones(database)) == ["evotor"]


async def test_one_monitor_of_all_takes_a_turn(database: Database, keys: Keys) -> None:
    await looked_at(database, keys, 6, **DOWN)
    await follow(database)
    async with database.sessions.begin() as session:
        assert not await provider_outages.take_turn(session, "evotor", 600)
    async with database.sessions.begin() as session:
        outage = (await session.scalars(select(ProviderOutage))).one()
        outage.sampled_at = func.now() - timedelta(seconds=30)
    turns = []
    for _ in range(2):
        async with database.sessions.begin() as session:
            turns.append(await provider_outages.take_turn(session, "evotor", 600))
    assert turns == [True, False]


async def test_all_are_looked_at_again_within_a_minute(database: Database, keys: Keys) -> None:
    far = func.now() + timedelta(hours=1)
    await looked_at(database, keys, 5, next_check_at=far, **DOWN)
    await looked_at(database, keys, 5, next_check_at=func.now() - timedelta(hours=1), **WELL)
    await looked_at(database, keys, 1, next_check_at=far, **WELL)
    await looked_at(database, keys, 1, next_check_at=far, **THEIRS)
    async with database.sessions.begin() as session:
        now = (await session.scalars(select(func.now()))).one()
        assert await rescheduling.put_on_schedule(session, "evotor", now, 600, 0)
    async with database.sessions.begin() as session:
        assert not await rescheduling.put_on_schedule(session, "evotor", now, 600, 0)
        late = Connection.next_check_at > func.now() + timedelta(seconds=61)
        assert await session.scalar(select(func.count()).where(late)) == 2
        soon = select(Connection.next_check_at).where(~late)
        assert len(set(await session.scalars(soon))) == 10


async def test_nobody_is_looked_at_sooner_than_a_provider_wants_with_one_grant(
    database: Database, keys: Keys
) -> None:
    far = func.now() + timedelta(hours=2)
    await looked_at(database, keys, 3, ago=60, next_check_at=far, **DOWN)
    async with database.sessions.begin() as session:
        now = (await session.scalars(select(func.now()))).one()
        assert await rescheduling.put_on_schedule(session, "evotor", now, 600, 3600)
    async with database.sessions.begin() as session:
        assert not await rescheduling.put_on_schedule(session, "evotor", now, 600, 3600)
        pauses = await session.scalars(
            select(Connection.next_check_at - Connection.last_checked_at)
        )
        assert set(pauses) == {timedelta(hours=1)}


async def test_many_are_put_on_the_schedule_once_however_long_that_takes(
    database: Database, keys: Keys
) -> None:
    far = func.now() + timedelta(hours=1)
    await looked_at(database, keys, 5, ago=300, next_check_at=far, **DOWN)
    soon = func.now() + timedelta(minutes=5)
    await looked_at(database, keys, 1, ago=60, next_check_at=soon, **DOWN)  # since the end
    async with database.sessions.begin() as session:
        ended = await session.scalar(select(func.now() - timedelta(minutes=2)))
        assert ended is not None
        assert await rescheduling.put_on_schedule(session, "evotor", ended, 600, 0)
    async with database.sessions.begin() as session:
        assert not await rescheduling.put_on_schedule(session, "evotor", ended, 600, 0)
        late = Connection.next_check_at > func.now() + timedelta(minutes=4)
        assert await session.scalar(select(func.count()).where(late)) == 1


async def test_what_failed_before_the_end_opens_nothing_anew(
    database: Database, keys: Keys
) -> None:
    await looked_at(database, keys, 20, ago=40, **DOWN)
    await follow(database)
    await looked_at(database, keys, 5, ago=-0.2, **WELL)
    assert await ended(database) is not None
    await looked_at(database, keys, 1, ago=-0.2, **DOWN)  # one shop's own trouble
    await follow(database)
    assert len(await outages(database)) == 1


async def test_a_new_outage_is_not_dated_into_the_one_before(
    database: Database, keys: Keys
) -> None:
    await looked_at(database, keys, 6, ago=40, **DOWN)
    await follow(database)
    await looked_at(database, keys, 4, ago=-0.2, **WELL)
    over = await ended(database)
    async with database.sessions.begin() as session:  # they go on failing
        await session.execute(
            update(Connection)
            .where(Connection.status == "offline")
            .values(last_checked_at=func.now() + timedelta(seconds=1))
        )
        await session.execute(delete(Connection).where(Connection.status == "online"))
    await follow(database)
    first, second = await outages(database)
    assert over == first.closed_at
    assert over == second.opened_at


async def test_a_sample_is_of_those_who_can_tell(
    database: Database, keys: Keys, acme: Acme
) -> None:
    long_ago = func.now() - timedelta(hours=1)
    await looked_at(database, keys, 9, provider="acme", next_check_at=long_ago, **THEIRS)
    await looked_at(database, keys, 3, provider="acme", **DOWN)
    async with database.sessions.begin() as session:
        leases = await claim_sample(session, acme.provider, provider_outages.SAMPLE)
    assert [lease.row.status for lease in leases] == ["offline"] * 3


async def test_it_ends_although_few_may_be_asked_at_a_time(database: Database, keys: Keys) -> None:
    await looked_at(database, keys, 6, **DOWN)
    await follow(database)
    await looked_at(database, keys, 1, ago=-0.2, **WELL)
    assert await ended(database) is None
    assert await ended(database, spacing=3600) is not None


async def open_ones(database: Database) -> dict[str, str]:
    async with database.sessions() as session:
        return await provider_outages.open_ones(session)


async def test_a_sample_does_not_wait_for_a_clock_that_stepped_back(
    database: Database,
) -> None:
    async with database.sessions.begin() as session:
        ahead = func.now() + timedelta(hours=1)
        outage = ProviderOutage(
            provider="evotor", cause="timeout", evidence="", opened_at=ahead, sampled_at=ahead
        )
        session.add(outage)
    async with database.sessions.begin() as session:
        assert await provider_outages.take_turn(session, "evotor", 600)
        assert not await provider_outages.take_turn(session, "evotor", 600)


async def test_one_that_ended_before_the_clock_went_back_hides_no_new_one(
    database: Database, keys: Keys
) -> None:
    ahead = func.now() + timedelta(hours=1)
    async with database.sessions.begin() as session:
        session.add(
            ProviderOutage(
                provider="evotor", cause="timeout", evidence="", opened_at=ahead, closed_at=ahead
            )
        )
    await looked_at(database, keys, 6, **DOWN)
    await follow(database)
    assert list(await open_ones(database)) == ["evotor"]

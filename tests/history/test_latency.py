"""How long answers took: the last 60 one by one, the rest as quantiles of hours and days."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import Keys
from app.database.engine import Database
from app.history import latency, outages
from app.history.latency import quantile
from app.history.latency_ring import LatencyRing, entry_of
from app.models.audit import AuditLogEntry
from app.models.connection import UNWATCHED, Connection
from app.models.history import Latencies, Outage
from app.monitor.answer import Answer
from app.monitor.checker import Checker
from app.monitor.loop import monitoring
from tests.history.test_uptime import Life
from tests.support import rows
from tests.support.clock import own_clock
from tests.support.waiting import until

MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def lived(session: AsyncSession, keys: Keys, pauses: list[tuple[int, int]]) -> Life:
    """A connection with one good answer for each (seconds before it, milliseconds it took)."""
    life = Life(session, NOON)
    await life.begin(keys)
    for pause, milliseconds in pauses:
        await life.check(pause, Answer("200", milliseconds, status=200))
    return life


async def kept(session: AsyncSession, connection_id: UUID) -> Connection:
    query = select(Connection).where(Connection.id == connection_id)
    return (await session.scalars(query.execution_options(populate_existing=True))).one()


async def histograms(session: AsyncSession, connection_id: UUID) -> dict[datetime, Counter[int]]:
    rows = await session.scalars(select(Latencies).where(Latencies.connection_id == connection_id))
    return {row.began: latency.counter_of(row.counts) for row in rows}


async def test_the_last_sixty_are_kept_in_order(database: Database, keys: Keys) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, [(7, n) for n in range(1, 71)])
        row = await kept(session, life.id)
        assert LatencyRing(row.recent_latencies, row.check_count).latencies() == list(range(11, 71))


async def test_every_look_knows_when_it_was(database: Database, keys: Keys) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, [(10, 100), (600, 110), (3_600, 120), (65_000, 130)])
        await life.check(30, Answer("503", 90, status=503))
        await life.check(30, Answer("no answer", 10_000, failure="timeout"))
        row = await kept(session, life.id)
        looks = LatencyRing(row.recent_latencies, row.check_count).checks(row.last_checked_at)
        seconds = [int((look.at - NOON).total_seconds()) for look in looks if look.at]
        assert seconds == [69_270, 69_240, 69_210, 4_210, 610, 10]
        assert [look.latency_ms for look in looks] == [None, None, 130, 120, 110, 100]
        assert [look.good for look in looks] == [False, False, True, True, True, True]


async def test_an_hour_that_is_over_is_folded_into_itself_and_its_day(
    database: Database, keys: Keys
) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, [(600, 100)] * 5 + [(700, 400)])
        found = await histograms(session, life.id)
        midnight = datetime(2026, 11, 22, 21, tzinfo=UTC)  # in Moscow
        assert set(found) == {NOON, midnight}
        assert found[NOON] == found[midnight] == latency.histogram([100] * 5)


async def test_nothing_is_lost_however_often_one_looks(database: Database, keys: Keys) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, [(5, 100 + n % 3) for n in range(200)] + [(3_600, 9)])
        assert (await histograms(session, life.id))[NOON].total() == 200


async def test_a_day_is_the_sum_of_its_hours(database: Database, keys: Keys) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, [(1_200, 100 + 20 * n) for n in range(10)])
        found = await histograms(session, life.id)
        day = found.pop(datetime(2026, 11, 22, 21, tzinfo=UTC))
        assert len(found) == 3
        assert sum(found.values(), Counter()) == day


async def test_an_hour_is_written_over_once_it_comes_round_again(
    database: Database, keys: Keys
) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, [(600, 100), (3_600, 200), (86_400, 300), (3_600, 300)])
        found = await histograms(session, life.id)
        assert NOON + timedelta(hours=1) not in found
        assert found[NOON + timedelta(hours=25)] == latency.histogram([300])


@example([34], 0.5)  # near the end of its bucket, and rounded away from it
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=80), st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_true_to_five_percent(values: list[int], part: float) -> None:
    exact = sorted(values)[max(0, -int(-part * len(values) // 1) - 1)]
    found = quantile(latency.histogram(values), part)
    assert found is not None
    assert abs(found - exact) <= 0.05 * exact + 0.5  # half a bucket, and rounded to milliseconds


def test_without_answers_there_is_no_quantile() -> None:
    assert quantile(Counter(), 0.5) is None


@pytest.mark.parametrize("before", [0, 1, 58, 59, 60, 61, 119, 120])
def test_a_look_that_came_with_a_new_grant_is_the_newest(before: int) -> None:
    ring = LatencyRing([], 0)
    for count in range(before):
        ring = ring.followed_by(entry_of(True, count), 10)
    ring = ring.followed_by(entry_of(False, 999), 40_000)
    assert ring.check_count == before + 1
    assert ring.latencies() == [*range(max(0, before - 59), before), 999]
    newest, *_ = ring.checks(NOON)
    assert (newest.at, newest.good) == (NOON, False)


async def test_what_no_check_writes_over_any_more_is_forgotten_in_small_batches(
    database: Database, keys: Keys
) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, [(600, 100)])
        ages = range(latency.LATENCIES_KEPT.days - 5, latency.LATENCIES_KEPT.days + 5)
        for slot, days in enumerate(ages):
            began = func.now() - timedelta(days=days)
            row = {"connection_id": life.id, "slot": 30 + slot, "began": began, "counts": [1]}
            await session.execute(insert(Latencies).values(row))
        assert not await latency.prune(session)
        assert len(await histograms(session, life.id)) == 6


async def test_a_monitor_forgets_outages_entries_and_latencies_that_are_too_old(
    database: Database, checker: Checker
) -> None:
    user = await rows.add_person(database)
    own = await rows.add_connection(database, checker.keys, user, provider="acme")
    long_ago = func.now() - outages.OUTAGES_KEPT - timedelta(days=1)
    outage = {"status": UNWATCHED, "fault": "us", "evidence": ""}
    stale = (
        insert(Outage).values(
            connection_id=own, opened_at=long_ago - timedelta(hours=1), closed_at=long_ago, **outage
        ),
        insert(AuditLogEntry).values(user_id=user, deed="checked", at=long_ago),
        insert(Latencies).values(connection_id=own, slot=30, began=long_ago, counts=[1]),
    )
    async with database.sessions.begin() as session:
        for row in stale:
            await session.execute(row)

    async def gone() -> bool:
        async with database.sessions() as session:
            tables = (Outage, AuditLogEntry, Latencies)
            counts = [await session.scalar(select(func.count()).select_from(t)) for t in tables]
        return counts == [0, 0, 0]

    async with monitoring(checker):
        await until(gone)

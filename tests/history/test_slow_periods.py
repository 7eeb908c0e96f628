"""A connection's own baseline, and the times that it was slow, as its checks write them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select

from app.database.encryption import Keys
from app.database.engine import Database
from app.history import slow_periods
from app.history.latency import BUCKETS, HOUR_SLOTS, histogram
from app.history.periods import TimeRange
from app.history.slow_periods import SlowTime, slow_time
from app.models.connection import Connection
from app.models.history import Latencies, SlowPeriod
from app.monitor.answer import Answer
from tests.history.test_latency import kept
from tests.history.test_uptime import Life
from tests.support.clock import own_clock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAUSE = 600  # seconds
TO_TOMORROW = 13 * 3_600  # seconds, from noon


async def answered(life: Life, *latencies: int, pause: int = PAUSE) -> Connection:
    for milliseconds in latencies:
        await life.check(pause, Answer("200", milliseconds, status=200))
    return await kept(life.session, life.id)


async def with_past(life: Life, keys: Keys, answers: int, milliseconds: int = 400) -> Life:
    """Connected, with so many answers in the histogram of a day of last week."""
    await life.begin(keys)
    counts = histogram([milliseconds] * answers)
    values = {
        "connection_id": life.id,
        "slot": HOUR_SLOTS,
        "began": NOON - timedelta(days=7),
        "counts": [counts[bucket] or None for bucket in range(BUCKETS)],
    }
    await life.session.execute(insert(Latencies).values(values))
    return life


async def test_slow_is_confirmed_and_over_by_several_answers_and_counted(
    database: Database, keys: Keys
) -> None:
    async with own_clock(database) as session:
        life = await with_past(Life(session, NOON), keys, 300)
        row = await answered(life, 400, pause=TO_TOMORROW)
        assert row.baseline_ms is not None
        assert abs(row.baseline_ms - 400) < 20
        assert (await answered(life, 900, 900)).slow_since is None
        slow = await answered(life, 900)
        assert (slow.status, slow.is_online) == ("online", True)
        since = slow.slow_since
        assert since == slow.last_checked_at
        assert (await answered(life, 900, 400, 400)).slow_since == since
        fast = await answered(life, 400)
        assert fast.slow_since is None
        (period,) = await session.scalars(select(SlowPeriod))
        assert (period.began, period.ended) == (since, fast.last_checked_at)
        month = TimeRange(NOON, NOON + timedelta(days=30))
        lasted = SlowTime(1, timedelta(seconds=4 * PAUSE))
        assert await slow_time(session, life.id, month, month.ended) == lasted


async def test_an_outage_ends_what_was_slow(database: Database, keys: Keys) -> None:
    async with own_clock(database) as session:
        life = await with_past(Life(session, NOON), keys, 300)
        await answered(life, 400, pause=TO_TOMORROW)
        assert (await answered(life, 900, 900, 900)).slow_since is not None
        for _ in range(2):
            await life.check(30, Answer("503", 3, status=503))
        assert (await kept(session, life.id)).slow_since is None
        assert len((await session.scalars(select(SlowPeriod))).all()) == 1


async def test_a_short_past_is_no_baseline(database: Database, keys: Keys) -> None:
    async with own_clock(database) as session:
        life = await with_past(Life(session, NOON), keys, 100)
        assert (await answered(life, 400, pause=TO_TOMORROW)).baseline_ms is None
        assert (await answered(life, 9_000, 9_000, 9_000)).slow_since is None


async def test_what_lasts_is_counted_until_now_and_what_is_old_is_deleted(
    database: Database, keys: Keys
) -> None:
    async with own_clock(database) as session:
        life = await with_past(Life(session, NOON), keys, 300)
        await answered(life, 400, pause=TO_TOMORROW)
        slow = await answered(life, 900, 900, 900)
        assert slow.slow_since is not None
        now = slow.slow_since + timedelta(hours=2)
        day = TimeRange(now - timedelta(hours=1), now)
        assert await slow_time(session, life.id, day, now) == SlowTime(1, timedelta(hours=1))
        old = NOON - timedelta(days=500)
        await session.execute(
            insert(SlowPeriod).values(connection_id=life.id, began=old, ended=old)
        )
        assert not await slow_periods.prune(session)
        assert (await session.scalars(select(SlowPeriod))).all() == []

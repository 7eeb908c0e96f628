"""Whatever happens to a connection, its past adds up: compared with a replay, second by second."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import Keys
from app.database.engine import Database
from app.grants import store
from app.history import uptime
from app.history.periods import TimeRange, days, half_hours
from app.history.uptime import Breakdown
from app.models.account import User
from app.models.alert import AlertState
from app.models.connection import UNWATCHED, Cause, Connection, Status
from app.models.history import Outage, ProviderOutage
from app.monitor.answer import Answer
from app.monitor.checked import Checked
from app.monitor.leases import claim_one
from app.monitor.results import record
from app.monitor.verdict import PriorState, verdict_of
from tests.support.clock import own_clock, set_clock
from tests.support.rows import TOKENS

INTERVAL = 4 * 3600.0  # seconds; so that a few checks span the days when clocks change
ANSWERS = {
    "well": Answer("200", 120, status=200, sound=True),
    "down": Answer("503", 80, status=503),
    "silent": Answer("no answer", 10_000, failure="timeout"),
    "denied": Answer("403", 90, status=403),
    "unpaid": Answer("402", 90, status=402),
    "over": Answer("invalid_grant", 70, status=400, refused="invalid_grant"),
    "busy": Answer("429", 30, status=429),
    "unconfigured": Answer("", 0, failure="unconfigured"),
}
MOSCOW, NEW_YORK = ZoneInfo("Europe/Moscow"), ZoneInfo("America/New_York")
CHANGES = [  # a zone, and a moment shortly before its clocks change
    (MOSCOW, datetime(2011, 3, 25, 20, tzinfo=UTC)),  # a day of 23 hours, the last one for years
    (MOSCOW, datetime(2014, 10, 24, 20, tzinfo=UTC)),  # a day of 25 hours
    (NEW_YORK, datetime(2026, 3, 6, 12, tzinfo=UTC)),
    (NEW_YORK, datetime(2026, 10, 30, 12, tzinfo=UTC)),
    (MOSCOW, datetime(2026, 11, 23, 11, tzinfo=UTC)),
]
SOON = st.integers(1, 80)  # seconds until the next check: in time after a strike, too
IN_TIME = st.integers(1, 25_000)  # in time as long as all is well
LATE = st.integers(50_000, 200_000)  # nobody was checking: a restart, or a long outage of ours


def _course(pauses: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[int, str]]]:
    """Checks: the seconds before each, and what it brings; often the same a few times in a row."""
    step = st.tuples(pauses, st.sampled_from(sorted(ANSWERS)), st.integers(0, 2))
    return st.lists(step, min_size=3, max_size=8).map(
        lambda steps: [
            (pause if first else 20, word)
            for pause, word, more in steps
            for first in (True, *[False] * more)
        ]
    )


steps = _course(st.one_of(SOON, SOON, IN_TIME, LATE))
jumps = _course(st.one_of(SOON, st.integers(-9_000, 60_000)))
example = settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Seen:
    """What was known from one check on: the replay's only source."""

    at: int
    status: str
    cause: str | None
    since: int
    watched_until: float


class Life:
    """One connection, checked when and as a test says; times are seconds since it was connected."""

    def __init__(self, session: AsyncSession, start: datetime) -> None:
        self.session, self.start = session, start
        self.id = uuid4()
        self.now = 0
        self.seen = [Seen(0, "checking", None, 0, 60)]

    async def begin(self, keys: Keys) -> None:
        await set_clock(self.session, self.start)
        user = User(email=f"{self.id}@example.ru", password_hash="")
        self.session.add(user)
        await self.session.flush()
        at = self.start
        self.session.add(
            Connection(
                id=self.id,
                user_id=user.id,
                provider="acme",
                since=at,
                connected_at=at,
                next_check_at=at,
                watched_until=at + timedelta(seconds=60),
            )
        )
        await self.session.flush()
        await store.store(self.session, keys, self.id, TOKENS)

    async def check(self, pause: int, answer: Answer) -> None:
        self.now += pause
        await set_clock(self.session, self.start + timedelta(seconds=self.now))
        lease = await claim_one(self.session, self.id)
        assert lease is not None
        row = lease.row
        known = PriorState(Status(row.status), Cause(row.cause) if row.cause else None, row.strikes)
        verdict = verdict_of(answer, known, INTERVAL)
        assert await record(self.session, [Checked(lease, answer, verdict)]) == {self.id}
        if answer.was_sent:
            self.seen.append(await self._seen())

    async def _seen(self) -> Seen:
        query = select(
            Connection.status, Connection.cause, Connection.since, Connection.watched_until
        ).where(Connection.id == self.id)
        row = (await self.session.execute(query)).one()
        since, until = (each - self.start for each in (row.since, row.watched_until))
        return Seen(
            self.now, row.status, row.cause, int(since.total_seconds()), until.total_seconds()
        )

    async def stretches(self) -> list[Outage]:
        own = select(Outage).where(Outage.connection_id == self.id).order_by(Outage.id)
        return list(await self.session.scalars(own))

    async def splits(self, windows: Sequence[TimeRange]) -> list[Breakdown]:
        now = self.start + timedelta(seconds=self.now)
        return (await uptime.splits(self.session, [self.id], windows, now))[self.id]


def replay(seen: Sequence[Seen], now: int) -> list[str]:
    """What each second since the connection was made is called: "up", "unknown" or a cause."""
    called: list[str] = []
    for check, following in zip(seen, [*seen[1:], None], strict=True):
        end = following.at if following else now
        if end > check.watched_until:
            word = "unknown"
        elif check.status in uptime.BY_GRAVITY:
            word = _carried(called) if check.cause == Cause.MISCONFIGURED else str(check.cause)
        else:
            word = "up"
        called += [word] * (end - check.at)
        if following and following.status in uptime.BY_GRAVITY:
            _date_back(called, following)
    return called


def _carried(called: Sequence[str]) -> str:
    """A mistake of ours changes nothing about an outage that goes on; a new one is by its cause."""
    before = called[-1] if called else "up"
    return str(Cause.MISCONFIGURED) if before in ("up", "unknown") else before


def _date_back(called: list[str], confirmed: Seen) -> None:
    """An outage began with its first strike, but not within time that something is told about."""
    for second in range(len(called) - 1, confirmed.since - 1, -1):
        if called[second] != "up":
            return
        called[second] = str(confirmed.cause)


def spent(called: Sequence[str], start: datetime, window: TimeRange) -> dict[str, int]:
    """Seconds of a window by whose fault they were, counted one by one."""
    begin, end = (int((at - start).total_seconds()) for at in (window.began, window.ended))
    words = Counter(called[max(begin, 0) : max(end, 0)])
    faults: Counter[str] = Counter()
    for word, count in words.items():
        faults[word if word in ("up", "unknown") else Cause(word).fault] += count
    return {part: faults[part] for part in ("up", "unknown", "you", "provider", "us")}


def seconds_of(split: Breakdown) -> dict[str, int]:
    parts = ("up", "unknown", "you", "provider", "us")
    return {part: int(getattr(split, part).total_seconds()) for part in parts}


async def lived(
    session: AsyncSession, keys: Keys, start: datetime, course: Sequence[tuple[int, str]], rest: int
) -> Life:
    life = Life(session, start)
    await life.begin(keys)
    for pause, word in course:
        await life.check(pause, ANSWERS[word])
    life.now += rest
    return life


@example
@given(steps, st.one_of(IN_TIME, LATE), st.sampled_from(CHANGES))
async def test_uptime_is_what_a_replay_second_by_second_says(
    database: Database,
    keys: Keys,
    course: list[tuple[int, str]],
    rest: int,
    place: tuple[ZoneInfo, datetime],
) -> None:
    zone, start = place
    async with own_clock(database) as session:
        life = await lived(session, keys, start, course, rest)
        called = replay(life.seen, life.now)
        now = start + timedelta(seconds=life.now)
        windows = [*days(now, zone, 12), *half_hours(now, 48), TimeRange(start, now)]
        for window, split in zip(windows, await life.splits(windows), strict=True):
            assert seconds_of(split) == spent(called, start, window), (window, life.seen)
            parts = seconds_of(split)
            assert sum(parts.values()) == split.whole.total_seconds()
        _assert_in_order(await life.stretches())


@example
@given(jumps, st.sampled_from(CHANGES))
async def test_no_clock_makes_stretches_overlap(
    database: Database,
    keys: Keys,
    course: list[tuple[int, str]],
    place: tuple[ZoneInfo, datetime],
) -> None:
    zone, start = place
    async with own_clock(database) as session:
        life = await lived(session, keys, start + timedelta(days=2), course, 0)
        _assert_in_order(await life.stretches())
        now = life.start + timedelta(seconds=life.now)
        for split in await life.splits([*days(now, zone, 5), TimeRange(start, now)]):
            parts = (split.up, split.unknown, split.you, split.provider, split.us)
            assert sum(parts, timedelta(0)) == split.whole
            assert min(parts) >= timedelta(0)


def _assert_in_order(stretches: Sequence[Outage]) -> None:
    end = datetime.min.replace(tzinfo=UTC)
    for each in stretches:
        assert each.opened_at >= end
        assert each.closed_at is None or each.closed_at >= each.opened_at
        end = each.closed_at or datetime.max.replace(tzinfo=UTC)


@example
@given(
    st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1)), st.sampled_from([MOSCOW, NEW_YORK])
)
async def test_a_day_begins_when_the_database_says_so_too(
    database: Database, moment: datetime, zone: ZoneInfo
) -> None:
    windows = days(moment.replace(tzinfo=UTC), zone, 30)
    dates = [window.began.astimezone(zone).date() for window in windows]
    query = text("SELECT d::timestamp AT TIME ZONE :zone FROM unnest(CAST(:days AS date[])) d")
    async with database.sessions() as session:
        begins = list(await session.scalars(query, {"zone": zone.key, "days": dates}))
    assert [window.began for window in windows] == begins
    assert [window.ended for window in windows[:-1]] == begins[1:]


async def test_days_when_clocks_change_are_as_long_as_they_are() -> None:
    lengths = {
        hours: days(datetime(*day, 10, tzinfo=UTC), zone, 3)[-2].whole
        for hours, zone, day in (
            (23, MOSCOW, (2011, 3, 28)),
            (25, MOSCOW, (2014, 10, 27)),
        )
    }
    assert lengths == {hours: timedelta(hours=hours) for hours in lengths}


async def test_what_works_and_is_checked_in_time_writes_no_history(
    database: Database, keys: Keys
) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, datetime(2026, 11, 1, tzinfo=UTC), [(9, "well")] * 9, 5)
        assert await life.stretches() == []


async def test_time_that_nobody_watched_is_never_up(database: Database, keys: Keys) -> None:
    day = 86_400
    course = [(10, "well"), (3_600, "well"), (2 * day, "well")]
    async with own_clock(database) as session:
        life = await lived(session, keys, datetime(2026, 11, 1, tzinfo=UTC), course, 3 * day)
        (gap,) = await life.stretches()
        assert (gap.status, gap.cause) == (UNWATCHED, None)
        (split,) = await life.splits([TimeRange(life.start, life.start + timedelta(days=9))])
        assert split.unknown == timedelta(days=5)  # two known by a row, three still going on
        assert split.up == timedelta(seconds=3_610)
        assert split.uptime == 1.0


async def test_a_stop_of_ours_alone_is_nothing_to_tell_anybody(
    database: Database, keys: Keys
) -> None:
    """After a day's stop that would be everybody at once; what is still down is looked at."""
    day, start = 86_400, datetime(2026, 11, 1, tzinfo=UTC)
    async with own_clock(database) as session:
        for answer, looked_at in (("well", 0), ("down", 1)):
            course = [(10, answer), (10, answer)]
            life = await lived(session, keys, start, course, 2 * day)
            await session.execute(delete(AlertState))
            await life.check(0, ANSWERS[answer])
            assert UNWATCHED in [each.status for each in await life.stretches()]
            assert await session.scalar(select(func.count()).select_from(AlertState)) == looked_at


async def test_nothing_is_known_of_a_connection_before_it_was_made(
    database: Database, keys: Keys
) -> None:
    async with own_clock(database) as session:
        life = await lived(session, keys, datetime(2026, 11, 1, tzinfo=UTC), [(10, "well")], 90)
        before = TimeRange(life.start - timedelta(days=2), life.start - timedelta(days=1))
        (split,) = await life.splits([before])
        assert (split.whole, split.uptime) == (timedelta(0), None)


async def test_a_sample_speaks_for_what_was_down_when_its_provider_went_out_for_everybody(
    database: Database, keys: Keys
) -> None:
    start, hours = datetime(2026, 11, 1, tzinfo=UTC), 3_600
    course = [(10, "well"), (20, "down"), (20, "down")]
    async with own_clock(database) as session:
        life = await lived(session, keys, start, course, 9 * hours)
        opened_at = start + timedelta(seconds=25)
        session.add(
            ProviderOutage(
                provider="acme", cause="provider_error", opened_at=opened_at, evidence=""
            )
        )
        await session.flush()
        window = TimeRange(start, start + timedelta(seconds=life.now))
        (during,) = await life.splits([window])
        await life.check(0, ANSWERS["down"])
        (after,) = await life.splits([window])
        assert during.provider == after.provider == timedelta(seconds=life.now - 30)
        assert [each.checks for each in await life.stretches()] == [3]

"""How fast a provider is asked: in any second, after a 429, with one grant, and by hand."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

import pytest
from aiohttp import web
from sqlalchemy import insert

from app.database.encryption import Keys
from app.database.engine import Database
from app.models.connection import Connection, Grant, Status
from app.models.monitor import MonitorHeartbeat
from app.monitor import loop, rate_limiter
from app.monitor.answer import Answer
from app.monitor.checker import Checker
from app.monitor.leases import claim_one
from app.monitor.loop import monitoring
from app.monitor.no_verdict import NoVerdict
from app.monitor.rate_limiter import Bucket, Clock, RateLimiter, honour_retry_after
from app.monitor.results import JITTER
from app.monitor.verdict import PriorState, verdict_of
from app.oauth.token_response import Tokens
from app.providers.provider import Provider
from app.providers.quota import Quota
from tests.support import rows
from tests.support.servers import Acme, saying
from tests.support.waiting import until

GOOD = Answer("", 0, status=200)


class Counted:
    """An API that remembers when it was asked."""

    def __init__(self, status: int = 200, **headers: str) -> None:
        self.times: list[float] = []
        self.tokens: set[str] = set()
        self.status, self.headers = status, headers

    async def __call__(self, request: web.Request) -> web.Response:
        self.times.append(time.monotonic())
        token = request.headers["Authorization"]
        self.tokens.add(token)
        said = {"sub": token}
        return web.json_response(said, status=self.status, headers=self.headers)

    async def has(self, number: int) -> bool:
        return len(self.times) >= number

    async def has_met(self, number: int) -> bool:
        """So many accounts: not waiting for their verdicts, for a machine that stood still has a
        request time out, which is rightly made again much later.
        """
        return len(self.tokens) >= number


def busiest_second(times: list[float]) -> int:
    times = sorted(times)
    return max(bisect_left(times, begin + 1) - bisect_left(times, begin) for begin in set(times))


def is_paced(times: list[float], rate: float, began: float) -> bool:
    """Over the whole: a busy machine bunches what was sent in time, and has the first come late,
    but makes nothing earlier.
    """
    return times[-1] - began >= len(times) / rate - 1


def starts(bucket: Bucket, seconds: float, cost: int = 1, step: float = 0.01) -> list[float]:
    """When requests start, if as many are started at every step as the bucket has."""
    times: list[float] = []
    for number in range(round(seconds / step)):
        now = number * step
        ready = bucket.ready(now)
        bucket.spend(ready * cost, now)
        times += [now] * ready * cost
    return times


@asynccontextmanager
async def asked_at(
    rate: float, checker: Checker, clock: Clock = time.monotonic, **entry: object
) -> AsyncIterator[Checker]:
    """A checker of one provider with this rate."""
    provider = replace(checker.catalogue["acme"], max_rate=rate, **entry)  # type: ignore[arg-type]
    yield replace(checker, catalogue={"acme": provider}, rate_limiter=RateLimiter(clock))


async def overdue(database: Database, keys: Keys, number: int) -> None:
    """Connections that all are due, made in two statements; each has an account of its own."""
    user = await rows.add_person(database)
    ids = [uuid4() for _ in range(number)]
    row = {"user_id": user, "provider": "acme"}
    async with database.sessions.begin() as session:
        made = [row | {"id": each, "account": f"Bearer {each}"} for each in ids]
        await session.execute(insert(Connection), made)
        sealed = {each: keys.seal(str(each), "grants", each, "access_token") for each in ids}
        grants = [{"connection_id": each, "access_token": sealed[each]} for each in ids]
        await session.execute(insert(Grant), grants)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1, 2, 3, 5, 7, 10, 30, 100, 1000])
@pytest.mark.parametrize("cost", [1, 2])
def test_no_second_holds_more_than_the_rate(rate: float, cost: int) -> None:
    times = starts(Bucket(rate, 0.0), 60 if rate < 10 else 5, cost)
    assert len(times) > 1 or rate < 0.1
    assert busiest_second(times) <= max(cost, rate + cost - 1)  # of a slow one, one too many


def test_most_of_the_rate_is_used() -> None:
    assert len(starts(Bucket(100, 0.0), 10)) >= 750


def test_three_in_half_a_minute_are_three_in_half_a_minute() -> None:
    """Wildberries: /ping."""
    times = starts(Bucket(0.1, 0.0), 300)
    assert max(sum(begin <= each < begin + 30 for each in times) for begin in times) <= 3


def test_monitors_divide_the_rate() -> None:
    shares = [Bucket(90, 0.0) for _ in range(3)]
    for each in shares:
        each.share = 3
    times = [time for each in shares for time in starts(each, 5)]
    assert len(times) >= 300
    assert busiest_second(times) <= 90


def test_a_429_leaves_nothing_and_slows_down() -> None:
    bucket = Bucket(100, 0.0)
    bucket.refused(0.0)
    assert bucket.ready(0.01) == 0
    assert bucket.wait(0.0) == pytest.approx(2 * 5 / 80)
    for _ in range(20):
        bucket.refused(0.0)
    assert len(starts(bucket, 60)) <= 76  # МойСклад closes the door at 200 a minute


def test_after_a_429_good_answers_bring_the_pace_back() -> None:
    bucket = Bucket(100, 0.0)
    bucket.refused(0.0)
    for _ in range(8):
        bucket.answered()
    assert len(starts(bucket, 5)) >= 375


def test_a_few_busy_accounts_slow_nobody_else() -> None:
    bucket = Bucket(100, 0.0)
    for _ in range(50):
        bucket.refused(0.0)
        for _ in range(19):
            bucket.answered()
    assert bucket.wait(0.0) == pytest.approx(5 / 80)


async def test_1000_overdue_connections_do_not_stampede(
    checker: Checker, database: Database, keys: Keys, acme: Acme
) -> None:
    acme.api_says = counted = Counted()
    await overdue(database, keys, 1000)
    began = time.monotonic()
    async with asked_at(300, checker, max_concurrency=100) as slow, monitoring(slow):
        await until(lambda: counted.has_met(1000), 180)
    assert len(counted.times) == 1000
    assert is_paced(counted.times, 300, began)


async def test_monitors_that_start_together_keep_the_rate_together(
    checker: Checker, database: Database, keys: Keys, acme: Acme
) -> None:
    acme.api_says = counted = Counted()
    await overdue(database, keys, 200)
    began = time.monotonic()
    async with asked_at(100, checker) as slow, AsyncExitStack() as monitors:
        for _ in range(3):
            await monitors.enter_async_context(
                monitoring(replace(slow, rate_limiter=RateLimiter()))
            )
        await until(lambda: counted.has_met(200))
    assert is_paced(counted.times, 100, began)


async def test_a_provider_that_says_429_is_not_hammered_for_the_others(
    checker: Checker, database: Database, keys: Keys, acme: Acme
) -> None:
    acme.api_says = counted = Counted(429)
    await overdue(database, keys, 200)

    async with asked_at(100, checker) as slow, monitoring(slow):
        await until(lambda: counted.has(10))
        acme.api_says = later = Counted(429)
        with pytest.raises(AssertionError):  # a second and a half has 120 at the full rate
            await until(lambda: later.has(40), 1.5)


async def test_a_monitor_learns_how_many_share_the_rate(
    checker: Checker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "HEARTBEAT_PAUSE", 0.1)
    async with database.sessions.begin() as session:
        session.add_all([MonitorHeartbeat(), MonitorHeartbeat(), MonitorHeartbeat()])
    acme = checker.catalogue["acme"]

    async def shared() -> bool:
        return checker.rate_limiter.ready(acme) == 2  # of 10, between four of us

    assert checker.rate_limiter.ready(acme) == 10
    async with monitoring(checker):
        await until(shared)


async def test_a_check_by_hand_waits_its_turn(
    checker: Checker, database: Database, acme: Acme
) -> None:
    acme.api_says = counted = Counted()
    user = await rows.add_person(database)
    ids = [
        await rows.add_connection(
            database, checker.keys, user, Tokens(f"access-{number}"), provider="acme"
        )
        for number in range(3)
    ]
    async with asked_at(5, checker) as slow:
        began = time.monotonic()
        assert set(await asyncio.gather(*(slow.check_now(each) for each in ids))) == {Status.ONLINE}
    # Not from one to the next: whatever is late on the way shortens that.
    assert all(at - began > 0.2 * number for number, at in enumerate(sorted(counted.times)))


async def test_where_the_queue_is_too_long_a_monitor_takes_it_later(
    checker: Checker, database: Database, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.api_says = counted = Counted()
    user = await rows.add_person(database)
    only = await rows.add_connection(database, checker.keys, user, provider="acme")
    async with asked_at(0.01, checker) as slow:
        assert await slow.check_now(only) is Status.ONLINE
        assert await slow.check_now(only) is NoVerdict.QUEUE_TOO_LONG
    found = await rows.found(database, only)
    assert len(counted.times) == 1
    assert found.lease_id is None
    assert found.last_checked_at is not None
    assert (found.next_check_at - found.last_checked_at).total_seconds() < slow.interval / 2
    assert rate_limiter.LONGEST_QUEUE < 20


async def test_a_refresh_and_a_second_probe_cost_what_they_are(
    checker: Checker, database: Database, acme: Acme
) -> None:
    acme.api_says = acme.refuse_first_tokens
    user = await rows.add_person(database)
    only = await rows.add_connection(database, checker.keys, user, provider="acme")
    async with asked_at(1, checker, clock=lambda: 0.0) as slow:
        assert await slow.check_now(only) is Status.ONLINE
        wait = slow.rate_limiter.wait(slow.catalogue["acme"])
    assert wait == pytest.approx(3 / 0.8)  # three requests at 0.8 a second


@pytest.mark.parametrize(
    ("answer", "known", "least"),
    [
        (GOOD, PriorState(Status.CHECKING), 60),
        (Answer("", 0, status=503), PriorState(Status.ONLINE), 60),  # not 30 s after a strike
        (Answer("", 0, status=429, retry_after=5), PriorState(Status.ONLINE), 60),
        (Answer("", 0, status=429, retry_after=90), PriorState(Status.ONLINE), 90),
        (Answer("", 0, status=429, retry_after=90), PriorState(Status.REVOKED), 90),
    ],
)
def test_nothing_is_scheduled_sooner_than_the_provider_wants_it(
    acme_entry: Provider, answer: Answer, known: PriorState, least: float
) -> None:
    verdict = honour_retry_after(verdict_of(answer, known, 5), acme_entry, answer)
    assert verdict.at_least == least
    assert verdict.delay >= least


@pytest.fixture
def acme_entry(acme: Acme) -> Provider:
    return replace(acme.provider, min_interval=60)


def test_a_quota_leaves_half_for_the_others(acme: Acme) -> None:
    provider = replace(acme.provider, quota=Quota(100, "day"))
    verdict = honour_retry_after(verdict_of(GOOD, PriorState(Status.ONLINE), 600), provider, GOOD)
    assert verdict.delay == 86_400 / 50
    assert provider.spending(600) == 50
    assert provider.spending(7200) == 12


@pytest.mark.parametrize("says", ["seconds", "date"])
async def test_a_429_is_obeyed_to_the_second(
    checker: Checker, database: Database, acme: Acme, says: str
) -> None:
    until_then = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=900)
    wait = "900" if says == "seconds" else format_datetime(until_then, usegmt=True)
    acme.api_says = Counted(429, **{"Retry-After": wait})
    user = await rows.add_person(database)
    for _ in range(10):  # jitter must not make it shorter
        only = await rows.add_connection(database, checker.keys, user, provider="acme")
        await replace(checker, rate_limiter=RateLimiter()).check_now(only)
        found = await rows.found(database, only)
        assert found.last_checked_at is not None
        pause = (found.next_check_at - found.last_checked_at).total_seconds()
        assert found.next_check_at >= until_then
        assert pause <= 900 * (1 + JITTER)
        assert pause >= 900 or says == "date"


async def test_what_is_given_back_waits_as_long_as_the_provider_wants(
    checker: Checker, database: Database, acme: Acme
) -> None:
    user = await rows.add_person(database)
    only = await rows.add_connection(database, checker.keys, user, provider="acme")
    async with asked_at(100, checker, min_interval=60) as slow:
        async with database.sessions.begin() as session:
            lease = await claim_one(session, only)
        assert lease is not None
        await slow._release([lease])
    found = await rows.found(database, only)
    assert (found.next_check_at - found.connected_at).total_seconds() > 59


async def test_failures_are_looked_at_less_and_less_often(
    checker: Checker, database: Database, acme: Acme
) -> None:
    acme.api_says = saying(503)
    user = await rows.add_person(database)
    only = await rows.add_connection(database, checker.keys, user, provider="acme")
    for delay in (30, 30, 60, 120, 240, 480, 600, 600):
        await checker.check_now(only)
        found = await rows.found(database, only)
        assert found.last_checked_at is not None
        pause = (found.next_check_at - found.last_checked_at).total_seconds()
        assert delay * (1 - JITTER) <= pause <= delay * (1 + JITTER)

"""When our own way out is down: nobody is blamed, and checks go on by themselves."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.database.engine import Database
from app.models.connection import Connection, Status
from app.models.monitor import MonitorHeartbeat
from app.monitor import connectivity, heartbeats, loop
from app.monitor.answer import Answer
from app.monitor.checker import Checker
from app.monitor.connectivity import Connectivity, connectivity_of
from app.monitor.loop import monitoring
from app.monitor.no_verdict import NoVerdict
from app.process import bind
from app.providers.provider import Provider
from tests.support import rows
from tests.support.processes import free_port
from tests.support.servers import Acme, open_acme
from tests.support.waiting import PATIENCE, until

FAILED = Answer("", 0, failure="unreachable")
ANSWERED = Answer("", 0, status=503)


class Canary:
    """A host on loopback that can be opened and closed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.connections = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._seen, sock=bind("127.0.0.1", self.port))

    async def close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    @property
    def connectivity(self) -> Connectivity:
        return Connectivity([("127.0.0.1", self.port)])

    async def _seen(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "IDLE_PAUSE", 0.05)
    monkeypatch.setattr(loop, "OFFLINE_PAUSE", 0.1)
    monkeypatch.setattr(connectivity, "CANARY_KEPT", 0.05)
    monkeypatch.setattr("app.monitor.checker.UNJUDGED_PAUSE", 0.1)


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    canary = Canary()
    yield canary
    await canary.close()


@pytest.fixture
async def sklad() -> AsyncIterator[Acme]:
    async with open_acme("sklad") as sklad:
        yield sklad


@pytest.fixture
def both(checker: Checker, acme: Acme, sklad: Acme, canary: Canary) -> Checker:
    """Checks of two providers that answer."""
    catalogue = {"acme": acme.provider, "sklad": sklad.provider}
    return replace(checker, catalogue=catalogue, interval=0.1, connectivity=canary.connectivity)


def cut(checker: Checker, *names: str) -> Checker:
    """The same, with nobody listening at these providers' addresses."""
    catalogue = dict(checker.catalogue)
    for name in names:
        catalogue[name] = nowhere(catalogue[name])
    return replace(checker, catalogue=catalogue)


def nowhere(provider: Provider) -> Provider:
    probe = replace(provider.probe, url=f"http://127.0.0.1:{free_port()}/me")
    return replace(provider, probe=probe)


async def one_at_each(checker: Checker, database: Database, **columns: Any) -> list[UUID]:
    user = await rows.add_person(database)
    return [
        await rows.add_connection(
            database, checker.keys, user, provider=name, account="shop-1", **columns
        )
        for name in checker.catalogue
    ]


async def has(database: Database, connection_id: UUID, status: str) -> None:
    async def look() -> bool:
        return (await rows.found(database, connection_id)).status == status

    await until(look)


async def is_offline(database: Database) -> bool:
    async with database.sessions() as session:
        return await heartbeats.all_offline(session)


@asynccontextmanager
async def offline_monitor(checker: Checker, database: Database) -> AsyncIterator[None]:
    async with monitoring(checker):
        await until(lambda: is_offline(database))
        yield


async def test_when_nobody_and_no_canary_answers_no_status_changes(
    both: Checker, database: Database
) -> None:
    ids = await one_at_each(both, database, status="online")
    before = [await rows.found(database, each) for each in ids]
    async with offline_monitor(cut(both, "acme", "sklad"), database):
        pass
    for each, was in zip(ids, before, strict=True):
        now = await rows.found(database, each)
        assert (now.status, now.version, now.lease_id) == ("online", was.version, None)
        assert await rows.outages(database, each) == []


async def test_an_open_outage_stays_what_it_was(both: Checker, database: Database) -> None:
    (only, _) = await one_at_each(both, database, status="offline", cause="provider_error")
    async with offline_monitor(cut(both, "acme", "sklad"), database):
        pass
    assert (await rows.found(database, only)).cause == "provider_error"


async def test_checks_go_on_by_themselves_when_the_canary_answers(
    both: Checker, database: Database, canary: Canary
) -> None:
    ids = await one_at_each(both, database, status="online")
    async with offline_monitor(cut(both, "acme", "sklad"), database):
        await canary.open()
        for each in ids:  # now it is the providers' own fault
            await has(database, each, "offline")
        assert not await is_offline(database)


async def test_while_offline_nothing_is_leased(both: Checker, database: Database) -> None:
    await one_at_each(both, database, status="online")

    async def nothing_is_leased() -> bool:
        query = select(func.count()).where(Connection.lease_id.is_not(None))
        async with database.sessions() as session:
            return await session.scalar(query) == 0

    async with offline_monitor(cut(both, "acme", "sklad"), database):
        await until(nothing_is_leased)  # what was under way has been given back
        for _ in range(3):
            await until(partial(asked_since, both.connectivity, time.monotonic()))
            assert await nothing_is_leased()


async def asked_since(ours: Connectivity, moment: float) -> bool:
    return ours.was_offline_since(moment)


async def test_one_provider_alone_that_is_down_is_at_fault_itself(
    both: Checker, database: Database, canary: Canary
) -> None:
    down, well = await one_at_each(both, database)
    async with monitoring(cut(both, "acme")):
        await has(database, down, "offline")  # and the canary is closed all the time
        await has(database, well, "online")
        assert not await is_offline(database)


async def test_an_answer_that_comes_while_the_canary_is_asked_outranks_it(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = canary.connectivity

    async def answered_meanwhile() -> bool:
        ours.observe("sklad", ANSWERED)
        return False  # and the canary is closed

    monkeypatch.setattr(ours, "_any_connects", answered_meanwhile)
    assert await ours.ask_canaries()


async def test_an_open_canary_makes_it_the_providers_fault(
    both: Checker, database: Database, canary: Canary
) -> None:
    await canary.open()
    ids = await one_at_each(both, database)
    async with monitoring(cut(both, "acme", "sklad")):
        for each in ids:
            await has(database, each, "offline")
    assert canary.connections > 0


async def test_a_provider_that_is_reached_is_as_good_as_a_canary(
    both: Checker, database: Database
) -> None:
    """Canaries that a firewall forbids must not stop us for ever."""
    acme, sklad = both.catalogue["acme"], nowhere(both.catalogue["sklad"])
    hosts = connectivity_of([("127.0.0.1", free_port())], {"acme": acme, "sklad": sklad})
    assert await hosts.ask_canaries()


async def test_the_only_provider_is_not_blamed_for_our_own_fault(
    both: Checker, database: Database, acme: Acme
) -> None:
    """With few connections the failures come one by one, and would each be confirmed by then."""
    alone = replace(both, catalogue={"acme": acme.provider})
    (only,) = await one_at_each(alone, database, status="degraded", cause="unreachable", strikes=1)
    assert await cut(alone, "acme").check_now(only) is NoVerdict.OUR_FAULT
    found = await rows.found(database, only)
    assert (found.status, found.strikes, found.lease_id) == ("degraded", 1, None)


async def test_a_check_by_hand_says_nothing_while_offline(
    both: Checker, database: Database
) -> None:
    (only, _) = await one_at_each(both, database, status="online")
    assert await cut(both, "acme", "sklad").check_now(only) is NoVerdict.OUR_FAULT
    assert both.connectivity.is_offline
    assert (await rows.found(database, only)).status == "online"


async def test_an_answer_outranks_the_canary(both: Checker, database: Database) -> None:
    (only, _) = await one_at_each(both, database)
    assert await cut(both, "acme").check_now(only) is NoVerdict.OUR_FAULT
    assert await both.check_now(only) is Status.ONLINE
    assert not both.connectivity.is_offline


async def test_without_a_canary_nobody_is_ever_offline(both: Checker, database: Database) -> None:
    (only, _) = await one_at_each(both, database)
    none = replace(cut(both, "acme", "sklad"), connectivity=Connectivity())
    assert await none.check_now(only) is Status.DEGRADED
    assert await none.check_now(only) is Status.OFFLINE


async def test_of_two_monitors_one_that_is_offline_stops_nobody(
    both: Checker, database: Database
) -> None:
    first, second = await one_at_each(both, database)
    alone = cut(both, "acme", "sklad")
    async with offline_monitor(alone, database):
        async with monitoring(replace(both, connectivity=Connectivity())):
            await has(database, first, "online")
            await has(database, second, "online")
            assert alone.connectivity.is_offline
            assert not await is_offline(database)
        await until(lambda: is_offline(database))


async def test_when_it_began_is_kept(database: Database) -> None:
    monitor = UUID(int=1)
    async with database.sessions.begin() as session:
        await heartbeats.beat(session, monitor, is_offline=True)
        await session.execute(
            update(MonitorHeartbeat).values(cut_off_since=func.now() - heartbeats.HEARTBEAT_FRESH)
        )
        began = await session.scalar(select(MonitorHeartbeat.cut_off_since))
        await heartbeats.beat(session, monitor, is_offline=True)
        assert await session.scalar(select(MonitorHeartbeat.cut_off_since)) == began
        await heartbeats.beat(session, monitor)
        assert await session.scalar(select(MonitorHeartbeat.cut_off_since)) is None


async def test_a_dead_monitor_says_nothing_about_connectivity(database: Database) -> None:
    long_ago = func.now() - 2 * heartbeats.HEARTBEAT_FRESH
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat(beat_at=long_ago, cut_off_since=long_ago))
        await session.flush()
        assert not await heartbeats.all_offline(session)


async def test_two_providers_at_once_are_doubtful_and_one_of_two_is_not() -> None:
    ours = Connectivity([("127.0.0.1", 1)])
    ours.observe("acme", FAILED)
    assert not ours.is_doubtful(2, changing=False)
    assert ours.is_doubtful(1, changing=False)
    ours.observe("sklad", FAILED)
    assert ours.is_doubtful(2, changing=False)
    ours.observe("dostavka", ANSWERED)
    assert not ours.is_doubtful(3, changing=False)


async def test_a_change_is_doubtful_unless_somebody_answered_lately() -> None:
    ours = Connectivity([("127.0.0.1", 1)])
    ours.observe("acme", FAILED)
    assert ours.is_doubtful(2, changing=True)
    ours.observe("sklad", ANSWERED)
    assert not ours.is_doubtful(2, changing=True)


async def test_a_failure_from_before_the_way_opened_proves_nothing(canary: Canary) -> None:
    ours = canary.connectivity
    began = time.monotonic()
    assert not ours.was_offline_since(began)
    assert not await ours.ask_canaries()
    ours.observe("acme", ANSWERED)
    assert ours.was_offline_since(began)
    assert not ours.was_offline_since(time.monotonic())


async def test_many_who_ask_at_once_ask_once(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connectivity, "CANARY_KEPT", 5)
    await canary.open()
    ours = canary.connectivity
    assert all(await asyncio.gather(*(ours.ask_canaries() for _ in range(10))))

    async def seen() -> bool:
        return canary.connections > 0

    await until(seen)
    assert canary.connections == 1


async def test_a_canary_that_is_silent_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connectivity, "CANARY_PATIENCE", 0.2)
    with closing(bind("127.0.0.1", 0)) as full, ExitStack() as crowd:
        full.listen(0)
        host = full.getsockname()
        for _ in range(4):  # more than its queue takes, so that the next one gets no answer
            one = crowd.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(host)
        async with asyncio.timeout(PATIENCE):
            assert not await Connectivity([host]).ask_canaries()
    assert "no way out" in caplog.text


async def test_a_name_that_cannot_be_looked_up_is_no_connectivity() -> None:
    assert not await Connectivity([("no..name", 443)]).ask_canaries()

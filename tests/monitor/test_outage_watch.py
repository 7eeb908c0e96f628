"""A provider that fails for everybody: noticed, asked by samples, told to pages, and forgotten."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import func, select

from app.database.engine import Database
from app.history import provider_outages
from app.models.connection import Connection
from app.models.history import ProviderOutage
from app.monitor import loop
from app.monitor.checker import Checker
from app.monitor.loop import monitoring
from app.monitor.outage_watch import OutageWatch
from app.oauth.token_response import Tokens
from tests.support import rows
from tests.support.servers import Acme, open_acme
from tests.support.waiting import until

NUMBER = 20  # connections
INTERVAL = 0.3  # seconds between two checks, and between two samples


class Api:
    """Every token belongs to an account of its own; all are refused while `down`."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked += 1
        account = request.headers["Authorization"]
        return web.json_response({"sub": account}, status=503 if self.down else 200)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "IDLE_PAUSE", 0.05)
    monkeypatch.setattr(loop, "WATCH_PAUSE", 0.05)


@pytest.fixture
async def acme() -> AsyncIterator[Acme]:
    async with open_acme(max_concurrency=NUMBER) as acme:
        yield acme


@pytest.fixture
async def api(acme: Acme, checker: Checker, database: Database) -> Api:
    """Twenty connections of one provider."""
    api = acme.api_says = Api()
    user = await rows.add_person(database)
    for number in range(NUMBER):
        tokens = Tokens(f"access-{number}")
        columns = {"provider": "acme", "account": f"Bearer access-{number}"}
        await rows.add_connection(database, checker.keys, user, tokens, **columns)
    return api


async def outages(database: Database, *, open: bool) -> int:
    query = select(func.count()).where(ProviderOutage.closed_at.is_(None) == open)
    async with database.sessions() as session:
        return await session.scalar(query) or 0


async def online(database: Database) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).where(Connection.is_online)) or 0


async def another_turn(database: Database) -> None:
    async def sampled_at() -> datetime:
        async with database.sessions() as session:
            return (await session.scalars(select(ProviderOutage.sampled_at))).one()

    before = await sampled_at()

    async def sampled_again() -> bool:
        return await sampled_at() > before

    await until(sampled_again)


async def test_it_opens_samples_and_closes_once_for_all_monitors(
    checker: Checker, database: Database, api: Api
) -> None:
    checker = replace(checker, interval=INTERVAL)

    async def all_well() -> bool:
        return await online(database) == NUMBER

    async def opened() -> bool:
        return await outages(database, open=True) == 1

    async def closed() -> bool:
        return await outages(database, open=False) == 1

    async with monitoring(checker), monitoring(replace(checker, watch=OutageWatch())):
        await until(all_well)
        api.down = True
        await until(opened)
        asked = api.asked
        for _ in range(4):  # when all twenty would have been asked, and again
            await another_turn(database)
        assert api.asked - asked <= 5 * provider_outages.SAMPLE + NUMBER
        api.down = False
        await until(closed)
        await until(all_well)
    assert await outages(database, open=True) == 0


async def test_a_restart_finds_an_outage_and_waits_for_the_next_sample(
    checker: Checker, database: Database, api: Api
) -> None:
    async with database.sessions.begin() as session:
        session.add(
            ProviderOutage(provider="acme", cause="timeout", evidence="", opened_at=func.now())
        )

    wanted = 1

    async def known() -> bool:
        return checker.watch.out == {"acme"}

    async def turn_came() -> bool:
        return api.asked >= wanted

    async def closed() -> bool:
        return await outages(database, open=False) == 1

    async with monitoring(checker):
        await until(known)
        with pytest.raises(AssertionError):  # many looks of the loop, and nothing happens
            await until(turn_came, 0.3)
        for wanted in (provider_outages.SAMPLE, 2 * provider_outages.SAMPLE):  # noqa: B007
            async with database.sessions.begin() as session:
                outage = (await session.scalars(select(ProviderOutage))).one()
                outage.sampled_at = func.now() - timedelta(seconds=provider_outages.SAMPLE_PAUSE)
            await until(turn_came)
        await until(closed)


@pytest.mark.parametrize(("interval", "seconds"), [(600, 120), (3, 12)])
async def test_an_entry_says_when_people_are_told_that_everybody_is_refused(
    checker: Checker, database: Database, acme: Acme, interval: float, seconds: float
) -> None:
    refused: dict[str, Any] = {"status": "degraded", "cause": "revoked"}
    refused["last_checked_at"] = func.now()
    for email in ("anna@example.ru", "boris@example.ru"):
        user = await rows.add_person(database, email)
        await rows.add_connection(database, checker.keys, user, provider="acme", **refused)
    watch, entry = OutageWatch(), replace(acme.provider, refusals_told_after=120)
    watch.want("acme")
    await watch.look(database.sessions, {"acme": entry}, interval)
    async with database.sessions() as session:
        (outage,) = await session.scalars(select(ProviderOutage))
    assert outage.kind == "refusing"
    assert outage.told_from == outage.opened_at + timedelta(seconds=seconds)

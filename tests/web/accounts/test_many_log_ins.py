"""A flood of log-ins, over HTTP: the others of it are sent away, and a real one is in soon."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from app.accounts import passwords
from app.accounts.passwords import AT_ONCE, MOST_WAITING
from app.models.account import Attempt
from app.process import bind
from app.web.middleware.trusted_proxies import TrustedProxies
from tests.support.people import Person
from tests.support.servers import local_client, served
from tests.support.settings import PASSWORD
from tests.support.waiting import PATIENCE, until

NETWORKS = 4
FLOOD = NETWORKS * (MOST_WAITING // NETWORKS + 8)


class GatedHasher(PasswordHasher):
    """Lets one through for each permit."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.permits = threading.Semaphore(0)
        self.at_work = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:
        self.at_work += 1
        assert self.permits.acquire(timeout=PATIENCE)
        self.at_work -= 1
        return super().verify(hash, password)


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch, person: Person) -> GatedHasher:
    """After the person has signed up."""
    hasher = GatedHasher()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    return hasher


@pytest.fixture
async def browser(person: Person) -> AsyncIterator[httpx.AsyncClient]:
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    limits = httpx.Limits(max_connections=None)
    async with (
        served(TrustedProxies(person.app, 1), listening),
        local_client(base_url=url, limits=limits) as http,
    ):
        yield http


async def log_in(http: httpx.AsyncClient, address: str, email: str, password: str) -> Any:
    form = {"email": email, "password": password}
    return await http.post("/login", data=form, headers={"X-Forwarded-For": address})


async def test_a_real_log_in_waits_for_one_of_each_network_and_the_rest_for_their_turn(
    person: Person, hasher: GatedHasher, browser: httpx.AsyncClient
) -> None:
    flood = [
        asyncio.create_task(
            log_in(browser, f"198.51.100.{number % NETWORKS}", f"{number}@example.org", "x" * 10)
        )
        for number in range(FLOOD)
    ]
    refused = FLOOD - MOST_WAITING - AT_ONCE
    await until(lambda: _done(flood, refused))
    real = asyncio.create_task(log_in(browser, "203.0.113.1", "anna@example.ru", PASSWORD))
    await until(lambda: _done(flood, refused + 1))  # it took a place of the flood's
    hasher.permits.release(AT_ONCE + NETWORKS + 1)
    assert (await real).status_code == 303
    hasher.permits.release(FLOOD)
    answers = await asyncio.gather(*flood)
    away = [each for each in answers if each.status_code == 503]
    assert len(away) == refused + 1
    assert {each.headers["Retry-After"] for each in away} == {"5"}
    assert {each.status_code for each in answers} == {422, 503}
    assert await _counted(person) == FLOOD - len(away), "who is sent away has spent nothing"


async def test_who_hangs_up_does_not_make_room_for_more_threads(
    hasher: GatedHasher, browser: httpx.AsyncClient
) -> None:
    for number in range(3 * AT_ONCE):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await log_in(browser, "198.51.100.1", f"{number}@example.org", "x" * 10)
    assert hasher.at_work <= AT_ONCE
    hasher.permits.release(FLOOD)
    await until(lambda: _idle(hasher))


async def _counted(person: Person) -> int:
    """Attempts from addresses of the flood; the real one's is forgiven."""
    query = select(func.count()).where(Attempt.key.startswith("login@198.51.100."))
    async with person.app.database.sessions() as session:
        return int(await session.scalar(query) or 0)


async def _done(tasks: list[asyncio.Task[Any]], count: int) -> bool:
    return sum(task.done() for task in tasks) >= count


async def _idle(hasher: GatedHasher) -> bool:
    return hasher.at_work == 0

"""Reads from a streaming standby, by a real pair of servers."""

import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text

from app.cli.commands import migrate_database
from app.config import Settings
from app.database.engine import open_database
from app.database.standby import MOST_BEHIND, Standby
from app.web.context import Dashboard
from app.web.middleware.standby_reads import COOKIE
from tests.support.applications import new_application
from tests.support.people import HTMX, OTHER_SHOP, Person, Sandbox
from tests.support.replication import Pair, replicated
from tests.support.waiting import until

AS_OF = "Данные с копии базы, на "


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with replicated() as pair:
        migrate_database(pair.primary.url())
        yield pair


@pytest.fixture
async def replay(pair: Pair) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """To stop and resume the replay at the standby; it goes on afterwards."""
    connection = await asyncpg.connect(pair.standby.url())
    yield connection
    await connection.execute("SELECT pg_wal_replay_resume()")
    await connection.close()


@pytest.fixture
async def app(pair: Pair, settings: Settings, sandbox: Sandbox) -> AsyncIterator[Dashboard]:
    primary, standby = pair.primary.url(), pair.standby.url()
    app = new_application(replace(settings, database_url=primary, read_database_url=standby))
    async with app.test_app():
        yield app


@pytest.fixture
async def person_at_rest(app: Dashboard, sandbox: Sandbox) -> Person:
    """Somebody with a connection, whose changes are long past, before a standby that is level."""
    person = await Person.signed_up(app, sandbox, f"{uuid4().hex}@example.ru")
    card = await person.connect()

    async def level() -> bool:
        _forget_changes(person)
        return AS_OF in await person.page(f"/connections/{card['id']}")

    await until(level)
    return person


def _forget_changes(person: Person) -> None:
    jar = person.client.cookie_jar
    assert jar is not None
    for cookie in [each for each in jar if each.name == COOKIE]:
        jar.clear(cookie.domain, cookie.path, cookie.name)


async def test_a_standby_is_as_old_as_what_it_has_not_replayed(
    pair: Pair, replay: "asyncpg.Connection[Any]"
) -> None:
    now = 1000.0
    async with open_database(pair.primary.url()) as primary, open_database(pair.standby.url()) as d:
        standby = Standby(primary, d, lambda: now)
        assert not standby.is_fresh

        async def level() -> bool:
            await standby.look()
            return standby.behind == 0

        await until(level)
        await _pause(replay)
        async with primary.sessions.begin() as session:
            await session.execute(text("CREATE TABLE written ()"))
        now += MOST_BEHIND
        await standby.look()
        assert standby.behind == MOST_BEHIND
        assert standby.is_fresh
        now += 1
        await standby.look()
        assert not standby.is_fresh
        await replay.execute("SELECT pg_wal_replay_resume()")
        await until(level)
        standby.doubt()
        assert not standby.is_fresh
        await standby.look()
        assert standby.is_fresh


async def test_pages_of_the_past_come_from_the_standby_and_say_of_when_they_are(
    app: Dashboard, person_at_rest: Person
) -> None:
    card = (await person_at_rest.connected())[0]
    for page in ("/outages", f"/connections/{card['id']}", f"/connections/{card['id']}/report"):
        assert AS_OF in await person_at_rest.page(page)
    for page in ("/connections", "/alerts", "/account"):
        assert AS_OF not in await person_at_rest.page(page)
    assert (await person_at_rest.get("/outages.json")).status_code == 200


async def test_who_has_just_changed_something_reads_the_primary(person_at_rest: Person) -> None:
    card = (await person_at_rest.connected())[0]
    await person_at_rest.post(f"/connections/{card['id']}/checks")
    assert AS_OF not in await person_at_rest.page("/outages")


async def test_a_page_that_refreshes_itself_reads_the_primary(person_at_rest: Person) -> None:
    card = (await person_at_rest.connected())[0]
    answer = await person_at_rest.get(f"/connections/{card['id']}", **HTMX)
    assert answer.status_code == 200
    assert AS_OF not in await answer.get_data(as_text=True)


async def test_what_the_standby_does_not_know_yet_comes_from_the_primary(
    sandbox: Sandbox, person_at_rest: Person, replay: "asyncpg.Connection[Any]"
) -> None:
    await _pause(replay)
    new = await person_at_rest.connect(account=OTHER_SHOP)
    _forget_changes(person_at_rest)
    assert AS_OF not in await person_at_rest.page(f"/connections/{new['id']}")


async def test_a_page_is_never_older_than_the_bound(
    app: Dashboard, person_at_rest: Person, replay: "asyncpg.Connection[Any]"
) -> None:
    """The last test but one: what was written meanwhile is on the page all the same."""
    await _pause(replay)
    async with app.database.sessions.begin() as session:
        await session.execute(text("UPDATE connections SET label = 'New name'"))
    await until(lambda: _says(person_at_rest, "New name"), seconds=4 * MOST_BEHIND)
    assert AS_OF not in await person_at_rest.page("/outages")


async def test_a_standby_that_goes_away_fails_no_page(
    pair: Pair, app: Dashboard, person_at_rest: Person
) -> None:
    """The last test here: it is not started again."""
    assert AS_OF in await person_at_rest.page("/outages")
    pair.standby.stop(signal.SIGQUIT)
    for _ in range(3):
        assert AS_OF not in await person_at_rest.page("/outages")


async def _says(person: Person, words: str) -> bool:
    card = (await person.connected())[0]
    return words in await person.page(f"/connections/{card['id']}")


async def _pause(standby: "asyncpg.Connection[Any]") -> None:
    await standby.execute("SELECT pg_wal_replay_pause()")

    async def paused() -> bool:
        return bool(await standby.fetchval("SELECT pg_get_wal_replay_pause_state() = 'paused'"))

    await until(paused)

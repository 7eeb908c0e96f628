"""The calendar of what ends, for whoever has its address."""

import logging
import re
from typing import Any

import pytest
from quart.typing import TestClientProtocol as Browser
from sqlalchemy import func, select, update

from app.database.engine import Database
from app.models.account import CalendarLink, User
from app.web.connections.calendar import GUESSES
from tests.support.people import Person
from tests.support.settings import PUBLIC_URL
from tests.web.connections.test_expiries import ends_in

ADDRESS = re.compile(rf"<code>{PUBLIC_URL}(/expiries/[\w-]{{43}}\.ics)</code>")
NOBODYS = f"/expiries/{'x' * 43}.ics"


async def made(person: Person) -> str:
    """The path of a new address."""
    answer = await person.post("/expiries/calendar")
    page = str(await answer.get_data(as_text=True))
    found = ADDRESS.search(page)
    assert found, page
    return found[1]


@pytest.fixture
def program(person: Person) -> Browser:
    """A calendar program: it has no cookie."""
    return person.app.test_client()


async def read(program: Browser, path: str) -> Any:
    answer = await program.get(path)
    return answer.status_code, str(await answer.get_data(as_text=True))


async def test_a_calendar_is_read_without_a_log_in_and_asked_for_by_its_tag(
    person: Person, program: Browser, database: Database
) -> None:
    card = await person.connect()
    await ends_in(database, 20)
    answer = await program.get(path := await made(person))
    text = str(await answer.get_data(as_text=True))
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    assert f"UID:{card['id']}@127.0.0.1" in text
    assert "SUMMARY:Закончится доступ" in text
    assert "private" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    again = await program.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, await again.get_data()) == (304, b"")


async def test_an_address_that_was_replaced_or_switched_off_is_nobodys(
    person: Person, program: Browser, database: Database
) -> None:
    first = await made(person)
    second = await made(person)
    assert (await program.get(first)).status_code == 404
    assert (await program.get(second)).status_code == 200
    page = await person.page("/expiries")
    assert "Показать его ещё раз нельзя" in page
    assert second not in page
    await person.post("/expiries/calendar/off")
    assert (await program.get(second)).status_code == 404
    assert "Создать адрес" in await person.page("/expiries")
    journal = await person.page("/journal")
    assert journal.count("Создан адрес календаря") == 2
    assert "Адрес календаря сроков выключен" in journal


async def test_only_a_hash_of_the_address_is_kept_and_the_log_has_no_word_of_it(
    person: Person, program: Browser, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        path = await made(person)
        await program.get(path)
        await program.get(NOBODYS)
    secret = path.removeprefix("/expiries/").removesuffix(".ics")
    assert secret not in caplog.text
    assert NOBODYS not in caplog.text
    metrics = await read(program, "/metrics")
    assert (secret in str(metrics), NOBODYS in str(metrics)) == (False, False)
    async with database.sessions() as session:
        (kept,) = (await session.execute(select(CalendarLink))).scalars()
    assert secret.encode() not in kept.link_hash
    assert secret not in await person.page("/account/data")


async def test_a_disabled_person_has_no_calendar_and_a_deleted_one_leaves_no_address(
    person: Person, program: Browser, database: Database
) -> None:
    path = await made(person)
    async with database.sessions.begin() as session:
        await session.execute(update(User).values(disabled_at=func.now()))
    assert (await program.get(path)).status_code == 404
    async with database.sessions.begin() as session:
        await session.delete(await session.scalar(select(User)))
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(CalendarLink)) == 0


async def test_addresses_are_not_guessed_without_end(person: Person, program: Browser) -> None:
    path = await made(person)
    for _ in range(GUESSES.tries):
        assert (await program.get(NOBODYS)).status_code == 404
    answer = await program.get(NOBODYS)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert (await program.get(path)).status_code == 200  # another one's guesses

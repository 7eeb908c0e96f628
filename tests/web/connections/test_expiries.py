"""What ends: the button before it does, and the page «Сроки»."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from app.database.engine import Database
from app.models.connection import Grant
from tests.support.people import Person
from tests.web.connections.test_index import card_of
from tests.web.connections.test_show import change_grant, page_of

BUTTON = "Продлить"
NOTHING_ENDS = "Ничего не заканчивается"


async def ends_in(database: Database, days: float) -> None:
    """Every grant; nothing renews it."""
    end = func.now() + timedelta(days=days)
    await change_grant(database, refresh_token=None, expires_at=end)


@pytest.mark.parametrize(("days", "is_offered"), [(29, True), (3, True), (-1, True), (32, False)])
async def test_what_ends_soon_has_its_button_on_the_card_and_on_its_page(
    person: Person, database: Database, days: int, is_offered: bool
) -> None:
    card = await person.connect()
    await ends_in(database, days)
    own = f"connection-{card['id']}"
    for path in ("/connections", page_of(card)):
        assert (BUTTON in card_of(await person.page(path), own)) is is_offered


async def test_what_is_renewed_by_itself_has_no_button_and_no_end(
    person: Person, database: Database
) -> None:
    await person.connect()
    await change_grant(database, expires_at=func.now() + timedelta(days=3))
    assert BUTTON not in await person.page()
    assert NOTHING_ENDS in await person.page("/expiries")


async def test_the_page_has_everything_that_ends_the_next_one_first(
    person: Person, database: Database
) -> None:
    first, second = await person.connect(), await person.connect("sklad", "wh-02")
    await ends_in(database, 64)
    async with database.sessions.begin() as session:
        sooner = func.now() + timedelta(days=3)
        own = update(Grant).where(Grant.connection_id == second["id"])
        await session.execute(own.values(expires_at=sooner))
    page = await person.page("/expiries")
    assert page.index(second["id"]) < page.index(first["id"])
    assert "истекает через 3 дня" in page
    assert "истекает через 64 дня" in page
    assert page.count(f"{BUTTON}</button>") == 2


async def test_the_button_goes_to_the_provider_as_a_reconnect_does(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    await ends_in(database, 3)
    assert await person.reconnect(card) == "/connections"
    assert BUTTON not in await person.page()
    (after,) = await person.connected()
    assert (after["id"], after["status"]) == (card["id"], "online")


async def test_without_a_connection_the_page_says_what_it_is_for(person: Person) -> None:
    assert "Пока нечему заканчиваться" in await person.page("/expiries")

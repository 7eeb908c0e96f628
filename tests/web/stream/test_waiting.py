"""How much waits for its owner: in the page, on the stream, and for hidden pages that ask."""

import pytest

from app.web.connections.labels import waiting_text
from app.web.context import Dashboard
from tests.support.people import OTHER_SHOP, Person
from tests.support.streams import watching
from tests.web.stream.test_routes import heard

BADGE = 'id="waiting" data-waiting="{}"'


async def test_it_counts_what_only_its_owner_can_mend(person: Person) -> None:
    card = await person.connect()
    assert await asked(person) == 0
    assert "(1) Подключения" not in await person.page("/connections")
    await person.sandbox.set("unpaid")
    await person.check(card)
    await person.check(card)
    assert await asked(person) == 1
    for path in ("/connections", "/outages", f"/connections/{card['id']}"):
        page = await person.page(path)
        assert "<title>(1) " in page, path
        assert BADGE.format(1) in page, path
        assert ", 1 ждёт вас" in page, path


async def test_open_pages_are_told_when_it_changes_and_only_then(person: Person) -> None:
    card = await person.connect()
    await heard(person.app)
    async with watching(person) as stream:
        await person.sandbox.set("unpaid")
        await person.check(card)
        await person.check(card)
        assert await stream.until("event: waiting") == "event: waiting\ndata: 1"
        await person.sandbox.set("ok")
        await person.check(card)
        assert await stream.until("event: waiting") == "event: waiting\ndata: 0"


async def test_a_page_about_one_connection_is_told_of_the_others(person: Person) -> None:
    one, other = await person.connect(), await person.connect(account=OTHER_SHOP)
    await heard(person.app)
    async with watching(person, f"/connections/{one['id']}/stream") as stream:
        await person.sandbox.set("unpaid", account=OTHER_SHOP)
        await person.check(other)
        await person.check(other)
        assert await stream.until("event: waiting") == "event: waiting\ndata: 1"


async def test_a_stranger_who_asks_is_told_nothing(dashboard: Dashboard) -> None:
    stranger = dashboard.test_client()
    answer = await stranger.get("/connections/waiting", headers={"Accept": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("count", "text"), [(1, ", 1 ждёт вас"), (2, ", 2 ждут вас"), (5, ", 5 ждут вас")]
)
def test_the_verb_agrees_with_the_number(count: int, text: str) -> None:
    assert waiting_text(count) == text


async def asked(person: Person) -> int:
    answer = await person.get("/connections/waiting")
    number: int = (await answer.get_json())["waiting"]
    return number

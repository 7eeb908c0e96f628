"""What pages show of the past: bars, figures, outages in words; one query however many cards."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import event, func, select, update

from app.database.encryption import Keys
from app.database.engine import Database
from app.models.account import User
from app.models.connection import Connection
from tests.support.people import HTMX, Person
from tests.support.rows import add_connection
from tests.support.streams import watching
from tests.web.stream.test_routes import heard

BARS = re.compile(r'<svg class="beat".*?</svg>', re.DOTALL)


async def failed(person: Person) -> dict[str, Any]:
    """A connection that works, and then does not."""
    card = await person.connect()
    await person.sandbox.set("error")
    for _ in range(2):
        card = await person.check(card)
    return card


def rows_of_bars(page: str) -> list[list[str]]:
    """Every bar as the shape that it is drawn with: bars that say the same share one."""
    return [
        [shape for shape in re.findall(r"<path.*?</path>", bars) for _ in range(shape.count("z"))]
        for bars in BARS.findall(page)
    ]


async def test_a_card_has_48_half_hours_each_with_its_title(person: Person) -> None:
    await person.connect()
    (day,) = rows_of_bars(await person.page())
    assert len(day) == 48
    assert all(re.search(r"<title>.*\d\d:\d\d ?– ?.*\d\d:\d\d: .+</title>", bar) for bar in day)
    assert "в сети" in day[-1]
    assert 'class="n"' in day[0]  # before it was connected nothing is known
    assert "нет данных" in day[0]


async def test_height_tells_what_colour_tells(person: Person) -> None:
    await failed(person)
    (day,) = rows_of_bars(await person.page())
    heights = {re.findall(r"v(\d+)", bar)[0] for bar in (day[0], day[-1])}
    assert 'class="d"' in day[-1]
    assert heights == {"2", "22"}  # and 4 of the line around them


async def test_a_card_that_comes_over_the_stream_has_its_past_too(person: Person) -> None:
    card = await person.connect()
    await heard(person.app)
    async with watching(person) as stream:
        await person.check(card)
        fragment = await stream.until(f'hx-target="#connection-{card["id"]}"')
    assert len(rows_of_bars(fragment.replace("\ndata: ", "\n"))) == 1


async def test_nothing_in_the_past_needs_an_inline_style(person: Person) -> None:
    card = await failed(person)
    for path in ("/connections", f"/connections/{card['id']}"):
        assert "style=" not in await person.page(path)


async def test_more_cards_are_no_more_queries(
    person: Person, database: Database, keys: Keys
) -> None:
    await person.connect()
    few = await queries_of(person, "/connections")
    async with database.sessions() as session:
        user = await session.scalar(select(User.id))
    assert user is not None
    for number in range(20):
        await add_connection(database, keys, user, account=f"shop-{number}")
    assert await queries_of(person, "/connections") == few
    assert len(rows_of_bars(await person.page())) == 21


async def queries_of(person: Person, path: str) -> int:
    engine = person.app.database.engine.sync_engine
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        await person.page(path)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(seen)


async def test_the_page_of_a_connection_tells_its_outages_in_words(person: Person) -> None:
    card = await failed(person)
    page = await person.page(f"/connections/{card['id']}")
    assert re.search(r"Сервис отвечает ошибкой уже \d+ секунд", page)
    assert re.search(r"/stores → 503 за \d+ мс; 2 проверки подряд", page)
    assert "По вине сервиса" in page
    assert page.count("Не вышло") == 2
    assert len(rows_of_bars(page)[-1]) == 90


async def test_the_page_of_a_connection_lists_its_last_checks(person: Person) -> None:
    card = await failed(person)
    page = await person.page(f"/connections/{card['id']}")
    checks = page.split("Последние проверки")[1]
    assert (checks.count("Не вышло"), checks.count("Успешно")) == (2, 1)


async def test_what_is_over_is_told_as_over(person: Person) -> None:
    card = await failed(person)
    await person.sandbox.set("ok")
    await person.check(card)
    page = await person.page(f"/connections/{card['id']}")
    assert re.search(r"Сервис отвечал ошибкой \d+ секунд", page)


async def test_time_that_nobody_watched_is_said_to_be_so(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    async with database.sessions.begin() as session:
        days = {
            name: func.now() - timedelta(days=age)
            for name, age in (("connected_at", 3), ("last_checked_at", 2), ("watched_until", 2))
        }
        await session.execute(update(Connection).values(days))
    await person.check(card)
    page = await person.page(f"/connections/{card['id']}")
    assert "Никто не проверял 2 дня" in page
    (day,) = rows_of_bars(await person.page())
    assert all('class="n"' in bar and "нет данных" in bar for bar in day[:-1])


async def test_an_open_page_gets_figures_and_past_with_its_facts(person: Person) -> None:
    card = await person.connect()
    answer = await person.get(f"/connections/{card['id']}?chart=7d", **HTMX)
    fragment = await answer.get_data(as_text=True)
    for target in ("#past", "#figures"):
        assert f'<hx-partial hx-target="{target}" hx-swap="outerMorph">' in fragment
    assert f'hx-get="/connections/{card["id"]}?chart=7d"' in fragment
    assert 'href="?chart=7d#speed" aria-current="true"' in fragment


async def test_the_address_finds_and_the_list_remembers_it(person: Person) -> None:
    card = await person.connect()
    key = f'id="connection-{card["id"]}"'
    page = await person.page(f"/connections?q={quote('ОСНОВНОЙ')}&show=trouble")
    assert key in page
    assert 'data-show="trouble" data-find="основной"' in page
    assert 'href="/connections?show=online&amp;q=%D0%BE' in page
    assert key not in await person.page(f"/connections?q={quote('нет такого')}")


async def test_nonsense_in_the_address_chooses_nothing(person: Person) -> None:
    attack = quote('"><script>')
    page = await person.page(f"/connections?show=x&sort=x&q={attack}")
    assert "data-show" not in page
    assert "<script>" not in page.replace("<script src", "")

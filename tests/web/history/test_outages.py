"""The page of all outages: filtered by its address, a provider's own as one entry."""

import re
from typing import Any

from sqlalchemy import func, insert

from app.database.engine import Database
from app.models.history import ProviderOutage
from tests.support.people import OTHER_SHOP, Person


async def failed(person: Person, **connect: str) -> dict[str, Any]:
    """A connection that has failed and works again."""
    await person.sandbox.set("ok")
    card = await person.connect(**connect)
    for mode in ("error", "error", "ok"):
        await person.sandbox.set(mode)
        card = await person.check(card)
    return card


async def wide(database: Database) -> None:
    async with database.sessions.begin() as session:
        since = func.now() - func.make_interval(0, 0, 0, 0, 1)
        await session.execute(
            insert(ProviderOutage).values(
                provider="evotor", cause="provider_error", evidence="→ 503", opened_at=since
            )
        )


async def test_where_nothing_failed_there_is_nothing(person: Person) -> None:
    await person.connect()
    assert "За это время ничего не записано." in await person.page("/outages")


async def test_an_outage_is_told_with_its_connection_and_its_proof(person: Person) -> None:
    card = await failed(person)
    page = await person.page("/outages")
    assert "Сервис отвечал ошибкой" in page
    assert "/stores → 503" in page
    assert f'href="/connections/{card["id"]}"' in page


async def test_outages_stand_under_their_day_with_a_total(person: Person) -> None:
    await failed(person)
    before = await person.page("/outages")
    assert before.count('<h2 class="daily">') == 1
    assert "За 30 дней: 1 сбой, " in before
    await failed(person, account=OTHER_SHOP)
    after = await person.page("/outages")
    assert "За 30 дней: 2 сбоя, вместе " in after
    news = [re.findall('data-news="[^"]+"', page) for page in (before, after)]
    assert len(news[0]) == len(news[1]) == 1
    assert news[0] != news[1]  # so an open page offers to be renewed


async def test_nobody_sees_what_is_somebody_elses(person: Person, other_person: Person) -> None:
    card = await failed(person)
    for path in ("/outages", f"/outages?connection={card['id']}"):
        assert "/stores → 503" not in await other_person.page(path)


async def test_the_address_filters(person: Person) -> None:
    one, two = await failed(person), await failed(person, account=OTHER_SHOP)
    page = await person.page(f"/outages?connection={one['id']}")
    assert f'href="/connections/{one["id"]}"' in page
    assert f'href="/connections/{two["id"]}"' not in page
    assert "Сервис отвечал" in await person.page("/outages?cause=provider_error&days=1")
    assert "ничего не записано" in await person.page("/outages?cause=revoked")
    assert "Сервис отвечал" in await person.page("/outages?cause=nonsense&days=x&connection=y")


async def test_what_was_the_provider_s_is_one_entry(person: Person, database: Database) -> None:
    cards = [await failed(person), await failed(person, account=OTHER_SHOP)]
    await wide(database)
    page = await person.page("/outages")
    assert page.count("Сбой на стороне «Эвотор»: сервис отвечает ошибкой") == 1
    assert "Затронуто 2 подключения" in page
    assert all(f'href="/connections/{card["id"]}"' in page for card in cards)

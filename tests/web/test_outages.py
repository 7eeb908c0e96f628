"""The page of all outages: filtered by its address, a provider's own as one entry, to take away."""

import csv
import io
from typing import Any

from sqlalchemy import func, insert, update

from app.db import Database
from app.models import Connection, ProviderOutage
from tests.people import OTHER_SHOP, Person


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


async def test_nobody_sees_what_is_somebody_elses(person: Person, other_person: Person) -> None:
    card = await failed(person)
    for path in ("/outages", f"/outages?connection={card['id']}", "/outages.csv", "/outages.json"):
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


async def test_it_can_be_taken_away_as_json(person: Person) -> None:
    card = await failed(person)
    answer = await person.get("/outages.json")
    (outage,) = (await answer.get_json())["outages"]
    assert (outage["connection"], outage["cause"]) == (card["id"], "provider_error")
    assert (outage["fault"], outage["checks"]) == ("provider", 2)
    assert outage["seconds"] > 0


async def test_it_can_be_taken_away_as_csv_that_runs_nothing(
    person: Person, database: Database
) -> None:
    await failed(person)
    async with database.sessions.begin() as session:
        await session.execute(update(Connection).values(label="=1+1"))
    answer = await person.get("/outages.csv")
    assert answer.mimetype == "text/csv"
    text = (await answer.get_data(as_text=True)).removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["cause"], row["details"]) == ("provider_error", "'=1+1")

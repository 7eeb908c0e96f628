"""What a connection was is kept for 30 days after its disconnect, and comes back by its account."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from app.connections import kept_history
from app.connections.kept_history import HISTORY_KEPT
from app.database.engine import Database
from app.history.outages import OUTAGES_PRUNED
from app.i18n.formatting import day
from app.models.history import KeptHistory, Latencies, Outage, SlowPeriod
from app.monitor.housekeeping import tidy
from app.web.context import Dashboard
from tests.support.people import JSON, OTHER_SHOP, Person, Sandbox
from tests.support.settings import PASSWORD

PAST = text(
    """
    WITH c AS (
        UPDATE connections SET connected_at = now() - interval '90 days',
            last_checked_at = now() - interval '1 hour', watched_until = now() - interval '1 hour',
            slow_since = now() - interval '30 minutes', status = 'online'
        WHERE id = :id RETURNING id
    ), o AS (
        INSERT INTO outages (connection_id, status, cause, fault, opened_at, closed_at, evidence)
        SELECT id, 'offline', 'timeout', 'provider', now() - n * interval '1 hour',
               now() - n * interval '1 hour' + interval '9 minutes', 'GET /x'
        FROM c, generate_series(2, CAST(:outages AS int) + 1) n
    ), s AS (
        INSERT INTO slow_periods (connection_id, began, ended)
        SELECT id, now() - interval '3 hours', now() - interval '2 hours' FROM c
    )
    INSERT INTO latencies (connection_id, slot, began, counts)
    SELECT id, 30, now() - interval '5 days', ARRAY[NULL, 7] FROM c
    """
)
AGE = text("UPDATE kept_histories SET disconnected_at = now() - CAST(:age AS interval)")
TABLES = (Outage, Latencies, SlowPeriod)


async def with_past(
    person: Person, database: Database, outages: int = 3, **where: str
) -> dict[str, Any]:
    """A connection with outages, a slow time that goes on and one before it, and a histogram."""
    card = await person.connect(**where)
    async with database.sessions.begin() as session:
        await session.execute(PAST, {"id": UUID(card["id"]), "outages": outages})
    return card


async def left(person: Person, card: dict[str, Any]) -> str:
    """It is disconnected; returns the page after that."""
    answer = await person.post(f"/{card['provider']}/disconnect", connection=card["id"])
    assert answer.headers["Location"] == "/connections"
    return await person.page()


async def rows(database: Database) -> list[int]:
    """How many of TABLES."""
    async with database.sessions() as session:
        counts = [select(func.count()).select_from(table) for table in TABLES]
        return [await session.scalar(count) or 0 for count in counts]


async def kept(database: Database) -> list[UUID]:
    async with database.sessions() as session:
        return list(await session.scalars(select(KeptHistory.connection_id)))


async def age(database: Database, days: float) -> None:
    async with database.sessions.begin() as session:
        await session.execute(AGE, {"age": HISTORY_KEPT * days / 30})


async def test_nobody_sees_what_is_kept(person: Person, database: Database) -> None:
    card = await with_past(person, database)
    await left(person, card)
    assert await kept(database) == [UUID(card["id"])]
    assert await rows(database) == [3, 1, 2]  # the slow time ended with the connection
    assert await person.connected() == []
    for address in ("", "/report", "/disconnect", "/stream"):
        path = f"/connections/{card['id']}{address}"
        assert (await person.get(path, **JSON)).status_code == 404, path
    assert json.loads(await person.page("/outages.json?days=90"))["outages"] == []
    assert json.loads(await person.page("/uptime.json"))["uptime"] == []


async def test_the_same_account_takes_its_history_back(person: Person, database: Database) -> None:
    card = await with_past(person, database)
    path = f"/connections/{card['id']}"
    await person.post(f"{path}/name", name="Касса на Ленина")
    await person.post(f"{path}/tags", tags="Москва")
    await left(person, card)
    back = await person.connect()
    assert (back["id"], back["title"], back["status"]) == (card["id"], "Касса на Ленина", "online")
    assert back["tags"] == ["Москва"]
    assert await kept(database) == []
    outages, latencies, slow = await rows(database)
    assert (outages, latencies, slow) == (4, 1, 2)  # the time without it is one that nobody watched
    shown = json.loads(await person.page("/outages.json?days=90"))["outages"]
    assert len(shown) == 3
    connected = day(datetime.now(UTC) - timedelta(days=90), person.app.settings.zone)
    assert connected in await person.page(path)
    assert "Доступ обновлён" in await person.page("/journal")
    assert (await person.check(back))["status"] == "online"


async def test_an_outage_that_goes_on_ends_with_its_connection(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    card = await person.connect()
    await sandbox.set("error")
    for _ in range(2):
        await person.check(card)
    async with database.sessions() as session:
        still_open = select(func.count()).where(Outage.closed_at.is_(None))
        assert await session.scalar(still_open) == 1
        await left(person, card)
        assert await session.scalar(still_open) == 0


async def test_another_account_and_another_person_get_nothing_of_it(
    person: Person, other_person: Person, database: Database
) -> None:
    card = await with_past(person, database)
    await left(person, card)
    assert (await person.connect(account=OTHER_SHOP))["id"] != card["id"]
    assert (await other_person.connect())["id"] != card["id"]
    assert await kept(database) == [UUID(card["id"])]


@pytest.mark.parametrize(("days", "comes_back"), [(29.9, True), (30.1, False)])
async def test_after_thirty_days_it_is_a_new_connection(
    person: Person, database: Database, days: float, comes_back: bool
) -> None:
    card = await with_past(person, database)
    await left(person, card)
    await age(database, days)
    again = await person.connect()
    assert (again["id"] == card["id"]) is comes_back
    await left(person, again)  # what was too old is replaced
    assert await kept(database) == [UUID(again["id"])]


async def test_after_thirty_days_it_is_deleted_in_batches(
    person: Person, database: Database, dashboard: Dashboard
) -> None:
    await left(person, await with_past(person, database, OUTAGES_PRUNED + 1))
    await tidy(database.sessions, dashboard.keys, dashboard.catalogue)
    assert (await rows(database))[0] == OUTAGES_PRUNED + 1
    await age(database, 30.1)
    async with database.sessions.begin() as session:
        assert await kept_history.prune(session)
    assert await rows(database) == [1, 1, 2]
    await tidy(database.sessions, dashboard.keys, dashboard.catalogue)
    assert (await rows(database), await kept(database)) == ([0, 0, 0], [])


async def test_it_can_be_deleted_at_once(person: Person, database: Database) -> None:
    page = await left(person, await with_past(person, database))
    until = day(datetime.now(UTC) + HISTORY_KEPT, person.app.settings.zone)
    assert f"Историю «Основной магазин, Эвотор» храним до {until}." in page
    forms = re.findall(r'action="(/connections/[0-9a-f-]{36}/forget)"', page)
    assert len(forms) == 1
    assert (await person.post(forms[0])).status_code == 303
    assert "История «Основной магазин, Эвотор» удалена." in await person.page()
    assert (await rows(database), await kept(database)) == ([0, 0, 0], [])
    journal = await person.page("/journal")
    assert "История отключённого удалена" in journal
    assert (await person.post(forms[0])).status_code == 404


async def test_nobody_else_deletes_it(
    person: Person, other_person: Person, database: Database
) -> None:
    card = await with_past(person, database)
    path = f"/connections/{card['id']}/forget"
    assert (await person.post(path)).status_code == 404  # it is connected
    await left(person, card)
    assert (await other_person.post(path)).status_code == 404
    assert await kept(database) == [UUID(card["id"])]


async def test_it_goes_with_its_person(person: Person, database: Database) -> None:
    await left(person, await with_past(person, database))
    await with_past(person, database, account=OTHER_SHOP)
    answer = await person.post("/account/delete", password=PASSWORD, sure="yes")
    assert answer.status_code == 303
    assert (await rows(database), await kept(database)) == ([0, 0, 0], [])


async def test_it_is_among_what_a_person_takes_along(person: Person, database: Database) -> None:
    card = await with_past(person, database)
    await left(person, card)
    taken = json.loads(await person.page("/account/data"))
    assert [each["connection_id"] for each in taken["kept"]] == [card["id"]]
    assert [len(taken[name]) for name in ("outages", "latencies", "slow")] == [3, 1, 2]

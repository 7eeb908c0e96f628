"""«Проверить все»: everything is looked at once, politely, and how far it is can be seen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update

from app.database.engine import Database
from app.models.account import Attempt
from app.models.audit import AuditLogEntry
from app.models.connection import Cause, Connection
from app.models.history import ProviderOutage
from app.models.monitor import BulkCheck
from app.monitor import bulk_checks, heartbeats, loop
from app.monitor.bulk_checks import Progress
from app.monitor.loop import monitoring
from app.web.connections.bulk_check_labels import how_far, outcome, postponed
from tests.support.people import HTMX, MAIN_SHOP, OTHER_SHOP, Person
from tests.support.streams import watching
from tests.support.waiting import until
from tests.web.stream.test_routes import heard

AGO = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "IDLE_PAUSE", 0.05)


async def three(person: Person, database: Database) -> list[dict[str, Any]]:
    """Connections at two providers, all of them checked a few minutes ago."""
    cards = [
        await person.connect(account=MAIN_SHOP),
        await person.connect(account=OTHER_SHOP),
        await person.connect("sklad", "wh-02"),
    ]
    await changed(database, last_checked_at=func.now() - AGO)
    return cards


async def changed(database: Database, card: dict[str, Any] | None = None, **columns: Any) -> None:
    query = update(Connection).values(columns)
    if card:
        query = query.where(Connection.id == UUID(card["id"]))
    async with database.sessions.begin() as session:
        await session.execute(query)


async def press(person: Person, **headers: str) -> Any:
    return await person.client.post("/connections/checks", headers=headers)


async def progress(database: Database) -> Progress:
    async with database.sessions() as session:
        user_id = (await session.scalars(select(BulkCheck.user_id))).one()
        return (await bulk_checks.of_users(session, [user_id]))[user_id]


async def due(database: Database) -> int:
    query = select(func.count()).where(Connection.next_check_at <= func.now())
    async with database.sessions() as session:
        return await session.scalar(query) or 0


async def forget_presses(database: Database) -> None:
    async with database.sessions.begin() as session:
        await session.execute(delete(Attempt))


async def reaches(database: Database, is_there: Callable[[Progress], bool]) -> Progress:
    async def look() -> bool:
        return is_there(await progress(database))

    await until(look)
    return await progress(database)


async def test_a_press_makes_all_of_ones_own_due_and_monitors_do_the_rest(
    person: Person, other_person: Person, database: Database
) -> None:
    await other_person.connect(account=MAIN_SHOP)
    await three(person, database)
    answer = await press(person)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/connections")
    assert await due(database) == 3
    before = await progress(database)
    assert (before.whole, before.asked, before.is_over) == (3, 0, False)
    page = await person.page()
    assert "Проверяем все подключения. Сколько" in page
    assert "проверено 0 из 3" in page
    async with monitoring(person.app.checker):
        after = await reaches(database, lambda found: found.is_over)
    assert (after.asked, after.well, after.ill) == (3, 3, 0)
    assert "Проверено 3 подключения: 3 в порядке." in await person.page()


async def test_its_outcome_is_closed_when_it_was_read_and_not_before(
    person: Person, database: Database
) -> None:
    await three(person, database)
    await press(person)
    await person.client.post("/connections/checks/dismiss")
    assert "проверено 0 из 3" in await person.page()  # it goes on
    async with monitoring(person.app.checker):
        await reaches(database, lambda found: found.is_over)
    assert "Проверено 3 подключения" in await person.page()
    closed = await person.client.post("/connections/checks/dismiss", headers={"HX-Request": "true"})
    assert not (await closed.get_data(as_text=True)).strip()
    assert "Проверено 3 подключения" not in await person.page()


async def test_a_round_ends_with_what_is_wrong(person: Person, database: Database) -> None:
    await three(person, database)
    await person.sandbox.set("error")
    await press(person)
    async with monitoring(person.app.checker):
        await reaches(database, lambda found: found.is_over)
    assert "Проверено 3 подключения: 3 с неполадкой." in await person.page()


async def test_an_open_page_sees_how_far_it_is(person: Person, database: Database) -> None:
    first, *_ = await three(person, database)
    await heard(person.app)
    async with watching(person) as stream:
        answer = await press(person, **HTMX)
        assert "проверено 0 из 3" in await answer.get_data(as_text=True)
        await stream.until('hx-target="#round"', "проверено 0 из 3")
        await person.check(first)
        step = await stream.until('hx-target="#round"', "проверено 1 из 3")
        assert '<progress max="3" value="1"' in step
        async with monitoring(person.app.checker):
            await stream.until('hx-target="#round"', "3 в порядке")


async def test_a_second_press_joins_the_round_that_is_under_way(
    person: Person, database: Database
) -> None:
    first, *_ = await three(person, database)
    await press(person)
    await person.check(first)
    answer = await press(person, **HTMX)
    assert "проверено 1 из 3" in await answer.get_data(as_text=True)
    await press(person)
    assert "Проверка всех подключений уже идёт." in await person.page()
    async with database.sessions() as session:
        entries = list(await session.scalars(select(AuditLogEntry.deed)))
    assert entries.count("checked_all") == 1
    assert "Проверены вручную все подключения" in await person.page("/journal")


async def test_all_is_not_asked_for_again_and_again(person: Person, database: Database) -> None:
    for card in await three(person, database):
        await person.check(card)
    await press(person)
    assert (await progress(database)).is_over  # seconds ago is as good as now
    answer = await press(person)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 30
    assert "проверяли только что" in await answer.get_data(as_text=True)
    await forget_presses(database)
    assert (await press(person)).status_code == 303


async def test_what_a_provider_does_not_want_asked_yet_is_said_and_left_alone(
    person: Person, database: Database
) -> None:
    await three(person, database)
    evotor = replace(person.app.catalogue["evotor"], min_interval=600)
    person.app.catalogue = dict(person.app.catalogue) | {"evotor": evotor}
    await press(person)
    assert (await due(database), (await progress(database)).whole) == (1, 1)
    assert (
        "2 подключения проверим позже: «Эвотор» просит проверять не чаще чем раз в 10 минут."
        in await person.page()
    )


async def test_a_check_that_ended_since_the_press_puts_nothing_off(
    person: Person, database: Database
) -> None:
    await three(person, database)
    soon = func.now() + timedelta(minutes=5)  # later than when the press's transaction began
    await changed(database, last_checked_at=soon)
    await press(person)
    found = await progress(database)
    assert (found.whole, found.asked, found.later) == (3, 3, {})


async def test_what_a_provider_has_put_off_itself_is_left_alone(
    person: Person, database: Database
) -> None:
    first, *_ = await three(person, database)
    later = func.now() + timedelta(minutes=9)
    await changed(database, first, cause=Cause.RATE_LIMITED, next_check_at=later)
    await press(person)
    assert await due(database) == 2
    assert "1 подключение проверим позже: «Эвотор» просит подождать." in await person.page()


async def test_a_round_does_not_wait_for_a_provider_that_is_out_for_everybody(
    person: Person, database: Database
) -> None:
    *_, third = await three(person, database)
    await press(person)
    async with database.sessions.begin() as session:
        outage = {"provider": "evotor", "cause": "timeout", "evidence": ""}
        session.add(ProviderOutage(**outage, opened_at=func.now()))
    await person.check(third)
    found = await progress(database)
    assert (found.asked, found.held, found.is_over) == (1, 2, True)
    assert "2 подключения проверим, как только сервис ответит" in await person.page()


async def test_what_our_own_settings_prevent_ends_a_round_too(
    person: Person, database: Database
) -> None:
    await three(person, database)
    await press(person)
    later = func.now() + timedelta(minutes=5)
    await changed(database, cause=Cause.MISCONFIGURED, next_check_at=later)  # as a check leaves it
    found = await progress(database)
    assert (found.asked, found.ill, found.is_over) == (3, 3, True)


async def test_a_connection_that_goes_meanwhile_is_not_waited_for(
    person: Person, database: Database
) -> None:
    first, *rest = await three(person, database)
    await press(person)
    await person.post("/evotor/disconnect", connection=first["id"])
    for card in rest:
        await person.check(card)
    found = await progress(database)
    assert (found.whole, found.is_over) == (2, True)


async def test_a_page_says_so_when_nobody_checks(person: Person, database: Database) -> None:
    await three(person, database)
    person.app.checks_run = False
    await press(person)
    page = await person.page()
    assert "проверено 0 из 3" in page
    assert "Проверки сейчас не идут: продолжим сами, как только они пойдут." in page
    async with monitoring(person.app.checker):
        await reaches(database, lambda found: found.is_over)
        async with database.sessions() as session:
            assert await heartbeats.monitor_alive(session)


async def test_a_check_under_way_keeps_its_lease(person: Person, database: Database) -> None:
    first, *_ = await three(person, database)
    held = {"lease_id": UUID(int=7), "lease_until": func.now() + timedelta(minutes=1)}
    await changed(database, first, **held)
    await press(person)
    async with monitoring(person.app.checker):
        found = await reaches(database, lambda found: found.asked == 2)
    assert not found.is_over
    async with database.sessions() as session:
        row = await session.get_one(Connection, UUID(first["id"]))
    assert row.lease_id == UUID(int=7)


async def test_what_is_old_is_no_news(person: Person, database: Database) -> None:
    for card in await three(person, database):
        await person.check(card)
    await press(person)
    assert "3 в порядке" in await person.page()
    async with database.sessions.begin() as session:
        await session.execute(
            update(BulkCheck).values(started_at=func.now() - bulk_checks.BULK_CHECK_PATIENCE)
        )
    assert "3 в порядке" not in await person.page()


async def test_one_connection_needs_no_button_for_all(person: Person) -> None:
    await person.connect()
    assert 'id="check-all"' not in await person.page()
    await person.connect(account=OTHER_SHOP)
    assert 'id="check-all"' in await person.page()


def test_the_words_count() -> None:
    found = Progress(40, 40, 0, 37, {}, AGO)
    assert outcome(found) == "Проверено 40 подключений: 37 в порядке, 3 с неполадкой."
    assert how_far(replace(found, asked=12)) == "проверено 12 из 40"
    assert outcome(replace(found, well=0, asked=1)) == "Проверено 1 подключение: 1 с неполадкой."
    assert outcome(replace(found, whole=0, asked=0)) == "Проверять сейчас нечего."
    assert list(postponed(replace(found, later={"gone": 2}), {})) == [
        "2 подключения проверим позже: gone просит подождать."
    ]

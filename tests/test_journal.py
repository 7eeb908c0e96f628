"""The journal: each deed in its own transaction, never rewritten, for one's own eyes only."""

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError

from app import journal, people
from app.db import Database
from app.journal import Deed
from app.models import JournalEntry
from app.sealing import Keys
from app.web.journal_wording import DEEDS, KINDS
from tests import rows
from tests.people import JSON, Person, Sandbox
from tests.settings import PASSWORD


async def deeds(database: Database) -> list[str]:
    async with database.sessions() as session:
        return list(await session.scalars(select(JournalEntry.deed).order_by(JournalEntry.id)))


def test_every_deed_has_words_and_a_place_in_the_filter() -> None:
    assert set(DEEDS) == set(Deed)
    assert {deed for _, some in KINDS.values() for deed in some} == set(Deed)


async def test_what_a_person_does_is_written_down(person: Person, database: Database) -> None:
    card = await person.connect()
    await person.post(f"/connections/{card['id']}/checks")
    await person.connect(connection=card["id"])
    await person.post("/evotor/disconnect", connection=card["id"])
    await person.get("/account/data")
    await person.post("/account/password", password=PASSWORD, new_password="another long one")
    await person.post("/account/sessions/end-others")
    await person.post("/logout")
    assert await deeds(database) == [
        *("signed_up", "logged_in", "connected", "checked", "reconnected", "disconnected"),
        *("data_taken", "password_changed", "sessions_ended", "logged_out"),
    ]


async def test_a_refused_deed_is_not_written(person: Person, database: Database) -> None:
    before = await deeds(database)
    await person.post("/account/password", password="wrong", new_password="another long one")
    await person.post("/login", email="anna@example.ru", password="wrong")
    assert await deeds(database) == before


async def test_a_deed_that_is_taken_back_leaves_no_row(database: Database) -> None:
    user = await rows.add_person(database)
    async with database.sessions() as session:
        await people.change_password(session, user, "hash")
        await session.rollback()
    assert await deeds(database) == []


async def test_what_the_service_does_is_written_down(
    person: Person, sandbox: Sandbox, database: Database
) -> None:
    card = await person.connect()
    for _ in range(2):  # a renewal is noted once a day
        await sandbox.order("expire")
        await person.check(card)
    await sandbox.order("revoke")
    await person.check(card)
    await person.check(card)
    assert (await deeds(database))[3:] == ["refreshed", "revoked"]


async def test_a_connection_that_is_gone_keeps_its_name(person: Person) -> None:
    card = await person.connect()
    await person.post("/evotor/disconnect", connection=card["id"])
    page = await person.page("/journal")
    assert page.count("Эвотор: Основной магазин") >= 1
    assert "Отключено" in page


async def test_nobody_rewrites_it(database: Database) -> None:
    user = await rows.add_person(database)
    async with database.sessions.begin() as session:
        await journal.write(session, user, Deed.LOGGED_IN)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.sessions.begin() as session:
            await session.execute(text("UPDATE journal SET deed = 'logged_out'"))
    assert await deeds(database) == ["logged_in"]


async def test_it_is_for_ones_own_eyes_and_goes_with_its_person(
    person: Person, other_person: Person, database: Database
) -> None:
    await person.connect()
    assert "Основной магазин" not in await other_person.page("/journal")
    async with database.sessions.begin() as session:
        await session.execute(text("DELETE FROM users WHERE email = 'anna@example.ru'"))
    assert await deeds(database) == ["signed_up", "logged_in"]


async def test_it_is_read_page_by_page_and_by_kind(person: Person, database: Database) -> None:
    async with database.sessions.begin() as session:
        user = (await session.scalars(select(JournalEntry.user_id))).first()
        many = [{"user_id": user, "deed": "checked", "provider": "evotor"}] * journal.PAGE
        await session.execute(insert(JournalEntry), many)
    first = await person.page("/journal")
    assert first.count("Проверено вручную") == journal.PAGE
    assert "Вход" not in first
    last = first.rpartition("/journal?before=")[2].partition('"')[0]
    assert "Вход" in await person.page(f"/journal?before={last}")
    only = await person.page("/journal?kind=account")
    assert "Учётная запись создана" in only
    assert "Проверено вручную" not in only
    for nonsense in ("kind=x", "before=x", "before=-1", f"before={'9' * 40}", "before=%D9%A3"):
        assert "Журнал" in await person.page(f"/journal?{nonsense}")


async def test_what_is_too_old_is_forgotten(database: Database, keys: Keys) -> None:
    user = await rows.add_person(database)
    ages = [journal.KEPT - timedelta(days=1), journal.KEPT + timedelta(days=1)]
    async with database.sessions.begin() as session:
        for age in ages:
            row = insert(JournalEntry).values(user_id=user, deed="checked", at=func.now() - age)
            await session.execute(row)
    async with database.sessions.begin() as session:
        assert not await journal.prune(session)
    assert len(await deeds(database)) == 1


async def test_who_is_not_signed_in_sees_none(person: Person) -> None:
    answer = await person.app.test_client().get("/journal", headers=JSON)
    assert answer.status_code == 401

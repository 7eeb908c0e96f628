"""A reconnect comes back: with the same account, with another one, or with nobody knowing whose."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.connections import disconnect, pending_reconnects
from app.connections.account_matching import match_account
from app.database.encryption import Keys
from app.database.engine import Database
from app.models.account import User
from app.models.connection import Connection, Grant, OAuthState, Revocation, Status
from app.monitor.checked import Checked
from app.monitor.leases import claim_one
from app.monitor.loop import Monitor
from app.web.context import Dashboard
from tests.support import rows
from tests.support.people import MAIN_SHOP, NO_SHOP, OTHER_SHOP, Person, Sandbox
from tests.support.streams import watching

MAIN, OTHER = "Основной магазин", "Магазин на Ленина, Киоск у вокзала"


async def hidden(database: Database) -> list[Connection]:
    async with database.sessions() as session:
        query = select(Connection).where(Connection.replaces_connection_id.is_not(None))
        return list(await session.scalars(query))


async def count(database: Database, table: Any) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def granted_to(sandbox: Sandbox) -> list[str]:
    return sorted(grant["account"] for grant in (await sandbox.state())["grants"])


async def choose(person: Person, page: str, choice: str) -> Any:
    return await person.post(page, choice=choice)


async def asked(person: Person) -> tuple[dict[str, Any], str]:
    """A reconnect that came back with another account; the card, and where the choice is."""
    card = await person.connect()
    return card, await person.reconnect(card, OTHER_SHOP)


# The same account


async def test_the_same_account_takes_its_place_at_once(person: Person, database: Database) -> None:
    card = await person.connect()
    await person.sandbox.order("revoke")
    await person.check(card)
    assert (await person.check(card))["status"] == "revoked"
    assert await person.reconnect(card) == "/connections"
    (after,) = await person.connected()
    assert (after["id"], after["status"]) == (card["id"], "online")
    assert "первая проверка прошла" in await person.page()
    assert await hidden(database) == []


# Another account


async def test_another_account_leads_straight_to_the_choice(
    person: Person, database: Database
) -> None:
    card, page = await asked(person)
    (waiting,) = await hidden(database)
    assert page == f"/connections/{waiting.id}/choice"
    assert (await person.connected())[0]["details"] == MAIN
    assert [each["id"] for each in await person.connected()] == [card["id"]]
    said = await person.page(page)
    for words in (MAIN, MAIN_SHOP, OTHER, OTHER_SHOP, "Сделать новым подключением", "Отменить"):
        assert words in said, words


async def test_until_then_every_visit_shows_the_way_to_the_choice(person: Person) -> None:
    _, page = await asked(person)
    said = await person.page()
    assert f'href="{page}"' in said
    assert f"ждали «{MAIN}», а пришёл «{OTHER}»" in said


async def test_a_new_connection_is_made_of_it(person: Person, database: Database) -> None:
    card, page = await asked(person)
    answer = await choose(person, page, "new")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/connections")
    names = {each["id"]: (each["details"], each["status"]) for each in await person.connected()}
    assert names.pop(card["id"]) == (MAIN, "online")
    assert list(names.values()) == [(OTHER, "online")]
    said = await person.page()
    assert "новое подключение добавлено" in said
    assert page not in said
    assert await count(database, Revocation) == 0


async def test_it_is_cancelled_and_its_access_is_ended(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    card, page = await asked(person)
    assert (await choose(person, page, "cancel")).status_code == 303
    assert [each["id"] for each in await person.connected()] == [card["id"]]
    assert await granted_to(sandbox) == [MAIN_SHOP]
    assert await count(database, Connection) == await count(database, Grant) == 1
    said = await person.page()
    assert "Отменено, прежнее подключение" in said
    assert "отозван и проверен" in said
    assert (await person.check(card))["status"] == "online"


async def test_what_somebody_else_lives_on_is_cancelled_without_revoking(
    person: Person, other_person: Person
) -> None:
    others = await other_person.connect(account=OTHER_SHOP)
    _, page = await asked(person)
    await choose(person, page, "cancel")
    assert "не отозван: тем же аккаунтом" in await person.page()
    assert (await other_person.check(others))["status"] == "online"


async def test_a_choice_that_is_none_of_the_two_is_refused(person: Person) -> None:
    _, page = await asked(person)
    assert (await choose(person, page, "both")).status_code == 400
    assert (await person.get(page)).status_code == 200


async def test_nobody_else_may_see_or_make_the_choice(
    person: Person, other_person: Person, database: Database
) -> None:
    _, page = await asked(person)
    assert (await other_person.get(page)).status_code == 404
    for choice in ("new", "cancel"):
        assert (await choose(other_person, page, choice)).status_code == 404
    assert len(await hidden(database)) == 1


async def test_where_nothing_is_asked_there_is_no_choice(person: Person) -> None:
    card = await person.connect()
    page = f"/connections/{card['id']}/choice"
    assert (await person.get(page)).status_code == 404
    assert (await choose(person, page, "cancel")).status_code == 404
    assert len(await person.connected()) == 1


@pytest.mark.parametrize("choice", ["new", "cancel"])
async def test_pressed_twice_it_is_done_once_and_the_second_is_told(
    person: Person, database: Database, choice: str
) -> None:
    _, page = await asked(person)
    answers = await asyncio.gather(*(choose(person, page, choice) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [303, 404]
    said = [await answer.get_data(as_text=True) for answer in answers]
    assert any("Выбор уже сделан" in each for each in said)
    assert len(await person.connected()) == (2 if choice == "new" else 1)
    assert await count(database, Revocation) == 0


async def test_both_choices_at_once_end_in_one_of_them(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    _, page = await asked(person)
    answers = await asyncio.gather(*(choose(person, page, each) for each in ("new", "cancel")))
    assert sorted(answer.status_code for answer in answers) == [303, 404]
    shown = len(await person.connected())
    assert len(await granted_to(sandbox)) == shown
    assert await count(database, Connection) == shown


async def test_a_second_try_with_that_account_asks_the_same_question(
    person: Person, database: Database
) -> None:
    card, page = await asked(person)
    assert await person.reconnect(card, OTHER_SHOP) == page
    assert len(await hidden(database)) == 1
    await choose(person, page, "new")
    assert [each["status"] for each in await person.connected()] == ["online", "online"]


async def test_whoever_connects_that_account_has_answered(
    person: Person, database: Database
) -> None:
    _, page = await asked(person)
    await person.connect(account=OTHER_SHOP)
    assert {each["details"] for each in await person.connected()} == {MAIN, OTHER}
    assert await hidden(database) == []
    assert (await person.get(page)).status_code == 404


async def test_the_right_account_after_the_wrong_one_leaves_the_question_open(
    person: Person,
) -> None:
    card, page = await asked(person)
    assert await person.reconnect(card, MAIN_SHOP) == "/connections"
    assert (await person.get(page)).status_code == 200
    assert [each["id"] for each in await person.connected()] == [card["id"]]


async def test_checks_go_on_while_nobody_answers_and_change_nothing(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    _, page = await asked(person)
    (waiting,) = await hidden(database)
    for mode in ("unpaid", "error", "ok"):
        await sandbox.set(mode)
        await person.app.checker.check_now(waiting.id)
        assert (await person.get(page)).status_code == 200
    assert len(await person.connected()) == 1


async def test_an_unanswered_choice_is_cancelled_after_an_hour(
    person: Person, database: Database, dashboard: Dashboard, sandbox: Sandbox
) -> None:
    _, page = await asked(person)
    await housekeeping(dashboard)
    assert (await person.get(page)).status_code == 200
    await age(database, timedelta(minutes=61))
    await housekeeping(dashboard)
    assert (await person.get(page)).status_code == 404
    assert "другой аккаунт" not in await person.page()
    assert await count(database, Connection) == await count(database, Revocation) == 1
    await Monitor(dashboard.checker)._revoke_due()
    assert await granted_to(sandbox) == [MAIN_SHOP]


async def test_the_pages_of_the_person_hear_of_the_choice_and_of_its_end(
    person: Person, sandbox: Sandbox
) -> None:
    card = await person.connect()
    async with watching(person) as stream:
        page = await person.reconnect(card, OTHER_SHOP)
        await stream.until("#unsettled", f'href="{page}"')
        await choose(person, page, "new")
        while page in await stream.until("#unsettled"):
            pass


# Another account that is connected already


async def test_the_account_of_another_connection_renews_that_one_and_says_so(
    person: Person, database: Database
) -> None:
    first, second = await person.connect(), await person.connect(account=OTHER_SHOP)
    before = await grant_of(database, second)
    assert await person.reconnect(first, OTHER_SHOP) == "/connections"
    said = await person.page()
    assert f"Вернулся другой аккаунт: «{OTHER}»" in said
    assert "осталось как было" in said
    assert {each["id"] for each in await person.connected()} == {first["id"], second["id"]}
    assert (await grant_of(database, second)).granted_at > before.granted_at
    assert await hidden(database) == []


# Nobody can say whose it is


@pytest.mark.parametrize("mode", ["error", "rate_limited", "garbage"])
async def test_a_grant_that_cannot_be_named_now_waits_until_it_is(
    person: Person, database: Database, sandbox: Sandbox, mode: str
) -> None:
    card = await person.connect()
    before = await grant_of(database, card)
    await sandbox.set(mode)
    assert await person.reconnect(card) == "/connections"
    said = await person.page()
    assert "сервис пока не назвал его аккаунт" in said  # the flash
    assert "ждёт проверки" in said  # the strip
    assert f"аккаунт ли это «{MAIN}»" in said
    assert [each["id"] for each in await person.connected()] == [card["id"]]
    assert (await grant_of(database, card)).granted_at == before.granted_at
    (waiting,) = await hidden(database)
    await sandbox.set("ok")
    await person.app.checker.check_now(waiting.id)
    assert await hidden(database) == []
    assert (await grant_of(database, card)).granted_at > before.granted_at
    assert "ждёт проверки" not in await person.page()


async def test_a_grant_that_turns_out_to_be_anothers_asks_then(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    card = await person.connect()
    await sandbox.set("error")
    await person.reconnect(card, OTHER_SHOP)
    (waiting,) = await hidden(database)
    await age_row(database, waiting.id, timedelta(hours=2))
    await sandbox.set("ok")
    await person.app.checker.check_now(waiting.id)
    await housekeeping(person.app)  # its hour has begun just now
    assert f"/connections/{waiting.id}/choice" in await person.page()


@pytest.mark.parametrize("mode", ["unpaid", "denied"])
async def test_a_provider_that_knows_the_grant_and_names_nobody_gets_the_benefit(
    person: Person, database: Database, sandbox: Sandbox, mode: str
) -> None:
    card = await person.connect()
    before = await grant_of(database, card)
    await sandbox.set(mode)
    assert await person.reconnect(card) == "/connections"
    assert await hidden(database) == []
    assert (await grant_of(database, card)).granted_at > before.granted_at
    assert [each["details"] for each in await person.connected()] == [MAIN]


async def test_an_account_that_never_has_a_name_takes_the_place(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    assert await person.reconnect(card, NO_SHOP) == "/connections"
    assert await hidden(database) == []


async def test_where_nobody_was_expected_it_takes_the_place_even_unnamed(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    await sandbox.set("error")
    card = await person.connect()
    assert await person.reconnect(card) == "/connections"
    assert await hidden(database) == []
    assert [each["id"] for each in await person.connected()] == [card["id"]]


async def test_a_new_grant_that_is_refused_for_good_harms_nothing_and_is_dropped(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    card = await person.connect()
    await sandbox.set("error")
    await person.reconnect(card)
    (waiting,) = await hidden(database)
    async with database.sessions.begin() as session:
        own = update(Connection).where(Connection.id == waiting.id)
        await session.execute(own.values(status=Status.REVOKED.value, cause="revoked"))
    assert "не принял новый доступ" in await person.page()
    await housekeeping(person.app)
    assert await hidden(database) == []
    assert await count(database, Revocation) == 0  # its account is most likely the one that lives
    await sandbox.set("ok")
    assert (await person.check(card))["status"] == "online"


# Scopes


async def test_lost_and_gained_scopes_are_listed(person: Person, dashboard: Dashboard) -> None:
    ask_for(dashboard, "store:read", "profile")
    card = await person.connect()
    ask_for(dashboard, "store:read", "device:read")
    await person.reconnect(card)
    said = await person.page()
    assert "больше не разрешено: profile" in said
    assert "теперь разрешено ещё: читать список касс и терминалов" in said


async def test_unchanged_scopes_are_no_news(person: Person) -> None:
    card = await person.connect()
    await person.reconnect(card)
    assert "разрешено" not in await person.page()


async def test_an_answer_without_scopes_means_those_that_were_asked_for(
    person: Person, dashboard: Dashboard, database: Database, keys: Keys
) -> None:
    ask_for(dashboard, "store:read")
    card = await person.connect()
    assert (await grant_of(database, card)).scopes == ["store:read"]


# What may happen meanwhile


async def test_a_question_goes_with_the_connection_that_it_is_about(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    card, page = await asked(person)
    await person.post("/evotor/disconnect", connection=card["id"])
    assert await count(database, Connection) == 0
    assert (await choose(person, page, "new")).status_code == 404
    await Monitor(person.app.checker)._revoke_due()
    assert await granted_to(sandbox) == []


async def test_what_waits_for_a_name_does_not_come_back_after_a_disconnect(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    card = await person.connect()
    await sandbox.set("error")
    await person.reconnect(card)
    await sandbox.set("ok")
    await person.post("/evotor/disconnect", connection=card["id"])
    assert await person.connected() == []
    assert await count(database, Connection) == 0
    await Monitor(person.app.checker)._revoke_due()
    assert await granted_to(sandbox) == []


@pytest.mark.parametrize("choice", ["new", "cancel"])
async def test_a_choice_and_a_disconnect_at_once_lose_no_grant(
    person: Person, database: Database, sandbox: Sandbox, choice: str
) -> None:
    card, page = await asked(person)
    await asyncio.gather(
        choose(person, page, choice), person.post("/evotor/disconnect", connection=card["id"])
    )
    left = {each["details"] for each in await person.connected()}
    assert left <= {OTHER}
    await Monitor(person.app.checker)._revoke_due()
    assert len(await granted_to(sandbox)) == len(left) == await count(database, Connection)


async def test_a_cancelled_grant_is_not_brought_back_by_a_check_under_way(
    person: Person, database: Database, dashboard: Dashboard
) -> None:
    card, page = await asked(person)
    (waiting,) = await hidden(database)
    async with database.sessions.begin() as session:
        lease = await claim_one(session, waiting.id)
    assert lease is not None
    checked = await dashboard.checker.check(lease)
    assert isinstance(checked, Checked)
    await choose(person, page, "cancel")
    await dashboard.checker.write([checked])
    assert [each["id"] for each in await person.connected()] == [card["id"]]
    assert await count(database, Connection) == 1


async def test_a_kept_grant_stays_kept_by_a_check_that_began_before(
    person: Person, database: Database, dashboard: Dashboard
) -> None:
    _, page = await asked(person)
    (waiting,) = await hidden(database)
    async with database.sessions.begin() as session:
        lease = await claim_one(session, waiting.id)
    assert lease is not None
    checked = await dashboard.checker.check(lease)
    assert isinstance(checked, Checked)
    await choose(person, page, "new")
    await dashboard.checker.write([checked])
    assert {each["details"] for each in await person.connected()} == {MAIN, OTHER}


async def test_housekeeping_and_an_answer_at_once_end_in_one_of_them(
    person: Person, database: Database, dashboard: Dashboard, sandbox: Sandbox
) -> None:
    _, page = await asked(person)
    await age(database, timedelta(minutes=61))
    await asyncio.gather(*(housekeeping(dashboard) for _ in range(2)), choose(person, page, "new"))
    await Monitor(dashboard.checker)._revoke_due()
    assert len(await granted_to(sandbox)) == len(await person.connected())


async def test_a_deleted_person_leaves_no_question_and_no_grant(
    person: Person, database: Database, keys: Keys, sandbox: Sandbox
) -> None:
    await asked(person)
    async with database.sessions.begin() as session:
        user_id = (await session.scalars(select(User.id))).one()
        await disconnect.delete_person(session, keys, person.app.catalogue, user_id)
    assert await count(database, Connection) == 0
    await Monitor(person.app.checker)._revoke_due()
    assert await granted_to(sandbox) == []


async def test_a_reconnect_whose_connection_goes_meanwhile_loses_no_grant(
    person: Person, database: Database, sandbox: Sandbox
) -> None:
    card = await person.connect()
    way = await person.go_to_provider(connection=card["id"])
    query = await sandbox.consent(way, OTHER_SHOP)
    await asyncio.gather(
        person.come_back("evotor", query),
        person.post("/evotor/disconnect", connection=card["id"]),
    )
    await Monitor(person.app.checker)._revoke_due()
    assert await person.connected() == []
    assert await granted_to(sandbox) == []
    async with database.sessions() as session:  # the first connect's is remembered for a day
        left = list(await session.scalars(select(OAuthState.stored_as)))
    assert left == [UUID(card["id"])]


async def test_an_unnamed_connection_that_merges_takes_its_reconnects_along(
    person: Person, database: Database, dashboard: Dashboard, keys: Keys
) -> None:
    user = await rows.add_person(database, "vera@example.ru")
    known = await rows.add_connection(database, keys, user, account=MAIN_SHOP)
    unnamed = await rows.add_connection(database, keys, user)
    waiting = await rows.add_connection(database, keys, user, replaces_connection_id=unnamed)
    async with database.sessions.begin() as session:
        assert await match_account(session, keys, unnamed, MAIN_SHOP) == known
    assert (await rows.found(database, waiting)).replaces_connection_id == known


async def housekeeping(app: Dashboard) -> None:
    checker = app.checker
    await pending_reconnects.forget_unanswered(checker.sessions, checker.keys, checker.catalogue)


async def age(database: Database, by: timedelta) -> None:
    async with database.sessions.begin() as session:
        await session.execute(
            update(Connection).values(decision_requested_at=Connection.decision_requested_at - by)
        )


async def age_row(database: Database, connection_id: UUID, by: timedelta) -> None:
    async with database.sessions.begin() as session:
        own = update(Connection).where(Connection.id == connection_id)
        await session.execute(own.values(connected_at=Connection.connected_at - by))


async def grant_of(database: Database, card: dict[str, Any]) -> Grant:
    async with database.sessions() as session:
        return await session.get_one(Grant, UUID(card["id"]))


def ask_for(app: Dashboard, *scopes: str) -> None:
    entry = replace(app.catalogue["evotor"], scopes=scopes, send_scope=True)
    app.catalogue = {**app.catalogue, "evotor": entry}

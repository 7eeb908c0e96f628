"""One's own account: what can be changed on its page, with a password and without."""

import re
from typing import Any

import pytest
from sqlalchemy import select, text

from app.database.engine import Database
from app.models.account import Session, User
from app.models.connection import Connection, Revocation
from app.web.accounts import sign_up
from app.web.context import Dashboard
from tests.support.people import Person, Sandbox
from tests.support.postbox import Postbox, text_of
from tests.support.settings import PASSWORD, PUBLIC_URL
from tests.support.waiting import PATIENCE

ANNA, BORIS, NEW = "anna@example.ru", "boris@example.ru", "new@example.ru"
OTHER_PASSWORD = "quite another password"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0 Safari/537.36"


@pytest.fixture
async def anna(mailing: Dashboard, sandbox: Sandbox) -> Person:
    """Somebody where letters go out."""
    return await Person.known(mailing, sandbox, ANNA)


def link_in(letter: Any) -> str:
    """The address in a letter, as a path of ours."""
    found = re.search(rf"{re.escape(PUBLIC_URL)}(\S+)", text_of(letter))
    assert found is not None
    return found[1]


def secret_in(letter: Any) -> str:
    return link_in(letter).partition("?link=")[2]


async def body(answer: Any) -> str:
    return str(await answer.get_data(as_text=True))


async def users(database: Database) -> list[str]:
    async with database.sessions() as session:
        return list(await session.scalars(select(User.email).order_by(User.id)))


async def test_the_menu_leads_to_the_account(person: Person) -> None:
    assert 'href="/account"' in await person.page()
    page = await person.page("/account")
    assert ANNA in page
    assert "Этот сеанс" in page


async def test_a_new_password_keeps_this_browser_and_ends_the_others(person: Person) -> None:
    other = await person.back(ANNA)
    answer = await person.post("/account/password", password=PASSWORD, new_password=OTHER_PASSWORD)
    assert answer.headers["Location"] == "/account"
    assert await person.is_in()
    assert not await other.is_in()
    await person.back(ANNA, OTHER_PASSWORD)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/account/password", {"new_password": OTHER_PASSWORD}),
        ("/account/email", {"email": NEW}),
        ("/account/second-factor", {}),
        ("/account/second-factor/remove", {}),
        ("/account/recovery-codes", {}),
        ("/account/passkeys/options", {}),
        ("/account/delete", {}),
    ],
)
async def test_what_matters_asks_for_the_password_again(
    person: Person, path: str, form: dict[str, str]
) -> None:
    for wrong in ({}, {"password": "a wrong password"}):
        answer = await person.post(path, **form, **wrong)
        assert answer.status_code == 422, path
        assert "Пароль не подходит" in await body(answer) or answer.is_json
    await person.back(ANNA)


async def test_the_password_cannot_be_guessed_at_from_an_open_page(person: Person) -> None:
    answers = [await person.post("/account/delete", password=f"guess {n}") for n in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]


async def test_a_bad_new_password_is_told_beside_the_form(person: Person) -> None:
    answer = await person.post("/account/password", password=PASSWORD, new_password="short")
    assert answer.status_code == 422
    assert sign_up.FAULTS["short"] in await body(answer)


async def test_without_letters_a_new_address_needs_the_password_alone_and_the_page_says_so(
    person: Person, database: Database
) -> None:
    assert "для смены адреса достаточно пароля" in await person.page("/account")
    await person.post("/account/email", email=NEW, password=PASSWORD)
    assert await users(database) == [NEW]
    await person.back(NEW)


async def test_an_address_that_is_taken_stays_with_its_owner(
    person: Person, other_person: Person, database: Database
) -> None:
    answer = await person.post("/account/email", email=BORIS.upper(), password=PASSWORD)
    assert answer.status_code == 422
    assert await users(database) == [ANNA, BORIS]


async def test_a_new_address_is_confirmed_at_both_ends(
    anna: Person, postbox: Postbox, database: Database
) -> None:
    await anna.post("/account/email", email=NEW, password=PASSWORD)
    old, new = await postbox.letter(ANNA), await postbox.letter(NEW)
    stranger = anna.app.test_client()  # a telephone, say
    assert NEW in await body(await stranger.get(link_in(old)))
    assert await users(database) == [ANNA], "looking at a link is not following it"
    for letter, expected in ((old, [ANNA]), (new, [NEW])):
        form = {"link": secret_in(letter)}
        assert (await stranger.post("/account/email/confirm", form=form)).status_code == 200
        again = await stranger.post("/account/email/confirm", form=form)
        assert again.status_code == 410, "a link is good once"
        assert await users(database) == expected


async def test_who_asks_for_the_letters_again_gets_those_that_are_not_answered_yet(
    anna: Person, postbox: Postbox, database: Database
) -> None:
    await anna.post("/account/email", email=NEW, password=PASSWORD)
    old, first = await postbox.letter(ANNA), await postbox.letter(NEW)
    await anna.post("/account/email/confirm", link=secret_in(old))
    await anna.post("/account/email/again")
    second = await postbox.letter(NEW, 2)
    await anna.app.unfinished.drain(PATIENCE)
    assert len(postbox.to(ANNA)) == 1, "that mailbox has confirmed"
    for letter, status in ((first, 410), (second, 200)):
        answer = await anna.post("/account/email/confirm", link=secret_in(letter))
        assert answer.status_code == status
    assert await users(database) == [NEW]


async def test_one_end_twice_is_not_both(
    anna: Person, postbox: Postbox, database: Database
) -> None:
    await anna.post("/account/email", email=NEW, password=PASSWORD)
    secret = secret_in(await postbox.letter(NEW))
    for _ in range(2):
        await anna.post("/account/email/confirm", link=secret)
    assert await users(database) == [ANNA]


async def test_a_new_address_that_is_not_wanted_any_more_is_forgotten(
    anna: Person, postbox: Postbox
) -> None:
    await anna.post("/account/email", email=NEW, password=PASSWORD)
    old, new = await postbox.letter(ANNA), await postbox.letter(NEW)
    assert NEW in await anna.page("/account")
    await anna.post("/account/email/forget")
    assert NEW not in await anna.page("/account")
    for letter in (old, new):
        assert (
            await anna.post("/account/email/confirm", link=secret_in(letter))
        ).status_code == 410


async def test_whoever_changes_the_password_stops_a_change_of_address(
    anna: Person, postbox: Postbox
) -> None:
    """Somebody else began it, perhaps, and the new password is to lock them out."""
    await anna.post("/account/email", email=NEW, password=PASSWORD)
    new = await postbox.letter(NEW)
    await anna.post("/account/password", password=PASSWORD, new_password=OTHER_PASSWORD)
    assert (await anna.post("/account/email/confirm", link=secret_in(new))).status_code == 410


async def test_a_change_of_password_is_told_by_mail(anna: Person, postbox: Postbox) -> None:
    await anna.post("/account/password", password=PASSWORD, new_password=OTHER_PASSWORD)
    assert "Пароль изменён" in text_of(await postbox.letter(ANNA))


async def test_sessions_are_shown_by_device_and_ended_one_by_one(
    person: Person, database: Database
) -> None:
    other = Person(person.app, person.app.test_client(), person.sandbox)
    form = {"email": ANNA, "password": PASSWORD}
    await other.client.post("/login", form=form, headers={"User-Agent": CHROME})
    page = await person.page("/account")
    assert "Chrome, Windows" in page
    (path,) = re.findall(r'action="(/account/sessions/[0-9a-f-]{36}/end)"', page)
    assert (await person.post(path)).status_code == 303
    assert not await other.is_in()
    assert await person.is_in()
    assert (await person.post(path)).status_code == 404


async def test_all_other_sessions_end_at_once(person: Person) -> None:
    others = [await person.back(ANNA) for _ in range(3)]
    await person.post("/account/sessions/end-others")
    assert [await other.is_in() for other in others] == [False] * 3
    assert await person.is_in()


async def test_the_last_use_of_a_session_is_known_to_some_minutes(
    person: Person, database: Database
) -> None:
    async def last_use() -> Any:
        async with database.sessions() as session:
            return await session.scalar(select(Session.seen_at))

    first = await last_use()
    await person.page()
    assert await last_use() == first, "not every request writes"
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE sessions SET seen_at = now() - interval '1 hour'"))
    await person.page()
    assert await last_use() > first


async def test_times_are_those_of_the_person(person: Person, database: Database) -> None:
    card = await person.connect()
    async with database.engine.begin() as connection:
        moment = "UPDATE connections SET last_checked_at = '2026-01-10 21:30:00+00'"
        await connection.execute(text(moment))
    assert "11 января, 00:30" in await person.page()
    await person.post("/account/zone", zone="Asia/Vladivostok")
    assert "11 января, 07:30" in await person.page()
    assert 'title="11 января, 07:30"' in await person.page()
    answer = await person.client.post(
        f"/connections/{card['id']}/checks", headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200


async def test_a_made_up_time_zone_is_refused(person: Person) -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", "Europe/Moscow\x00"):
        assert (await person.post("/account/zone", zone=zone)).status_code == 400
    assert (await person.post("/account/zone", zone="")).status_code == 303


async def test_everything_kept_about_a_person_can_be_taken_along(person: Person) -> None:
    await person.connect()
    answer = await person.get("/account/data")
    assert "attachment" in answer.headers["Content-Disposition"]
    everything = await answer.get_json()
    assert everything["person"]["email"] == ANNA
    assert everything["connections"][0]["provider"] == "evotor"
    assert len(everything["sessions"]) == 1


async def test_what_is_taken_along_opens_nothing(person: Person, database: Database) -> None:
    await person.connect()
    taken = await body(await person.get("/account/data"))
    for word in ("token", "hash", "secret", "public_key", "argon2"):
        assert word not in taken, word


async def test_before_deleting_it_is_said_what_will_happen(person: Person) -> None:
    await person.connect()
    page = await person.page("/account/delete")
    assert "Отключим все подключения (1)" in page
    assert "Эвотор" in page


async def test_deleting_takes_everything_and_hands_every_grant_to_the_outbox(
    person: Person, other_person: Person, database: Database
) -> None:
    await person.connect()
    other = await person.back(ANNA)
    answer = await person.post("/account/delete", password=PASSWORD)
    assert answer.headers["Location"] == "/login"
    assert "Учётная запись удалена" in await person.page("/login")
    assert not await person.is_in()
    assert not await other.is_in()
    assert await users(database) == [BORIS]
    async with database.sessions() as session:
        assert await session.scalar(select(Connection.id)) is None
        assert len(list(await session.scalars(select(Revocation.id)))) == 1


async def test_an_account_of_that_name_can_be_made_anew(person: Person, sandbox: Sandbox) -> None:
    await person.post("/account/delete", password=PASSWORD)
    await Person.signed_up(person.app, sandbox, ANNA)

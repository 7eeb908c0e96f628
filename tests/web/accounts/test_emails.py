"""Ways in that go through a mailbox: sign-up and a forgotten password, with a real SMTP server."""

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from quart.typing import TestClientProtocol as Browser
from sqlalchemy import func, select, text, update

from app.accounts import users
from app.accounts.one_time_tokens import LIFE_OF_PURPOSE
from app.alerts import account_letters
from app.config import Smtp
from app.database.engine import Database
from app.models.account import AccountLetter, LetterKind, OneTimeToken, TokenPurpose, User
from app.web.accounts import letters
from app.web.context import Dashboard
from tests.support.people import Person, Sandbox
from tests.support.postbox import Postbox, html_of, text_of
from tests.support.processes import free_port
from tests.support.settings import PASSWORD, PUBLIC_URL
from tests.support.waiting import PATIENCE
from tests.web.accounts.test_settings import ANNA, BORIS, OTHER_PASSWORD, body, link_in, secret_in

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def anna(mailing: Dashboard, sandbox: Sandbox) -> Person:
    return await Person.known(mailing, sandbox, ANNA)


@pytest.fixture
def stranger(mailing: Dashboard) -> Browser:
    return mailing.test_client()


@pytest.fixture
async def reset_link(anna: Person, stranger: Browser, postbox: Postbox) -> str:
    await stranger.post("/reset", form={"email": ANNA})
    return secret_in(await postbox.letter(ANNA))


async def set_password(client: Browser, link: str, password: str = OTHER_PASSWORD) -> int:
    form = {"link": link, "password": password}
    return int((await client.post("/reset/password", form=form)).status_code)


async def test_a_forgotten_password_is_replaced_and_every_session_ends(
    anna: Person, stranger: Browser, reset_link: str
) -> None:
    assert (await stranger.get(f"/reset/password?link={reset_link}")).status_code == 200
    assert await set_password(stranger, reset_link) == 303
    assert not await anna.is_in()
    await anna.back(ANNA, OTHER_PASSWORD)


async def test_the_letter_is_plain_and_html_and_leads_to_our_own_address(
    reset_link: str, postbox: Postbox
) -> None:
    letter = await postbox.letter(ANNA)
    assert letter["Subject"] == "Новый пароль для Связки"
    assert f"{PUBLIC_URL}/reset/password?link={reset_link}" in text_of(letter)
    assert f'href="{PUBLIC_URL}/reset/password?link={reset_link}"' in html_of(letter)
    assert "color-scheme" in html_of(letter)


async def test_a_reset_link_is_stored_only_as_its_hash(database: Database, reset_link: str) -> None:
    async with database.sessions() as session:
        (ticket,) = await session.scalars(select(OneTimeToken))
    assert len(ticket.token_hash) == 32
    assert reset_link.encode() not in ticket.token_hash
    left = ticket.expires_at - datetime.now(UTC)
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)


async def test_a_reset_link_is_too_old_after_half_an_hour(
    database: Database, stranger: Browser, reset_link: str
) -> None:
    async with database.sessions.begin() as session:
        await session.execute(
            update(OneTimeToken).values(expires_at=func.now() - timedelta(seconds=1))
        )
    assert (await stranger.get(f"/reset/password?link={reset_link}")).status_code == 410
    assert await set_password(stranger, reset_link) == 410


async def test_a_link_of_one_kind_is_none_of_another(stranger: Browser, reset_link: str) -> None:
    form = {"link": reset_link, "password": PASSWORD}
    for path in ("/signup/confirm", "/account/email/confirm"):
        assert (await stranger.post(path, form=form)).status_code == 410, path
    assert await set_password(stranger, reset_link) == 303


async def test_a_password_that_is_too_short_costs_no_link(
    stranger: Browser, reset_link: str
) -> None:
    assert await set_password(stranger, reset_link, "short") == 422
    assert await set_password(stranger, reset_link) == 303


async def test_somebody_who_is_disabled_gets_no_link(
    anna: Person, stranger: Browser, database: Database, postbox: Postbox
) -> None:
    async with database.sessions.begin() as session:
        user = await users.with_email(session, ANNA)
        assert user is not None
        await users.disable(session, user)
    await stranger.post("/reset", form={"email": ANNA})
    await anna.app.unfinished.drain(5)
    assert postbox.letters == []


async def test_a_mailbox_is_not_flooded(anna: Person, stranger: Browser, postbox: Postbox) -> None:
    answers = [await stranger.post("/reset", form={"email": ANNA}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    signups = [await _sign_up(stranger, BORIS) for _ in range(4)]
    assert [answer.status_code for answer in signups] == [200, 200, 200, 429]
    await anna.app.unfinished.drain(5)
    assert len(postbox.letters) == 6


async def test_without_a_mail_server_the_page_says_whom_to_ask(person: Person) -> None:
    stranger = person.app.test_client()
    page = await body(await stranger.get("/reset"))
    assert "почта не настроена" in page
    assert (await stranger.post("/reset", form={"email": ANNA})).status_code == 403


async def test_no_link_that_lets_somebody_in_reaches_the_log(
    stranger: Browser, anna: Person, postbox: Postbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await stranger.post("/reset", form={"email": ANNA})
        link = secret_in(await postbox.letter(ANNA))
        await stranger.get(f"/reset/password?link={link}")
        await set_password(stranger, link)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("app")]
    assert not any(link in line for line in ours)


async def test_a_mail_server_that_is_away_is_no_error_for_the_visitor(
    stranger: Browser, anna: Person, postbox: Postbox, caplog: pytest.LogCaptureFixture
) -> None:
    postbox.says = "451 come back later"
    assert (await stranger.post("/reset", form={"email": ANNA})).status_code == 200
    await anna.app.unfinished.drain(5)
    assert 'letter_not_sent kind=reset error="the mail server answered 451"' in caplog.text


async def test_who_signs_up_answers_a_letter_first(
    stranger: Browser, postbox: Postbox, database: Database, mailing: Dashboard
) -> None:
    answer = await _sign_up(stranger, ANNA)
    assert answer.status_code == 200
    assert "письмо придёт через" in await body(answer)
    assert await _users(database) == 0, "nobody is made before the letter is answered"
    letter = await postbox.letter(ANNA)
    elsewhere = mailing.test_client()
    assert ANNA in await body(await elsewhere.get(link_in(letter)))
    form = {"link": secret_in(letter), "password": PASSWORD}
    answer = await elsewhere.post("/signup/confirm", form=form)
    assert answer.headers["Location"] == "/connections"
    assert (await elsewhere.get("/connections")).status_code == 200
    assert (await stranger.post("/signup/confirm", form=form)).status_code == 410


async def test_a_link_alone_makes_no_account_of_a_stranger_s_password(
    stranger: Browser, postbox: Postbox, database: Database, mailing: Dashboard
) -> None:
    """Whoever owns the mailbox, but did not choose the password, does not get such an account."""
    await _sign_up(stranger, ANNA)
    secret = secret_in(await postbox.letter(ANNA))
    owner = mailing.test_client()
    for guess in ({}, {"password": "not that password"}):
        answer = await owner.post("/signup/confirm", form={"link": secret} | guess)
        assert answer.status_code == 422
    assert await _users(database) == 0


async def test_who_has_an_account_already_is_told_by_letter_only(
    anna: Person, stranger: Browser, postbox: Postbox, database: Database
) -> None:
    answer = await _sign_up(stranger, ANNA.upper())
    assert answer.status_code == 200
    letter = await postbox.letter(ANNA.upper())
    assert "уже есть учётная запись" in text_of(letter)
    assert "link=" not in text_of(letter)
    assert await _users(database) == 1


async def test_of_two_who_answer_at_once_one_gets_the_account(
    stranger: Browser, postbox: Postbox, mailing: Dashboard, database: Database
) -> None:
    await _sign_up(stranger, ANNA)
    form = {"link": secret_in(await postbox.letter(ANNA)), "password": PASSWORD}
    both = [mailing.test_client().post("/signup/confirm", form=form) for _ in range(2)]
    answers = await asyncio.gather(*both)
    assert sorted(answer.status_code for answer in answers) == [303, 410]
    assert await _users(database) == 1


def test_links_live_as_long_as_the_letters_say() -> None:
    assert LIFE_OF_PURPOSE[TokenPurpose.RESET] == timedelta(minutes=30)
    assert LIFE_OF_PURPOSE[TokenPurpose.SIGN_UP] == timedelta(days=1)
    assert letters.TO_ONE_MAILBOX.tries == 3
    assert letters.FLOOD.window <= LIFE_OF_PURPOSE[TokenPurpose.RESET]


async def _sign_up(client: Browser, email: str) -> Any:
    return await client.post("/signup", form={"email": email, "password": PASSWORD})


async def _users(database: Database) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(User)) or 0


async def test_what_no_mail_server_took_is_sent_when_one_does(
    stranger: Browser, mailing: Dashboard, postbox: Postbox, database: Database
) -> None:
    postbox.says = "451 come back later"
    await _sign_up(stranger, ANNA)
    await mailing.unfinished.drain(PATIENCE)
    postbox.says = ""
    mailing.unfinished.stopping = False
    await mailing.alerting.send_letters()
    assert postbox.letters == [], "not before its time"
    async with database.sessions.begin() as session:
        await session.execute(update(AccountLetter).values(next_try_at=func.now()))
    await mailing.alerting.send_letters()
    assert PASSWORD not in text_of(await postbox.letter(ANNA))
    form = {"link": secret_in(await postbox.letter(ANNA)), "password": PASSWORD}
    assert (await stranger.post("/signup/confirm", form=form)).status_code == 303


async def test_a_letter_whose_sender_died_is_sent_by_another_process(
    mailing: Dashboard, postbox: Postbox, database: Database
) -> None:
    async with database.sessions.begin() as session:
        await account_letters.put(session, LetterKind.SIGN_UP, ANNA, password_hash="x")
    await mailing.alerting.send_letters()
    assert postbox.letters == [], "somebody holds its lease"
    async with database.sessions.begin() as session:
        await session.execute(
            update(AccountLetter).values(lease_until=func.now() - timedelta(seconds=1))
        )
    await mailing.alerting.send_letters()
    assert "Подтвердите почту" in (await postbox.letter(ANNA))["Subject"]


async def test_a_letter_is_sent_again_on_the_same_page(
    anna: Person, stranger: Browser, postbox: Postbox
) -> None:
    page = await body(await stranger.post("/reset", form={"email": ANNA}))
    first = secret_in(await postbox.letter(ANNA))
    await _nothing_left(anna.app)
    answer = await stranger.post("/letters/again", form={"letter": _letter_id(page)})
    assert (answer.status_code, "Отправляем ещё раз" in await body(answer)) == (200, True)
    assert secret_in(await postbox.letter(ANNA, 2)) != first
    assert (await stranger.post("/letters/again", form={"letter": NOBODYS})).status_code == 410


@pytest.mark.parametrize("email", [ANNA, BORIS])
async def test_a_mail_server_that_is_dead_is_told_whoever_asks(
    anna: Person, stranger: Browser, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    nobody = replace(anna.app.settings, smtp=Smtp("smtp", "127.0.0.1", free_port()))
    monkeypatch.setattr(anna.app, "settings", nobody)
    for path in ("/reset", "/signup"):
        page = await body(await stranger.post(path, form={"email": email, "password": PASSWORD}))
        assert "не принимает письма" in page, path
        assert "придёт через" not in page, path


async def test_what_refused_a_letter_to_everybody_is_told_at_the_next_try(
    stranger: Browser, mailing: Dashboard, postbox: Postbox
) -> None:
    postbox.says = "550 no such person"
    page = await body(await _sign_up(stranger, ANNA))
    await _nothing_left(mailing)
    again = await stranger.post("/letters/again", form={"letter": _letter_id(page)})
    assert "не принимает письма на этот адрес" in await body(again)


async def test_the_queue_holds_no_link(
    anna: Person, stranger: Browser, postbox: Postbox, database: Database
) -> None:
    await stranger.post("/reset", form={"email": ANNA})
    link = secret_in(await postbox.letter(ANNA))
    async with database.sessions() as session:
        rows = (await session.execute(text("SELECT * FROM account_letters"))).all()
    assert rows
    assert link not in str(rows)


def _letter_id(page: str) -> str:
    return page.partition('name="letter" value="')[2].partition('"')[0]


async def _nothing_left(app: Dashboard) -> None:
    await app.unfinished.drain(PATIENCE)
    app.unfinished.stopping = False

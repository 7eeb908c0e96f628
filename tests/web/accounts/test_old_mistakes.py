"""What went wrong in other people's accounts over the years, tried on ours."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from quart.typing import TestClientProtocol as Browser
from sqlalchemy import select, text

from app.accounts.rate_limits import RateLimit
from app.database.engine import Database
from app.models.account import Passkey, Session, User
from app.models.base import Base
from app.web.context import Dashboard
from app.web.middleware import rate_limits
from tests.support.people import JSON, Person, Sandbox
from tests.support.postbox import Postbox
from tests.support.routes import Route, routes
from tests.support.settings import PASSWORD
from tests.support.streams import watching
from tests.support.waiting import PATIENCE
from tests.web.accounts.test_settings import ANNA, BORIS, OTHER_PASSWORD, body, secret_in

# Fields that nobody may set by writing them into a form.
SMUGGLED = {
    "id": "1",
    "user_id": "1",
    "disabled_at": "",
    "password_hash": "x",
    "is_admin": "true",
    "created_at": "2001-01-01",
    "confirmed_at": "2001-01-01",
    "session_hash": "x",
    "user": "1",
}
EVIL = ["//evil.example", "https://evil.example/", "/\\evil.example", "/\t/evil.example"]
# Ways out, and a request that has no answer.
NOT_WALKED = ("sign_in.logout", "deletion.delete", "stream.stream")


@pytest.fixture
async def anna(mailing: Dashboard, sandbox: Sandbox) -> Person:
    return await Person.known(mailing, sandbox, ANNA)


@pytest.fixture
def stranger(mailing: Dashboard) -> Browser:
    return mailing.test_client()


async def reset_secret(stranger: Browser, postbox: Postbox, number: int = 1) -> str:
    await stranger.post("/reset", form={"email": ANNA})
    return secret_in(await postbox.letter(ANNA, number))


async def set_password(client: Browser, link: str) -> int:
    form = {"link": link, "password": OTHER_PASSWORD}
    return int((await client.post("/reset/password", form=form)).status_code)


# Sessions


async def test_no_session_outlives_a_change_of_password_not_even_a_copy_of_the_changers_own(
    person: Person,
) -> None:
    jar = person.client.cookie_jar or ()
    (cookie,) = [each for each in jar if each.name == "session"]
    thief = person.app.test_client()
    thief.set_cookie("localhost", "session", cookie.value or "")
    assert (await thief.get("/account")).status_code == 200
    await person.post("/account/password", password=PASSWORD, new_password=OTHER_PASSWORD)
    assert (await thief.get("/account")).status_code == 303
    assert await person.is_in()


async def test_no_session_outlives_a_reset(
    anna: Person, stranger: Browser, postbox: Postbox
) -> None:
    others = [await anna.back(ANNA) for _ in range(2)]
    assert await set_password(stranger, await reset_secret(stranger, postbox)) == 303
    assert [await each.is_in() for each in (anna, *others)] == [False] * 3


async def test_an_open_page_hears_that_its_session_was_ended_elsewhere(person: Person) -> None:
    other = await person.back(ANNA)
    async with watching(other) as stream:
        await person.post("/account/sessions/end-others")
        await stream.until("session-expired")


# Links


async def test_a_reset_link_is_good_once(anna: Person, stranger: Browser, postbox: Postbox) -> None:
    secret = await reset_secret(stranger, postbox)
    assert [await set_password(stranger, secret) for _ in range(2)] == [303, 410]


async def test_of_two_who_use_a_reset_link_at_once_one_is_too_late(
    anna: Person, stranger: Browser, postbox: Postbox
) -> None:
    secret = await reset_secret(stranger, postbox)
    both = [set_password(anna.app.test_client(), secret) for _ in range(2)]
    assert sorted(await asyncio.gather(*both)) == [303, 410]


async def test_older_reset_links_die_with_the_newest_one(
    anna: Person, stranger: Browser, postbox: Postbox
) -> None:
    first = await reset_secret(stranger, postbox)
    second = await reset_secret(stranger, postbox, 2)
    assert await set_password(stranger, second) == 303
    assert await set_password(stranger, first) == 410


async def test_a_reset_link_dies_when_the_password_or_the_address_is_changed(
    anna: Person, stranger: Browser, postbox: Postbox
) -> None:
    secret = await reset_secret(stranger, postbox)
    await anna.post("/account/password", password=PASSWORD, new_password=OTHER_PASSWORD)
    assert await set_password(stranger, secret) == 410


# Other people's ids


async def test_another_persons_ids_are_404_on_every_route_that_takes_one(
    person: Person, other_person: Person, database: Database
) -> None:
    ids = [(await person.connect())["id"], *await _ids_of(database, ANNA)]
    with_an_id = [route for route in routes(person.app) if "<uuid:" in route.path]
    assert len(with_an_id) >= 3
    for route in with_an_id:
        for method in sorted(route.methods):
            for their_id in ids:
                path = re.sub(r"<uuid:\w+>", their_id, route.path)
                answer = await other_person.client.open(path, method=method)  # type: ignore[call-arg]
                assert answer.status_code == 404, f"{method} {path}"
    assert await person.is_in()
    assert len(await person.connected()) == 1
    async with database.sessions() as session:
        assert await session.scalar(select(Passkey.id)) is not None


async def _ids_of(database: Database, email: str) -> list[str]:
    """A session's and a passkey's."""
    async with database.sessions.begin() as session:
        user_id = await session.scalar(select(User.id).where(User.email == email))
        key = Passkey(
            id=uuid4(), user_id=user_id, credential_id=b"c", public_key=b"k", sign_count=0, name="x"
        )
        session.add(key)
        theirs = await session.scalars(select(Session.id).where(Session.user_id == user_id))
        return [str(key.id), *(str(each) for each in theirs)]


# Mass assignment


async def test_a_form_changes_what_it_is_for_and_nothing_else(
    person: Person, other_person: Person, database: Database
) -> None:
    """Every route that takes a form gets every column's name as a field on top."""
    columns = {column.name for table in Base.metadata.sorted_tables for column in table.columns}
    extra = dict.fromkeys(columns - {"email", "zone", "name", "provider"}, "1") | SMUGGLED
    before = await _rows(database, BORIS)
    for path in _forms(person.app):
        await person.post(path, **extra)
    assert await _rows(database, BORIS) == before
    async with database.sessions() as session:
        anna = (await session.scalars(select(User).where(User.email == ANNA))).one()
    assert (anna.disabled_at, anna.zone) == (None, None)
    assert anna.password_hash.startswith("$argon2id$")
    assert anna.created_at.year > 2001
    await person.back(ANNA)


def _forms(app: Dashboard) -> list[str]:
    posts = [route.path for route in routes(app) if "POST" in route.methods]
    return [path for path in posts if "<" not in path and path != "/logout"]


async def _rows(database: Database, email: str) -> object:
    async with database.sessions() as session:
        query = text("SELECT users.*, sessions.* FROM users JOIN sessions ON user_id = users.id")
        rows = (await session.execute(query)).mappings().all()
    return [
        {k: v for k, v in row.items() if k != "seen_at"} for row in rows if row["email"] == email
    ]


async def test_a_connection_of_somebody_else_in_a_form_is_not_touched(
    person: Person, other_person: Person
) -> None:
    card = await person.connect()
    for path in _forms(person.app):
        if not path.startswith(("/login", "/signup", "/reset")):
            await other_person.post(path, connection=card["id"], connection_id=card["id"])
    assert [each["id"] for each in await person.connected()] == [card["id"]]


# Open redirects


@pytest.mark.parametrize("target", EVIL)
async def test_nothing_that_takes_an_address_leads_elsewhere(person: Person, target: str) -> None:
    """Every route, with `next` in the address, in the form, and as the page one comes from."""
    browsers = [person.app.test_client() for _ in range(2)]
    await browsers[1].post("/login", form={"email": ANNA, "password": PASSWORD})
    for route in routes(person.app):
        if "<" in route.path or route.endpoint in NOT_WALKED:
            continue
        for browser in browsers:
            for where in await _ways_on(browser, route, target):
                ours = where.startswith("/") and not where.startswith(("//", "/\\"))
                assert ours or route.path.endswith("/connect"), f"{route.path} → {where}"


async def _ways_on(browser: Browser, route: Route, target: str) -> list[str]:
    """Where its answers send the browser."""
    asked = {"query_string": {"next": target}, "headers": {"Referer": target}}
    form = {"email": ANNA, "password": PASSWORD, "next": target}
    answers = []
    if "GET" in route.methods:
        answers.append(await browser.get(route.path, **asked))
    if "POST" in route.methods:
        answers.append(await browser.post(route.path, form=form, **asked))
    return [answer.headers.get("Location", "/") for answer in answers]


# Enumeration


async def test_no_answer_says_whether_an_address_is_known(anna: Person, mailing: Dashboard) -> None:
    """Log-in, forgotten password and sign-up: the same status, page and headers for both."""
    for path in ("/login", "/reset", "/signup", "/login/passkey/options"):
        told = [await _told(mailing.test_client(), path, email) for email in (ANNA, BORIS)]
        assert told[0] == told[1], path


async def test_no_letter_that_is_asked_for_again_says_so_either(
    anna: Person, mailing: Dashboard
) -> None:
    told = []
    for email in (ANNA, BORIS):
        browser = mailing.test_client()
        page = await body(await browser.post("/reset", form={"email": email}))
        letter = page.partition('name="letter" value="')[2].partition('"')[0]
        told.append(await _told(browser, "/letters/again", email, letter=letter))
    assert told[0] == told[1]


async def _told(browser: Browser, path: str, email: str, **more: str) -> object:
    form = {"email": email, "password": "a wrong password"} | more
    answer = await browser.post(path, form=form)
    page = (await body(answer)).replace(email, "…")
    own_each_time = r'"challenge": ?"[^"]+"|data-now="\d+"|name="letter" value="[^"]+"'
    page = re.sub(own_each_time, "", page)
    own = ("date", "content-length", "x-request-id")
    headers = {k: v for k, v in answer.headers.items() if k.lower() not in own}
    return answer.status_code, page, headers


@pytest.mark.parametrize("path", ["/reset", "/signup"])
@pytest.mark.parametrize("email", [ANNA, BORIS])
async def test_no_answer_waits_for_a_look_at_who_is_known(
    anna: Person, stranger: Browser, database: Database, path: str, email: str
) -> None:
    """Nobody can read the table of people meanwhile, and the answer comes all the same: its time
    cannot tell anything.
    """
    async with _table_of_people_locked(database):
        async with asyncio.timeout(PATIENCE):
            answer = await stranger.post(path, form={"email": email, "password": PASSWORD})
        assert answer.status_code == 200
    await anna.app.unfinished.drain(PATIENCE)


@asynccontextmanager
async def _table_of_people_locked(database: Database) -> AsyncIterator[None]:
    async with database.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
        yield


# Trying without end


async def test_nothing_about_an_account_can_be_tried_without_end(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every form of one's own, and every page that a letter leads to."""
    monkeypatch.setattr(rate_limits, "CHANGES", RateLimit(3, timedelta(minutes=15)))
    monkeypatch.setattr(rate_limits, "LINKS", RateLimit(3, timedelta(minutes=15)))
    for _ in range(3):
        await person.post("/account/zone", zone="UTC")
        await person.get("/reset/password?link=guess")
    for path in _forms(person.app):
        if path.startswith("/account"):
            assert (await person.post(path)).status_code == 429, path
    for path in ("/reset/password", "/signup/confirm", "/account/email/confirm"):
        assert (await person.get(f"{path}?link=guess")).status_code == 429, path


async def test_a_link_on_any_other_page_spends_nothing(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture on somebody's page may ask for it in a visitor's name."""
    monkeypatch.setattr(rate_limits, "LINKS", RateLimit(3, timedelta(minutes=15)))
    for _ in range(4):
        assert (await person.get("/login?link=x")).status_code == 303
        assert (await person.get("/healthz?link=x")).status_code == 200
    assert (await person.get("/reset/password?link=guess")).status_code == 410


# Cross-site requests and programs


async def test_a_forged_request_changes_nothing_of_an_account(person: Person) -> None:
    for path in _forms(person.app):
        answer = await person.client.post(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, path
    assert await person.is_in()


async def test_signed_out_every_private_form_leads_to_the_log_in_page(person: Person) -> None:
    stranger = person.app.test_client()
    for path in _forms(person.app):
        if path.startswith("/account") and path != "/account/email/confirm":
            assert (await stranger.post(path)).status_code == 303, path
            assert (await stranger.post(path, headers=JSON)).status_code == 401, path

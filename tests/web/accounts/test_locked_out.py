"""A stranger who posts in somebody's name, from anywhere, shuts nobody out."""

from dataclasses import replace
from typing import Any

import pytest
from quart.typing import TestClientProtocol as Browser
from sqlalchemy import func, select

from app.accounts.rate_limits import RateLimit
from app.database.engine import Database
from app.models.account import Attempt
from app.web.accounts import letters, sign_in
from app.web.context import Dashboard
from tests.support.people import Person, Sandbox
from tests.support.postbox import Postbox
from tests.support.settings import PASSWORD
from tests.web.accounts.test_settings import secret_in

ANNA = "anna@example.ru"
FEW = 3


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of three, so that a test need not post fifty times."""
    for name in ("PER_ACCOUNT", "PER_BROWSER"):
        monkeypatch.setattr(sign_in, name, replace(getattr(sign_in, name), tries=FEW))
    monkeypatch.setattr(sign_in, "PER_ADDRESS", RateLimit(2 * FEW, sign_in.PER_ADDRESS.window))


async def post(client: Browser, path: str, address: str = "203.0.113.1", **form: str) -> Any:
    return await client.post(path, form=form, scope_base={"client": (address, 5)})


async def wrong(app: Dashboard, address: str, email: str = ANNA) -> int:
    """A stranger's guess, in a browser that nobody knows."""
    guess = {"email": email, "password": "a wrong password"}
    return int((await post(app.test_client(), "/login", address, **guess)).status_code)


async def attacked(app: Dashboard) -> None:
    """From one address after another, until the account is refused to strangers."""
    answers = [await wrong(app, f"198.51.100.{n}") for n in range(FEW + 2)]
    assert answers == [422] * (FEW + 1) + [429]


async def enters(client: Browser, password: str = PASSWORD) -> int:
    return int((await post(client, "/login", email=ANNA, password=password)).status_code)


async def test_a_browser_that_its_person_knows_has_a_budget_of_its_own(person: Person) -> None:
    await person.post("/logout")
    await attacked(person.app)
    assert await enters(person.client, "a typing error") == 422
    assert await enters(person.client) == 303
    assert await wrong(person.app, "198.51.100.99") == 429  # and strangers have gained nothing


async def test_who_shares_an_address_with_the_attacker_enters_too(person: Person) -> None:
    await person.post("/logout")
    for number in range(2 * FEW):
        await wrong(person.app, "203.0.113.1", f"nobody-{number}@example.ru")
    assert await wrong(person.app, "203.0.113.1") == 429
    assert await enters(person.client) == 303


async def test_a_known_browser_cannot_guess_for_ever_either(person: Person) -> None:
    await person.post("/logout")
    answers = [await enters(person.client, "a wrong password") for _ in range(FEW + 1)]
    assert answers == [422] * FEW + [429]


async def test_a_browser_is_known_to_its_own_people_only(
    person: Person, other_person: Person
) -> None:
    await other_person.post("/logout")
    await attacked(person.app)
    assert await enters(other_person.client) == 429


@pytest.mark.parametrize("cookie", ["", "x", "eyJ.x.y", "WyJ4IixbMV1d.aAAAAA.AAAA"])
async def test_a_cookie_that_we_did_not_sign_is_none(person: Person, cookie: str) -> None:
    await attacked(person.app)
    visitor = person.app.test_client()
    visitor.set_cookie("localhost", "browser", cookie)
    assert await enters(visitor) == 429


async def test_the_cookie_is_for_nobodys_script(dashboard: Dashboard, sandbox: Sandbox) -> None:
    form = {"email": ANNA, "password": PASSWORD}
    answer = await dashboard.test_client().post("/signup", form=form)
    (cookie,) = (each for each in answer.headers.getlist("Set-Cookie") if "browser=" in each)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=31536000" in cookie


async def test_an_account_under_attack_is_slow_and_not_shut(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [await wrong(person.app, f"198.51.100.{n}") for n in range(FEW + 1)]
    assert answers == [422] * (FEW + 1)  # the last one in the minute's slot
    visitor = person.app.test_client()
    answer = await post(visitor, "/login", email=ANNA, password=PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 60
    monkeypatch.setattr(sign_in, "SLOWED", RateLimit(2, sign_in.SLOWED.window))  # a minute later
    assert await enters(visitor) == 303


async def test_what_is_refused_to_an_address_costs_no_account(
    person: Person, database: Database
) -> None:
    for number in range(2 * FEW):
        await wrong(person.app, "198.51.100.7", f"nobody-{number}@example.ru")
    before = await attempts(database)
    assert {await wrong(person.app, "198.51.100.7") for _ in range(FEW + 2)} == {429}
    assert await attempts(database) == before
    assert await enters(person.app.test_client()) == 303


async def test_what_is_refused_to_an_account_costs_no_address(
    person: Person, database: Database
) -> None:
    await attacked(person.app)
    before = await attempts(database)
    assert await wrong(person.app, "203.0.113.200") == 429
    assert await attempts(database) == before


async def attempts(database: Database) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(Attempt)) or 0


async def test_who_reads_the_mailbox_enters_at_once(
    mailing: Dashboard, sandbox: Sandbox, postbox: Postbox
) -> None:
    await Person.known(mailing, sandbox, ANNA)
    await attacked(mailing)
    visitor = mailing.test_client()
    answer = await post(visitor, "/login", email=ANNA, password=PASSWORD)
    page = await answer.get_data(as_text=True)
    assert (answer.status_code, 'href="/reset"' in page) == (429, True)
    assert "Попробуйте снова через" in page
    assert f'value="{ANNA}"' in page  # nothing has to be typed again but the password
    await post(visitor, "/reset", email=ANNA)
    form = {"link": secret_in(await postbox.letter(ANNA)), "password": "another good password"}
    assert (await post(visitor, "/reset/password", **form)).status_code == 303
    assert await enters(visitor, "another good password") == 303


@pytest.mark.parametrize("path", ["/reset", "/signup"])
async def test_letters_that_a_stranger_asks_for_leave_some_to_whose_mailbox_it_is(
    mailing: Dashboard, sandbox: Sandbox, postbox: Postbox, path: str
) -> None:
    form = {"email": ANNA, "password": PASSWORD}
    stranger, tries = mailing.test_client(), range(letters.TO_ONE_MAILBOX.tries + 1)
    answers = [await post(stranger, path, "198.51.100.7", **form) for _ in tries]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert (await post(mailing.test_client(), path, **form)).status_code == 200
    others = [
        await post(stranger, path, f"198.51.100.{n}", **form) for n in range(letters.FLOOD.tries)
    ]
    assert others[-1].status_code == 429  # and yet no mailbox is flooded from everywhere

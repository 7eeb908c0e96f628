"""Codes from a telephone: turned on, asked for, each good once."""

import re
import time
from typing import Any

import pytest
from quart.typing import TestClientProtocol as Browser
from sqlalchemy import select, update

from app.accounts import totp
from app.database.encryption import key_id_of
from app.database.engine import Database
from app.models.account import RecoveryCode, SecondFactor
from app.web.accounts import sign_in
from app.web.accounts import two_factor as pages
from tests.support.people import Person
from tests.support.settings import PASSWORD
from tests.web.accounts.test_settings import ANNA, OTHER_PASSWORD, body

NEXT = "/evotor?error=denied"


async def begun(person: Person) -> str:
    """The secret, as the page shows it."""
    await person.post("/account/second-factor", password=PASSWORD)
    page = await person.page("/account/second-factor")
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', page)
    assert found is not None
    return found[1].replace(" ", "")


async def turned_on(person: Person) -> tuple[str, list[str]]:
    """The secret and the recovery codes."""
    secret = await begun(person)
    answer = await person.post("/account/second-factor/confirm", code=code(secret))
    return secret, re.findall(r"<code>([a-z2-7-]{19})</code>", await body(answer))


def code(secret: str, later: int = 0) -> str:
    """`later`: how many codes after this moment's."""
    return totp.code_of(secret, totp.step_at(time.time()) + later)


async def half_in(person: Person) -> Browser:
    """A browser that has shown the right password."""
    browser = person.app.test_client()
    form = {"email": ANNA, "password": PASSWORD, "next": NEXT}
    answer = await browser.post("/login", form=form)
    assert answer.headers["Location"] == "/login/code?next=%2Fevotor%3Ferror%3Ddenied"
    return browser


async def show(browser: Browser, shown: str, target: str = NEXT) -> Any:
    return await browser.post("/login/code", form={"code": shown, "next": target})


async def test_with_a_second_factor_a_password_alone_opens_nothing(person: Person) -> None:
    secret, _ = await turned_on(person)
    browser = await half_in(person)
    assert (await browser.get("/connections")).status_code == 303
    assert "Код из телефона" in await body(await browser.get("/login/code"))
    assert (await show(browser, "000000")).status_code == 422
    assert (await browser.get("/connections")).status_code == 303
    answer = await show(browser, code(secret, later=1))
    assert (answer.status_code, answer.headers["Location"]) == (303, NEXT)
    assert (await browser.get("/connections")).status_code == 200


async def test_a_code_is_good_once(person: Person) -> None:
    secret, _ = await turned_on(person)
    spent = code(secret, later=1)
    assert (await show(await half_in(person), spent)).status_code == 303
    assert (await show(await half_in(person), spent)).status_code == 422


async def test_the_code_that_turned_it_on_does_not_log_in(person: Person) -> None:
    secret = await begun(person)
    first = code(secret)
    await person.post("/account/second-factor/confirm", code=first)
    assert (await show(await half_in(person), first)).status_code == 422


async def test_each_recovery_code_is_good_once(person: Person) -> None:
    _, codes = await turned_on(person)
    assert len(set(codes)) == 10
    assert (await show(await half_in(person), codes[0].upper())).status_code == 303
    assert (await show(await half_in(person), codes[0])).status_code == 422
    assert (await show(await half_in(person), codes[1].replace("-", " "))).status_code == 303
    assert "осталось: 8" in await person.page("/account")


async def test_new_recovery_codes_make_the_old_ones_worthless(person: Person) -> None:
    _, old = await turned_on(person)
    answer = await person.post("/account/recovery-codes", password=PASSWORD)
    new = re.findall(r"<code>([a-z2-7-]{19})</code>", await body(answer))
    assert (await show(await half_in(person), old[0])).status_code == 422
    assert (await show(await half_in(person), new[0])).status_code == 303


async def test_codes_cannot_be_guessed_at_by_starting_over(person: Person) -> None:
    await turned_on(person)
    answers = [await show(await half_in(person), f"{n:06}") for n in range(sign_in.CODES.tries + 1)]
    assert [answer.status_code for answer in answers][-2:] == [422, 429]


async def test_wrong_codes_leave_the_recovery_codes_and_the_known_browser(person: Person) -> None:
    """To whoever knows the password, and uses up what may be tried with it."""
    secret, codes = await turned_on(person)
    for number in range(sign_in.CODES.tries + 1):
        await show(await half_in(person), f"{number:06}")
    assert (await show(await half_in(person), codes[0])).status_code == 303
    for number in range(sign_in.RECOVERY.tries + 1):
        refused = await show(await half_in(person), f"no-code-{number}")
    assert refused.status_code == 429
    await person.post("/logout")
    await person.post("/login", email=ANNA, password=PASSWORD)
    assert (await show(person.client, code(secret, later=1))).status_code == 303


async def test_half_a_log_in_is_bound_to_its_browser_and_soon_over(person: Person) -> None:
    secret, _ = await turned_on(person)
    await half_in(person)
    other = person.app.test_client()
    answer = await show(other, code(secret, later=1))
    assert answer.status_code == 422
    assert sign_in.TOO_LATE in await body(answer)


async def test_half_a_log_in_does_not_outlive_a_change_of_password(person: Person) -> None:
    secret, _ = await turned_on(person)
    browser = await half_in(person)
    await person.post("/account/password", password=PASSWORD, new_password=OTHER_PASSWORD)
    assert (await show(browser, code(secret, later=1))).status_code == 422
    assert (await browser.get("/connections")).status_code == 303


async def test_it_counts_only_after_a_first_right_code(person: Person) -> None:
    await begun(person)
    assert (await person.post("/account/second-factor/confirm", code="12")).status_code == 422
    await person.back(ANNA)


async def test_the_secret_is_shown_only_until_it_counts(person: Person) -> None:
    secret, _ = await turned_on(person)
    assert (await person.get("/account/second-factor")).status_code == 303
    assert secret not in await person.page("/account")
    await person.post("/account/second-factor", password=PASSWORD)
    assert (await person.get("/account/second-factor")).status_code == 303, "no second beginning"


async def test_turned_off_the_password_is_enough_again(person: Person) -> None:
    await turned_on(person)
    await person.post("/account/second-factor/remove", password=PASSWORD)
    await person.back(ANNA)


async def test_secret_and_codes_are_not_kept_in_the_clear(
    person: Person, database: Database
) -> None:
    secret, codes = await turned_on(person)
    async with database.sessions() as session:
        sealed = await session.scalar(select(SecondFactor.secret))
        hashes = list(await session.scalars(select(RecoveryCode.code_hash)))
    assert sealed is not None
    assert key_id_of(sealed) == "k1"
    assert secret.encode() not in sealed
    assert {len(each) for each in hashes} == {32}
    assert not {each.replace("-", "").encode() for each in codes} & set(hashes)


async def test_a_secret_moved_to_another_person_does_not_open(
    person: Person, other_person: Person, database: Database
) -> None:
    await turned_on(person)
    await begun(other_person)
    async with database.sessions.begin() as session:
        (stolen,) = await session.scalars(
            select(SecondFactor.secret).where(SecondFactor.confirmed_at.is_not(None))
        )
        theirs = update(SecondFactor).where(SecondFactor.confirmed_at.is_(None))
        await session.execute(theirs.values(secret=stolen))
    assert (await other_person.get("/account/second-factor")).status_code == 500


def test_the_picture_is_a_square_with_a_white_border() -> None:
    side, path = pages.qr_path("otpauth://totp/x?secret=ABC")
    assert side >= 21 + 2 * pages.QUIET
    assert path.startswith(f"M{pages.QUIET} {pages.QUIET}h1")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
async def test_the_second_step_leads_nowhere_else(person: Person, target: str) -> None:
    secret, _ = await turned_on(person)
    answer = await show(await half_in(person), code(secret, later=1), target)
    assert answer.headers["Location"] == "/connections"

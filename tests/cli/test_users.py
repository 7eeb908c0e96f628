"""`python -m app users …`: what an operator can do for somebody who is locked out."""

import re

from app.database.engine import Database
from tests.support.command_line import Run
from tests.support.people import Person
from tests.support.postbox import open_postbox
from tests.support.settings import PUBLIC_URL
from tests.web.accounts.test_settings import ANNA, BORIS, OTHER_PASSWORD
from tests.web.accounts.test_two_factor import code, half_in, show, turned_on


async def test_a_link_is_printed_and_opens_the_account_once(person: Person, run: Run) -> None:
    printed = await run("users", "link", ANNA, PUBLIC_URL=PUBLIC_URL)
    assert (printed.status, printed.err) == (0, "")
    found = re.fullmatch(rf"{PUBLIC_URL}/reset/password\?link=([\w-]{{43}})\n", printed.out)
    assert found is not None
    stranger = person.app.test_client()
    form = {"link": found[1], "password": OTHER_PASSWORD}
    assert (await stranger.post("/reset/password", form=form)).status_code == 303
    assert (await stranger.post("/reset/password", form=form)).status_code == 410
    assert not await person.is_in()
    await person.back(ANNA, OTHER_PASSWORD)


async def test_a_link_wants_to_know_our_own_address(person: Person, run: Run) -> None:
    end = await run("users", "link", ANNA)
    assert end.status == 2
    assert "PUBLIC_URL is not set" in end.err


async def test_a_lost_telephone_is_no_end(person: Person, run: Run) -> None:
    await turned_on(person)
    assert (await run("users", "second-factor-off", ANNA, "--yes")).status == 0
    await person.back(ANNA)
    again = await run("users", "second-factor-off", ANNA, "--yes")
    assert again.err == f"app: {ANNA} has no second factor\n"


async def test_a_new_address_is_read_from_standard_input(
    person: Person,
    other_person: Person,
    run: Run,
) -> None:
    taken = await run("users", "email", ANNA, stdin=f"{BORIS}\n")
    assert taken.err == f"app: there is already an account for {BORIS}\n"
    wrong = await run("users", "email", ANNA, stdin="nobody\n")
    assert wrong.err == "app: the e-mail address looks wrong\n"
    assert (await run("users", "email", ANNA, stdin="new@example.ru\n")).status == 0
    await person.back("new@example.ru")


async def test_an_address_that_no_letter_reaches_is_told_to_the_operator(
    person: Person, run: Run
) -> None:
    async with open_postbox(enable_SMTPUTF8=False) as postbox:
        mail = {"SMTP_URL": f"smtp://127.0.0.1:{postbox.port}", "MAIL_FROM": "mail@example.ru"}
        end = await run("users", "email", ANNA, stdin="анна@example.ru\n", **mail)
    assert end.err.startswith("app: no letter would reach анна@example.ru: the mail server takes")


async def test_who_tried_too_often_may_try_again(person: Person, run: Run) -> None:
    secret, _ = await turned_on(person)
    for number in range(6):
        answer = await show(await half_in(person), f"{number:06}")
    assert answer.status_code == 429
    browser = person.app.test_client()
    for _ in range(12):
        answer = await browser.post("/login", form={"email": ANNA, "password": "wrong password"})
    assert answer.status_code == 429
    assert (await run("users", "unlock", ANNA)).status == 0
    assert (await show(await half_in(person), code(secret, later=1))).status_code == 303


async def test_a_person_is_signed_out_everywhere(person: Person, run: Run) -> None:
    assert (await run("users", "sign-out", ANNA)).status == 0
    assert not await person.is_in()
    await person.back(ANNA)


async def test_who_was_disabled_is_enabled_again_but_gets_no_link_before(
    person: Person,
    run: Run,
) -> None:
    await run("users", "disable", ANNA)
    end = await run("users", "link", ANNA, PUBLIC_URL=PUBLIC_URL)
    assert end.err == f"app: {ANNA} is disabled: `users enable` first\n"
    await run("users", "enable", ANNA)
    await person.back(ANNA)
    assert not await person.is_in()


async def test_nobody_is_no_one_to_help(database: Database, run: Run) -> None:
    for action in ("link", "unlock", "sign-out", "second-factor-off", "enable", "email"):
        end = await run("users", action, ANNA, "--yes", PUBLIC_URL=PUBLIC_URL, stdin="a@b.ru\n")
        assert end.err == f"app: there is no account for {ANNA}\n", action

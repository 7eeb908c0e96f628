"""No mailbox is accepted that our mail server cannot write to; here it is one without SMTPUTF8."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from app.web.context import Dashboard
from tests.support.people import Person, Sandbox
from tests.support.postbox import Postbox, open_postbox
from tests.support.settings import PASSWORD
from tests.web.accounts.test_settings import ANNA, body

RUSSIAN_NAME, RUSSIAN_DOMAIN = "анна@письмо.рф", "anna@письмо.рф"
AS_SENT = "anna@xn--h1aigbl0e.xn--p1ai"
REASON = "не умеет писать на адреса, в которых до «@» есть русские"


@pytest.fixture
async def postbox() -> AsyncIterator[Postbox]:
    async with open_postbox(enable_SMTPUTF8=False) as postbox:
        yield postbox


@pytest.fixture
async def anna(mailing: Dashboard, sandbox: Sandbox) -> Person:
    return await Person.known(mailing, sandbox, ANNA)


async def test_a_russian_domain_gets_its_letter(mailing: Dashboard, postbox: Postbox) -> None:
    form = {"email": RUSSIAN_DOMAIN, "password": PASSWORD}
    assert (await mailing.test_client().post("/signup", form=form)).status_code == 200
    assert (await postbox.letter(AS_SENT))["Subject"] == "Подтвердите почту"


async def test_a_russian_name_is_refused_at_sign_up_with_the_reason(
    mailing: Dashboard, postbox: Postbox
) -> None:
    form = {"email": RUSSIAN_NAME, "password": PASSWORD}
    answer = await mailing.test_client().post("/signup", form=form)
    assert answer.status_code == 422
    assert REASON in await body(answer)
    assert RUSSIAN_NAME in await body(answer)  # to be mended, not typed anew


async def test_a_russian_name_is_refused_as_a_new_address_with_the_reason(
    anna: Person, postbox: Postbox
) -> None:
    answer = await anna.post("/account/email", email=RUSSIAN_NAME, password=PASSWORD)
    assert answer.status_code == 422
    assert REASON in await body(answer)
    good = await anna.post("/account/email", email=RUSSIAN_DOMAIN, password=PASSWORD)
    assert good.status_code == 303
    await postbox.letter(AS_SENT)


async def test_while_the_mail_server_is_away_nobody_is_told_a_wrong_reason(
    mailing: Dashboard, postbox: Postbox
) -> None:
    async with open_postbox() as other:
        gone = other.smtp
    mailing.settings = replace(mailing.settings, smtp=gone)
    form = {"email": RUSSIAN_NAME, "password": PASSWORD}
    answer = await mailing.test_client().post("/signup", form=form)
    assert answer.status_code == 422
    assert "почтовый сервер сейчас не отвечает" in await body(answer)


async def test_without_a_mail_server_an_address_is_only_a_name(dashboard: Dashboard) -> None:
    form = {"email": RUSSIAN_NAME, "password": PASSWORD}
    assert (await dashboard.test_client().post("/signup", form=form)).status_code == 303


async def test_an_account_from_before_is_told_why_no_letter_comes(
    mailing: Dashboard, sandbox: Sandbox
) -> None:
    person = await Person.known(mailing, sandbox, RUSSIAN_NAME)
    page = await person.page("/alerts")
    channel = page.partition("/alerts/channels/")[2].partition("/")[0]
    await person.post(f"/alerts/channels/{channel}/tests")
    assert "почтовый сервер не умеет писать на адреса с нелатинскими буквами" in (
        await person.page("/alerts")
    )

"""The page of alerts, as its person uses it without JavaScript."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.accounts import rate_limits
from app.alerts import outbox
from app.alerts.channels.webpush_encryption import new_vapid_key
from app.alerts.types import Kind, Notification
from app.config import Settings
from app.models.account import User
from app.models.alert import AlertChannel, AlertPreferences
from app.web.context import Dashboard
from tests.alerts.receivers import BOT, BOT_TOKEN, Receivers, open_receivers
from tests.support.people import OTHER_SHOP, Person, Sandbox
from tests.support.postbox import Postbox, open_postbox


@pytest.fixture
async def postbox(dashboard: Dashboard) -> AsyncIterator[Postbox]:
    """A mail server from here on: who signed up before it needs to confirm nothing."""
    async with open_postbox() as postbox:
        settings = replace(dashboard.settings, smtp=postbox.smtp, mail_from="mail@example.ru")
        dashboard.settings = settings
        dashboard.alerting = replace(dashboard.alerting, settings=settings)
        yield postbox


@pytest.fixture
async def to() -> AsyncIterator[Receivers]:
    async with open_receivers() as receivers:
        yield receivers


@pytest.fixture
def settings(settings: Settings, to: Receivers) -> Settings:
    return replace(
        settings,
        telegram_bot_token=BOT_TOKEN,
        telegram_api_base=to.telegram.url,
        vapid_private_key=new_vapid_key(),
    )


async def channels(app: Dashboard) -> list[AlertChannel]:
    async with app.database.sessions() as session:
        query = select(AlertChannel).order_by(AlertChannel.created_at)
        return list(await session.scalars(query))


async def newest(app: Dashboard, kind: str) -> AlertChannel:
    return [each for each in await channels(app) if each.kind == kind][-1]


async def forget_pause(app: Dashboard) -> None:
    """The bot may be asked again at once."""
    async with app.database.sessions.begin() as session:
        await rate_limits.forgive(session, "telegram")


async def follow(person: Person, answer: Any) -> str:
    assert answer.status_code == 303, answer.status_code
    return await person.page(answer.headers["Location"])


async def test_everybody_has_their_own_mailbox_and_can_try_it(
    person: Person, postbox: Postbox
) -> None:
    page = await person.page("/alerts")
    assert "anna@example.ru" in page
    (channel,) = await channels(person.app)
    page = await follow(person, await person.post(f"/alerts/channels/{channel.id}/tests"))
    assert "Проверка отправлена: Почта" in page
    assert postbox.letters[0]["Subject"] == "Проверка оповещений: всё работает"


async def test_without_a_mail_server_nothing_is_said_to_be_sent(
    dashboard: Dashboard, sandbox: Sandbox
) -> None:
    person = await Person.signed_up(dashboard, sandbox, "vera@example.ru")
    await person.page("/alerts")
    (channel,) = await channels(person.app)
    page = await follow(person, await person.post(f"/alerts/channels/{channel.id}/tests"))
    assert "письмо записано в журнал сервера и не придёт" in page
    assert "Проверка отправлена" not in page


async def test_letters_are_switched_off_and_on(person: Person) -> None:
    await person.page("/alerts")
    (channel,) = await channels(person.app)
    path = f"/alerts/channels/{channel.id}/state"
    assert "Выключено" in await follow(person, await person.post(path, state="off"))
    assert "Выключено" not in await follow(person, await person.post(path, state="on"))
    assert (await person.post(path, state="gone")).status_code == 400


async def test_a_letters_link_stops_letters_without_a_log_in(person: Person) -> None:
    await person.page("/alerts")
    (channel,) = await channels(person.app)
    path, mailer = f"/alerts/unsubscribe/{channel.unsubscribe}", person.app.test_client()
    looked = await mailer.get(path)
    assert looked.status_code == 200
    assert (await channels(person.app))[0].state == "on"  # programs look before people do
    form = {"List-Unsubscribe": "One-Click"}
    assert (await mailer.post(path, form=form)).status_code == 200
    assert (await channels(person.app))[0].state == "off"
    assert (await mailer.post(f"/alerts/unsubscribe/{channel.id}")).status_code == 404


async def test_a_channel_is_limited_to_tags_that_there_are(
    person: Person, other_person: Person
) -> None:
    card = await person.connect()
    assert "Обо всех подключениях" not in await person.page("/alerts")
    await person.post(f"/connections/{card['id']}/tags", tags="Тула, касса")
    assert "Обо всех подключениях" in await person.page("/alerts")
    path = f"/alerts/channels/{(await newest(person.app, 'email')).id}/tags"
    assert (await other_person.post(path, tag="Тула")).status_code == 404
    for chosen in ("Тула", "Псков"):
        await person.client.post(path, form={"tag": chosen})
        is_known = chosen == "Тула"
        assert (await newest(person.app, "email")).tags == [chosen] * is_known
        said = "каждый способ ограничен метками" in await person.page("/alerts")
        assert said == is_known


async def test_a_webhook_shows_its_secret_once(person: Person, to: Receivers) -> None:
    answer = await person.post("/alerts/webhooks", url=f"{to.webhook.url}/hook")
    page = await answer.get_data(as_text=True)
    (to.webhook.secret,) = re.findall(r"whsec_[\w+/=]+", page)
    assert "whsec_" not in await person.page("/alerts")
    webhook = await newest(person.app, "webhook")
    assert to.webhook.secret.encode() not in bytes(webhook.target or b"")
    await person.post(f"/alerts/channels/{webhook.id}/tests")
    assert to.webhook.messages[0].content["type"] == "alert.test"
    await person.post(f"/alerts/channels/{webhook.id}/removal")
    assert [each.kind for each in await channels(person.app)] == ["email"]


@pytest.mark.parametrize(
    "url", ["", "hook", "ftp://example.ru", "https://a:b@example.ru/", "http://[/"]
)
async def test_what_is_no_address_is_not_taken(person: Person, url: str) -> None:
    assert (await person.post("/alerts/webhooks", url=url)).status_code == 422


async def test_telegram_is_connected_by_a_link_with_a_code_that_works_once(
    person: Person, to: Receivers
) -> None:
    page = await (await person.post("/alerts/telegram")).get_data(as_text=True)
    (code,) = re.findall(rf"https://t\.me/{BOT}\?start=([\w-]+)", page)
    to.telegram.starts("guess", 13, "mallory")
    to.telegram.starts(code, 42, "anna")
    to.telegram.starts(code, 13, "mallory")
    await person.app.alerting.greet()
    answers = [(each.to, each.title) for each in to.telegram.messages]
    assert answers == [("13", "Ссылка устарела"), ("42", "Готово"), ("13", "Ссылка устарела")]
    assert "@anna" in await person.page("/alerts")
    telegram = await newest(person.app, "telegram")
    await person.post(f"/alerts/channels/{telegram.id}/tests")
    assert to.telegram.messages[-1].to == "42"


async def test_a_bot_that_another_program_reads_is_said_on_the_page_and_in_the_log(
    person: Person, to: Receivers, caplog: pytest.LogCaptureFixture
) -> None:
    page = await (await person.post("/alerts/telegram")).get_data(as_text=True)
    (code,) = re.findall(rf"https://t\.me/{BOT}\?start=([\w-]+)", page)
    to.telegram.says_of_updates = (409, {"ok": False, "description": "Conflict: terminated"})
    for _ in range(2):
        await person.app.alerting.greet()
        await forget_pause(person.app)
    assert "сообщения этого бота читает другая программа" in await person.page("/alerts")
    told = [each.message for each in caplog.records if "getUpdates answered 409" in each.message]
    assert len(told) == 1
    assert BOT_TOKEN not in caplog.text
    to.telegram.says_of_updates = None
    to.telegram.starts(code, 42, "anna")
    await person.app.alerting.greet()
    page = await person.page("/alerts")
    assert "читает другая программа" not in page
    assert "@anna" in page


async def test_nobody_is_asked_when_nobody_is_expected(person: Person, to: Receivers) -> None:
    to.telegram.starts("guess", 13, "mallory")
    await person.app.alerting.greet()
    assert to.telegram.messages == []


async def test_a_browser_subscribes(person: Person, to: Receivers) -> None:
    said = {"subscription": to.browser.subscription, "label": "Firefox"}
    answer = await person.client.post("/alerts/push", json=said)
    assert answer.status_code == 201
    assert "Firefox" in await person.page("/alerts")
    browser = await newest(person.app, "push")
    await person.post(f"/alerts/channels/{browser.id}/tests")
    assert to.browser.messages[0].title == "Проверка оповещений: всё работает"
    named = await person.client.post("/alerts/push", json=said | {"label": "a\x00\nb\u202e"})
    assert named.status_code == 201
    assert (await newest(person.app, "push")).label == "a\ufffd b"
    wrong: tuple[Any, ...] = ({}, ["x"], {"subscription": {"endpoint": "x", "keys": 1}})
    for bad in wrong:
        assert (await person.client.post("/alerts/push", json=bad)).status_code == 400
    for address in ("https://xn--/", "https://[v1.x]/", "https://a\tb.ru/", "https://a\0b.ru/"):
        bad = {**to.browser.subscription, "endpoint": address}
        answer = await person.client.post("/alerts/push", json={"subscription": bad})
        assert answer.status_code == 400, address
    for body in (b"", b"\xff", b"[" * 5_000, b'{"a":' * 5_000, b'"\\ud800"'):
        headers = {"Content-Type": "application/json"}
        answer = await person.client.post("/alerts/push", data=body, headers=headers)
        assert answer.status_code == 400, body[:9]


async def test_a_browser_of_another_key_is_ended_with_a_sentence(
    person: Person, to: Receivers
) -> None:
    await person.client.post("/alerts/push", json={"subscription": to.browser.subscription})
    key = new_vapid_key()
    person.app.settings = replace(person.app.settings, vapid_private_key=key)
    person.app.alerting = replace(person.app.alerting, settings=person.app.settings)
    to.browser.says = 401
    await tell(person.app)
    await person.app.alerting.deliver()
    assert (await newest(person.app, "push")).state == "gone"
    assert "больше не принимает ключ этого сервера" in await person.page("/alerts")


async def test_a_test_that_finds_a_dead_address_ends_it(person: Person, to: Receivers) -> None:
    await person.client.post("/alerts/push", json={"subscription": to.browser.subscription})
    browser = await newest(person.app, "push")
    to.browser.says = 410
    await person.post(f"/alerts/channels/{browser.id}/tests")
    assert (await newest(person.app, "push")).state == "gone"


async def test_a_way_that_fails_is_shown_and_a_test_that_works_heals_it(
    person: Person, to: Receivers
) -> None:
    page = await (await person.post("/alerts/webhooks", url=f"{to.webhook.url}/hook")).get_data(
        as_text=True
    )
    (to.webhook.secret,) = re.findall(r"whsec_[\w+/=]+", page)
    to.webhook.says = 500
    await tell(person.app)
    await person.app.alerting.deliver()
    page = await person.page("/alerts")
    assert "Не доходит" in page
    assert "получатель ответил 500" in page
    webhook = await newest(person.app, "webhook")
    path = f"/alerts/channels/{webhook.id}/tests"
    assert "Не отправилось: получатель ответил 500" in await follow(person, await person.post(path))
    to.webhook.says = 200
    assert "Не доходит" not in await follow(person, await person.post(path))
    await person.app.alerting.deliver()
    assert [each.content["type"] for each in to.webhook.messages] == ["alert.test", "alert.revoked"]


async def test_what_was_sent_is_listed_with_when_and_where(
    person: Person, postbox: Postbox
) -> None:
    await tell(person.app)
    assert "ждёт отправки" in await person.page("/alerts")
    await person.app.alerting.deliver()
    page = await person.page("/alerts")
    assert "(Эвотор): нужно переподключить" in page
    assert "anna@example.ru: отправлено" in page
    assert len(postbox.letters) == 1


async def test_a_connections_page_says_what_was_told_of_it(
    person: Person, postbox: Postbox
) -> None:
    card, other = await person.connect(), await person.connect(account=OTHER_SHOP)
    await tell(person.app, about=UUID(card["id"]))
    await person.app.alerting.deliver()
    assert "anna@example.ru: отправлено" in await person.page(f"/connections/{card['id']}")
    assert "Пока ничего" in await person.page(f"/connections/{other['id']}")


async def test_preferences_are_kept(person: Person) -> None:
    form = {"delay": "30", "reminder": "0", "digest": "weekly"}
    form |= {"quiet_from": "22:00", "quiet_until": "08:00"}
    page = await follow(person, await person.post("/alerts/preferences", **form))
    for chosen in ('value="30" selected', 'value="0" selected', 'value="weekly" selected'):
        assert chosen in page
    assert 'value="22:00"' in page
    assert (await person.post("/alerts/preferences", quiet_from="22:00")).status_code == 422
    wild = {"delay": "99999999", "reminder": "-1", "digest": "hourly", "zone": "x"}
    page = await follow(person, await person.post("/alerts/preferences", **wild))
    assert 'value="10" selected' in page
    assert 'value="none" selected' in page


async def test_a_digest_comes_in_the_morning_of_its_person(person: Person) -> None:
    await person.post("/account/zone", zone="Asia/Vladivostok")
    page = await follow(person, await person.post("/alerts/preferences", digest="daily"))
    assert "Asia/Vladivostok" in page
    async with person.app.database.sessions() as session:
        digest_at = (await session.scalars(select(AlertPreferences.digest_at))).one()
    assert digest_at is not None
    assert digest_at.astimezone(ZoneInfo("Asia/Vladivostok")).hour == 9


async def test_what_waits_for_a_digest_goes_out_when_there_is_to_be_none(
    person: Person, postbox: Postbox
) -> None:
    await person.post("/alerts/preferences", digest="daily")
    await tell(person.app, for_digest=True)
    await person.app.alerting.tell()
    assert postbox.letters == []
    await person.post("/alerts/preferences", digest="none")
    await person.app.alerting.tell()
    await person.app.alerting.deliver()
    assert postbox.letters[0]["Subject"] == "Сводка за последнее время: 1 событие"


async def test_somebody_elses_channel_does_not_exist(person: Person, other_person: Person) -> None:
    await person.page("/alerts")
    (channel,) = await channels(person.app)
    for what, form in (("tests", {}), ("state", {"state": "off"}), ("removal", {})):
        answer = await other_person.post(f"/alerts/channels/{channel.id}/{what}", **form)
        assert answer.status_code == 404
    assert (await channels(person.app))[0].state == "on"


async def test_tests_and_additions_are_limited(person: Person, to: Receivers) -> None:
    await person.page("/alerts")
    (channel,) = await channels(person.app)
    path = f"/alerts/channels/{channel.id}/tests"
    answers = [(await person.post(path)).status_code for _ in range(11)]
    assert answers == [303] * 10 + [429]
    for _ in range(9):
        await person.post("/alerts/webhooks", url=f"{to.webhook.url}/hook")
    full = await person.post("/alerts/webhooks", url=f"{to.webhook.url}/hook")
    assert full.status_code == 422


async def tell(app: Dashboard, *, for_digest: bool = False, about: UUID | None = None) -> None:
    """An alert for Anna, on its way."""
    news = Notification(Kind.REVOKED, "evotor", about or uuid4(), "Магазин", "revoked")
    async with app.database.sessions.begin() as session:
        query = select(User.id).where(User.email == "anna@example.ru")
        user_id = (await session.execute(query)).scalar_one()
        await outbox.put(session, user_id, [news], for_digest=for_digest)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:8000/", "https://localhost/", "https://[::1]:5432/", "http://a.ru/"),
        *("https://10.0.0.1/", "https://169.254.169.254/latest", "https://[fe80::1]/"),
    ],
)
@pytest.mark.parametrize("path", ["/alerts/webhooks", "/alerts/push"])
async def test_an_address_inside_is_refused_where_it_is_typed_in(
    person: Person, to: Receivers, path: str, url: str
) -> None:
    person.app.settings = replace(person.app.settings, allow_loopback_targets=False)
    subscription = to.browser.subscription | {"endpoint": url}
    how: dict[str, Any] = {"json": {"subscription": subscription}}
    if path == "/alerts/webhooks":
        how = {"form": {"url": url}}
    assert (await person.client.post(path, **how)).status_code in (400, 422)

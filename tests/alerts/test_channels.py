"""Each channel against a strict stand-in: what arrives, and what a refusal means."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from app.alerts.channels import SEND, Address, DeliveryRefused, Parcel, Post, telegram
from app.alerts.channels.refusals import BROWSER_ENDED, KEY_CHANGED
from app.alerts.channels.webhook import new_secret
from app.alerts.channels.webpush import fault_in
from app.alerts.channels.webpush_encryption import (
    decoded,
    encoded,
    new_vapid_key,
    private_key,
    public_key,
    seal,
)
from app.alerts.message import AlertMessage, Button, Line
from app.alerts.types import Kind
from app.config import Settings
from app.outbound.allowed_hosts import Destination, Hosts
from app.outbound.client import HttpClient
from tests.alerts.receivers import BOT, BOT_TOKEN, Receivers, open_receivers, opened
from tests.support.outbound import ANYWHERE, open_client
from tests.support.postbox import html_of, open_postbox, text_of

LETTER = AlertMessage(
    Kind.REVOKED,
    "«Эвотор»: нужно переподключить «Магазин <1>»",
    "«Эвотор» больше не принимает наш доступ.",
    "Ваш ход. Нажмите «Переподключить».",
    Button("Переподключить", "https://links.example.ru/connections/7"),
    (Line("Магазин <1>", "доступ отозван", "POST /token → 400"),),
    "bad",
    ("«Склад» снова в сети",),
)


@pytest.fixture
async def to() -> AsyncIterator[Receivers]:
    async with open_receivers() as receivers:
        yield receivers


@pytest.fixture
def post(to: Receivers, http: HttpClient) -> Post:
    settings = Settings(
        public_url="https://links.example.ru",
        telegram_bot_token=BOT_TOKEN,
        telegram_api_base=to.telegram.url,
        vapid_private_key=new_vapid_key(),
        allow_insecure_providers=True,
        allow_loopback_targets=True,
        mail_from="Связка <mail@example.ru>",
    )
    return Post(settings, http)


def address(**target: object) -> Address:
    return Address("anna@example.ru", uuid4(), target)


def parcel() -> Parcel:
    return Parcel(uuid4(), LETTER, "evotor", {"items": [{"label": "Магазин <1>"}]}, at())


def at() -> datetime:
    return datetime(2026, 11, 25, 12, tzinfo=UTC)


async def test_a_letter_says_everything_twice_and_stops_with_one_click(post: Post) -> None:
    async with open_postbox() as postbox:
        post = replace(post, settings=replace(post.settings, smtp=postbox.smtp))
        where, what = address(), parcel()
        assert await SEND["email"](post, where, what) is None
    (letter,) = postbox.letters
    stop = f"https://links.example.ru/alerts/unsubscribe/{where.unsubscribe}"
    assert letter["Subject"] == LETTER.title
    assert letter["List-Unsubscribe"] == f"<{stop}>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert str(what.id) in letter["Message-ID"]
    for body in (text_of(letter), html_of(letter)):
        for part in (LETTER.lead, LETTER.move, LETTER.button.url, LETTER.held[0], stop):
            assert part in body
    assert "Магазин &lt;1&gt;" in html_of(letter)
    assert "prefers-color-scheme: dark" in html_of(letter)


async def test_a_refused_address_is_said_in_plain_words(post: Post) -> None:
    async with open_postbox() as postbox:
        postbox.says = "550 no such person"
        post = replace(post, settings=replace(post.settings, smtp=postbox.smtp))
        refused = await SEND["email"](post, address(), parcel())
    assert refused == DeliveryRefused("почтовый сервер не принимает письма на этот адрес")


async def test_a_bot_writes_with_a_button_and_nothing_can_break_its_markup(
    post: Post, to: Receivers
) -> None:
    assert await SEND["telegram"](post, address(chat_id=42), parcel()) is None
    (arrived,) = to.telegram.messages
    assert arrived.to == "42"
    assert "Магазин &lt;1&gt;" in arrived.text
    button = arrived.content["reply_markup"]["inline_keyboard"][0][0]
    assert button == {"text": "Переподключить", "url": LETTER.button.url}


async def test_a_long_message_stays_whole(post: Post, to: Receivers) -> None:
    many = tuple(Line(f"Магазин {number}", "x" * 300) for number in range(20))
    long = replace(parcel(), letter=replace(LETTER, lines=many))
    assert await SEND["telegram"](post, address(chat_id=42), long) is None
    assert len(to.telegram.messages[0].text) <= 4096
    assert to.telegram.messages[0].text.startswith("<b>")


@pytest.mark.parametrize(
    ("status", "answer", "refused"),
    [
        (403, {"description": "Forbidden: bot was blocked by the user"}, telegram.BLOCKED),
        (400, {"description": "Bad Request: chat not found"}, telegram.BLOCKED),
        (500, {}, "Telegram ответил 500"),
    ],
)
async def test_a_bot_that_may_not_write(
    post: Post, to: Receivers, status: int, answer: dict[str, object], refused: str
) -> None:
    to.telegram.says = (status, answer)
    assert await SEND["telegram"](post, address(chat_id=42), parcel()) == DeliveryRefused(refused)


async def test_a_bot_that_is_told_to_wait_waits(post: Post, to: Receivers) -> None:
    to.telegram.says = (429, {"parameters": {"retry_after": 77}})
    refused = await SEND["telegram"](post, address(chat_id=42), parcel())
    assert refused is not None
    assert refused.retry_after == 77


@pytest.mark.parametrize(
    "parameters", [None, [], {}, {"retry_after": None}, {"retry_after": "soon"}]
)
async def test_a_bot_that_is_told_nothing_sensible_is_tried_as_usual(
    post: Post, to: Receivers, parameters: object
) -> None:
    to.telegram.says = (429, {"parameters": parameters})
    refused = await SEND["telegram"](post, address(chat_id=42), parcel())
    assert refused == DeliveryRefused("Telegram ответил 429")


@pytest.mark.parametrize("kind", ["webhook", "push"])
async def test_a_receiver_that_asks_for_time_gets_it(post: Post, to: Receivers, kind: str) -> None:
    to.webhook.says = to.browser.says = 503
    to.webhook.headers = to.browser.headers = {"Retry-After": "40.5"}
    target = to.browser.subscription | {"url": f"{to.webhook.url}/hook", "secret": new_secret()}
    refused = await SEND[kind](post, address(**target), parcel())
    assert refused is not None
    assert (refused.gone, refused.retry_after) == (False, 40.5)


async def test_who_came_is_read_once_and_in_whole(post: Post, to: Receivers) -> None:
    assert await telegram.bot_name(post) == BOT
    to.telegram.starts("code-1", 42, "anna")
    to.telegram.updates.append({"update_id": 799, "message": {"text": "hello", "chat": {}}})
    assert await telegram.starts(post) == [telegram.Start("code-1", 42, "@anna")]


ANNA = {"text": "/start code-1", "chat": {"id": 42, "type": "private", "username": "anna"}}


@pytest.mark.parametrize(
    "bad",
    [
        5,
        None,
        [],
        {"update_id": "7"},
        {"update_id": 9, "message": 5},
        {"update_id": 9, "message": {"text": ["/start"], "chat": {"id": 1, "type": "private"}}},
        {"update_id": 9, "message": ANNA | {"text": "/start \ud800"}},
        {"update_id": 9, "message": ANNA | {"text": "/start a\0b"}},
        {"update_id": 9, "message": ANNA | {"text": "/start " + "x" * 4_000}},
        {"update_id": 9, "message": ANNA | {"chat": {"type": "private"}}},
        {"update_id": 9, "message": ANNA | {"chat": {"id": 10**30, "type": "private"}}},
        {"update_id": 9, "message": ANNA | {"chat": [42]}},
    ],
)
async def test_one_bad_update_costs_nobody_theirs(to: Receivers, post: Post, bad: object) -> None:
    first, last = ({"update_id": number, "message": ANNA} for number in (8, 10))
    to.telegram.says_of_updates = (200, {"result": [first, bad, last]})
    found = await telegram.starts(post)
    assert isinstance(found, list)
    assert set(found) == {telegram.Start("code-1", 42, "@anna")}


@pytest.mark.parametrize("result", [None, [], 5, {"username": 5}, {"username": "a\0"}])
async def test_a_bot_without_a_name_is_none(to: Receivers, post: Post, result: object) -> None:
    to.telegram.says_of_me = {"result": result}
    assert await telegram.bot_name(post) is None


async def test_a_webhook_gets_signed_json_under_one_id(post: Post, to: Receivers) -> None:
    to.webhook.secret = new_secret()
    where = address(url=f"{to.webhook.url}/hook", secret=to.webhook.secret)
    what = parcel()
    await SEND["webhook"](post, where, what)
    await SEND["webhook"](post, where, what)
    first, second = to.webhook.messages
    assert first.key == second.key == str(what.id)
    assert first.content == {
        "id": str(what.id),
        "type": "alert.revoked",
        "timestamp": "2026-11-25T12:00:00+00:00",
        "data": {
            "title": LETTER.title,
            "text": LETTER.short,
            "url": LETTER.button.url,
            "provider": "evotor",
            "connections": [{"label": "Магазин <1>"}],
            "held_back": list(LETTER.held),
        },
    }


@pytest.mark.parametrize(("status", "gone"), [(500, False), (302, False), (410, True)])
async def test_a_webhook_that_refuses(post: Post, to: Receivers, status: int, gone: bool) -> None:
    to.webhook.says = status
    where = address(url=f"{to.webhook.url}/hook", secret=new_secret())
    refused = await SEND["webhook"](post, where, parcel())
    assert refused == DeliveryRefused(f"получатель ответил {status}", gone=gone)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://user:secret@example.com/hook",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://10.1.2.3/hook",
        "https://169.254.169.254/latest",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://2130706433/hook",  # 127.0.0.1 as a number
    ],
)
@pytest.mark.parametrize("kind", ["webhook", "push"])
async def test_no_address_is_a_way_to_what_only_this_server_can_reach(
    post: Post, to: Receivers, kind: str, url: str
) -> None:
    target = to.browser.subscription | {"endpoint": url, "url": url, "secret": new_secret()}
    async with open_client() as strict:
        refused = await SEND[kind](replace(post, http=strict), address(**target), parcel())
    assert refused is not None
    assert "ответил" not in refused.why


@pytest.mark.parametrize("kind", ["webhook", "push", "telegram"])
@pytest.mark.parametrize(
    ("error", "why"),
    [
        (httpx.ReadTimeout("late"), "нет ответа за 15 с"),
        (httpx.ReadError("broke"), "соединение оборвалось"),
        (httpx.ConnectError("nobody"), "соединение не установлено"),
    ],
    ids=repr,
)
async def test_what_fails_on_the_way_is_a_refusal_that_says_why(
    post: Post, to: Receivers, kind: str, error: httpx.HTTPError, why: str
) -> None:
    sent: list[httpx.Request] = []

    def fail(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise error

    target = to.browser.subscription | {"url": to.webhook.url, "secret": new_secret(), "chat_id": 7}
    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as http:
        refused = await SEND[kind](replace(post, http=http), address(**target), parcel())
    assert refused == DeliveryRefused(why)
    assert [each.extensions["destination"] for each in sent] == [
        Destination(Hosts.of([to.telegram.url])) if kind == "telegram" else ANYWHERE
    ]


async def test_a_browser_reads_what_was_sealed_for_it(post: Post, to: Receivers) -> None:
    what = parcel()
    assert await SEND["push"](post, address(**to.browser.subscription), what) is None
    (arrived,) = to.browser.messages
    assert (arrived.title, arrived.text) == (LETTER.title, LETTER.short)
    assert arrived.content["url"] == LETTER.button.url
    assert arrived.content["tag"] == str(what.id)


async def test_a_subscription_that_is_over_is_not_tried_again(post: Post, to: Receivers) -> None:
    to.browser.says = 410
    refused = await SEND["push"](post, address(**to.browser.subscription), parcel())
    assert refused is not None
    assert refused.gone


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_browser_that_subscribed_to_another_key_has_to_subscribe_again(
    post: Post, to: Receivers, status: int
) -> None:
    to.browser.says = status
    before = public_key(new_vapid_key())
    where = address(**to.browser.subscription, vapid_key=before)
    refused = await SEND["push"](post, where, parcel())
    assert refused == DeliveryRefused(KEY_CHANGED, gone=True)


@pytest.mark.parametrize("status", [400, 401])
async def test_a_fault_of_our_signature_ends_no_browser(
    post: Post, to: Receivers, status: int
) -> None:
    """The key is the same: it may be our clock, and then it is so for all browsers."""
    to.browser.says = status
    key = public_key(post.settings.vapid_private_key)
    refused = await SEND["push"](post, address(**to.browser.subscription, vapid_key=key), parcel())
    assert refused == DeliveryRefused(f"служба уведомлений ответила {status}")


async def test_a_browser_that_took_its_permission_back_is_not_asked(
    post: Post, to: Receivers
) -> None:
    endpoint = "https://permanently-removed.invalid/fcm/send/abc"
    where = address(**to.browser.subscription | {"endpoint": endpoint})
    refused = await SEND["push"](post, where, parcel())
    assert refused == DeliveryRefused(BROWSER_ENDED, gone=True)


def test_what_is_no_subscription_is_not_taken(to: Receivers) -> None:
    good = to.browser.subscription
    assert not fault_in(good)
    bad: tuple[object, ...] = (
        None,
        [],
        {},
        good | {"endpoint": "javascript:alert(1)"},
        good | {"endpoint": "https://permanently-removed.invalid/fcm/send/abc"},
        good | {"endpoint": "https://Permanently-Removed.INVALID./fcm/send/abc"},
        good | {"keys": {"p256dh": encoded(b"\x04" * 65), "auth": "AAAA"}},
        good | {"keys": {"p256dh": 7, "auth": "AAAA"}},
    )
    for each in bad:
        assert fault_in(json.loads(json.dumps(each))), each


def test_the_example_of_rfc_8291_appendix_a() -> None:
    own = private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    browser = private_key("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
    public = decoded(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    )
    auth, salt = decoded("BTBZMqHH6r4Tts7J_aSIgg"), decoded("DGv6ra1nlYgDCS1FRnbzlw")
    text = b"When I grow up, I want to be a watermelon"
    sealed = seal(text, public, auth, own, salt)
    assert encoded(sealed) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc"
        "InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLV"
        "WGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert opened(sealed, browser, auth) == text


@pytest.mark.parametrize("kind", ["webhook", "push"])
async def test_what_people_type_in_leads_to_this_machine_only_where_that_is_switched_on(
    post: Post, to: Receivers, kind: str
) -> None:
    """Although entries of providers may: its refusals would tell which ports are open."""
    settings = replace(post.settings, allow_loopback_targets=False)
    assert settings.allow_insecure_providers
    target = to.browser.subscription | {"url": to.webhook.url, "secret": new_secret()}
    refused = await SEND[kind](replace(post, settings=settings), address(**target), parcel())
    assert refused is not None
    assert (to.webhook.messages, to.browser.messages) == ([], [])

"""What has to be typed in before connecting: tried before it is kept, and never shown again."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select, update

from app.config import Settings
from app.database.engine import Database
from app.models.account import Attempt
from app.models.connection import Connection, Grant, OAuthState
from app.models.history import Outage
from app.outbound.client import HttpClient
from tests.providers.shapes.bitrix24 import Bitrix24
from tests.providers.shapes.ozon import Ozon
from tests.providers.shapes.service import Service
from tests.providers.shapes.shopify import SHOP, Shopify
from tests.providers.shapes.stand import Stand, open_stand
from tests.providers.shapes.wildberries import BASE, PERSONAL, TEST, Wildberries, jwt
from tests.support.people import Person


@pytest.fixture
async def stand(
    request: pytest.FixtureRequest,
    settings: Settings,
    database: Database,
    http: HttpClient,
    tmp_path: Path,
) -> AsyncIterator[Stand]:
    service: Service = getattr(request, "param", Wildberries)()
    async with open_stand(service, settings, database, http, tmp_path) as stand:
        yield stand


def at(shape: type[Service]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stand", [shape], ids=[shape.name], indirect=True)


async def refused(person: Person, provider: str, **form: str) -> str:
    """The page that comes instead of a connection."""
    answer = await person.post(f"/{provider}/connect", **form)
    page = str(await answer.get_data(as_text=True))
    assert answer.status_code == 422, page
    assert await person.connected() == []
    return page


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


async def test_a_button_leads_to_the_form(stand: Stand) -> None:
    answer = await stand.person.post("/wildberries/connect")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/wildberries#connect")
    page = await stand.person.page("/wildberries")
    assert 'name="token" type="password"' in page
    assert "Базовый токен" in page
    assert "создайте базовый токен" in page  # what to do first


async def test_a_key_is_asked_with_once(stand: Stand) -> None:
    """Wildberries allows one request a minute."""
    await stand.connect()
    assert len(stand.service.seen) == 1


async def test_a_key_is_shown_by_its_end_alone_and_with_its_last_day(stand: Stand) -> None:
    await stand.connect()
    page = await stand.person.page("/wildberries")
    key = stand.service.access
    assert f"••••{key[-4:]}" in page
    assert key[-12:] not in page
    assert "действует до" in words(page)


@at(Ozon)
async def test_a_keys_end_may_stand_in_the_answer(stand: Stand, database: Database) -> None:
    card = await stand.connect()
    assert (await stand.grant(card)).expires_at is not None
    assert "действует до 18 февраля 2036" in words(await stand.person.page("/ozon"))


@at(Ozon)
async def test_what_is_no_secret_stays_in_the_form(stand: Stand) -> None:
    cast(Ozon, stand.service).new_key()
    page = await refused(stand.person, "ozon", client_id="123456", token="a-wrong-key-of-ozon")
    assert "Сервис «Ozon» не принял этот ключ" in page
    assert 'value="123456"' in page
    assert "a-wrong-key-of-ozon" not in page


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("", "Заполните это поле"),
        ("   ", "Заполните это поле"),
        ("not a jwt", "Так не подходит"),
        ("ключ.ключ.ключ", "Так не подходит"),
        (jwt(PERSONAL), "Это персональный токен"),
        (jwt(TEST), "Это тестовый токен"),
        ("a" * 5_000, "Так не подходит"),
    ],
)
async def test_a_key_that_cannot_be_one_is_not_even_tried(
    stand: Stand, token: str, says: str
) -> None:
    page = await refused(stand.person, "wildberries", token=token)
    assert says in words(page)
    assert 'aria-invalid="true"' in page
    assert stand.service.seen == []


@pytest.mark.parametrize(
    ("trouble", "says"),
    [("rate_limited", "просит подождать"), ("forbidden", "не даёт с ним читать данные")],
)
async def test_a_key_that_is_not_taken_is_not_kept_and_says_why(
    stand: Stand, trouble: str, says: str
) -> None:
    stand.service.trouble = trouble
    assert says in words(await refused(stand.person, "wildberries", token=jwt(BASE)))


async def test_a_new_key_takes_the_place_of_the_old_one(stand: Stand, database: Database) -> None:
    card = await stand.connect()
    asked = await stand.person.post("/wildberries/connect", connection=card["id"])
    assert asked.headers["Location"] == f"/wildberries?connection={card['id']}#connect"
    page = await stand.person.page(f"/wildberries?connection={card['id']}")
    assert f'name="connection" value="{card["id"]}"' in page
    before = (await stand.grant(card)).access_token
    again = await stand.connect(card)
    assert again["id"] == card["id"]
    assert (await stand.grant(card)).access_token != before
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Grant)) == 1


async def test_a_replaced_key_ends_where_a_disconnected_one_does_and_nothing_turns_red(
    stand: Stand, database: Database
) -> None:
    card = await stand.connect()
    old = stand.service.access
    again = await stand.connect(card)
    page = words(await stand.person.page())
    assert "ключ заменён, новый уже работает" in page
    assert "удалите токен в кабинете продавца" in page
    assert "Прежний ключ стёрт в Связке" in words(await stand.person.page("/journal"))
    for name in ("id", "status", "since", "cause", "label"):
        assert again.get(name) == card.get(name)
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Outage)) == 0
    assert old not in page


async def test_a_wrong_key_leaves_the_old_one_in_its_place(stand: Stand) -> None:
    card = await stand.connect()
    before = (await stand.grant(card)).access_token
    stand.service.trouble = "forbidden"
    form = {"connection": card["id"], "token": jwt(BASE, 2)}
    answer = await stand.person.post("/wildberries/connect", **form)
    page = words(await answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert "не даёт с ним читать данные" in page
    assert "Прежний ключ остался на месте" in page
    assert (await stand.grant(card)).access_token == before
    (after,) = await stand.person.connected()
    assert after["status"] == "online"


@at(Ozon)
async def test_a_key_of_another_account_is_refused_by_name(stand: Stand) -> None:
    card = await stand.connect()
    before = (await stand.grant(card)).access_token
    page = await stand.person.page(f"/ozon?connection={card['id']}")
    assert 'value="123456"' in page  # what is no secret need not be typed in again
    typed = cast(Ozon, stand.service).new_key() | {"client_id": "654321"}
    cast(Ozon, stand.service).ids.add("654321")
    answer = await stand.person.post("/ozon/connect", connection=card["id"], **typed)
    page = words(await answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert "от другого аккаунта: «Кабинет 654321», а здесь подключён «Кабинет 123456»" in page
    assert (await stand.grant(card)).access_token == before


async def test_the_same_key_again_is_no_new_one(stand: Stand) -> None:
    card = await stand.connect()
    form = {"connection": card["id"], "token": stand.service.access}
    answer = await stand.person.post("/wildberries/connect", **form)
    assert answer.status_code == 422
    assert "менять нечего" in words(await answer.get_data(as_text=True))
    assert len(stand.service.seen) == 1


async def test_somebody_elses_connection_is_no_place_for_a_key(
    stand: Stand, database: Database
) -> None:
    card = await stand.connect()
    other = await Person.signed_up(stand.person.app, stand.person.sandbox, "boris@example.ru")
    answer = await other.get(f"/wildberries?connection={card['id']}")
    assert answer.status_code == 404
    form = {"connection": card["id"], "token": jwt(BASE)}
    assert (await other.post("/wildberries/connect", **form)).status_code == 404


async def test_keys_are_not_tried_without_end(stand: Stand, database: Database) -> None:
    for _ in range(10):
        await stand.person.post("/wildberries/connect", token=jwt(BASE))
    answer = await stand.person.post("/wildberries/connect", token=jwt(BASE))
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert len(stand.service.seen) == 10
    async with database.sessions.begin() as session:
        await session.execute(update(Attempt).values(at=func.now() - timedelta(hours=1)))
    assert (await stand.connect())["status"] == "online"


async def test_a_disconnect_deletes_the_key_and_says_where_to_end_it(
    stand: Stand, database: Database
) -> None:
    card = await stand.connect()
    await stand.person.post("/wildberries/disconnect", connection=card["id"])
    assert "ключ у нас удалён" in await stand.person.page()
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Grant)) == 0


@at(Shopify)
@pytest.mark.parametrize(
    "typed", [SHOP, f" {SHOP} ", f"https://{SHOP}/admin/settings", SHOP.upper()]
)
async def test_a_shops_address_is_taken_however_it_is_copied(stand: Stand, typed: str) -> None:
    url = await stand.person.go_to_provider("shopify", shop=typed)
    assert urlsplit(url).path == f"/{SHOP}/admin/oauth/authorize"


@at(Shopify)
@pytest.mark.parametrize(
    "typed",
    [
        "anna-shop",
        "evil.example",
        f"{SHOP}.evil.example",
        f"evil.example/{SHOP}",
        f"evil.example#{SHOP}",
        f"{SHOP}@evil.example",
        f"evil.example:443@{SHOP}",
        "evil.myshopify.com.",
        "a.b.myshopify.com",
        "аnna.myshopify.com",  # a Cyrillic letter
    ],
)
async def test_nobody_is_sent_to_a_host_that_is_not_the_providers(
    stand: Stand, database: Database, typed: str
) -> None:
    assert "Так не подходит" in await refused(stand.person, "shopify", shop=typed)
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(OAuthState)) == 0


@at(Shopify)
async def test_the_example_stays_where_something_else_was_typed(stand: Stand) -> None:
    page = words(await refused(stand.person, "shopify", shop="anna-shop"))
    assert "нет лишнего. Например: my-shop.myshopify.com" in page


@at(Ozon)
async def test_a_dead_key_asks_for_a_new_one(stand: Stand) -> None:
    card = await stand.connect()
    stand.service.end()
    assert await stand.shown(card) == ("revoked", "revoked")
    page = words(await stand.person.page())
    assert "Ключ больше не действует" in page
    assert "Создайте новый" in page


@at(Shopify)
async def test_a_signed_callback_that_was_changed_is_refused(stand: Stand) -> None:
    for change in ({"shop": "other.myshopify.com"}, {"code": "x"}, {"hmac": "0" * 64}):
        url = await stand.person.go_to_provider("shopify", shop=SHOP)
        answer = cast(Shopify, stand.service).authorize(url) | change
        assert await stand.person.come_back("shopify", answer) == "/shopify?error=bad_issuer"
    assert [seen for seen in stand.service.seen if seen.method == "POST"] == []


@at(Bitrix24)
async def test_a_callback_about_another_portal_is_refused(stand: Stand) -> None:
    url = await stand.person.go_to_provider("bitrix24", domain="anna.bitrix24.ru")
    answer = cast(Bitrix24, stand.service).authorize(url) | {"domain": "evil.bitrix24.ru"}
    assert await stand.person.come_back("bitrix24", answer) == "/bitrix24?error=bad_issuer"
    lacks = await stand.person.go_to_provider("bitrix24", domain="anna.bitrix24.ru")
    state = parse_qs(urlsplit(lacks).query)["state"][0]
    bare = {"code": "c", "state": state}
    assert await stand.person.come_back("bitrix24", bare) == "/bitrix24?error=provider_error"


@at(Bitrix24)
async def test_a_reconnect_asks_for_nothing_that_is_known(stand: Stand, database: Database) -> None:
    card = await stand.connect()
    url = await stand.person.go_to_provider("bitrix24", connection=card["id"])
    assert urlsplit(url).path == "/anna.bitrix24.ru/oauth/authorize/"
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Connection)) == 1

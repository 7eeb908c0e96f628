"""The page of all connections, the same as JSON, and a check by hand."""

import re
import time
from dataclasses import replace
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from sqlalchemy import delete, update

from app.database.engine import Database
from app.models.account import Attempt
from app.models.connection import Connection
from app.monitor.connectivity import Connectivity
from tests.support.people import HTMX, JSON, OTHER_SHOP, Person
from tests.support.processes import free_port

NOBODYS = UUID("00000000-0000-4000-8000-000000000000")


def card_of(page: str, key: str) -> str:
    """The card's HTML."""
    found = re.search(rf'<article [^>]*id="{key}".*?</article>', page, re.DOTALL)
    assert found, key
    return found[0]


async def check(person: Person, card: dict[str, Any], **headers: str) -> Any:
    return await person.client.post(f"/connections/{card['id']}/checks", headers=headers)


async def test_what_is_not_connected_is_a_grey_card(person: Person) -> None:
    card = card_of(await person.page(), "provider-evotor")
    assert 'data-provider="evotor"' in card
    assert 'data-status="disconnected"' in card
    assert '<svg class="bi bi-circle"' in card
    assert 'action="/evotor/connect"' in card
    assert "Не подключено" in card


async def test_what_works_is_a_green_card(person: Person) -> None:
    connected = await person.connect()
    card = card_of(await person.page(), f"connection-{connected['id']}")
    assert 'data-provider="evotor"' in card
    assert 'data-status="online"' in card
    assert '<svg class="bi bi-circle-fill' in card
    assert f'<time datetime="{connected["last_checked_at"]}"' in card
    assert "В сети" in card
    assert "Основной магазин" in card
    assert 'data-ask="/evotor/disconnect"' in card
    assert 'id="provider-evotor"' not in await person.page()


async def test_a_red_card_says_why_since_when_and_whose_move_it_is(person: Person) -> None:
    connected = await person.connect()
    await person.sandbox.set("error")
    for _ in range(2):
        connected = await person.check(connected)
    card = card_of(await person.page(), f"connection-{connected['id']}")
    assert 'data-status="offline"' in card
    assert '<svg class="bi bi-circle-fill' in card
    assert f'<time datetime="{connected["since"]}"' in card
    assert "/stores → 503 за" in card
    assert "переподключение не поможет" in card
    assert "reconnect-" not in card


async def test_a_revoked_card_offers_to_reconnect_that_one(person: Person) -> None:
    connected = await person.connect()
    await person.sandbox.order("revoke")
    for _ in range(2):
        await person.check(connected)
    card = card_of(await person.page(), f"connection-{connected['id']}")
    assert 'data-status="revoked"' in card
    assert '<svg class="bi bi-exclamation-circle-fill' in card
    assert f'name="connection" value="{connected["id"]}"' in card
    assert "Переподключить" in card


async def test_what_a_provider_calls_its_account_is_no_markup(
    person: Person, database: Database
) -> None:
    await person.connect()
    async with database.sessions.begin() as session:
        await session.execute(update(Connection).values(label="<img src=x onerror=alert(1)>"))
    page = await person.page()
    assert "<img" not in page
    assert "&lt;img" in page


async def test_the_page_has_everything_that_the_stream_needs(person: Person) -> None:
    page = await person.page()
    assert 'hx-sse:connect="/connections/stream"' in page
    assert 'id="cards"' in page
    assert 'id="banner"' in page


async def test_the_json_is_the_same_list(person: Person) -> None:
    first = await person.connect()
    second = await person.connect(account=OTHER_SHOP)
    answer = await person.get("/connections", **JSON)
    assert answer.mimetype == "application/json"
    cards = (await answer.get_json())["connections"]
    assert [card["id"] for card in cards[:2]] == [first["id"], second["id"]]
    assert {card["id"] for card in cards[2:]} == {None}
    offered = [each.name for each in person.app.catalogue.values() if each.configured]
    assert [card["provider"] for card in cards] == ["evotor", *offered]


async def test_nobody_sees_what_is_somebody_elses(person: Person, other_person: Person) -> None:
    card = await person.connect()
    assert card["id"] not in await other_person.page()
    assert await other_person.connected() == []


async def test_a_check_by_hand_answers_htmx_with_the_card(person: Person) -> None:
    connected = await person.connect()
    await person.sandbox.set("error")
    answer = await check(person, connected, **HTMX)
    assert answer.status_code == 200
    card = (await answer.get_data(as_text=True)).strip()
    assert card.startswith("<article")
    assert card.endswith("</article>")
    assert f'id="connection-{connected["id"]}"' in card
    assert 'data-status="degraded"' in card


async def test_a_check_by_hand_from_a_plain_form_goes_back_to_the_page(person: Person) -> None:
    connected = await person.connect()
    answer = await check(person, connected)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/connections")


async def test_a_second_check_within_ten_seconds_is_429_with_the_card(person: Person) -> None:
    connected = await person.connect()
    assert (await check(person, connected, **HTMX)).status_code == 200
    began = time.time()
    answer = await check(person, connected, **HTMX)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 10
    card = await answer.get_data(as_text=True)
    assert f'<article class="card ok" id="connection-{connected["id"]}"' in card
    assert await person.sandbox.requests("/stores", began) == 0


async def test_a_second_check_from_a_plain_form_is_429_with_a_page(person: Person) -> None:
    connected = await person.connect()
    await check(person, connected)
    answer = await check(person, connected)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 10
    assert "Подождите" in await answer.get_data(as_text=True)


async def test_a_provider_that_wants_to_be_asked_rarely_is(person: Person) -> None:
    connected = await person.connect()
    evotor = person.app.catalogue["evotor"]
    rare = dict(person.app.catalogue) | {"evotor": replace(evotor, min_interval=120)}
    person.app.catalogue = rare
    began = time.time()
    answer = await check(person, connected, **HTMX)
    assert answer.status_code == 429
    assert 100 < int(answer.headers["Retry-After"]) <= 120
    assert "Эвотор» разрешает нам проверять лишь изредка" in unquote(answer.headers["Notice"])
    assert "через 2 мин" in unquote(answer.headers["Notice"])
    answer = await check(person, connected)
    assert "лишь изредка" in await answer.get_data(as_text=True)
    assert await person.sandbox.requests("/stores", began) == 0


async def test_a_check_while_we_have_no_connectivity_says_so_and_judges_nobody(
    person: Person, database: Database
) -> None:
    connected = await person.connect()
    evotor = person.app.catalogue["evotor"]
    away = replace(evotor, probe=replace(evotor.probe, url=f"http://127.0.0.1:{free_port()}/"))
    offline = Connectivity([("127.0.0.1", free_port())])
    offline.is_offline = True
    person.app.checker = replace(
        person.app.checker, catalogue={"evotor": away}, connectivity=offline
    )
    answer = await check(person, connected, **HTMX)
    assert answer.status_code == 200
    assert "у нас самих сейчас нет связи" in unquote(answer.headers["Notice"])
    assert 'data-status="online"' in await answer.get_data(as_text=True)
    async with database.sessions.begin() as session:
        await session.execute(delete(Attempt))
    await check(person, connected)
    assert "у нас самих сейчас нет связи" in await person.page()


async def test_every_connection_has_its_own_limit(person: Person) -> None:
    first, second = await person.connect(), await person.connect(account=OTHER_SHOP)
    for card in (first, second):
        assert (await check(person, card)).status_code == 303


async def test_after_the_ten_seconds_one_may_check_again(
    person: Person, database: Database
) -> None:
    connected = await person.connect()
    await check(person, connected)
    async with database.sessions.begin() as session:
        await session.execute(delete(Attempt))
    assert (await check(person, connected)).status_code == 303


async def test_what_is_not_there_cannot_be_checked(person: Person, other_person: Person) -> None:
    assert (await check(person, {"id": NOBODYS})).status_code == 404
    connected = await person.connect()
    began = time.time()
    assert (await check(other_person, connected)).status_code == 404
    assert await person.sandbox.requests("/stores", began) == 0


async def test_a_check_is_no_link(person: Person) -> None:
    connected = await person.connect()
    assert (await person.get(f"/connections/{connected['id']}/checks")).status_code == 405


async def test_the_page_says_when_no_monitor_has_connectivity(person: Person) -> None:
    said = "Проверки приостановлены: нет связи у сервиса"
    person.app.checks_run, person.app.is_offline = True, True
    assert said in await person.page()
    person.app.checks_run = False  # the stronger one alone
    assert said not in await person.page()


async def test_the_page_says_when_nobody_checks(person: Person) -> None:
    person.app.checks_run = False
    assert "Проверки сейчас не идут" in await person.page()
    person.app.checks_run = True
    assert "Проверки сейчас не идут" not in await person.page()

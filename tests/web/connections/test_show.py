"""The page of one connection, the same as JSON, and its own stream."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, event, func, update

from app.database.engine import Database
from app.models.connection import Connection, Grant
from app.models.history import ProviderOutage
from app.providers.quota import Quota
from tests.support.people import HTMX, JSON, OTHER_SHOP, Person
from tests.support.streams import listening, watching
from tests.web.connections.test_index import card_of
from tests.web.stream.test_routes import heard

NOBODYS = "00000000-0000-4000-8000-000000000000"


def page_of(card: dict[str, Any]) -> str:
    return f"/connections/{card['id']}"


async def change_grant(database: Database, **values: Any) -> None:
    async with database.sessions.begin() as session:
        await session.execute(update(Grant).values(values))


async def test_the_title_of_a_card_leads_to_its_page(person: Person) -> None:
    card = await person.connect()
    shown = card_of(await person.page(), f"connection-{card['id']}")
    title = card["title"]
    assert f'<a href="{page_of(card)}">{title}</a>' in shown
    assert ">Эвотор</p>" in shown
    grey = card_of(await person.page(), "provider-sklad")
    assert '<a href="/sklad">Мой склад</a>' in grey


async def test_the_page_has_the_card_its_evidence_and_the_grant(person: Person) -> None:
    card = await person.connect()
    said = await person.page(page_of(card))
    assert card_of(said, f"connection-{card['id']}")
    assert f"<code>{card['evidence']}</code>" in said
    assert f'datetime="{card["last_checked_at"]}"' in said
    assert 'class="trouble' not in said
    assert "читать список магазинов" in said
    assert "Продлеваем сами" in said
    assert "Ни одного сбоя не записано." in said
    assert 'href="/connections"' in said
    assert 'href="/evotor"' in said
    assert f'hx-sse:connect="{page_of(card)}/stream"' in said


async def test_trouble_is_told_with_whose_move_it_is(person: Person) -> None:
    card = await person.connect()
    await person.sandbox.set("error")
    for _ in range(2):
        card = await person.check(card)
    said = await person.page(page_of(card))
    verdict = card_of(said, f"connection-{card['id']}")
    assert '<p class="when">Не работает' in verdict
    assert '<b class="move">Ход сервиса.</b> Сбой на стороне' in verdict
    assert said.count(card["evidence"]) == 2  # folded under the verdict, and what was
    assert "Сервис отвечает ошибкой уже" in said
    await person.sandbox.set("ok")
    await person.check(card)
    said = await person.page(page_of(card))
    assert "Сервис отвечает ошибкой уже" not in said
    assert said.count("Сервис отвечал ошибкой") == 1


async def test_a_refresh_in_doubt_is_told_in_plain_words(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    assert "ответ не пришёл" not in await person.page(page_of(card))
    await change_grant(database, refresh_sent_at=func.now())
    assert "просьба ушла, а ответ не пришёл" in await person.page(page_of(card))


async def test_unknown_scopes_are_said_to_be_unknown(person: Person, database: Database) -> None:
    card = await person.connect()
    await change_grant(database, scopes=[])
    assert "Сервис не сообщил" in await person.page(page_of(card))


async def test_what_is_allowed_is_said_in_plain_words_as_far_as_somebody_found_some(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    await change_grant(database, scopes=["store:read", "tea:make"])
    said = await person.page(page_of(card))
    assert '<span title="store:read">читать список магазинов</span>, <code>tea:make</code>' in said


async def test_an_end_that_nothing_renews_is_told_on_card_page_and_in_json(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    assert card["expires_at"] is None
    soon = func.now() + timedelta(days=2)
    await change_grant(database, refresh_token=None, expires_at=soon)
    shown = card_of(await person.page(), f"connection-{card['id']}")
    assert 'class="expiry warn"' in shown
    assert "Доступ истекает через 2 дня" in shown
    assert "истекает через 2 дня" in await person.page(page_of(card))
    (told,) = await person.connected()
    assert told["expires_at"] is not None
    assert told["status"] == "online"


async def test_slow_is_told_within_online_and_counted(person: Person, database: Database) -> None:
    card = await person.connect()
    assert card["slow"] is False
    since = func.now() - timedelta(minutes=40)
    async with database.sessions.begin() as session:
        values = {"slow_since": since, "baseline_ms": 412, "latency_ms": 3_011}
        await session.execute(update(Connection).values(values))
    (told,) = await person.connected()
    assert (told["slow"], told["is_online"], told["status"]) == (True, True, "online")
    shown = card_of(await person.page(), f"connection-{card['id']}").replace("\u00a0", " ")
    assert "Отвечает медленнее своего обычного" in shown
    assert "сейчас 3 011 мс, обычно не дольше 412 мс" in shown
    for path in (page_of(card), f"{page_of(card)}/report"):
        assert re.search(r"едленнее обычного[^:]*: 1 раз", await person.page(path))
    async with database.sessions.begin() as session:
        await session.execute(update(Connection).values(status="offline", cause="timeout"))
    assert (await person.connected())[0]["slow"] is False


@pytest.mark.parametrize("unknown", ["baseline_ms", "latency_ms"])
async def test_nothing_is_slow_while_a_figure_of_it_is_unknown(
    person: Person, database: Database, unknown: str
) -> None:
    """After weeks without answers housekeeping takes the baseline away before the next check."""
    await person.connect()
    values = {"slow_since": func.now(), "baseline_ms": 412, "latency_ms": 3_011, unknown: None}
    async with database.sessions.begin() as session:
        await session.execute(update(Connection).values(values))
    assert (await person.connected())[0]["slow"] is False
    assert "Отвечает медленнее" not in await person.page()


async def test_an_end_that_is_far_away_is_only_on_the_page(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    far = func.now() + timedelta(days=1800)
    await change_grant(database, refresh_token=None, expires_at=far)
    assert 'class="expiry' not in await person.page()
    said = await person.page(page_of(card))
    assert "Потом нужно будет переподключить." in said
    assert "истекает" not in said


async def test_an_outage_of_the_provider_is_told_on_page_and_stream(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    async with database.sessions.begin() as session:
        session.add(
            ProviderOutage(
                provider="evotor", cause="provider_error", evidence="", opened_at=func.now()
            )
        )
    try:
        assert "Сбой на стороне «Эвотор»" in await person.page(page_of(card))
        async with listening(person, f"{page_of(card)}/stream") as stream:
            await stream.until("#outages", "Сбой на стороне «Эвотор»")
    finally:
        async with database.sessions.begin() as session:
            await session.execute(delete(ProviderOutage))


async def test_programs_get_the_descriptor(person: Person) -> None:
    card = await person.connect()
    answer = await person.get(page_of(card), **JSON)
    assert answer.mimetype == "application/json"
    assert await answer.get_json() == (await person.connected())[0]


async def test_an_open_page_gets_its_facts_alone(person: Person) -> None:
    card = await person.connect()
    facts = (await (await person.get(page_of(card), **HTMX)).get_data(as_text=True)).strip()
    assert facts.startswith('<div class="col" id="facts"')
    assert "<script" not in facts
    assert "Продлеваем сами" in facts


async def test_what_is_not_ones_own_does_not_exist(person: Person, other_person: Person) -> None:
    card = await person.connect()
    for path in (page_of(card), f"{page_of(card)}/stream"):
        assert (await other_person.get(path)).status_code == 404
    assert (await person.get(f"/connections/{NOBODYS}")).status_code == 404


async def test_a_reconnect_that_is_hidden_has_no_page(person: Person) -> None:
    card = await person.connect()
    choice = await person.reconnect(card, OTHER_SHOP)
    assert (await person.get(choice.removesuffix("/choice"))).status_code == 404


async def test_the_stream_of_a_page_brings_its_card_and_no_other(person: Person) -> None:
    card, other = await person.connect(), await person.connect(account=OTHER_SHOP)
    await heard(person.app)
    async with watching(person, f"{page_of(card)}/stream") as stream:
        await person.check(other)
        await person.check(card)
        news = await stream.until("data-status")
        assert f'hx-target="#connection-{card["id"]}" hx-swap="outerMorph"' in news
        assert other["id"] not in news
        assert await stream.silent(0.2)


async def test_its_first_event_is_that_card_as_it_is_now(person: Person) -> None:
    card = await person.connect()
    await person.connect(account=OTHER_SHOP)
    await heard(person.app)
    async with listening(person, f"{page_of(card)}/stream") as stream:
        assert (await stream.event()).startswith("event: heartbeat\n")
        snapshot = await stream.event()
        assert snapshot.count("<article") == 1
        assert f'id="connection-{card["id"]}"' in snapshot
        await stream.until("#banner")


async def test_a_connection_that_goes_is_told_kindly(person: Person) -> None:
    card = await person.connect()
    await heard(person.app)
    async with watching(person, f"{page_of(card)}/stream") as stream:
        await person.post("/evotor/disconnect", connection=card["id"])
        news = await stream.until("#cards", "Этого подключения больше нет.")
        assert 'href="/connections"' in news
    assert (await person.get(page_of(card))).status_code == 404
    assert (await person.get(f"{page_of(card)}/stream")).status_code == 404


async def test_a_log_out_ends_that_stream_too(person: Person) -> None:
    card = await person.connect()
    await heard(person.app)
    async with watching(person, f"{page_of(card)}/stream") as stream:
        await person.post("/logout")
        assert (await stream.rest())[-1].startswith("event: session-expired")


@pytest.mark.parametrize("path", ["/connections/stream", f"/connections/{NOBODYS}/stream"])
async def test_who_is_not_signed_in_is_told_so_by_either_stream(person: Person, path: str) -> None:
    stranger = person.app.test_client()
    answer = await stranger.get(path, headers={"Accept": "text/event-stream"})
    assert await answer.get_data() == b"event: session-expired\ndata: \n\n"


async def test_cards_cost_the_same_number_of_queries_however_many(
    person: Person, database: Database
) -> None:
    await person.connect()
    await person.page()  # reads the flash away
    one = await queries(person)
    await person.connect(account=OTHER_SHOP)
    await person.page()
    assert await queries(person) == one > 0


async def queries(person: Person) -> int:
    """How many statements one visit of the list costs."""
    counted: list[str] = []
    engine = person.app.database.engine.sync_engine

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        counted.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    try:
        await person.page()
    finally:
        event.remove(engine, "before_cursor_execute", count)
    return len(counted)


async def test_no_two_things_of_the_page_have_one_name(person: Person) -> None:
    """The stream swaps by id: a strip that shared one with a heading would wipe it out."""
    card = await person.connect()
    for page in (page_of(card), "/connections", "/evotor"):
        ids = re.findall(r'\bid="([^"]+)"', await person.page(page))
        assert len(ids) == len(set(ids)), page


async def test_the_page_says_what_checks_cost_where_the_limit_is_known(person: Person) -> None:
    card = await person.connect()
    assert "Лимит сервиса" not in await person.page(page_of(card))
    limited = replace(person.app.catalogue["evotor"], quota=Quota(5000, "day"))
    person.app.catalogue = {**person.app.catalogue, "evotor": limited}
    said = unescape(await person.page(page_of(card)))
    assert "На проверки мы тратим 144 запроса в сутки из 5\u00a0000" in said


async def test_a_card_without_a_grant_is_still_shown(person: Person, database: Database) -> None:
    await person.connect()
    async with database.sessions.begin() as session:
        row = await session.get_one(Connection, UUID((await person.connected())[0]["id"]))
        await session.delete(await session.get_one(Grant, row.id))
    assert len(await person.connected()) == 1

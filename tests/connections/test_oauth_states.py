"""A callback may come twice: it trades one code, and the second one is told what became of it."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from app.connections.oauth_states import OPEN_AT_ONCE
from app.database.engine import Database
from app.models.connection import Connection, OAuthState, Revocation
from app.web.connections.connect_error_labels import NOTHING_KEPT
from tests.support.people import OTHER_SHOP, Person, Sandbox
from tests.support.settings import PASSWORD

CALLBACK = "/evotor/callback"


async def count(database: Database, table: type) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def exchanges(sandbox: Sandbox) -> int:
    return len((await sandbox.state())["grants"])


async def allowed(person: Person, **form: str) -> tuple[str, dict[str, str]]:
    """On the provider's page «Разрешить» was pressed; (its address, what the callback gets)."""
    way = await person.go_to_provider(**form)
    return way, await person.sandbox.consent(way)


async def test_a_callback_that_comes_again_shows_the_page_of_the_first(
    person: Person, database: Database
) -> None:
    _, query = await allowed(person)
    for _ in range(3):
        assert await person.come_back("evotor", query) == "/connections"
        assert "«Эвотор»: подключено, первая проверка прошла." in await person.page()
    assert await count(database, Connection) == 1
    assert await exchanges(person.sandbox) == 1
    assert await count(database, Revocation) == 0


async def test_a_double_click_is_one_connecting(person: Person, database: Database) -> None:
    _, query = await allowed(person)
    ends = await asyncio.gather(*(person.come_back("evotor", query) for _ in range(4)))
    assert ends == ["/connections"] * 4
    assert await count(database, Connection) == 1
    assert await exchanges(person.sandbox) == 1


async def test_the_second_waits_for_the_first_that_takes_its_time(
    person: Person, database: Database
) -> None:
    await person.sandbox.set("slow")
    await person.sandbox.set("slow", endpoint="token")
    _, query = await allowed(person)
    first = asyncio.create_task(person.come_back("evotor", query))
    second = asyncio.create_task(person.come_back("evotor", query))
    assert [await first, await second] == ["/connections"] * 2
    assert [card["status"] for card in await person.connected()] == ["online"]


async def test_back_and_allow_again_is_the_first_ones_page(
    person: Person, database: Database
) -> None:
    way, query = await allowed(person)
    assert await person.come_back("evotor", query) == "/connections"
    again = await person.sandbox.consent(way)
    assert again["code"] != query["code"]
    assert await person.come_back("evotor", again) == "/connections"
    assert await count(database, Connection) == 1
    assert await exchanges(person.sandbox) == 1


async def test_back_and_cancel_does_not_undo_what_was_connected(person: Person) -> None:
    way, query = await allowed(person)
    assert await person.come_back("evotor", query) == "/connections"
    again = await person.sandbox.consent(way, decision="deny")
    assert await person.come_back("evotor", again) == "/connections"


async def test_whoever_cancelled_may_go_back_and_allow(person: Person) -> None:
    way = await person.go_to_provider()
    no = await person.sandbox.consent(way, decision="deny")
    assert await person.come_back("evotor", no) == "/evotor?error=denied"
    assert await person.come_back("evotor", await person.sandbox.consent(way)) == "/connections"
    assert [card["status"] for card in await person.connected()] == ["online"]


async def test_a_failure_is_remembered_like_a_success(person: Person, sandbox: Sandbox) -> None:
    way, query = await allowed(person)
    await sandbox.set("error", endpoint="token")
    assert await person.come_back("evotor", query) == "/evotor?error=unreachable"
    await sandbox.set("ok", endpoint="token")
    assert await person.come_back("evotor", query) == "/evotor?error=unreachable"
    assert await person.come_back("evotor", await sandbox.consent(way)) == (
        "/evotor?error=unreachable"
    )


async def test_a_reconnect_that_comes_twice_is_told_the_same(person: Person) -> None:
    card = await person.connect()
    _, query = await allowed(person, connection=card["id"])
    for _ in range(2):
        assert await person.come_back("evotor", query) == "/connections"
    assert [each["id"] for each in await person.connected()] == [card["id"]]


async def test_a_question_that_comes_twice_is_one_question(person: Person) -> None:
    card = await person.connect()
    way = await person.go_to_provider(connection=card["id"])
    query = await person.sandbox.consent(way, OTHER_SHOP)
    choice = await person.come_back("evotor", query)
    assert choice.endswith("/choice")
    assert await person.come_back("evotor", query) == choice


async def test_what_was_disconnected_since_is_not_said_to_be_connected(person: Person) -> None:
    _, query = await allowed(person)
    assert await person.come_back("evotor", query) == "/connections"
    await person.post("/evotor/disconnect")
    assert await person.come_back("evotor", query) == "/evotor?error=expired"


async def test_the_same_person_after_a_new_log_in_sees_what_happened(
    person: Person, other_person: Person
) -> None:
    _, query = await allowed(person)
    assert await person.come_back("evotor", query) == "/connections"
    again = await person.back("anna@example.ru")
    assert await again.come_back("evotor", query) == "/connections"
    assert await other_person.come_back("evotor", query) == "/evotor?error=other_browser"


async def test_another_browser_spends_nothing(person: Person, other_person: Person) -> None:
    _, query = await allowed(person)
    assert await other_person.come_back("evotor", query) == "/evotor?error=other_browser"
    assert await person.come_back("sklad", query) == "/sklad?error=expired"
    assert await person.come_back("evotor", query) == "/connections"


async def test_a_process_that_died_in_the_middle_is_not_waited_for(
    person: Person, database: Database
) -> None:
    _, query = await allowed(person)
    assert await person.come_back("evotor", query) == "/connections"
    async with database.sessions.begin() as session:
        long_ago = func.now() - text("interval '1 minute'")
        await session.execute(update(OAuthState).values(outcome=None, consumed_at=long_ago))
    assert await person.come_back("evotor", query) == "/connections"
    async with database.sessions.begin() as session:
        await session.execute(update(OAuthState).values(stored_as=UUID(int=1)))
    assert await person.come_back("evotor", query) == "/evotor?error=expired"


async def test_a_consumed_state_keeps_no_verifier(person: Person, database: Database) -> None:
    way = await person.go_to_provider("sklad")
    query = await person.sandbox.consent(way, "wh-02")
    assert await person.come_back("sklad", query) == "/connections"
    async with database.sessions() as session:
        row = (await session.scalars(select(OAuthState))).one()
    assert row.code_verifier is None


SPECULATIVE = [
    {"Sec-Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;anonymous-client-ip"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"Purpose": "prefetch"},
    {"Purpose": "Prefetch"},
    {"X-Purpose": "preview"},
    {"X-Moz": "prefetch"},
]


@pytest.mark.parametrize("headers", SPECULATIVE)
async def test_a_prefetch_spends_nothing(
    person: Person, database: Database, headers: dict[str, str]
) -> None:
    _, query = await allowed(person)
    answer = await person.client.get(CALLBACK, query_string=query, headers=headers)
    assert not 200 <= answer.status_code < 300  # or a browser would show it instead of asking
    assert answer.headers["Cache-Control"] == "no-store"
    assert await exchanges(person.sandbox) == await count(database, Connection) == 0
    assert await person.come_back("evotor", query) == "/connections"
    assert "«Эвотор»: подключено, первая проверка прошла." in await person.page()


async def test_a_head_spends_nothing(person: Person, database: Database) -> None:
    _, query = await allowed(person)
    answer = await person.client.head(CALLBACK, query_string=query)
    assert answer.status_code == 200
    assert await exchanges(person.sandbox) == await count(database, Connection) == 0
    assert await person.come_back("evotor", query) == "/connections"


async def log_in_after(person: Person, answer: Any) -> str:
    """Follow the way through the log-in page; returns the page after it."""
    target = parse_qs(urlsplit(answer.headers["Location"]).query)["next"][0]
    form = {"email": "anna@example.ru", "password": PASSWORD, "next": target}
    back = await person.client.post("/login", form=form)
    return str(back.headers["Location"])


async def test_a_callback_after_the_log_in_expired_says_so_after_the_next_log_in(
    person: Person,
) -> None:
    _, query = await allowed(person)
    await person.post("/logout")
    answer = await person.client.get(CALLBACK, query_string=query)
    assert query["code"] not in answer.headers["Location"]
    assert query["state"] not in answer.headers["Location"]
    target = await log_in_after(person, answer)
    page = await person.page(target)
    assert "Подключение не закончено" in page
    assert 'action="/evotor/connect"' in page


async def test_a_callback_again_after_log_out_says_nothing_wrong(person: Person) -> None:
    _, query = await allowed(person)
    assert await person.come_back("evotor", query) == "/connections"
    await person.post("/logout")
    answer = await person.client.get(CALLBACK, query_string=query)
    assert await log_in_after(person, answer) == "/connections"


@pytest.mark.parametrize("error", ["expired", "signed_out", "denied", "exchange_refused"])
async def test_nothing_connected_is_never_said_above_a_card(person: Person, error: str) -> None:
    assert NOTHING_KEPT in await person.page(f"/evotor?error={error}")
    await person.connect()
    assert NOTHING_KEPT not in await person.page(f"/evotor?error={error}")


async def test_a_session_has_so_many_open_ways_and_the_newest_ones(
    person: Person, database: Database
) -> None:
    ways = [await person.go_to_provider() for _ in range(OPEN_AT_ONCE + 2)]
    assert await count(database, OAuthState) == OPEN_AT_ONCE
    first, last = [await person.sandbox.consent(way) for way in (ways[1], ways[-1])]
    assert await person.come_back("evotor", first) == "/evotor?error=expired"
    assert await person.come_back("evotor", last) == "/connections"

"""To the provider and back: what is stored, and when nothing is."""

import asyncio
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from app.database.engine import Database
from app.models.connection import Connection, Grant, OAuthState, Revocation
from tests.support import rows
from tests.support.people import MAIN_SHOP, NO_SHOP, OTHER_SHOP, Person, Sandbox


async def count(database: Database, table: type) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_after_the_callback_the_connection_is_online_and_checked(person: Person) -> None:
    card = await person.connect()
    assert (card["status"], card["is_online"]) == ("online", True)
    assert card["last_checked_at"] is not None
    assert card["details"] == "Основной магазин"


async def test_the_way_there_is_as_the_protocol_wants_it(person: Person) -> None:
    url = await person.go_to_provider("sklad")
    query = parse_qs(urlsplit(url).query)
    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == ["http://127.0.0.1:8000/sklad/callback"]
    assert query["scope"] == ["profile offline_access"]
    assert len(query["state"][0]) >= 32


async def test_what_is_stored_on_the_way_is_not_readable(
    person: Person, database: Database
) -> None:
    url = await person.go_to_provider("sklad")
    state = parse_qs(urlsplit(url).query)["state"][0]
    async with database.sessions() as session:
        row = (await session.scalars(select(OAuthState))).one()
    assert state.encode() not in row.state_hash
    assert row.code_verifier is not None
    assert row.code_verifier[0] == 1  # sealed


async def test_no_token_is_stored_in_the_clear(person: Person, database: Database) -> None:
    await person.connect()
    state = await person.sandbox.state()
    async with database.sessions() as session:
        grant = (await session.scalars(select(Grant))).one()
        dump = await session.scalar(
            text("SELECT string_agg(c::text || g::text, '') FROM connections c, grants g")
        )
    assert state["grants"]
    assert grant.access_token[0] == grant.refresh_token[0] == 1  # type: ignore[index]
    assert "access" not in (dump or "")


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"error": "access_denied"}, "denied"),
        ({"error": "user_cancelled_login"}, "denied"),
        ({"error": "server_error"}, "provider_error"),
        ({"error": "server_error", "code": "made-up"}, "provider_error"),
        ({}, "provider_error"),
        ({"code": "made-up"}, "exchange_refused"),
        ({"code": "made-up", "error": ""}, "exchange_refused"),
        ({"code": "made-up", "iss": "http://somebody.else"}, "bad_issuer"),
    ],
)
async def test_a_failed_answer_stores_nothing_and_says_why(
    person: Person, database: Database, query: dict[str, str], error: str
) -> None:
    url = await person.go_to_provider()
    answer = {"state": parse_qs(urlsplit(url).query)["state"][0], **query}
    assert await person.come_back("evotor", answer) == f"/evotor?error={error}"
    assert await person.come_back("evotor", answer) == f"/evotor?error={error}"
    assert await count(database, Connection) == 0


async def test_a_person_who_says_no_is_told_so(person: Person) -> None:
    query = await person.sandbox.consent(await person.go_to_provider(), decision="deny")
    assert await person.come_back("evotor", query) == "/evotor?error=denied"


async def test_a_state_that_nobody_made_is_refused(person: Person) -> None:
    assert await person.come_back("evotor", {"state": "x", "code": "y"}) == "/evotor?error=expired"


async def test_a_state_of_another_provider_is_refused(person: Person) -> None:
    query = await person.sandbox.consent(await person.go_to_provider("evotor"))
    assert await person.come_back("sklad", query) == "/sklad?error=expired"


async def test_a_state_dies_of_age(person: Person, database: Database) -> None:
    query = await person.sandbox.consent(await person.go_to_provider())
    async with database.sessions.begin() as session:
        await session.execute(update(OAuthState).values(expires_at=func.now()))
    assert await person.come_back("evotor", query) == "/evotor?error=expired"


async def test_another_browser_cannot_finish_what_this_one_began(
    person: Person, other_person: Person, database: Database
) -> None:
    query = await person.sandbox.consent(await person.go_to_provider())
    assert await other_person.come_back("evotor", query) == "/evotor?error=other_browser"
    assert await count(database, Connection) == 0


async def test_a_token_endpoint_that_is_down_is_told_so(person: Person) -> None:
    query = await person.sandbox.consent(await person.go_to_provider())
    await person.sandbox.set("error", endpoint="token")
    assert await person.come_back("evotor", query) == "/evotor?error=unreachable"


async def test_connecting_the_same_account_again_keeps_the_connection(
    person: Person, database: Database
) -> None:
    first = await person.connect()
    second = await person.connect()
    assert second["id"] == first["id"]
    assert await count(database, Connection) == await count(database, Grant) == 1
    assert await count(database, Revocation) == 0  # one revocation might end the new grant too


async def test_another_account_is_another_connection(person: Person) -> None:
    first = await person.connect(account=MAIN_SHOP)
    second = await person.connect(account=OTHER_SHOP)
    assert second["id"] != first["id"]
    assert len(await person.connected()) == 2


async def test_two_tabs_with_the_same_account_make_one_connection(
    person: Person, database: Database
) -> None:
    ways = [await person.go_to_provider() for _ in range(2)]
    answers = [await person.sandbox.consent(way) for way in ways]
    ends = await asyncio.gather(*(person.come_back("evotor", answer) for answer in answers))
    assert ends == ["/connections", "/connections"]
    assert [card["status"] for card in await person.connected()] == ["online"]
    assert await count(database, Grant) == 1


async def test_two_people_may_have_the_same_account(person: Person, other_person: Person) -> None:
    await person.connect()
    await other_person.connect()
    assert len(await person.connected()) == len(await other_person.connected()) == 1


@pytest.mark.parametrize("mode", ["unpaid", "denied", "error"])
async def test_an_account_that_cannot_be_named_yet_is_named_later(
    person: Person, database: Database, mode: str
) -> None:
    await person.sandbox.set(mode)
    card = await person.connect()
    assert (card["details"], card["status"]) == (None, "degraded")
    await person.sandbox.set("ok")
    named = await person.check(card)
    assert (named["details"], named["status"]) == ("Основной магазин", "online")
    assert (await rows.found(database, UUID(card["id"]))).account == MAIN_SHOP


async def test_an_account_without_stores_is_online_without_a_name(person: Person) -> None:
    card = await person.connect(account=NO_SHOP)
    assert (card["details"], card["status"]) == (None, "online")


async def test_an_unnamed_connection_that_turns_out_to_be_a_known_account_joins_it(
    person: Person, database: Database
) -> None:
    await person.sandbox.set("unpaid", count=1)
    unnamed = await person.connect()
    named = await person.connect()
    assert unnamed["id"] != named["id"]
    await person.app.checker.check_now(UUID(unnamed["id"]))
    assert [card["id"] for card in await person.connected()] == [named["id"]]
    assert (await person.check(named))["status"] == "online"


async def test_a_reconnect_keeps_id_and_since_and_forgets_the_trouble(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    await person.sandbox.order("revoke")
    await person.check(card)
    assert (await person.check(card))["status"] == "revoked"
    again = await person.connect(connection=card["id"])
    assert (again["id"], again["status"]) == (card["id"], "online")
    assert [
        outage.closed_at is None for outage in await rows.outages(database, UUID(card["id"]))
    ] == [False]


async def test_somebody_elses_connection_cannot_be_reconnected(
    person: Person, other_person: Person
) -> None:
    card = await person.connect()
    answer = await other_person.post("/evotor/connect", connection=card["id"])
    assert answer.status_code == 404


async def test_a_second_press_of_the_button_does_no_harm(person: Person, sandbox: Sandbox) -> None:
    ways = [await person.go_to_provider() for _ in range(2)]
    query = await sandbox.consent(ways[0])
    assert await person.come_back("evotor", query) == "/connections"
    assert len(await person.connected()) == 1

"""What Evotor posts to us, over real HTTP: believed with the secret only, and taken once."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, text, update

from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Database
from app.models.alert import AlertState
from app.models.connection import Connection, PushedToken, Status
from app.monitor.answer import Answer
from app.monitor.checked import Checked
from app.monitor.leases import claim_one
from app.monitor.results import record
from app.monitor.verdict import PriorState, verdict_of
from app.process import bind
from tests.support import rows
from tests.support.applications import new_application
from tests.support.people import MAIN_SHOP, OTHER_SHOP, Person, Sandbox
from tests.support.servers import local_client, served
from tests.support.streams import watching

SECRET = "5f0c2ad6-56f0-4a5e-9d6b-0c1d2e3f4a5b"
TOKEN = "pushed-token-of-the-main-shop"
NOW = int(time.time() * 1000)  # Evotor's clock, milliseconds
# The first of two: the other one has just been there.
SAME_INSTANT = (
    "CREATE SEQUENCE refused",
    """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('refused') = 1 THEN
        RAISE EXCEPTION 'duplicate key' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN new; END $$""",
    """CREATE TRIGGER same_instant BEFORE INSERT ON pushed_tokens FOR EACH ROW
    EXECUTE FUNCTION refuse()""",
)
OVER = (
    "DROP TRIGGER same_instant ON pushed_tokens",
    "DROP FUNCTION refuse",
    "DROP SEQUENCE refused",
)


@dataclass
class Evotor:
    """Its cloud, as it calls us."""

    client: httpx.AsyncClient

    async def post(self, path: str, content: Any, secret: str = f"Bearer {SECRET}") -> int:
        headers = {"Authorization": secret} if secret else {}
        body = {"content": content} if isinstance(content, bytes) else {"json": content}
        answer = await self.client.post(f"/evotor/hooks{path}", headers=headers, **body)
        return answer.status_code

    async def push(self, token: str = TOKEN, account: str = MAIN_SHOP, **how: str) -> int:
        return await self.post("/user/token", {"userId": account, "token": token}, **how)

    async def application(self, what: str, at: int = NOW, account: str = MAIN_SHOP) -> int:
        event = {
            "id": "6d3f1e3a-8a5c-4b37-9d0e-0a1b2c3d4e5f",
            "timestamp": at,
            "version": 2,
            "type": f"Application{what}",
            "data": {"productId": "p-1", "userId": account},
        }
        return await self.post("/installation/event", event)

    async def subscription(
        self, what: str, sequence: int | None = 1, at: int = NOW, subscription: str = "s-1"
    ) -> int:
        event = {
            "subscriptionId": subscription,
            "productId": "p-1",
            "userId": MAIN_SHOP,
            "timestamp": at,
            "sequenceNumber": sequence,
            "type": f"Subscription{what}",
        }
        return await self.post("/subscription/event", event)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, webhook_secrets={"evotor": SECRET})


@pytest.fixture
async def evotor(dashboard: Any) -> AsyncIterator[Evotor]:
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with (
        served(dashboard, listening),
        local_client(base_url=url) as client,
    ):
        yield Evotor(client)


async def pushed(database: Database) -> list[PushedToken]:
    async with database.sessions() as session:
        return list(await session.scalars(select(PushedToken).order_by(PushedToken.account)))


async def is_due(database: Database, connection_id: str) -> bool:
    async with database.sessions() as session:
        query = select(Connection.next_check_at <= func.now())
        return bool(await session.scalar(query.where(Connection.id == UUID(connection_id))))


# --- Who may call


@pytest.mark.parametrize(
    "secret",
    [
        *("", SECRET, "Bearer", "Bearer x", f"Bearer {SECRET[:-1]}"),
        *(f"Bearer {SECRET}0", f"Basic {SECRET}", f"Bearer {SECRET.upper()}"),
    ],
    ids=range(8),
)
async def test_without_the_secret_nothing_is_taken(
    evotor: Evotor, database: Database, secret: str
) -> None:
    for path in ("/user/token", "/installation/event", "/subscription/event"):
        content = {"userId": MAIN_SHOP, "token": TOKEN}
        assert await evotor.post(path, content, secret=secret) == 401
    assert await pushed(database) == []


async def test_a_refusal_is_in_evotors_own_words(evotor: Evotor) -> None:
    answer = await evotor.client.post("/evotor/hooks/user/token", json={})
    assert answer.json() == {"errors": [{"code": 1001}]}
    assert answer.headers["content-type"] == "application/json"


async def test_a_server_without_a_secret_has_no_such_address(
    database: Database, sandbox: Sandbox, settings: Settings
) -> None:
    app = new_application(replace(settings, webhook_secrets={}), database)
    async with app.test_app():
        for secret in ("Bearer", "Bearer ", "", f"Bearer {SECRET}"):
            answer = await app.test_client().post(
                "/evotor/hooks/user/token", json={}, headers={"Authorization": secret}
            )
            assert answer.status_code == 404


async def test_a_page_in_a_browser_cannot_call_for_somebody(
    evotor: Evotor, person: Person, database: Database
) -> None:
    """Neither with the cookie of a person who is signed in, nor from another site at all."""
    refused = await person.client.post("/evotor/hooks/user/token", json={"userId": MAIN_SHOP})
    assert refused.status_code == 401
    headers = {"Authorization": f"Bearer {SECRET}", "Origin": "https://evil.example"}
    content = {"userId": MAIN_SHOP, "token": TOKEN}
    answer = await evotor.client.post("/evotor/hooks/user/token", json=content, headers=headers)
    assert answer.status_code == 403
    assert await pushed(database) == []


async def test_only_post_is_answered(evotor: Evotor) -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    answer = await evotor.client.get("/evotor/hooks/user/token", headers=headers)
    assert answer.status_code == 405


# --- What is a message at all

GARBAGE: list[Any] = [
    b"",
    b"not json",
    b"\xff\xfe\x00",
    b"[]",
    b"null",
    b'"text"',
    b"[" * 10_000,
    b'{"userId": "01-000000000000001"',
    {},
    {"userId": MAIN_SHOP},
    {"token": TOKEN},
    {"userId": MAIN_SHOP, "token": None},
    {"userId": MAIN_SHOP, "token": ""},
    {"userId": MAIN_SHOP, "token": 12345678},
    {"userId": MAIN_SHOP, "token": ["x" * 20]},
    {"userId": MAIN_SHOP, "token": "x" * 513},
    {"userId": MAIN_SHOP, "token": "two words in it"},
    {"userId": MAIN_SHOP, "token": "with\nnewline"},
    {"userId": MAIN_SHOP, "token": "ключ-по-русски"},
    {"userId": MAIN_SHOP, "token": "nul\x00nul\x00"},
    {"userId": "1", "token": TOKEN},
    {"userId": MAIN_SHOP + "\n", "token": TOKEN},
    {"userId": "01-00000000000000\N{ARABIC-INDIC DIGIT ONE}", "token": TOKEN},
    {"userId": {"$ne": ""}, "token": TOKEN},
    {"data": {"userId": MAIN_SHOP}, "type": "ApplicationInstalled"},
    {"data": [MAIN_SHOP], "type": "ApplicationInstalled", "timestamp": NOW},
    {"data": {"userId": MAIN_SHOP}, "type": 5, "timestamp": NOW},
    {"data": {"userId": MAIN_SHOP}, "type": "ApplicationInstalled", "timestamp": True},
    {"data": {"userId": MAIN_SHOP}, "type": "ApplicationInstalled", "timestamp": 10**30},
    {"data": {"userId": MAIN_SHOP}, "type": "ApplicationInstalled", "timestamp": "yesterday"},
    *(
        {"data": {"userId": MAIN_SHOP}, "type": "ApplicationInstalled", "timestamp": at}
        for at in (
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
            *(-62_135_596_800_000, 253_402_300_799_999),
        )
    ),
    {"userId": MAIN_SHOP, "subscriptionId": "s 1", "type": "x", "timestamp": NOW},
    {"userId": MAIN_SHOP, "subscriptionId": 5, "type": "x", "timestamp": NOW},
]


@pytest.mark.parametrize("content", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_refused_and_changes_nothing(
    evotor: Evotor, database: Database, content: Any
) -> None:
    for path in ("/user/token", "/installation/event", "/subscription/event"):
        assert await evotor.post(path, content) == 400, path
    assert await pushed(database) == []


async def test_a_body_of_ten_thousand_bytes_is_read_and_one_of_twenty_is_not(
    evotor: Evotor, database: Database
) -> None:
    content = {"userId": MAIN_SHOP, "token": TOKEN}
    assert await evotor.post("/user/token", content | {"more": "x" * 10_000}) == 200
    assert await evotor.post("/user/token", content | {"more": "x" * 20_000}) == 413
    assert await evotor.post("/user/token", b"x" * 200_000) == 413
    assert len(await pushed(database)) == 1


async def test_a_body_that_does_not_say_its_length_is_bounded_too(evotor: Evotor) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1000

    headers = {"Authorization": f"Bearer {SECRET}"}
    answer = await evotor.client.post("/evotor/hooks/user/token", content=pieces(), headers=headers)
    assert answer.status_code == 413


# --- A pushed token


async def test_a_pushed_token_is_kept_sealed(evotor: Evotor, database: Database) -> None:
    assert await evotor.push() == 200
    (row,) = await pushed(database)
    assert row.token is not None
    assert (row.account, row.token[0]) == (MAIN_SHOP, 1)
    async with database.sessions() as session:
        dump = await session.scalar(text("SELECT string_agg(p::text, '') FROM pushed_tokens p"))
    assert TOKEN not in dump
    assert TOKEN.encode().hex() not in dump


async def test_the_path_in_full_is_the_same_hook(evotor: Evotor, database: Database) -> None:
    content = {"userId": MAIN_SHOP, "token": TOKEN}
    assert await evotor.post("/api/v1/user/token", content) == 200
    assert len(await pushed(database)) == 1


async def test_a_repeated_push_is_one_and_a_new_token_takes_its_place(
    evotor: Evotor, database: Database, keys: Keys
) -> None:
    for _ in range(3):
        assert await evotor.push() == 200
    (first,) = await pushed(database)
    assert await evotor.push("another-token") == 200
    (second,) = await pushed(database)
    assert second.id == first.id
    assert second.token is not None
    assert keys.open(second.token, "pushed_tokens", second.id, "token") == "another-token"


async def test_a_post_of_before_that_is_repeated_brings_no_old_token_back(
    evotor: Evotor, database: Database
) -> None:
    for number in range(3):
        assert await evotor.push(f"{TOKEN}-{number}") == 200
    newest = (await pushed(database))[0].token_hash
    for number in (0, 1, 0):
        assert await evotor.push(f"{TOKEN}-{number}") == 200
        assert (await pushed(database))[0].token_hash == newest
    assert await evotor.push(f"{TOKEN}-3") == 200
    assert (await pushed(database))[0].token_hash != newest


async def test_many_at_once_are_one_row_and_stand_in_no_jam(
    evotor: Evotor, database: Database, keys: Keys
) -> None:
    sent = [f"token-number-{number}" for number in range(40)]
    started = time.monotonic()
    in_turn = [await evotor.push(f"earlier-{token}") for token in sent[:20]]
    between = time.monotonic()
    at_once = await asyncio.gather(*(evotor.push(token) for token in sent))
    assert time.monotonic() - between < 10 * (between - started)  # twice as many: a jam is worse
    assert {*in_turn, *at_once} == {200}
    (row,) = await pushed(database)
    assert row.token is not None
    assert keys.open(row.token, "pushed_tokens", row.id, "token") in sent


async def test_the_first_two_posts_of_an_account_in_the_same_instant_are_both_taken(
    evotor: Evotor, database: Database
) -> None:
    """PostgreSQL looks for a conflict in one index alone; in the other it is an error."""
    for each in SAME_INSTANT:
        await say(database, each)
    try:
        assert await evotor.push() == 200
    finally:
        for each in OVER:
            await say(database, each)
    assert len(await pushed(database)) == 1


async def say(database: Database, statement: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(statement))


async def test_an_account_that_is_pushed_too_often_has_to_wait(evotor: Evotor) -> None:
    answers = [await evotor.push() for _ in range(61)]
    assert (answers[:60], answers[60]) == ([200] * 60, 429)
    assert await evotor.push(account=OTHER_SHOP) == 200


async def test_a_pushed_token_is_nobodys_until_the_account_is_connected(
    evotor: Evotor, person: Person, other_person: Person
) -> None:
    await evotor.push()
    await other_person.connect(account=OTHER_SHOP)
    for who in (person, other_person):
        assert "Приложение установлено" not in await who.page("/evotor")
    await person.connect(account=MAIN_SHOP)
    assert "Приложение установлено" in await person.page("/evotor")
    assert "Приложение установлено" not in await other_person.page("/evotor")
    for page in ("/evotor", "/connections"):
        assert TOKEN not in await person.page(page)


async def test_a_token_that_comes_after_the_connection_is_noted_as_well(
    evotor: Evotor, person: Person
) -> None:
    await person.connect()
    await evotor.push()
    assert "Приложение установлено" in await person.page("/evotor")


async def test_a_disconnect_leaves_nothing_to_see(evotor: Evotor, person: Person) -> None:
    card = await person.connect()
    await evotor.push()
    await person.post("/evotor/disconnect", connection=card["id"])
    assert "Приложение установлено" not in await person.page("/evotor")


# --- Our application comes and goes


async def test_a_removal_shows_at_once_and_says_so(evotor: Evotor, person: Person) -> None:
    card = await person.connect()
    async with watching(person) as stream:
        assert await evotor.application("Uninstalled") == 200
        event = await stream.until(card["id"], 'data-status="blocked"')
    assert "приложение удалено в личном кабинете Эвотор" in event
    (after,) = await person.connected()
    assert (after["status"], after["cause"], after["fault"]) == ("blocked", "access_denied", "you")
    (outage,) = await rows.outages(person.app.database, UUID(card["id"]))
    assert (outage.status, outage.cause, outage.closed_at) == ("blocked", "access_denied", None)
    async with person.app.database.sessions() as session:
        told = await session.get_one(AlertState, UUID(card["id"]))
    assert told.look_at == outage.opened_at  # in the same transaction: its person may be told
    page = await person.page("/journal")
    assert "Приложение удалено в личном кабинете сервиса" in page
    assert "сообщил сервис" in page


async def test_a_removal_takes_the_pushed_token_with_it(
    evotor: Evotor, person: Person, database: Database
) -> None:
    await person.connect()
    await evotor.push()
    await evotor.application("Uninstalled", at=int(time.time() * 1000) + 60_000)
    (row,) = await pushed(database)
    assert row.token is None
    assert "Приложение установлено" not in await person.page("/evotor")


async def test_a_removal_concerns_that_account_alone_and_everybody_who_has_it(
    evotor: Evotor, person: Person, other_person: Person
) -> None:
    await person.connect(account=MAIN_SHOP)
    await person.connect(account=OTHER_SHOP)
    await other_person.connect(account=MAIN_SHOP)
    await evotor.application("Uninstalled")
    assert sorted(card["status"] for card in await person.connected()) == ["blocked", "online"]
    assert [card["status"] for card in await other_person.connected()] == ["blocked"]


async def test_an_installation_brings_a_check_at_once(evotor: Evotor, person: Person) -> None:
    card = await person.connect()
    await evotor.application("Uninstalled")
    assert not await is_due(person.app.database, card["id"])
    await evotor.application("Installed", at=NOW + 1)
    assert await is_due(person.app.database, card["id"])
    assert (await person.check(card))["status"] == "online"
    (outage,) = await rows.outages(person.app.database, UUID(card["id"]))
    assert outage.closed_at is not None


async def test_a_new_token_brings_a_check_at_once_and_a_repeated_one_does_not(
    evotor: Evotor, person: Person
) -> None:
    card = await person.connect()
    await evotor.push()
    assert await is_due(person.app.database, card["id"])
    await person.check(card)
    await evotor.push()
    assert not await is_due(person.app.database, card["id"])


async def test_old_news_and_repeated_news_change_nothing(evotor: Evotor, person: Person) -> None:
    card = await person.connect()
    await evotor.application("Installed", at=NOW)
    await person.check(card)
    for at in (NOW - 1, NOW - 86_400_000, NOW):  # a removal from before, and from that very moment
        assert await evotor.application("Uninstalled", at=at) == 200
    assert [each["status"] for each in await person.connected()] == ["online"]
    await evotor.application("Uninstalled", at=NOW + 1)
    (before,) = await person.connected()
    await evotor.application("Uninstalled", at=NOW + 1)
    assert await person.connected() == [before]


async def test_a_removal_from_before_the_token_is_old_news(
    evotor: Evotor, person: Person, database: Database
) -> None:
    await person.connect()
    await evotor.push()
    await evotor.application("Uninstalled", at=NOW - 3_600_000)
    assert [each["status"] for each in await person.connected()] == ["online"]
    assert [row.token is None for row in await pushed(database)] == [False]


async def test_an_event_from_the_future_does_not_silence_what_comes_after_it(
    evotor: Evotor, person: Person
) -> None:
    await person.connect()
    await evotor.application("Installed", at=NOW + 10 * 365 * 86_400_000)
    await evotor.application("Uninstalled", at=int(time.time() * 1000) + 1000)
    assert [each["status"] for each in await person.connected()] == ["blocked"]


async def test_whatever_the_order_the_newest_news_is_what_is_known(
    evotor: Evotor, person: Person
) -> None:
    await person.connect()
    events = [("Installed", NOW + number) for number in range(0, 20, 2)]
    events += [("Uninstalled", NOW + number) for number in range(1, 20, 2)]
    random.Random(5).shuffle(events)
    answers = await asyncio.gather(*(evotor.application(*event) for event in events * 2))
    assert set(answers) == {200}
    assert [each["status"] for each in await person.connected()] == ["blocked"]


async def test_a_check_that_was_under_way_does_not_undo_a_removal(
    evotor: Evotor, person: Person, database: Database
) -> None:
    card = await person.connect()
    own = UUID(card["id"])
    async with database.sessions.begin() as session:
        lease = await claim_one(session, own)
    assert lease is not None
    await evotor.application("Uninstalled")
    answer = Answer("GET api.evotor.ru/stores → 200", 5, 200)
    late = Checked(lease, answer, verdict_of(answer, PriorState(Status.ONLINE), 600))
    async with database.sessions.begin() as session:
        assert await record(session, [late]) == set()
    assert (await rows.found(database, own)).status == "blocked"
    async with database.sessions.begin() as session:
        assert await claim_one(session, own) is None  # what it may have sent is not repeated
    await rows.let_lease_run_out(database, own)
    async with database.sessions.begin() as session:
        assert await claim_one(session, own) is not None


async def test_a_lost_grant_stays_lost(evotor: Evotor, person: Person, database: Database) -> None:
    card = await person.connect()
    async with database.sessions.begin() as session:
        await session.execute(update(Connection).values(status="revoked", cause="revoked"))
    await evotor.application("Uninstalled")
    assert (await rows.found(database, UUID(card["id"]))).status == "revoked"


async def test_news_of_an_account_that_nobody_has_are_kept_for_their_order(
    evotor: Evotor, database: Database
) -> None:
    await evotor.application("Uninstalled")
    await evotor.application("Whatever", at=NOW + 1)
    assert [row.account for row in await pushed(database)] == [MAIN_SHOP]


# --- Our application is paid for, or not


async def test_an_end_of_payment_shows_at_once(evotor: Evotor, person: Person) -> None:
    card = await person.connect()
    await evotor.subscription("Activated", 1)
    await person.check(card)
    await evotor.subscription("TerminationRequested", 2)
    assert [each["status"] for each in await person.connected()] == ["online"]
    await evotor.subscription("Terminated", 3)
    (after,) = await person.connected()
    assert (after["status"], after["cause"]) == ("blocked", "payment_required")
    assert after["evidence"] == "подписка на приложение закончилась в личном кабинете Эвотор"


async def test_payments_count_by_their_sequence_and_a_new_subscription_by_its_time(
    evotor: Evotor, person: Person
) -> None:
    card = await person.connect()
    await evotor.subscription("Renewed", 7, at=NOW)
    await evotor.subscription("Terminated", 6, at=NOW + 5)
    await evotor.subscription("Terminated", 7, at=NOW + 5)
    assert [each["status"] for each in await person.connected()] == ["online"]
    await evotor.subscription("Terminated", 8, at=NOW - 5)
    assert [each["status"] for each in await person.connected()] == ["blocked"]
    await evotor.subscription("Created", 1, at=NOW + 10, subscription="s-2")
    assert await is_due(person.app.database, card["id"])
    await person.check(card)
    await evotor.subscription("Terminated", 9, at=NOW, subscription="s-1")
    assert [each["status"] for each in await person.connected()] == ["online"]


async def test_without_a_sequence_the_time_decides(evotor: Evotor, person: Person) -> None:
    await person.connect()
    await evotor.subscription("Renewed", None, at=NOW)
    await evotor.subscription("Terminated", None, at=NOW - 1)
    assert [each["status"] for each in await person.connected()] == ["online"]
    await evotor.subscription("Terminated", None, at=NOW + 1)
    assert [each["status"] for each in await person.connected()] == ["blocked"]

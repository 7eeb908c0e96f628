"""Alerts on their way: once for each channel, at a bounded pace, and never silently dropped."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select, text, update

from app.alerts import channel_settings, evaluation, outbox, preferences
from app.alerts.retry_policy import CHANNEL_LIMITS, pause
from app.alerts.types import Kind, Notification, Preferences
from app.alerts.worker import AlertWorker
from app.background import Unfinished
from app.config import MOSCOW, Settings
from app.connections.account_matching import match_account
from app.database.encryption import Keys
from app.database.engine import Database
from app.models.alert import AlertChannel, AlertState, Delivery
from app.models.connection import Cause, Connection, Status
from app.outbound.client import HttpClient
from app.providers.provider import Catalogue
from tests.alerts.receivers import Receivers, open_receivers
from tests.support.postbox import Postbox, open_postbox
from tests.support.rows import add_connection, add_person
from tests.support.waiting import until

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TABLES = {
    "connections": ("since", "next_check_at"),
    "alert_states": ("look_at", "since", "told_at"),
    "alerts": ("created_at",),
    "alert_channels": ("next_try_at", "lease_until", "failing_since", "code_until"),
    "deliveries": ("created_at", "done_at"),
    "alert_preferences": ("digest_at",),
}


@pytest.fixture
async def postbox() -> AsyncIterator[Postbox]:
    async with open_postbox() as postbox:
        yield postbox


@pytest.fixture
async def to() -> AsyncIterator[Receivers]:
    async with open_receivers() as receivers:
        yield receivers


@pytest.fixture
def alerts(database: Database, http: HttpClient, keys: Keys, postbox: Postbox) -> AlertWorker:
    settings = Settings(
        public_url="https://links.example.ru",
        smtp=postbox.smtp,
        mail_from="mail@example.ru",
        allow_insecure_providers=True,
        allow_loopback_targets=True,
    )
    catalogue: Catalogue = {}
    return AlertWorker(settings, database.sessions, http, keys, catalogue, Unfinished())


async def pass_time(database: Database, time: timedelta) -> None:
    """Everything is as long ago as if so much time had passed."""
    async with database.sessions.begin() as session:
        for table, columns in TABLES.items():
            moved = ", ".join(
                f"{column} = {column} - CAST(:time AS interval)" for column in columns
            )
            await session.execute(text(f"UPDATE {table} SET {moved}"), {"time": time})


async def put(database: Database, user_id: int, *labels: str) -> None:
    """An alert for each of these shops, one transaction each."""
    for label in labels:
        async with database.sessions.begin() as session:
            await outbox.put(session, user_id, [_news(label)], for_digest=False)


def _news(label: str) -> Notification:
    return Notification(Kind.REVOKED, "evotor", uuid4(), label, "revoked")


async def channel_of(database: Database) -> AlertChannel:
    async with database.sessions() as session:
        return (await session.scalars(select(AlertChannel))).one()


async def states(database: Database) -> Sequence[str]:
    async with database.sessions() as session:
        return (await session.scalars(select(Delivery.state).order_by(Delivery.created_at))).all()


def subjects(postbox: Postbox) -> list[str]:
    return [str(each["Subject"]).partition(" (evotor)")[0] for each in postbox.letters]


async def test_without_a_mail_server_a_letter_is_logged_and_nothing_says_that_it_was_sent(
    database: Database, http: HttpClient, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(public_url="https://links.example.ru")
    alerts = AlertWorker(settings, database.sessions, http, keys, {}, Unfinished())
    await put(database, await add_person(database), "A")
    with caplog.at_level(logging.INFO):
        await alerts.deliver()
    assert await states(database) == ["logged"]
    channel = await channel_of(database)
    assert (channel.sent_at, channel.failures) == (None, 0)
    assert "«A»" in caplog.text
    assert str(channel.unsubscribe) not in caplog.text
    assert "https://links.example.ru/…" in caplog.text


async def test_several_processes_send_each_alert_once(
    database: Database, alerts: AlertWorker, postbox: Postbox
) -> None:
    for name in ("anna", "boris", "vera"):
        await put(database, await add_person(database, f"{name}@example.ru"), "A", "B")
    await asyncio.gather(*(alerts.deliver() for _ in range(4)))
    await alerts.deliver()
    assert sorted(subjects(postbox)) == ["«A»"] * 3 + ["«B»"] * 3


async def test_a_slow_receiver_holds_up_nobody_else(
    database: Database, alerts: AlertWorker, keys: Keys, postbox: Postbox, to: Receivers
) -> None:
    slow, quick = await add_person(database), await add_person(database, "boris@example.ru")
    async with database.sessions.begin() as session:
        url = f"{to.webhook.url}/hook"
        to.webhook.secret = await channel_settings.add_webhook(session, keys, slow, url) or ""
    answer = asyncio.Event()

    async def think() -> None:
        await answer.wait()

    to.webhook.on_arrival = think
    await put(database, slow, "A")
    delivering = asyncio.create_task(alerts.deliver())

    async def arrived(letters: int) -> bool:
        return len(postbox.letters) == letters and len(to.webhook.messages) == 1

    await until(lambda: arrived(1))
    await put(database, quick, "B")
    await until(lambda: arrived(2))
    answer.set()
    await delivering
    assert await states(database) == ["sent"] * 3


async def test_the_order_of_what_happened_is_kept(
    database: Database, alerts: AlertWorker, postbox: Postbox
) -> None:
    await put(database, await add_person(database), "A", "B", "C")
    await alerts.deliver()
    assert subjects(postbox) == ["«A»", "«B»", "«C»"]


async def test_a_flood_is_a_few_messages_and_what_was_held_back_is_said(
    database: Database, alerts: AlertWorker, postbox: Postbox
) -> None:
    user_id, limit = await add_person(database), CHANNEL_LIMITS["email"].tries
    for number in range(limit):
        await put(database, user_id, f"early {number}")
        await alerts.deliver()
    await put(database, user_id, *(f"late {number}" for number in range(30)))
    await alerts.deliver()
    assert len(postbox.letters) == limit
    await pass_time(database, CHANNEL_LIMITS["email"].window)
    await alerts.deliver()
    assert len(postbox.letters) == limit + 1
    last = postbox.letters[-1]
    assert "late 29" in last["Subject"]
    body = last.get_body(("plain",))
    assert body is not None
    assert all(f"«late {number}»" in body.get_content() for number in range(29))
    assert (await states(database)).count("carried") == 29


async def test_many_at_once_are_one_message_the_newest_in_front(
    database: Database, alerts: AlertWorker, postbox: Postbox
) -> None:
    await put(database, await add_person(database), *"ABCDE")
    await alerts.deliver()
    assert subjects(postbox) == ["«E»"]


async def test_a_failing_channel_is_tried_less_and_less_and_given_up_after_a_day(
    database: Database, alerts: AlertWorker, postbox: Postbox
) -> None:
    postbox.says = "451 come back later"
    await put(database, await add_person(database), "A")
    pauses = []
    for _ in range(6):
        await alerts.deliver()
        async with database.sessions() as session:
            rest = select(func.extract("epoch", AlertChannel.next_try_at - func.now()))
            pauses.append(round(float((await session.execute(rest)).scalar_one()), -1))
        await pass_time(database, pause(len(pauses)))
    assert pauses == [60, 300, 900, 3600, 3600, 3600]
    channel = await channel_of(database)
    assert (channel.state, channel.failures) == ("on", 6)
    assert channel.error == "почтовый сервер не отвечает или просит подождать"
    await pass_time(database, DAY)
    await alerts.tidy()
    assert await states(database) == ["failed"]


async def test_a_channel_that_works_again_says_what_waited(
    database: Database, alerts: AlertWorker, postbox: Postbox
) -> None:
    postbox.says = "451 come back later"
    user_id = await add_person(database)
    await put(database, user_id, "A")
    await alerts.deliver()
    await put(database, user_id, *"BCDEF")
    postbox.says = ""
    await pass_time(database, 2 * MINUTE)
    await alerts.deliver()
    assert subjects(postbox) == ["«A»", "«F»"]  # what was tried goes as it was, the rest as one
    assert (await channel_of(database)).failures == 0


async def test_what_was_tried_is_sent_again_as_it_was(
    database: Database, alerts: AlertWorker
) -> None:
    """A process died after the send: whatever came meanwhile is told apart from it."""
    user_id = await add_person(database)
    await put(database, user_id, *"ABCDE")
    async with database.sessions.begin() as session:
        (first,) = await outbox.claim(session, 10)
    await put(database, user_id, "F")
    await pass_time(database, outbox.DELIVERY_LEASE + MINUTE)
    async with database.sessions.begin() as session:
        (second,) = await outbox.claim(session, 10)
    assert len(first.carried) == 4
    assert second.delivery_id == first.delivery_id
    assert [each.id for each in second.carried] == [each.id for each in first.carried]


async def test_a_lease_that_was_lost_settles_nothing_of_the_next_one(
    database: Database, alerts: AlertWorker
) -> None:
    await put(database, await add_person(database), "A")
    async with database.sessions.begin() as session:
        (slow,) = await outbox.claim(session, 10)
    await pass_time(database, outbox.DELIVERY_LEASE + MINUTE)
    async with database.sessions.begin() as session:
        assert len(await outbox.claim(session, 10)) == 1
    async with database.sessions.begin() as session:
        await outbox.sent(session, slow)
    assert (await channel_of(database)).lease_id is not None
    assert await states(database) == ["sent"]  # it did go out


async def test_an_address_that_is_no_more_is_left_alone(
    database: Database, alerts: AlertWorker, keys: Keys, to: Receivers
) -> None:
    user_id = await add_person(database)
    async with database.sessions.begin() as session:
        await channel_settings.of_person(session, user_id)
        await session.execute(update(AlertChannel).values(state="off"))
        url = f"{to.webhook.url}/hook"
        await channel_settings.add_webhook(session, keys, user_id, url)
    to.webhook.says = 410
    await put(database, user_id, "A")
    await alerts.deliver()
    async with database.sessions() as session:
        kept = await session.scalars(select(AlertChannel.state).where(AlertChannel.kind != "email"))
        assert list(kept) == ["gone"]


async def test_a_transition_is_noted_in_its_own_transaction(database: Database, keys: Keys) -> None:
    """Also that of a reconnect, when its grant has found its place."""
    user_id = await add_person(database)
    old = await add_connection(database, keys, user_id, account="shop", status="revoked")
    new = await add_connection(
        database, keys, user_id, status="online", replaces_connection_id=old, label="Shop"
    )
    async with database.sessions.begin() as session:
        assert await match_account(session, keys, new, "shop") == old
    async with database.sessions() as session:
        assert list(await session.scalars(select(AlertState.connection_id))) == [old]


async def test_one_cause_is_one_alert_and_two_causes_are_two(
    database: Database, alerts: AlertWorker, keys: Keys, postbox: Postbox
) -> None:
    user_id = await add_person(database)
    for number in range(4):
        cause = Cause.ACCESS_DENIED if number == 3 else Cause.PAYMENT_REQUIRED
        await _told_connection(database, keys, user_id, Status.BLOCKED, cause, f"Shop {number}")
    await pass_time(database, 2 * MINUTE)
    await _checks_go_on(database)
    await alerts.tell()
    await alerts.deliver()
    assert sorted(str(each["Subject"]) for each in postbox.letters) == [
        "«Shop 3» (evotor): нужны ваши действия",
        "«evotor», 3 подключения: нужны ваши действия",
    ]


async def test_a_channel_with_tags_is_told_of_what_has_them_by_its_owners_name(
    database: Database, alerts: AlertWorker, keys: Keys, postbox: Postbox
) -> None:
    user_id = await add_person(database)
    for label, tags in (("A", ["Тула"]), ("B", ["Орёл"])):
        await _told_connection(
            database, keys, user_id, Status.BLOCKED, Cause.PAYMENT_REQUIRED, label, tags
        )
    async with database.sessions.begin() as session:
        await session.execute(
            insert(AlertChannel).values(user_id=user_id, kind="email", tags=["тула"])
        )
        await session.execute(update(Connection).values(name=Connection.label + "!"))
    await pass_time(database, 2 * MINUTE)
    await _checks_go_on(database)
    await alerts.tell()
    await alerts.deliver()
    assert subjects(postbox) == ["«A!»"]
    async with database.sessions.begin() as session:
        await session.execute(update(AlertChannel).values(tags=["Псков"]))
        await outbox.put(session, user_id, [_news("C")], for_digest=False)
    await alerts.deliver()
    assert subjects(postbox) == ["«A!»"]


async def test_what_falls_a_little_later_comes_along(
    database: Database, alerts: AlertWorker, keys: Keys, postbox: Postbox
) -> None:
    """Offline for eight minutes, when its sibling's ten are over: one message, not two."""
    user_id = await add_person(database)
    await _told_connection(database, keys, user_id, Status.OFFLINE, Cause.TIMEOUT, "A")
    await pass_time(database, 2 * MINUTE)
    await _told_connection(database, keys, user_id, Status.OFFLINE, Cause.TIMEOUT, "B")
    await pass_time(database, 8 * MINUTE)
    await _checks_go_on(database)
    await alerts.tell()
    await alerts.deliver()
    assert [each["Subject"] for each in postbox.letters] == ["«evotor», 2 подключения: не в сети"]


async def test_nothing_is_told_while_nobody_checks(
    database: Database, alerts: AlertWorker, keys: Keys, postbox: Postbox
) -> None:
    user_id = await add_person(database)
    await _told_connection(database, keys, user_id, Status.OFFLINE, Cause.TIMEOUT, "A")
    await pass_time(database, 60 * MINUTE)
    await alerts.tell()
    await alerts.deliver()
    assert postbox.letters == []


async def test_a_disabled_account_hears_nothing(
    database: Database, alerts: AlertWorker, keys: Keys, postbox: Postbox
) -> None:
    user_id = await add_person(database)
    await _told_connection(database, keys, user_id, Status.REVOKED, Cause.REVOKED, "A")
    async with database.sessions.begin() as session:
        await session.execute(text("UPDATE users SET disabled_at = now()"))
    await pass_time(database, 5 * MINUTE)
    await _checks_go_on(database)
    await alerts.tell()
    await alerts.deliver()
    assert postbox.letters == []


async def test_several_processes_decide_for_a_person_once(
    database: Database, alerts: AlertWorker, keys: Keys, postbox: Postbox
) -> None:
    for name in range(12):
        user_id = await add_person(database, f"{name}@example.ru")
        for shop in "AB":
            await _told_connection(database, keys, user_id, Status.REVOKED, Cause.REVOKED, shop)
    await pass_time(database, 5 * MINUTE)
    await _checks_go_on(database)
    at_once = (evaluation.evaluate_due(database.sessions, MOSCOW, {}) for _ in range(4))
    await asyncio.gather(*at_once)
    await alerts.tell()
    await alerts.deliver()
    assert len(postbox.letters) == 12
    assert all("2 подключения" in each["Subject"] for each in postbox.letters)


async def test_a_digest_says_nothing_when_nothing_happened(
    database: Database, alerts: AlertWorker, postbox: Postbox
) -> None:
    user_id = await add_person(database)
    async with database.sessions.begin() as session:
        wishes = replace(Preferences(MOSCOW), digest="daily")
        await preferences.save(session, user_id, wishes)
    await pass_time(database, DAY)
    await alerts.tell()
    await alerts.deliver()
    assert postbox.letters == []


async def _told_connection(
    database: Database,
    keys: Keys,
    user_id: int,
    status: Status,
    cause: Cause,
    label: str,
    tags: Sequence[str] = (),
) -> None:
    """A connection that has just become so."""
    values: dict[str, Any] = {
        "status": status.value,
        "cause": cause.value,
        "label": label,
        "tags": list(tags),
    }
    connection_id = await add_connection(database, keys, user_id, **values)
    async with database.sessions.begin() as session:
        session.add(AlertState(connection_id=connection_id, user_id=user_id, look_at=func.now()))


async def _checks_go_on(database: Database) -> None:
    async with database.sessions.begin() as session:
        await session.execute(text("UPDATE connections SET next_check_at = now() + '10 min'"))

"""The journal: each deed in its own transaction, never rewritten, for one's own eyes only."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import email_change, users
from app.alerts import channel_settings, preferences
from app.alerts.types import Preferences
from app.audit_log import AuditEvent
from app.database.encryption import Keys
from app.database.engine import Database
from app.models.audit import AuditLogEntry
from app.web.accounts.audit_labels import EVENTS, KINDS
from app.web.context import Dashboard
from tests.support import rows
from tests.support.command_line import Run
from tests.support.people import JSON, OTHER_SHOP, Person, Sandbox
from tests.support.routes import routes
from tests.support.settings import PASSWORD, TOKEN_KEYS

WRITTEN = {  # what each step writes when it is carried out
    "account_settings.end_other_sessions": AuditEvent.SESSIONS_ENDED,
    "account_settings.end_session": AuditEvent.SESSIONS_ENDED,
    "account_settings.password": AuditEvent.PASSWORD_CHANGED,
    "account_settings.zone": AuditEvent.ZONE_CHANGED,
    "naming.rename": AuditEvent.RENAMED,
    "calendar.make": AuditEvent.CALENDAR_MADE,
    "calendar.revoke": AuditEvent.CALENDAR_REVOKED,
    "naming.retag": AuditEvent.TAGGED,
    "pausing.pause": AuditEvent.PAUSED,
    "pausing.resume": AuditEvent.RESUMED,
    "kept_history.delete_at_once": AuditEvent.HISTORY_DELETED,
    "alert_channels.add_apprise": AuditEvent.CHANNEL_ADDED,
    "alert_channels.add_push": AuditEvent.CHANNEL_ADDED,
    "alert_channels.add_webhook": AuditEvent.CHANNEL_ADDED,
    "alert_preferences.choose": AuditEvent.ALERTS_CHANGED,
    "alert_channels.limit": AuditEvent.ALERTS_CHANGED,
    "alert_channels.remove": AuditEvent.CHANNEL_REMOVED,
    "alert_channels.switch": AuditEvent.CHANNEL_OFF,
    "alert_channels.test": AuditEvent.CHANNEL_ON,  # only where it had been failing
    "unsubscribe.stop": AuditEvent.CHANNEL_OFF,
    "reconnect_choice.choose": AuditEvent.KEPT_APART,  # or disconnected
    "connections.check": AuditEvent.CHECKED,
    "bulk_checks.begin": AuditEvent.CHECKED_ALL,
    "webhooks.installation": AuditEvent.UNINSTALLED,
    "webhooks.proof": AuditEvent.CONNECTED,
    "webhooks.subscription": AuditEvent.UNPAID,
    "email_change.change": AuditEvent.EMAIL_ASKED,
    "email_change.confirm": AuditEvent.EMAIL_CHANGED,
    "passkeys.add": AuditEvent.PASSKEY_ADDED,
    "passkeys.log_in": AuditEvent.LOGGED_IN,
    "passkeys.remove": AuditEvent.PASSKEY_REMOVED,
    "providers.connect": AuditEvent.CONNECTED,  # when the person is back from the provider
    "providers.disconnect": AuditEvent.DISCONNECTED,
    "password_reset.ask": AuditEvent.RESET_ASKED,
    "password_reset.password": AuditEvent.PASSWORD_CHANGED,
    "two_factor.confirm": AuditEvent.SECOND_FACTOR_ON,
    "two_factor.new_recovery_codes": AuditEvent.RECOVERY_CODES_MADE,
    "two_factor.remove": AuditEvent.SECOND_FACTOR_OFF,
    "sign_in.code": AuditEvent.LOGGED_IN,
    "sign_in.login": AuditEvent.LOGGED_IN,
    "sign_in.logout": AuditEvent.LOGGED_OUT,
    "sign_up.confirm": AuditEvent.SIGNED_UP,
    "sign_up.signup": AuditEvent.SIGNED_UP,
}
NOT_WRITTEN = {
    "alert_channels.add_telegram": "it is there when the bot was greeted: channel_added then",
    "webhooks.token": "a renewed token changes nothing that anybody sees",
    "providers.install": "a code only: connected when the provider has brought it back",
    "deletion.delete": "the journal goes with its person",
    "email_change.again": "the change that was asked for stands there already",
    "email_change.forget": "nothing was changed",
    "letters.again": "the letter that was asked for stands there already",
    "passkeys.add_options": "a question only",
    "passkeys.log_in_options": "a question only",
    "passkeys.proof_options": "a question only",
    "two_factor.begin": "it counts for nothing before its first code",
    "bulk_checks.dismiss": "a message was read, nothing more",
    "connections.view": "how the board looks is no deed",
    "theme.choose": "kept in this browser alone",
}


async def deeds(database: Database) -> list[str]:
    async with database.sessions() as session:
        return list(await session.scalars(select(AuditLogEntry.deed).order_by(AuditLogEntry.id)))


def test_every_deed_has_words_and_a_place_in_the_filter() -> None:
    assert set(EVENTS) == set(AuditEvent)
    assert {deed for _, some in KINDS.values() for deed in some} == set(AuditEvent)


async def test_what_a_person_does_is_written_down(person: Person, database: Database) -> None:
    card = await person.connect()
    await person.post(f"/connections/{card['id']}/checks")
    await person.connect(connection=card["id"])
    await person.post("/evotor/disconnect", connection=card["id"])
    await person.get("/account/data")
    await person.post("/account/password", password=PASSWORD, new_password="another long one")
    await person.post("/account/sessions/end-others")
    await person.post("/logout")
    assert await deeds(database) == [
        *("signed_up", "logged_in", "connected", "checked", "reconnected", "disconnected"),
        *("grant_revoked", "data_taken", "password_changed", "sessions_ended", "logged_out"),
    ]


async def test_a_refused_deed_is_not_written(person: Person, database: Database) -> None:
    before = await deeds(database)
    await person.post("/account/password", password="wrong", new_password="another long one")
    assert await deeds(database) == before


async def test_a_refused_log_in_is_written_after_the_answer_to_whom_it_was_about(
    person: Person, database: Database
) -> None:
    stranger = Person(person.app, person.app.test_client(), person.sandbox)
    for email in ("anna@example.ru", "nobody@example.ru"):
        await stranger.post("/login", email=email, password="wrong")
    await person.app.unfinished.drain(5)
    async with database.sessions() as session:
        found = (await session.scalars(select(AuditLogEntry).order_by(AuditLogEntry.id))).all()
    assert [each.deed for each in found][2:] == ["login_refused"]
    assert found[-1].who == "person"
    page = await person.page("/journal")
    assert "пароль не подошёл" in page


# Each is a deed in a transaction of its caller, which may still fail after it.
TAKEN_BACK: list[Callable[[AsyncSession, int], Awaitable[object]]] = [
    lambda session, user: users.change_password(session, user, "hash"),
    lambda session, user: users.set_zone(session, user, "Europe/Samara"),
    lambda session, user: email_change.start(session, user, "new@example.ru"),
    lambda session, user: email_change.take(session, user, "new@example.ru"),
    lambda session, user: channel_settings.add(
        session, Keys(TOKEN_KEYS), user, "webhook", "example.ru", {"url": "https://example.ru"}
    ),
    lambda session, user: preferences.save(session, user, Preferences(ZoneInfo("Europe/Moscow"))),
]


@pytest.mark.parametrize("deed", TAKEN_BACK, ids=range(len(TAKEN_BACK)))
async def test_a_deed_that_is_taken_back_leaves_no_row(
    database: Database, deed: Callable[[AsyncSession, int], Awaitable[object]]
) -> None:
    user = await rows.add_person(database)
    async with database.sessions() as session:
        await deed(session, user)
        written = await session.scalar(select(func.count()).select_from(AuditLogEntry))
        await session.rollback()
    assert (written, await deeds(database)) == (1, [])


async def test_what_the_service_does_is_written_down(
    person: Person, sandbox: Sandbox, database: Database
) -> None:
    card = await person.connect()
    for _ in range(2):  # a renewal is noted once a day
        await sandbox.order("expire")
        await person.check(card)
    await sandbox.order("revoke")
    await person.check(card)
    await person.check(card)
    assert (await deeds(database))[3:] == ["refreshed", "revoked"]


async def test_a_connection_that_is_gone_keeps_its_name(person: Person) -> None:
    card = await person.connect()
    await person.post("/evotor/disconnect", connection=card["id"])
    page = await person.page("/journal")
    assert page.count("Основной магазин, Эвотор") >= 1
    assert "Отключено" in page


async def test_nobody_rewrites_it(database: Database) -> None:
    user = await rows.add_person(database)
    async with database.sessions.begin() as session:
        await audit_log.write(session, user, AuditEvent.LOGGED_IN)
    for rewriting in (
        "UPDATE audit_log SET deed = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.sessions.begin() as session:
                await session.execute(text(rewriting))
    assert await deeds(database) == ["logged_in"]


async def test_what_others_did_says_who_it_was(
    person: Person, database: Database, run: Run
) -> None:
    await run("users", "sign-out", "anna@example.ru")
    await run("users", "disable", "anna@example.ru")
    await run("users", "enable", "anna@example.ru")
    person = await person.back("anna@example.ru")
    page = await person.page("/journal")
    assert page.count("администратор") == 3
    assert "Учётная запись отключена" in page
    async with database.sessions() as session:
        who = list(await session.scalars(select(AuditLogEntry.who).order_by(AuditLogEntry.id)))
    assert who == ["person", "person", "operator", "operator", "operator", "person"]


async def test_ways_to_be_told_are_written_down(person: Person, database: Database) -> None:
    await person.post("/alerts/webhooks", url="https://hooks.example.ru/x")
    await person.post("/alerts/preferences", delay="30", reminder="1", digest="none")
    assert (await deeds(database))[2:] == ["channel_added", "alerts_changed"]
    page = await person.page("/journal?kind=alerts")
    assert "Вебхук" in page
    assert "Учётная запись создана" not in page


def test_every_step_has_its_place_in_the_journal(dashboard: Dashboard) -> None:
    """A new route that changes something must say what it writes, or why it writes nothing."""
    changing = {
        route.endpoint
        for route in routes(dashboard)
        if route.methods & {"POST", "PUT", "PATCH", "DELETE"}
    }
    assert changing == set(WRITTEN) | set(NOT_WRITTEN)
    assert not set(WRITTEN) & set(NOT_WRITTEN)


async def test_it_is_for_ones_own_eyes_and_goes_with_its_person(
    person: Person, other_person: Person, database: Database
) -> None:
    await person.connect()
    assert "Основной магазин" not in await other_person.page("/journal")
    async with database.sessions.begin() as session:
        await session.execute(text("DELETE FROM users WHERE email = 'anna@example.ru'"))
    assert await deeds(database) == ["signed_up", "logged_in"]


async def test_it_is_read_page_by_page_and_by_kind(person: Person, database: Database) -> None:
    async with database.sessions.begin() as session:
        user = (await session.scalars(select(AuditLogEntry.user_id))).first()
        many = [
            {"user_id": user, "deed": "checked", "provider": "evotor"}
        ] * audit_log.ENTRIES_ON_A_PAGE
        await session.execute(insert(AuditLogEntry), many)
    first = await person.page("/journal")
    assert first.count("Проверено вручную") == audit_log.ENTRIES_ON_A_PAGE
    assert "Вход" not in first
    last = first.rpartition("/journal?before=")[2].partition('"')[0]
    assert "Вход" in await person.page(f"/journal?before={last}")
    only = await person.page("/journal?kind=account")
    assert "Учётная запись создана" in only
    assert "Проверено вручную" not in only
    for nonsense in ("kind=x", "before=x", "before=-1", f"before={'9' * 40}", "before=%D9%A3"):
        assert "Журнал" in await person.page(f"/journal?{nonsense}")


async def test_it_is_found_by_connection_and_by_period(person: Person, database: Database) -> None:
    first = await person.connect()
    await person.connect(account=OTHER_SHOP)
    only = await person.page(f"/journal?connection={first['id']}")
    assert only.count("<b>Подключено</b>") == 1
    assert f'<option value="{first["id"]}" selected>' in only
    async with database.sessions.begin() as session:
        user = (await session.scalars(select(AuditLogEntry.user_id))).first()
        old = {"user_id": user, "deed": "password_changed", "at": func.now() - timedelta(days=10)}
        await session.execute(insert(AuditLogEntry).values(old))
    assert "Пароль изменён" in await person.page("/journal")
    assert "Пароль изменён" in await person.page("/journal?days=30")
    week = await person.page("/journal?days=7")
    assert "Пароль изменён" not in week
    assert '<option value="7" selected>' in week
    nothing = await person.page(f"/journal?kind=account&connection={first['id']}")
    assert "Таких записей нет." in nothing
    for nonsense in ("connection=x", "days=x", "days=3"):
        assert "Подключено" in await person.page(f"/journal?{nonsense}")


async def test_other_pages_of_it_keep_what_was_asked_for(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    async with database.sessions.begin() as session:
        user = (await session.scalars(select(AuditLogEntry.user_id))).first()
        row = {"user_id": user, "deed": "checked", "connection_id": UUID(card["id"])}
        await session.execute(insert(AuditLogEntry), [row] * audit_log.ENTRIES_ON_A_PAGE)
    page = await person.page(f"/journal?kind=connections&connection={card['id']}&days=7")
    asked = f"kind=connections&amp;connection={card['id']}&amp;days=7"
    assert re.search(rf'href="/journal\?before=\d+&amp;{asked}"', page)


async def test_what_is_too_old_is_forgotten(database: Database, keys: Keys) -> None:
    user = await rows.add_person(database)
    ages = [
        audit_log.AUDIT_LOG_KEPT - timedelta(days=1),
        audit_log.AUDIT_LOG_KEPT + timedelta(days=1),
    ]
    async with database.sessions.begin() as session:
        for age in ages:
            row = insert(AuditLogEntry).values(user_id=user, deed="checked", at=func.now() - age)
            await session.execute(row)
    async with database.sessions.begin() as session:
        assert not await audit_log.prune(session)
    assert len(await deeds(database)) == 1


async def test_who_is_not_signed_in_sees_none(person: Person) -> None:
    answer = await person.app.test_client().get("/journal", headers=JSON)
    assert answer.status_code == 401

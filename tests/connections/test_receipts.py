"""A disconnect leaves a receipt: what was asked, what was answered, what the old token got then."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.config import Settings
from app.database.engine import Database
from app.grants import revocation
from app.models.audit import AuditLogEntry
from app.models.connection import Revocation
from app.outbound.client import HttpClient
from tests.connections.scripted import Says, Scripted, open_scripted
from tests.support.waiting import until

ALREADY = "отзывать было нечего"


@pytest.fixture
async def acme(
    database: Database, settings: Settings, http: HttpClient, tmp_path: Path
) -> AsyncIterator[Scripted]:
    async with open_scripted(settings, database, http, tmp_path) as acme:
        await acme.connect()
        yield acme


async def receipts(database: Database) -> list[tuple[str, dict[str, str]]]:
    """(deed, receipt) of every entry that has one, in order."""
    query = select(AuditLogEntry.deed, AuditLogEntry.receipt).order_by(AuditLogEntry.id)
    async with database.sessions() as session:
        rows = await session.execute(query)
        return [(row.deed, row.receipt) for row in rows if row.receipt is not None]


async def disconnect(acme: Scripted) -> str:
    await acme.person.post("/acme/disconnect")
    return await acme.person.page()


async def send_due(acme: Scripted, database: Database, **columns: object) -> None:
    """Whatever waits in the outbox is due now."""
    async with database.sessions.begin() as session:
        await session.execute(update(Revocation).values(next_try_at=func.now(), **columns))
    app = acme.person.app
    await revocation.send_due(app.database.sessions, app.http, app.keys, app.catalogue)


@pytest.mark.parametrize(
    ("says", "me", "end", "answered", "old_token", "told"),
    [
        (Says(), Says(status=401), "done", "200", "refused", "отозван и проверен"),
        (Says(), Says(status=503), "done", "200", "unclear", "Проверить это не вышло"),
        (Says(), Says({"sub": "shop-1"}), "done", "200", "works", "его пока принимает"),
        (
            Says({"error": "invalid_token"}, 400),
            Says(status=401),
            "already",
            "400 invalid_token",
            "refused",
            ALREADY,
        ),
        (Says(status=404), Says(status=401), "already", "404", "refused", ALREADY),
        (Says(status=410), Says(status=401), "already", "410", "refused", ALREADY),
        (
            Says("Token already revoked", 400, "text/plain"),
            Says(status=401),
            "already",
            "400",
            "refused",
            ALREADY,
        ),
        (
            Says({"error": "token_revoked"}),
            Says(status=401),
            "already",
            "200 token_revoked",
            "refused",
            ALREADY,
        ),
        (Says(status=404), Says({"sub": "shop-1"}), "already", "404", "works", "пока принимает"),
        (
            Says({"error": "unsupported_token_type"}, 400),
            Says({"sub": "shop-1"}),
            "unsupported",
            "400 unsupported_token_type",
            "works",
            "Отозвать доступ по нашей просьбе сервис не умеет",
        ),
        (Says(status=503), Says(), "later", "503", None, "будем пробовать ещё сутки"),
    ],
)
async def test_what_was_asked_and_answered_is_on_the_page_of_the_journal(
    acme: Scripted,
    database: Database,
    says: Says,
    me: Says,
    end: str,
    answered: str,
    old_token: str | None,
    told: str,
) -> None:
    acme.revoke, acme.me = says, me
    assert told in await disconnect(acme)
    ((deed, receipt),) = await receipts(database)
    assert deed == ("grant_revoked" if end in ("done", "already") else "grant_not_revoked")
    assert (receipt["end"], receipt["answered"], receipt.get("old_token")) == (
        end,
        answered,
        old_token,
    )
    page = await acme.person.page("/journal")
    asked = acme.url.removeprefix("http://")
    assert f"Просили забыть доступ: POST {asked}/revoke → {answered}." in page
    assert "Лавка" in page
    for secret in ("access-1", "refresh-1"):
        assert secret not in page
        assert secret not in str(receipt)


async def test_what_is_revoked_later_gets_a_receipt_of_its_own(
    acme: Scripted, database: Database
) -> None:
    acme.revoke = Says(status=503)
    await disconnect(acme)
    await send_due(acme, database)
    acme.revoke = Says({"error": "invalid_token"}, 400)
    await send_due(acme, database)
    assert [receipt["end"] for _, receipt in await receipts(database)] == ["later", "already"]
    async with database.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Revocation)) == 0


async def test_what_was_asked_for_a_day_in_vain_is_said_too(
    acme: Scripted, database: Database
) -> None:
    acme.revoke = Says(status=503)
    await disconnect(acme)
    await send_due(acme, database, created_at=func.now() - timedelta(hours=25))
    assert [receipt["end"] for _, receipt in await receipts(database)] == ["later", "given_up"]
    assert "Просили сутки" in await acme.person.page("/journal")


async def test_while_a_disconnect_asks_the_monitor_does_not_ask_too(acme: Scripted) -> None:
    app = acme.person.app
    acme.revoke_may_answer.clear()
    going = asyncio.create_task(disconnect(acme))

    async def asked() -> bool:
        return bool(acme.revocations)

    await until(asked)
    await revocation.send_due(app.database.sessions, app.http, app.keys, app.catalogue)
    acme.revoke_may_answer.set()
    await going
    assert acme.revoked == ["refresh-1"]


async def test_a_service_without_revocation_leaves_a_receipt_too(
    settings: Settings, database: Database, http: HttpClient, tmp_path: Path
) -> None:
    async with open_scripted(settings, database, http, tmp_path, without_revocation=True) as acme:
        await acme.connect()
        await disconnect(acme)
        assert "Сервис не умеет отзывать доступ по просьбе" in await acme.person.page("/journal")

"""The history of a disconnected connection is kept for 30 days, and goes back to the same account.

Its rows stay where they are, under the id that no connection has meanwhile; so a disconnect costs
the same however long the history is (docs/decisions/0026).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Result, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.audit_log import AuditEvent
from app.database.encryption import Keys
from app.grants import store
from app.history import outages, slow_periods
from app.models.connection import Connection

HISTORY_KEPT = timedelta(days=30)  # after a disconnect
PRUNED_AT_ONCE = 20  # histories in one transaction

COLUMNS = (
    "user_id, provider, account, label, name, tags, connected_at, last_checked_at,"
    " watched_until, baseline_ms, check_count, unaggregated_count, recent_latencies"
)
# An account that nobody has named cannot be recognised when it comes back.
IS_TO_KEEP = "account IS NOT NULL AND replaces_connection_id IS NULL"
REPLACE_OLDER = text(
    """
    DELETE FROM kept_histories k USING connections c
    WHERE c.id = :id AND c.replaces_connection_id IS NULL
      AND (k.user_id, k.provider, k.account) = (c.user_id, c.provider, c.account)
    """
)
KEEP = text(
    f"""
    INSERT INTO kept_histories (connection_id, {COLUMNS})
    SELECT id, {COLUMNS} FROM connections WHERE id = :id AND {IS_TO_KEEP}
    RETURNING connection_id, provider, coalesce(name, label) AS label, disconnected_at
    """
)
BRING_BACK = text(
    f"""
    INSERT INTO connections (id, {COLUMNS})
    SELECT connection_id, {COLUMNS} FROM kept_histories
    WHERE user_id = :user_id AND provider = :provider AND account = :account
      AND disconnected_at > now() - CAST(:kept AS interval)
    FOR UPDATE
    RETURNING id
    """
)
LET_GO = text(
    """
    DELETE FROM kept_histories WHERE user_id = :user_id AND connection_id = :id
    RETURNING connection_id, provider, coalesce(name, label) AS label, disconnected_at
    """
)
TOO_OLD = text(
    """
    SELECT connection_id FROM kept_histories
    WHERE disconnected_at < now() - CAST(:kept AS interval)
    ORDER BY disconnected_at LIMIT :most FOR UPDATE SKIP LOCKED
    """
)
FORGET = text("DELETE FROM kept_histories WHERE connection_id = ANY(CAST(:ids AS uuid[]))")


@dataclass(frozen=True)
class Kept:
    """A history that is kept, and until when."""

    connection_id: UUID
    provider: str
    label: str | None
    until: datetime


async def keep(session: AsyncSession, connection_id: UUID) -> Kept | None:
    """For a connection that is about to be deleted, in that transaction.

    None: it is only a pending reconnect, or nobody knows of which account it is. Its history goes
    with it then.
    """
    given = {"id": connection_id}
    await outages.end(session, connection_id)
    await slow_periods.end(session, connection_id)
    await session.execute(REPLACE_OLDER, given)
    return _kept(await session.execute(KEEP, given))


async def bring_back(
    session: AsyncSession, user_id: int, provider: str, account: str
) -> UUID | None:
    """Make a connection with what is kept of this account, as it was called; it has no grant yet.

    None: nothing is kept (any more).
    """
    key = {"user_id": user_id, "provider": provider, "account": account}
    connection_id: UUID | None = await session.scalar(BRING_BACK, key | {"kept": HISTORY_KEPT})
    if connection_id is not None:  # in this order: a history that nobody has would be deleted
        await session.execute(LET_GO, {"user_id": user_id, "id": connection_id})
    return connection_id


async def revive(
    session: AsyncSession, keys: Keys, own: Connection, account: str
) -> Connection | None:
    """As `bring_back`, with the access token of `own`, whose grant takes its place after this."""
    connection_id = await bring_back(session, own.user_id, own.provider, account)
    if connection_id is None:
        return None
    await store.lend(session, keys, own.id, connection_id)
    return await session.get_one(Connection, connection_id)


async def delete_at_once(session: AsyncSession, user_id: int, connection_id: UUID) -> Kept | None:
    """Returns what is kept no longer; None: nothing of the user's is kept under this id."""
    gone = await session.execute(LET_GO, {"user_id": user_id, "id": connection_id})
    if kept := _kept(gone):
        await audit_log.write_of_gone(session, AuditEvent.HISTORY_DELETED, connection_id)
    return kept


async def prune(session: AsyncSession) -> bool:
    """Delete some of what was kept for long enough; True while there may be more."""
    ids = list(await session.scalars(TOO_OLD, {"kept": HISTORY_KEPT, "most": PRUNED_AT_ONCE}))
    if not ids:
        return False
    if not await outages.delete_some(session, ids):  # the rest is little, and goes with its row
        await session.execute(FORGET, {"ids": ids})
    return True


def _kept(found: Result[Any]) -> Kept | None:
    row = found.one_or_none()
    if row is None:
        return None
    return Kept(row.connection_id, row.provider, row.label, row.disconnected_at + HISTORY_KEPT)

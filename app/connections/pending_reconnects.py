"""Pending reconnects: the account is not known yet, or the user has to choose.

Both are hidden connections with `replaces_connection_id`; one that waits for the user's choice has
`decision_requested_at` too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Select, and_, any_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app import audit_log
from app.accounts import users
from app.alerts import triggers
from app.audit_log import AuditEvent
from app.connections import disconnect
from app.connections.disconnect import Disconnected
from app.database.encryption import Keys
from app.database.engine import Reader, Sessions
from app.models.connection import Connection, Status
from app.providers.provider import Catalogue, Provider
from app.realtime.events import announce_list

DECISION_TIMEOUT = timedelta(hours=1)  # a choice that was not made by then is cancelled

ASKS = and_(
    Connection.replaces_connection_id.is_not(None), Connection.decision_requested_at.is_not(None)
)
CHECKED = or_(Connection.status != Status.CHECKING.value, Connection.cause.is_not(None))


@dataclass(frozen=True)
class PendingReconnect:
    """A reconnect: the account that it brought, and the one that was expected."""

    id: UUID
    provider: str
    asks: bool
    status: str
    cause: str | None
    label: str | None
    account: str | None
    expected_label: str | None
    expected_account: str | None


def _unsettled(*where: Any) -> Select[*tuple[Any, ...]]:
    begun_for = aliased(Connection)
    return (
        select(
            Connection.user_id,
            Connection.id,
            Connection.provider,
            Connection.decision_requested_at.is_not(None),
            Connection.status,
            Connection.cause,
            Connection.label,
            Connection.account,
            begun_for.label,
            begun_for.account,
        )
        .join(begun_for, begun_for.id == Connection.replaces_connection_id)
        .where(*where)
    )


# Built once, as in `queries`.
PENDING_OF_USERS = _unsettled(
    Connection.user_id == any_(bindparam("users", type_=ARRAY(BigInteger))), CHECKED
).order_by(Connection.connected_at)


async def of_users(session: Reader, user_ids: Iterable[int]) -> dict[int, list[PendingReconnect]]:
    """By user, in one query, the oldest first; without those whose first check is under way."""
    found: dict[int, list[PendingReconnect]] = {}
    for user_id, *columns in await session.execute(PENDING_OF_USERS, {"users": list(user_ids)}):
        found.setdefault(user_id, []).append(PendingReconnect(*columns))
    return found


async def question(
    session: AsyncSession, user_id: int, connection_id: UUID
) -> PendingReconnect | None:
    """The choice that the user has to make; None: there is none (any more), or it is not theirs."""
    query = _unsettled(Connection.user_id == user_id, Connection.id == connection_id, ASKS)
    row = (await session.execute(query)).one_or_none()
    return PendingReconnect(*row[1:]) if row else None


async def keep(session: AsyncSession, user_id: int, connection_id: UUID) -> bool:
    """Keep it as a connection of its own. False: there is nothing to choose (any more)."""
    await users.lock(session, user_id)
    kept = await session.scalar(
        update(Connection)
        .where(Connection.id == connection_id, Connection.user_id == user_id, ASKS)
        .values(
            replaces_connection_id=None, decision_requested_at=None, version=Connection.version + 1
        )
        .returning(Connection.id)
    )
    if kept is not None:
        await audit_log.write_of(session, AuditEvent.KEPT_APART, [kept])
        await triggers.schedule_evaluation(session, [kept])
        await announce_list(session, user_id)
    return kept is not None


async def cancel(
    session: AsyncSession, keys: Keys, provider: Provider, user_id: int, connection_id: UUID
) -> Disconnected | None:
    """Disconnect it again; the caller sends the revocation.

    None: there is nothing to choose (any more).
    """
    await users.lock(session, user_id)
    if await question(session, user_id, connection_id) is None:
        return None
    return await disconnect.disconnect(
        session, keys, provider, user_id, connection_id, sent_by_caller=True
    )


async def forget_unanswered(sessions: Sessions, keys: Keys, catalogue: Catalogue) -> None:
    """Cancel choices that were not made in time, and reconnects whose new grant is revoked."""
    too_old = and_(ASKS, Connection.decision_requested_at < func.now() - DECISION_TIMEOUT)
    refused = and_(
        Connection.replaces_connection_id.is_not(None), Connection.status == Status.REVOKED.value
    )
    over = or_(too_old, refused)
    async with sessions() as session:
        rows = await session.execute(
            select(Connection.id, Connection.user_id, Connection.provider).where(over)
        )
    for row in rows.all():
        if provider := catalogue.get(row.provider):
            async with sessions.begin() as session:
                await users.lock(session, row.user_id)
                still = select(Connection.id).where(Connection.id == row.id, over)
                if await session.scalar(still) is not None:  # not chosen in the last moment
                    await disconnect.disconnect(session, keys, provider, row.user_id, row.id)

"""Step 1 of 6 of a check, its SQL: claim what is due, so that no other process checks it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    Update,
    bindparam,
    func,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.grants import store
from app.grants.refresh import CHECK_LEASE
from app.models.connection import Connection, Grant, Status
from app.models.history import REFUSING, ProviderOutage
from app.models.pause import IS_PAUSED
from app.providers.provider import Provider

IS_FREE = or_(Connection.lease_until.is_(None), Connection.lease_until < func.now())


@dataclass(frozen=True)
class Lease:
    """One connection that is ours to check for a while; `row` has its grant, still sealed."""

    connection_id: UUID
    lease_id: UUID
    user_id: int
    provider: str
    account: str | None
    hidden: bool  # a reconnect whose account is not matched yet
    row: Row[*tuple[Any, ...]]


async def claim_due(
    session: AsyncSession, provider: str, limit: int, monitor_id: UUID | None = None
) -> list[Lease]:
    """Claim up to `limit` due connections of a provider, the longest overdue first."""
    values = {"whose": provider, "most": limit, "monitor": monitor_id}
    return _leases(await session.execute(CLAIM_DUE, values))


async def claim_sample(
    session: AsyncSession, provider: Provider, limit: int, monitor_id: UUID | None = None
) -> list[Lease]:
    """Claim a few connections of a provider whether they are due or not, the next due first.

    Not those whose grant was refused before the outage: they say nothing about the provider, and
    might be so many that a sample never has enough of the others.
    """
    rested = or_(
        Connection.last_checked_at.is_(None),
        Connection.last_checked_at <= func.now() - timedelta(seconds=provider.spacing),
    )
    began = (
        select(ProviderOutage.opened_at)
        .where(
            ProviderOutage.provider == provider.name,
            ProviderOutage.kind == REFUSING,
            ProviderOutage.closed_at.is_(None),
        )
        .scalar_subquery()
    )
    telling = or_(
        Connection.status.not_in([Status.BLOCKED, Status.REVOKED]), Connection.since >= began
    )
    free = _free(Connection.provider == provider.name, rested, telling, not_(IS_PAUSED))
    first = free.order_by(Connection.next_check_at).limit(limit)
    return _leases(await session.execute(_claim(first), {"monitor": monitor_id}))


async def claim_one(
    session: AsyncSession, connection_id: UUID, monitor_id: UUID | None = None
) -> Lease | None:
    """Claim this connection whether it is due or not, paused or not: somebody waits for the result.
    None while somebody else has it.
    """
    claim = _claim(_free(Connection.id == connection_id))
    leases = _leases(await session.execute(claim, {"monitor": monitor_id}))
    return leases[0] if leases else None


async def free_leases_of(session: AsyncSession, monitor_id: UUID) -> int:
    """Hand out again what a silent monitor holds; returns how many.

    They get an id that nobody has, so that it cannot write or refresh with them when it comes back.
    Not where a refresh was on its way: it is in doubt, and not to be repeated early
    (docs/decisions/0010).
    """
    freed = await session.execute(FREE_LEASES, {"monitor": monitor_id, "lease": CHECK_LEASE})
    return len(freed.all())


async def look(session: AsyncSession, connection_id: UUID) -> Row[*tuple[Any, ...]] | None:
    """(provider, status, version, lease_id, free) of a connection, without claiming it."""
    query = select(
        Connection.provider,
        Connection.status,
        Connection.version,
        Connection.lease_id,
        IS_FREE.label("free"),
    ).where(Connection.id == connection_id)
    return (await session.execute(query)).one_or_none()


async def bring_forward(session: AsyncSession, connection_id: UUID) -> None:
    """Make it due now, unless it is under way."""
    await session.execute(
        update(Connection)
        .where(Connection.id == connection_id, Connection.next_check_at > func.now(), IS_FREE)
        .values(next_check_at=func.now())
    )


async def release(session: AsyncSession, leases: Sequence[Lease], pause: timedelta) -> None:
    """Give connections back unchecked, due again after `pause`."""
    ids, lease_ids = [each.connection_id for each in leases], [each.lease_id for each in leases]
    await session.execute(
        update(Connection)
        .where(Connection.id.in_(ids), Connection.lease_id.in_(lease_ids))
        .values(
            lease_id=None,
            lease_until=None,
            lease_monitor_id=None,
            next_check_at=func.now() + pause,
        )
    )


def _free(*where: ColumnElement[bool]) -> Select[UUID]:
    return select(Connection.id).where(*where, IS_FREE).with_for_update(skip_locked=True)


def _claim(chosen: Select[UUID]) -> Update:
    # Not MATERIALIZED, the subquery might run again, and lock other rows than are updated.
    due = chosen.cte("due").prefix_with("MATERIALIZED")
    return (
        update(cast(Table, Connection.__table__))  # an update of objects would take twice as long
        .where(Connection.id == due.c.id, Grant.connection_id == Connection.id)
        .values(
            lease_id=func.gen_random_uuid(),
            lease_until=func.now() + CHECK_LEASE,
            lease_monitor_id=bindparam("monitor"),
        )
        .returning(
            Connection.id,
            Connection.lease_id,
            Connection.user_id,
            Connection.provider,
            Connection.replaces_connection_id,
            Connection.status,
            Connection.cause,
            Connection.strikes,
            func.extract("epoch", func.now() - Connection.since).label("lasting"),
            Connection.watched_until,
            func.coalesce(Connection.last_checked_at, Connection.connected_at).label("looked_at"),
            Connection.unaggregated_count,
            Connection.baseline_ms,
            Connection.slow_streak,
            Connection.slow_since,
            *store.GRANT_COLUMNS,
        )
    )


def _leases(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Lease]:
    return [
        Lease(
            row.id,
            row.lease_id,
            row.user_id,
            row.provider,
            row.account,
            row.replaces_connection_id is not None,
            row,
        )
        for row in rows
    ]


# Built once: it is run for every few dozen checks.
CLAIM_DUE = _claim(
    _free(
        Connection.provider == bindparam("whose"),
        Connection.next_check_at <= func.now(),
        not_(IS_PAUSED),
    )
    .order_by(Connection.next_check_at)
    .limit(bindparam("most"))
)

# Reads the whole table, once for each monitor that dies: an index would cost every claim its HOT
# update. A refresh extends the lease in the transaction that notes that it is sent, which tells it
# from one that was in doubt before.
FREE_LEASES = text(
    """
    WITH held AS MATERIALIZED (
        SELECT id FROM connections c
        WHERE lease_monitor_id = :monitor AND lease_until > now() AND NOT EXISTS (
            SELECT FROM grants
            WHERE connection_id = c.id
              AND refresh_sent_at >= c.lease_until - CAST(:lease AS interval))
        FOR UPDATE SKIP LOCKED
    )
    UPDATE connections c
    SET lease_id = gen_random_uuid(), lease_until = now(), lease_monitor_id = NULL
    FROM held WHERE c.id = held.id
    RETURNING c.id
    """
)

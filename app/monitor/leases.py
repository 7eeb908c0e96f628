"""Step 1 of 6, its SQL: claim what is due, so that no other process checks it meanwhile."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.refreshing import LEASE

CLAIM = """
    UPDATE connections c
    SET lease_id = gen_random_uuid(), lease_until = now() + :lease
    FROM due, grants g
    WHERE c.id = due.id AND g.connection_id = c.id
    RETURNING c.id, c.lease_id, c.user_id, c.provider, c.account, c.replaces,
              c.status, c.cause, c.strikes,
              g.connection_id, g.version, g.access_token, g.refresh_token, g.extra,
              g.expires_at <= now() AS expired
"""
# Without MATERIALIZED the planner may run the subquery again, and lock other rows than it updates.
CLAIM_DUE = text(  # every value is a bound parameter
    """
    WITH due AS MATERIALIZED (
        SELECT id FROM connections
        WHERE provider = :provider AND next_check_at <= now()
          AND (lease_until IS NULL OR lease_until < now())
        ORDER BY next_check_at
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    """
    + CLAIM
)
CLAIM_ONE = text(
    """
    WITH due AS MATERIALIZED (
        SELECT id FROM connections
        WHERE id = :id AND (lease_until IS NULL OR lease_until < now())
        FOR UPDATE SKIP LOCKED
    )
    """
    + CLAIM
)
RELEASE = text(
    """
    UPDATE connections SET lease_id = NULL, lease_until = NULL, next_check_at = now() + :pause
    WHERE id = :id AND lease_id = :lease_id
    """
)


@dataclass(frozen=True)
class Lease:
    """One connection that is ours to check for a while; `row` has its grant, still sealed."""

    connection_id: UUID
    lease_id: UUID
    user_id: int
    provider: str
    account: str | None
    hidden: bool  # a reconnect that is not settled yet
    row: Row[*tuple[Any, ...]]


async def claim_due(session: AsyncSession, provider: str, limit: int) -> list[Lease]:
    """Claim up to `limit` due connections of a provider, the longest overdue first."""
    arguments = {"provider": provider, "limit": limit, "lease": LEASE}
    return _leases(await session.execute(CLAIM_DUE, arguments))


async def claim_one(session: AsyncSession, connection_id: UUID) -> Lease | None:
    """Claim this connection whether it is due or not; None while somebody else has it."""
    leases = _leases(await session.execute(CLAIM_ONE, {"id": connection_id, "lease": LEASE}))
    return leases[0] if leases else None


async def release(session: AsyncSession, lease: Lease, pause: Any) -> None:
    """Give a connection back unchecked, to be looked at again after `pause`."""
    await session.execute(
        RELEASE, {"id": lease.connection_id, "lease_id": lease.lease_id, "pause": pause}
    )


def _leases(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Lease]:
    return [
        Lease(
            row.id,
            row.lease_id,
            row.user_id,
            row.provider,
            row.account,
            row.replaces is not None,
            row,
        )
        for row in rows
    ]

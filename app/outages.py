"""Outages: unbroken intervals that were not online. A healthy connection has none, and writes
nothing.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

CLOSE = text(
    """
    UPDATE outages o SET closed_at = now()
    FROM connections c
    WHERE c.id = ANY(CAST(:ids AS uuid[])) AND o.connection_id = c.id AND o.closed_at IS NULL
      AND (o.status, o.cause) IS DISTINCT FROM (c.status, c.cause)
    """
)
OPEN = text(
    """
    INSERT INTO outages (connection_id, status, cause, opened_at, evidence)
    SELECT c.id, c.status, c.cause,
           greatest(c.since, (SELECT max(closed_at) FROM outages WHERE connection_id = c.id)),
           coalesce(c.evidence, '')
    FROM connections c
    WHERE c.id = ANY(CAST(:ids AS uuid[]))
      AND c.status IN ('offline', 'blocked', 'revoked') AND c.cause IS NOT NULL
      AND NOT EXISTS (SELECT FROM outages WHERE connection_id = c.id AND closed_at IS NULL)
    """
)


async def follow(session: AsyncSession, connection_ids: Sequence[UUID]) -> None:
    """Close and open intervals so that they agree with what these connections are now.

    An outage is dated from its first strike, and never overlaps the one before it.
    """
    ids = {"ids": list(connection_ids)}
    await session.execute(CLOSE, ids)
    await session.execute(OPEN, ids)

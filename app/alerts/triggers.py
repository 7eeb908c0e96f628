"""Step 1 of 7 of an alert: a transition makes its connection due for evaluation."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

NOTE_DUE = text(
    """
    INSERT INTO alert_states (connection_id, user_id, look_at)
    SELECT id, user_id, now() FROM connections
    WHERE id = ANY(CAST(:ids AS uuid[])) AND replaces_connection_id IS NULL
    ORDER BY id
    ON CONFLICT (connection_id) DO UPDATE SET look_at = now()
    """
)


async def schedule_evaluation(session: AsyncSession, connection_ids: Sequence[UUID]) -> None:
    """Make connections due; what to tell is decided later, by their state then.

    A pending reconnect is left out: its user is looking at it.
    """
    await session.execute(NOTE_DUE, {"ids": list(connection_ids)})

"""Step 1 of 7 of an alert: note, in the transaction of a transition, that somebody may be told."""

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
    """Whether there is anything to tell is decided later, by what is true then.

    A grant that has not found its place yet is not noted: its person is looking at it.
    """
    await session.execute(NOTE_DUE, {"ids": list(connection_ids)})

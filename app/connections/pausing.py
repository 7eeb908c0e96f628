"""A pause: until its end a connection is not checked, not counted and not told of.

It ends by itself, with a check. What was known when it began is kept; nobody is told that a trouble
was over because nobody looked any more.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.audit_log import AuditEvent
from app.history import outages
from app.models.connection import Connection
from app.models.pause import IS_PAUSED
from app.realtime.events import announce_cards

# A check under way is about the time before: its lease is gone, so that it cannot write. Not where
# a refresh may be on its way, whose pair of tokens has to be kept: that check ends as usual, and
# the claim leaves the connection alone after it.
PAUSE = text(
    """
    UPDATE connections c
    SET paused_until = :until, next_check_at = greatest(next_check_at, :until),
        watched_until = least(c.watched_until, now()),
        version = c.version + 1,
        lease_id = CASE WHEN g.refresh_sent_at IS NOT NULL THEN c.lease_id END,
        lease_until = CASE WHEN g.refresh_sent_at IS NOT NULL THEN c.lease_until END
    FROM grants g WHERE c.id = :id AND g.connection_id = c.id
    """
)
RESUME = text(
    """
    UPDATE connections
    SET paused_until = NULL, next_check_at = now(), version = version + 1
    WHERE id = :id
    """
)
# What was known before the pause is old: its first check tells, or else a minute's silence.
TELL_LATER = text(
    "UPDATE alert_states SET look_at = now() + interval '1 minute' WHERE connection_id = :id"
)


async def pause_checks(
    session: AsyncSession, user_id: int, connection_id: UUID, until: datetime
) -> None:
    """Of the user's own. One that is paused already gets the new end."""
    await session.execute(PAUSE, {"id": connection_id, "until": until})
    await outages.end(session, connection_id)
    receipt = {"until": until.isoformat(timespec="seconds")}
    await _tell(session, user_id, connection_id, AuditEvent.PAUSED, receipt)


async def resume_checks(session: AsyncSession, user_id: int, connection_id: UUID) -> None:
    """It is checked at once. Of the user's own."""
    paused = select(Connection.id).where(Connection.id == connection_id, IS_PAUSED)
    if await session.scalar(paused) is not None:
        await session.execute(RESUME, {"id": connection_id})
        await session.execute(TELL_LATER, {"id": connection_id})
        await _tell(session, user_id, connection_id, AuditEvent.RESUMED, {})


async def _tell(
    session: AsyncSession,
    user_id: int,
    connection_id: UUID,
    event: AuditEvent,
    receipt: dict[str, str],
) -> None:
    await audit_log.write_of(session, event, [connection_id], receipt=receipt or None)
    await announce_cards(session, [(user_id, connection_id)])


async def now_of(session: AsyncSession) -> datetime:
    """The database's, by which a pause ends."""
    return (await session.execute(select(func.now()))).scalar_one()

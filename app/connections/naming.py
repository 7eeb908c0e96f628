"""The owner's own name and tags of a connection."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.audit_log import AuditEvent
from app.connections import queries
from app.i18n.connection_titles import MOST_TAGS, distinct_tags
from app.models.connection import Connection
from app.realtime.events import announce_cards


async def rename(
    session: AsyncSession, user_id: int, connection_id: UUID, name: str | None
) -> bool:
    """None: back to what the service calls the account. False: the user has no such connection."""
    own = await queries.locked(session, user_id, connection_id)
    if own is not None and own.name != name:
        before = own.name or own.label or ""
        await _change(session, own, AuditEvent.RENAMED, {"before": before}, name=name)
    return own is not None


async def retag(
    session: AsyncSession, user_id: int, connection_id: UUID, tags: Sequence[str]
) -> bool:
    """MOST_TAGS of them are kept. False: the user has no such connection."""
    own, kept = await queries.locked(session, user_id, connection_id), list(tags[:MOST_TAGS])
    if own is not None and own.tags != kept:
        await _change(session, own, AuditEvent.TAGGED, {"tags": ", ".join(kept)}, tags=kept)
    return own is not None


async def tags_of(session: AsyncSession, user_id: int) -> list[str]:
    """All tags of the user's connections, each once, by the alphabet."""
    query = select(func.unnest(Connection.tags)).where(Connection.user_id == user_id)
    return sorted(distinct_tags(await session.scalars(query)), key=str.casefold)


async def _change(
    session: AsyncSession,
    own: Connection,
    event: AuditEvent,
    receipt: Mapping[str, str],
    **values: Any,
) -> None:
    changed = update(Connection).where(Connection.id == own.id)
    await session.execute(changed.values(version=Connection.version + 1, **values))
    await audit_log.write_of(session, event, [own.id], receipt=receipt)
    await announce_cards(session, [(own.user_id, own.id)])

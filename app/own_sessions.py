"""A person's signed-in browsers: which there are, and ending them one by one or all but this."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.account import Session
from app.realtime.events import announce_ended


async def of_person(session: AsyncSession, user_id: int) -> Sequence[Session]:
    """The last used one first."""
    good = Session.user_id == user_id, Session.expires_at > func.now()
    query = select(Session).where(*good).order_by(Session.seen_at.desc(), Session.id)
    return (await session.scalars(query)).all()


async def end(session: AsyncSession, user_id: int, session_id: UUID) -> bool:
    """False: the person has no such session (any more)."""
    ended = await _end(session, Session.user_id == user_id, Session.id == session_id)
    return bool(ended)


async def end_others(session: AsyncSession, user_id: int, this: bytes) -> int:
    """How many there were."""
    return len(await _end(session, Session.user_id == user_id, Session.id_hash != this))


async def _end(session: AsyncSession, *which: object) -> Sequence[bytes]:
    found = delete(Session).where(*which)  # type: ignore[arg-type]
    ended = (await session.scalars(found.returning(Session.id_hash))).all()
    await announce_ended(session, ended)  # open pages notice within seconds
    return ended

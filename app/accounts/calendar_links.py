"""The address of a user's calendar: unguessable, one at a time, kept as its hash alone."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.audit_log import AuditEvent
from app.database.engine import Reader
from app.database.secret_hashes import secret_hash
from app.models.account import CalendarLink, User

SECRET_BYTES = 32


@dataclass(frozen=True)
class CalendarOwner:
    user_id: int
    zone: str | None


async def make(session: AsyncSession, user_id: int) -> str:
    """The secret part of a new address; the one before answers no more."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = {"link_hash": secret_hash(secret), "created_at": func.now()}
    added = insert(CalendarLink).values(user_id=user_id, **row)
    await session.execute(added.on_conflict_do_update(index_elements=["user_id"], set_=row))
    await audit_log.write(session, user_id, AuditEvent.CALENDAR_MADE)
    return secret


async def revoke(session: AsyncSession, user_id: int) -> None:
    """The address answers no more."""
    gone = delete(CalendarLink).where(CalendarLink.user_id == user_id)
    if await session.scalar(gone.returning(CalendarLink.user_id)) is not None:
        await audit_log.write(session, user_id, AuditEvent.CALENDAR_REVOKED)


async def made_at(session: AsyncSession, user_id: int) -> datetime | None:
    """None: there is no address."""
    own = CalendarLink.user_id == user_id
    return await session.scalar(select(CalendarLink.created_at).where(own))


async def owner(session: Reader, secret: str) -> CalendarOwner | None:
    """None: nobody's address, an old one, or that of a disabled user."""
    query = (
        select(User.id, User.zone)
        .join(CalendarLink, CalendarLink.user_id == User.id)
        .where(CalendarLink.link_hash == secret_hash(secret), User.disabled_at.is_(None))
    )
    row = (await session.execute(query)).one_or_none()
    return CalendarOwner(row.id, row.zone) if row else None

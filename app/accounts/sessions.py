"""Sessions of signed-in browsers: opened, recognised, listed, ended; ids are stored as SHA-256."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.engine import Reader
from app.database.secret_hashes import secret_hash
from app.models.account import Session, User
from app.models.connection import Connection
from app.models.monitor import BulkCheck
from app.models.waiting import WAITING_FOR_OWNER
from app.realtime.events import announce_ended

SESSION_LIFE = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=5)  # how often the last use of a session is written


SIGNED_IN = (  # built once: to build a statement takes SQLAlchemy longer than to run it
    select(
        Session.id_hash,
        Session.expires_at,
        User.id,
        User.email,
        User.zone,
        User.board_view,
        (func.now() - Session.seen_at > SEEN_EVERY).label("unseen"),
        exists(select(BulkCheck.user_id).where(BulkCheck.user_id == User.id)).label("checks_all"),
        exists(
            select(Connection.id).where(
                Connection.user_id == User.id, Connection.replaces_connection_id.is_not(None)
            )
        ).label("reconnects"),
        select(func.count())
        .where(Connection.user_id == User.id, WAITING_FOR_OWNER)
        .scalar_subquery()
        .label("waiting"),
    )
    .join(User, User.id == Session.user_id)
    .where(
        Session.id_hash == bindparam("id_hash"),
        Session.expires_at > func.now(),
        User.disabled_at.is_(None),
    )
)


@dataclass(frozen=True)
class CurrentUser:
    """A live session and its user."""

    session_hash: bytes
    user_id: int
    email: str
    expires_at: datetime
    zone: str | None = None
    board_view: str | None = None
    # What saves the page of connections two queries for almost every user.
    checks_all: bool = True  # they have asked for a bulk check, perhaps long ago
    reconnects: bool = True  # they have a pending reconnect
    waiting: int = 0  # connections that do not work until their owner does something


async def open_session(session: AsyncSession, user_id: int, user_agent: str) -> str:
    """The secret id of a new session, for the cookie; an id that the browser had is not reused."""
    token = secrets.token_urlsafe(32)
    session.add(
        Session(
            id_hash=secret_hash(token),
            user_id=user_id,
            expires_at=func.now() + SESSION_LIFE,
            user_agent=user_agent[:200],
        )
    )
    await session.flush()
    return token


async def current_user(session: Reader, token: str) -> CurrentUser | None:
    """The session and user of a cookie's id, if it is still good; records that it was used."""
    row = (await session.execute(SIGNED_IN, {"id_hash": secret_hash(token)})).one_or_none()
    if row is None:
        return None
    if row.unseen:
        seen = update(Session).where(Session.id_hash == row.id_hash)
        await session.execute(seen.values(seen_at=func.now()))
    return CurrentUser(
        row.id_hash,
        row.id,
        row.email,
        row.expires_at,
        row.zone,
        row.board_view,
        row.checks_all,
        row.reconnects,
        row.waiting,
    )


async def alive(session: AsyncSession, hashes: Sequence[bytes]) -> set[bytes]:
    """Those of the sessions that are still good."""
    return set(
        await session.scalars(
            select(Session.id_hash)
            .join(User, User.id == Session.user_id)
            .where(
                Session.id_hash.in_(hashes),
                Session.expires_at > func.now(),
                User.disabled_at.is_(None),
            )
        )
    )


async def end_session(session: AsyncSession, ended: bytes) -> None:
    await session.execute(delete(Session).where(Session.id_hash == ended))
    await announce_ended(session, [ended])


async def end_sessions_of(session: AsyncSession, user_id: int) -> None:
    """Sign the user out everywhere; open pages notice within seconds."""
    ended = await session.scalars(
        delete(Session).where(Session.user_id == user_id).returning(Session.id_hash)
    )
    await announce_ended(session, ended)


async def forget_old_sessions(session: AsyncSession) -> None:
    await session.execute(delete(Session).where(Session.expires_at < func.now()))


async def of_user(session: AsyncSession, user_id: int) -> Sequence[Session]:
    """The user's sessions, the last used one first."""
    good = Session.user_id == user_id, Session.expires_at > func.now()
    query = select(Session).where(*good).order_by(Session.seen_at.desc(), Session.id)
    return (await session.scalars(query)).all()


async def end(session: AsyncSession, user_id: int, session_id: UUID) -> bool:
    """False: the user has no such session (any more)."""
    ended = await _end(session, Session.user_id == user_id, Session.id == session_id)
    return bool(ended)


async def end_others(session: AsyncSession, user_id: int, this: bytes) -> int:
    """End the user's other sessions; returns how many there were."""
    return len(await _end(session, Session.user_id == user_id, Session.id_hash != this))


async def _end(session: AsyncSession, *which: object) -> Sequence[bytes]:
    found = delete(Session).where(*which)  # type: ignore[arg-type]
    ended = (await session.scalars(found.returning(Session.id_hash))).all()
    await announce_ended(session, ended)  # open pages notice within seconds
    return ended

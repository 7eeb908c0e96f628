"""People: sign-up, log-in and sessions. ("Account" is always the one at a provider.)"""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log, email_change, tickets
from app.audit_log import Deed
from app.database.engine import Reader, Sessions
from app.models.account import Session, User
from app.models.connection import Connection
from app.models.monitor import Round
from app.realtime.events import announce_ended

SESSION_LIFE = timedelta(days=30)
SHORTEST_PASSWORD = 10  # characters
LONGEST_PASSWORD = 1_000  # characters; more would only make us hash for longer
LONGEST_EMAIL = 254  # RFC 5321
NOT_IN_EMAIL = frozenset(' ,;:<>()[]"\\')  # what would make one address look like two
SEEN_EVERY = timedelta(minutes=5)  # how exactly a session's last use is known

# OWASP's second choice of Argon2id: 19 MiB, two passes. It fits a 512 MB server, off the event
# loop.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_at_once = asyncio.Semaphore(2)


SIGNED_IN = (  # built once: to build a statement takes SQLAlchemy longer than to run it
    select(
        Session.id_hash,
        Session.expires_at,
        User.id,
        User.email,
        User.zone,
        (func.now() - Session.seen_at > SEEN_EVERY).label("unseen"),
        exists(select(Round.user_id).where(Round.user_id == User.id)).label("checks_all"),
        exists(
            select(Connection.id).where(
                Connection.user_id == User.id, Connection.replaces.is_not(None)
            )
        ).label("reconnects"),
    )
    .join(User, User.id == Session.user_id)
    .where(
        Session.id_hash == bindparam("id_hash"),
        Session.expires_at > func.now(),
        User.disabled_at.is_(None),
    )
)


@dataclass(frozen=True)
class SignedIn:
    """A live session and its person."""

    session_hash: bytes
    user_id: int
    email: str
    expires_at: datetime
    zone: str | None = None
    # Two questions that the page of connections need not ask for almost everybody.
    checks_all: bool = True  # there is a round of theirs, perhaps long over
    reconnects: bool = True  # a reconnect has not found its place


def session_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def fault_in(email: str, password: str) -> str | None:
    """What is wrong with a new account's data: "email", "short", "long" or None."""
    return "email" if is_no_email(email) else fault_in_password(password)


def is_no_email(email: str) -> bool:
    name, at, host = email.strip().partition("@")
    plain = email.strip().isprintable() and not NOT_IN_EMAIL & set(email.strip())
    plain = plain and "@" not in host
    return not (name and at and "." in host.strip(".") and plain) or len(email) > LONGEST_EMAIL


def fault_in_password(password: str) -> str | None:
    """ "short", "long" or None."""
    if len(password) < SHORTEST_PASSWORD:
        return "short"
    return "long" if len(password) > LONGEST_PASSWORD else None


async def sign_up(session: AsyncSession, email: str, password_hash: str) -> int | None:
    """The new person's id, or None where the e-mail is taken already."""
    user_id = await session.scalar(
        insert(User)
        .values(email=email.strip(), password_hash=password_hash)
        .on_conflict_do_nothing()
        .returning(User.id)
    )
    if user_id is not None:
        await audit_log.write(session, user_id, Deed.SIGNED_UP)
    return user_id


async def find(session: AsyncSession, email: str) -> User | None:
    if "\x00" in email:
        return None  # PostgreSQL cannot even be asked
    return await session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))


async def verify(sessions: Sessions, email: str, password: str) -> User | None:
    """The person, if the password is right and the account not disabled.

    An unknown e-mail costs the same time as a wrong password, so that neither can be told apart.
    No connection to the database is held while a password is hashed.
    """
    async with sessions() as session:
        user = await find(session, email)
    known = user is not None and user.disabled_at is None
    password_hash = user.password_hash if user is not None else await _hash_of_nobody()
    right = await matches(password_hash, password)
    if user is None or not (known and right):
        return None
    return user


async def open_session(session: AsyncSession, user_id: int, user_agent: str) -> str:
    """A new session's secret id, for the cookie; the old one of this browser is not reused."""
    token = secrets.token_urlsafe(32)
    session.add(
        Session(
            id_hash=session_hash(token),
            user_id=user_id,
            expires_at=func.now() + SESSION_LIFE,
            user_agent=user_agent[:200],
        )
    )
    await session.flush()
    return token


async def signed_in(session: Reader, token: str) -> SignedIn | None:
    """Who a cookie's session id belongs to, if it is still good; notes that it was used."""
    row = (await session.execute(SIGNED_IN, {"id_hash": session_hash(token)})).one_or_none()
    if row is None:
        return None
    if row.unseen:
        seen = update(Session).where(Session.id_hash == row.id_hash)
        await session.execute(seen.values(seen_at=func.now()))
    return SignedIn(
        row.id_hash, row.id, row.email, row.expires_at, row.zone, row.checks_all, row.reconnects
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


async def lock(session: AsyncSession, user_id: Any, *, for_deletion: bool = False) -> None:
    """Make everything that moves a person's connections about happen one after the other.

    `for_deletion` also keeps new connections from being stored. Taken before any other row lock.
    """
    query = select(User.id).where(User.id == user_id)
    await session.execute(query.with_for_update(key_share=not for_deletion))


async def end_session(session: AsyncSession, ended: bytes) -> None:
    await session.execute(delete(Session).where(Session.id_hash == ended))
    await announce_ended(session, [ended])


async def end_sessions_of(session: AsyncSession, user_id: int) -> None:
    """Sign the person out everywhere; open pages notice within seconds."""
    ended = await session.scalars(
        delete(Session).where(Session.user_id == user_id).returning(Session.id_hash)
    )
    await announce_ended(session, ended)


async def change_password(session: AsyncSession, user_id: int, password_hash: str) -> str:
    """Whoever got in with the old one is out: sessions, letters, a new address on its way.

    Returns the person's e-mail address, for a word to them.
    """
    mine = update(User).where(User.id == user_id).values(password_hash=password_hash)
    email = (await session.scalars(mine.returning(User.email))).one()
    await audit_log.write(session, user_id, Deed.PASSWORD_CHANGED)
    await tickets.tear_up(session, user_id)
    await email_change.forget(session, user_id)
    await end_sessions_of(session, user_id)
    return email


async def set_zone(session: AsyncSession, user_id: int, zone: str | None) -> None:
    await session.execute(update(User).where(User.id == user_id).values(zone=zone))
    await audit_log.write(session, user_id, Deed.ZONE_CHANGED, zone)


async def disable(session: AsyncSession, user: User) -> None:
    await session.execute(update(User).where(User.id == user.id).values(disabled_at=func.now()))
    await audit_log.write(session, user.id, Deed.DISABLED)
    await tickets.tear_up(session, user.id)
    await end_sessions_of(session, user.id)


async def enable(session: AsyncSession, user: User) -> None:
    await session.execute(update(User).where(User.id == user.id).values(disabled_at=None))
    await audit_log.write(session, user.id, Deed.ENABLED)


async def forget_old_sessions(session: AsyncSession) -> None:
    await session.execute(delete(Session).where(Session.expires_at < func.now()))


async def hash_password(password: str) -> str:
    async with _at_once:
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password_hash: str, password: str) -> bool:
    async with _at_once:
        return await asyncio.to_thread(_verified, password_hash, password[:LONGEST_PASSWORD])


def _verified(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


_nobody: list[str] = []


async def _hash_of_nobody() -> str:
    if not _nobody:
        _nobody.append(await hash_password(secrets.token_urlsafe(16)))
    return _nobody[0]

"""Users: sign-up, log-in, changes. ("Account" in other packages is the one at a provider.)"""

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import email_change, one_time_tokens
from app.accounts.passwords import fault_in_password, hash_of_nobody, matches
from app.accounts.sessions import end_sessions_of
from app.audit_log import AuditEvent
from app.database.engine import Sessions
from app.models.account import User
from app.outbound.mail_address import parse_mail_address


def fault_in(email: str, password: str) -> str | None:
    """What is wrong with the data of a sign-up: "email", "short", "long" or None."""
    return "email" if is_no_email(email) else fault_in_password(password)


def is_no_email(email: str) -> bool:
    return parse_mail_address(email) is None


async def sign_up(session: AsyncSession, email: str, password_hash: str) -> int | None:
    """The new user's id; None where the address is taken."""
    user_id = await session.scalar(
        insert(User)
        .values(email=email.strip(), password_hash=password_hash)
        .on_conflict_do_nothing()
        .returning(User.id)
    )
    if user_id is not None:
        await audit_log.write(session, user_id, AuditEvent.SIGNED_UP)
    return user_id


async def with_email(session: AsyncSession, email: str) -> User | None:
    if "\x00" in email:
        return None  # PostgreSQL takes no such text
    return await session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))


async def verify(sessions: Sessions, email: str, password: str) -> User | None:
    """The user, if the password is right and the user is not disabled.

    An unknown address takes as long as a wrong password, so that they cannot be told apart.
    No database connection is held while a password is hashed.
    """
    async with sessions() as session:
        user = await with_email(session, email)
    known = user is not None and user.disabled_at is None
    password_hash = user.password_hash if user is not None else await hash_of_nobody()
    right = await matches(password_hash, password)
    if user is None or not (known and right):
        return None
    return user


async def lock(session: AsyncSession, user_id: Any, *, for_deletion: bool = False) -> None:
    """Lock the user's row, so that changes of their set of connections happen one after the other.

    `for_deletion` also keeps new connections from being stored. Taken before any other row lock.
    """
    query = select(User.id).where(User.id == user_id)
    await session.execute(query.with_for_update(key_share=not for_deletion))


async def change_password(session: AsyncSession, user_id: int, password_hash: str) -> str:
    """Also end what the old password gave access to: sessions, links, a pending change of address.

    Returns the user's e-mail address, for a notice.
    """
    mine = update(User).where(User.id == user_id).values(password_hash=password_hash)
    email = (await session.scalars(mine.returning(User.email))).one()
    await audit_log.write(session, user_id, AuditEvent.PASSWORD_CHANGED)
    await one_time_tokens.revoke_all(session, user_id)
    await email_change.forget(session, user_id)
    await end_sessions_of(session, user_id)
    return email


async def set_board_view(session: AsyncSession, user_id: int, view: str) -> None:
    await session.execute(update(User).where(User.id == user_id).values(board_view=view))


async def set_zone(session: AsyncSession, user_id: int, zone: str | None) -> None:
    await session.execute(update(User).where(User.id == user_id).values(zone=zone))
    await audit_log.write(session, user_id, AuditEvent.ZONE_CHANGED, zone)


async def disable(session: AsyncSession, user: User) -> None:
    await session.execute(update(User).where(User.id == user.id).values(disabled_at=func.now()))
    await audit_log.write(session, user.id, AuditEvent.DISABLED)
    await one_time_tokens.revoke_all(session, user.id)
    await end_sessions_of(session, user.id)


async def enable(session: AsyncSession, user: User) -> None:
    await session.execute(update(User).where(User.id == user.id).values(disabled_at=None))
    await audit_log.write(session, user.id, AuditEvent.ENABLED)

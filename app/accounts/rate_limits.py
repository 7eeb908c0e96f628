"""Rate limits: a sliding window of attempts in PostgreSQL, shared by all processes."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.client_address import subscriber_of
from app.models.account import Attempt

LONGEST_WINDOW = timedelta(hours=1)  # the longest window of all


@dataclass(frozen=True)
class RateLimit:
    tries: int
    window: timedelta


async def attempt(session: AsyncSession, key: str, limit: RateLimit) -> int | None:
    """Count an attempt for `key`. None: go on; else seconds to wait, and it is not counted."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key}
    )
    tried = Attempt.at > func.now() - limit.window
    query = select(func.count(), func.min(Attempt.at), func.now())
    tries, first, now = (await session.execute(query.where(Attempt.key == key, tried))).one()
    if tries >= limit.tries:
        return max(1, ceil((first + limit.window - now).total_seconds()))
    session.add(Attempt(key=key))
    await session.flush()
    return None


async def forgive(session: AsyncSession, key: str) -> None:
    """Forget all attempts for this key, after one that succeeded."""
    await session.execute(delete(Attempt).where(Attempt.key == key))


async def take_back(session: AsyncSession, key: str) -> None:
    """Forget the last attempt only: it succeeded, but the ones before still count."""
    last = select(func.max(Attempt.id)).where(Attempt.key == key).scalar_subquery()
    await session.execute(delete(Attempt).where(Attempt.id == last))


async def forgive_everything(session: AsyncSession, user_id: int, email: str) -> None:
    """Forget all attempts in this user's name, wherever they came from."""
    for key in keys_of(user_id, email):
        apart = Attempt.key.startswith(f"{key} ", autoescape=True)  # one browser's, one address's
        await session.execute(delete(Attempt).where((Attempt.key == key) | apart))


async def forget_old_attempts(session: AsyncSession) -> None:
    await session.execute(delete(Attempt).where(Attempt.at < func.now() - LONGEST_WINDOW))


def keys_of(user_id: int, email: str) -> tuple[str, ...]:
    """The keys that count attempts for this user; what follows a space counts a part of them."""
    codes = f"code:{user_id}", f"recovery:{user_id}"
    return login_key(email), mailbox_key("reset", email), f"password:{user_id}", *codes


def login_key(email: str) -> str:
    return f"login:{email.strip().lower()[:254]!r}"


def mailbox_key(what: str, email: str) -> str:
    return f"{what}:{email.strip().lower()[:254]}"


def address_key(what: str, address: str | None) -> str:
    """The key that counts attempts from one network address, however it is spelled."""
    return f"{what}@{subscriber_of(address)}"

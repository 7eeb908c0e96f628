"""Pairing codes: a user types one in at a provider to prove which account there is theirs.

The user is signed in there; the provider posts the code to us with the account
(docs/decisions/0018). A code works once, at one provider, for 30 minutes.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import Keys
from app.database.secret_hashes import secret_hash
from app.errors import SealingError
from app.models.connection import Pairing

PAIRING_CODE_LIFE = timedelta(minutes=30)
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without 0, 1, I and O, which look alike
CODE_LENGTH = 12  # characters: 60 bits


@dataclass(frozen=True)
class PairingCode:
    text: str  # "ABCD-EFGH-JKLM"
    expires_at: datetime


async def issue(session: AsyncSession, keys: Keys, user_id: int, provider: str) -> None:
    """A new code; it replaces the one before."""
    text, row_id = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH)), uuid4()
    values = {
        "id": row_id,
        "code": keys.seal(text, "pairings", row_id, "code"),
        "code_hash": _hash(text),
        "expires_at": func.now() + PAIRING_CODE_LIFE,
    }
    new = insert(Pairing).values(user_id=user_id, provider=provider, **values)
    await session.execute(new.on_conflict_do_update(None, ("user_id", "provider"), set_=values))


async def current(
    session: AsyncSession, keys: Keys, user_id: int, provider: str
) -> PairingCode | None:
    """The user's code, if it has not expired."""
    own = Pairing.user_id == user_id, Pairing.provider == provider
    row = await session.scalar(select(Pairing).where(*own, Pairing.expires_at > func.now()))
    if row is None:
        return None
    try:
        text = keys.open(row.code, "pairings", row.id, "code")
    except SealingError:  # its encryption key is lost: a new code is made
        return None
    return PairingCode(
        "-".join(text[at : at + 4] for at in range(0, CODE_LENGTH, 4)), row.expires_at
    )


async def owner(session: AsyncSession, provider: str, typed: str) -> int | None:
    """The id of the user whose code this is."""
    return await session.scalar(select(Pairing.user_id).where(*_good(provider, typed)))


async def spend(session: AsyncSession, user_id: int, provider: str, typed: str) -> bool:
    """Delete the code; of two requests that bring it at once, one gets False."""
    good = delete(Pairing).where(Pairing.user_id == user_id, *_good(provider, typed))
    return await session.scalar(good.returning(Pairing.id)) is not None


async def forget_expired(session: AsyncSession) -> None:
    await session.execute(delete(Pairing).where(Pairing.expires_at < func.now()))


def _good(provider: str, typed: str) -> tuple[ColumnElement[bool], ...]:
    known = Pairing.provider == provider, Pairing.code_hash == _hash(typed)
    return (*known, Pairing.expires_at > func.now())


def _hash(typed: str) -> bytes:
    """Of the code in its normal form: people leave hyphens out, and type small letters."""
    plain = "".join(each for each in typed.upper() if each.isalnum())
    return secret_hash(plain)

"""A code that a person shows at a provider, to prove which account there is theirs.

The person is signed in there, types the code, and the provider posts it to us with the account
(docs/decisions/0018). It is good once, for one provider, and not for long.
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
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that is taken for something else
CODE_LENGTH = 12  # characters: 60 bits


@dataclass(frozen=True)
class PairingCode:
    text: str  # "ABCD-EFGH-JKLM"
    expires_at: datetime


async def issue(session: AsyncSession, keys: Keys, user_id: int, provider: str) -> None:
    """A new code; the one before is worth nothing any more."""
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
    """The code that the person may still show."""
    own = Pairing.user_id == user_id, Pairing.provider == provider
    row = await session.scalar(select(Pairing).where(*own, Pairing.expires_at > func.now()))
    if row is None:
        return None
    try:
        text = keys.open(row.code, "pairings", row.id, "code")
    except SealingError:  # its key is lost: a new code is welcome
        return None
    return PairingCode(
        "-".join(text[at : at + 4] for at in range(0, CODE_LENGTH, 4)), row.expires_at
    )


async def owner(session: AsyncSession, provider: str, typed: str) -> int | None:
    """Whose code this is."""
    return await session.scalar(select(Pairing.user_id).where(*_good(provider, typed)))


async def spend(session: AsyncSession, user_id: int, provider: str, typed: str) -> bool:
    """It is gone now, and of two that come at once one gets False."""
    good = delete(Pairing).where(Pairing.user_id == user_id, *_good(provider, typed))
    return await session.scalar(good.returning(Pairing.id)) is not None


async def forget_expired(session: AsyncSession) -> None:
    await session.execute(delete(Pairing).where(Pairing.expires_at < func.now()))


def _good(provider: str, typed: str) -> tuple[ColumnElement[bool], ...]:
    known = Pairing.provider == provider, Pairing.code_hash == _hash(typed)
    return (*known, Pairing.expires_at > func.now())


def _hash(typed: str) -> bytes:
    """Of what was meant: people leave hyphens out, and type small letters."""
    plain = "".join(each for each in typed.upper() if each.isalnum())
    return secret_hash(plain)

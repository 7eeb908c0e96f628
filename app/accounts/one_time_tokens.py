"""One-time tokens: the secrets in our links, stored only as SHA-256, good once and not for long."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.secret_hashes import secret_hash
from app.models.account import OneTimeToken, TokenPurpose

LIFE_OF_PURPOSE = {
    TokenPurpose.RESET: timedelta(minutes=30),
    TokenPurpose.SIGN_UP: timedelta(hours=24),
    TokenPurpose.SECOND_FACTOR: timedelta(minutes=10),
    TokenPurpose.PASSKEY_LOG_IN: timedelta(minutes=5),
    TokenPurpose.PASSKEY_ADD: timedelta(minutes=5),
    TokenPurpose.PASSKEY_PROOF: timedelta(minutes=5),
}


@dataclass(frozen=True)
class TokenDetails:
    """What a good token is for."""

    user_id: int | None
    email: str
    password_hash: str


async def issue(
    session: AsyncSession,
    purpose: TokenPurpose,
    user_id: int | None = None,
    email: str = "",
    password_hash: str = "",
) -> str:
    """A new token: 32 random bytes as base64url, which only this call returns."""
    token = secrets.token_urlsafe(32)
    session.add(
        OneTimeToken(
            token_hash=secret_hash(token),
            purpose=purpose,
            user_id=user_id,
            email=email,
            password_hash=password_hash,
            expires_at=func.now() + LIFE_OF_PURPOSE[purpose],
        )
    )
    await session.flush()
    return token


async def peek(session: AsyncSession, purpose: TokenPurpose, token: str) -> TokenDetails | None:
    """What the token is for, without using it up."""
    ticket = await session.scalar(_good(purpose, token))
    return None if ticket is None else _shown(ticket)


async def spend(session: AsyncSession, purpose: TokenPurpose, token: str) -> TokenDetails | None:
    """What the token is for; it is used up, and of two requests at once one gets None."""
    ticket = await session.scalar(_good(purpose, token).with_for_update())
    if ticket is None:
        return None
    await session.delete(ticket)
    await session.flush()
    return _shown(ticket)


async def revoke_all(session: AsyncSession, user_id: int) -> None:
    """End every token that the user was sent before."""
    await session.execute(delete(OneTimeToken).where(OneTimeToken.user_id == user_id))


async def forget_expired(session: AsyncSession) -> None:
    await session.execute(delete(OneTimeToken).where(OneTimeToken.expires_at < func.now()))


def _good(purpose: TokenPurpose, token: str) -> Select[OneTimeToken]:
    return select(OneTimeToken).where(
        OneTimeToken.token_hash == secret_hash(token),
        OneTimeToken.purpose == purpose,
        OneTimeToken.expires_at > func.now(),
    )


def _shown(ticket: OneTimeToken) -> TokenDetails:
    return TokenDetails(ticket.user_id, ticket.email, ticket.password_hash)

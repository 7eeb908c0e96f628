"""The `state` of RFC 6749 section 4.1.1, from the button to the callback and for a day after it.

The first code that comes with a state consumes it. A callback that comes again (a double click,
Back and Allow once more, a restored tab) trades nothing: it is told what became of the first one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.sessions import CurrentUser
from app.database.encryption import Keys
from app.database.engine import Reader, Sessions
from app.database.secret_hashes import secret_hash
from app.models.connection import OAuthState
from app.oauth import client

STATE_LIFE = timedelta(minutes=10)
OPEN_AT_ONCE = 20  # unconsumed states of one session; the oldest goes
REMEMBERED = timedelta(days=1)  # how long a consumed state answers repeated callbacks
FIRST_CALLBACK = timedelta(seconds=25)  # the longest exchange and check that a second one waits for
POLL_INTERVAL = 0.1  # seconds
STORED = "stored"  # the outcome of a callback without error


class ConnectError(StrEnum):
    """Why nothing was connected: the closed list of `/<provider>?error=…`."""

    DENIED = "denied"
    EXPIRED = "expired"
    OTHER_BROWSER = "other_browser"
    SIGNED_OUT = "signed_out"
    PROVIDER_ERROR = "provider_error"
    UNREACHABLE = "unreachable"
    BAD_RESPONSE = "bad_response"
    MISCONFIGURED = "misconfigured"
    BAD_ISSUER = "bad_issuer"
    EXCHANGE_REFUSED = "exchange_refused"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True)
class Authorization:
    """A callback with a good state: for which connection it is, and its code verifier."""

    state_hash: bytes
    connection_id: UUID | None
    code_verifier: str | None
    kept: Mapping[str, str]  # fields that were filled in before
    stored_as: UUID  # the id for the new connection


@dataclass(frozen=True)
class Repeated:
    """A callback whose state was consumed by an earlier one."""

    state_hash: bytes


async def issue(
    session: AsyncSession,
    keys: Keys,
    provider: str,
    person: CurrentUser,
    connection_id: UUID | None,
    code_verifier: str | None,
    typed: Mapping[str, str],
) -> str:
    """Store a new state for a user who is sent to a provider; returns it."""
    state = client.new_state()
    state_hash = secret_hash(state)
    verifier = code_verifier and keys.seal(code_verifier, *_bound_to(state_hash))
    await _make_room(session, person)
    session.add(
        OAuthState(
            state_hash=state_hash,
            user_id=person.user_id,
            session_hash=person.session_hash,
            provider=provider,
            connection_id=connection_id,
            code_verifier=verifier or None,
            extra=dict(typed),
            expires_at=func.now() + STATE_LIFE,
        )
    )
    await session.flush()
    return state


async def returned(
    session: AsyncSession, keys: Keys, provider: str, person: CurrentUser, state: str, *, code: bool
) -> Authorization | Repeated | ConnectError:
    """Look a callback's state up. A code consumes it; an answer without one (a cancel) leaves it,
    so that the user may go back and allow access after all.
    """
    row = await session.scalar(
        select(OAuthState)
        .where(
            OAuthState.state_hash == secret_hash(state),
            OAuthState.provider == provider,
            OAuthState.expires_at > func.now(),
        )
        .with_for_update()
    )
    if row is None:
        return ConnectError.EXPIRED
    if row.consumed_at is not None and row.user_id == person.user_id:
        return Repeated(row.state_hash)
    if row.session_hash != person.session_hash:
        return ConnectError.OTHER_BROWSER
    verifier = row.code_verifier and keys.open(row.code_verifier, *_bound_to(row.state_hash))
    found = Authorization(row.state_hash, row.connection_id, verifier or None, row.extra, uuid4())
    if code:
        row.consumed_at, row.stored_as = func.now(), found.stored_as
        row.code_verifier, row.extra = None, {}
        row.expires_at = func.now() + REMEMBERED
    return found


async def note_outcome(
    session: AsyncSession, authorization: Authorization, error: ConnectError | None = None
) -> None:
    """Record the outcome that repeated callbacks with this state are told."""
    await session.execute(
        update(OAuthState)
        .where(OAuthState.state_hash == authorization.state_hash)
        .values(outcome=error.value if error else STORED)
    )


async def outcome(sessions: Sessions, repeated: Repeated) -> UUID | ConnectError:
    """The outcome of the first callback, which is waited for if it is still under way.

    A UUID is the id that its connection was stored as.
    """
    query = select(
        OAuthState.outcome,
        OAuthState.stored_as,
        (OAuthState.consumed_at > func.now() - FIRST_CALLBACK).label("may_be_under_way"),
    ).where(OAuthState.state_hash == repeated.state_hash)
    while True:
        async with sessions() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            return ConnectError.EXPIRED  # deleted with the connection that it was for
        if row.outcome is not None or not row.may_be_under_way:
            break
        await asyncio.sleep(POLL_INTERVAL)
    stored: UUID = row.stored_as
    return stored if row.outcome in (STORED, None) else ConnectError(row.outcome)


async def has_connected(session: Reader, provider: str, state: str) -> bool:
    """Did a callback with this state come before, and connect something?"""
    query = select(OAuthState.outcome).where(
        OAuthState.state_hash == secret_hash(state), OAuthState.provider == provider
    )
    return (await session.execute(query)).scalar_one_or_none() == STORED


async def forget_old(session: AsyncSession) -> None:
    await session.execute(delete(OAuthState).where(OAuthState.expires_at < func.now()))


async def _make_room(session: AsyncSession, person: CurrentUser) -> None:
    """Somebody who presses «Подключить» again and again loses the first ways to a provider."""
    too_old = (
        select(OAuthState.state_hash)
        .where(
            OAuthState.user_id == person.user_id,
            OAuthState.session_hash == person.session_hash,
            OAuthState.consumed_at.is_(None),
        )
        .order_by(OAuthState.expires_at.desc())
        .offset(OPEN_AT_ONCE - 1)
    )
    await session.execute(delete(OAuthState).where(OAuthState.state_hash.in_(too_old)))


def _bound_to(state_hash: bytes) -> tuple[str, str, str]:
    return "oauth_states", state_hash.hex(), "code_verifier"

"""A connection's tokens: stored sealed, refreshed by one process at a time, revoked in the end.

Every token is sealed for its own row and column. A token leaves this table only by being replaced,
or through `revocations`, the outbox of what a provider must still be told to forget.
"""

import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import oauth
from app.db import Sessions
from app.models import Connection, Grant, Revocation
from app.oauth import Refusal, Tokens
from app.outbound import Outbound
from app.providers import Provider
from app.sealing import Keys

log = logging.getLogger(__name__)

LEASE = timedelta(
    seconds=90
)  # at least twice (probe + refresh + probe); a dead process gives work back
REVOCATION_LIFE = timedelta(days=1)  # after this the provider has had its chance
REVOCATION_PAUSES = (60, 300, 900, 3600)  # seconds between tries; the last one repeats
REVOCATION_BATCH = 20

COLUMNS = (  # what `open_grant` wants of a row of `grants` joined with `connections`
    Grant.connection_id,
    Grant.version,
    Grant.access_token,
    Grant.refresh_token,
    Grant.extra,
    (Grant.expires_at <= func.now()).label("expired"),
    Connection.account,
)


@dataclass(frozen=True)
class OpenGrant:
    """A grant with its tokens in the clear, for the moment of a request."""

    connection_id: UUID
    version: int
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    account: str | None = None
    carrier: int | None = None  # which of the provider's carriers has worked
    expired: bool = False


async def store(session: AsyncSession, keys: Keys, connection_id: UUID, tokens: Tokens) -> None:
    """Keep a new connection's first tokens, in the caller's transaction."""
    values = _sealed(keys, connection_id, tokens) | {"scopes": list(tokens.scopes)}
    session.add(Grant(connection_id=connection_id, **values))
    await session.flush()


async def move(session: AsyncSession, keys: Keys, source: UUID, target: UUID) -> bool:
    """Give the target connection the source's grant, if that is the newer one.

    The older tokens are only forgotten, not revoked: at some providers one revocation ends every
    grant of the account, the newer one included.
    """
    new, old = await session.get_one(Grant, source), await session.get_one(Grant, target)
    if new.granted_at < old.granted_at:
        return False
    for column in ("access_token", "refresh_token"):
        sealed = getattr(new, column)
        token = keys.open(sealed, "grants", source, column) if sealed else None
        setattr(old, column, keys.seal(token, "grants", target, column) if token else None)
    for column in ("expires_at", "scopes", "extra", "granted_at", "refreshed_at"):
        setattr(old, column, getattr(new, column))
    old.version += 1  # a refresh of the old pair that is on its way must not land here
    await session.flush()
    return True


def open_grant(keys: Keys, row: Any) -> OpenGrant:
    """The tokens of a row that has COLUMNS."""
    return OpenGrant(
        row.connection_id,
        row.version,
        keys.open(row.access_token, "grants", row.connection_id, "access_token"),
        keys.open(row.refresh_token, "grants", row.connection_id, "refresh_token")
        if row.refresh_token
        else None,
        row.account,
        row.extra.get("carrier"),
        bool(row.expired),
    )


async def refresh(
    sessions: Sessions,
    http: Outbound,
    keys: Keys,
    provider: Provider,
    grant: OpenGrant,
    lease_id: UUID,
) -> OpenGrant | Refusal | None:
    """Trade the refresh token for a new pair, under the connection's lease.

    None: the lease or the connection is gone, and whoever has it now decides. The new pair is
    committed before it is used; if the row vanished meanwhile, the pair goes to the outbox, so that
    no live token is lost.
    """
    if grant.refresh_token is None or not await _hold(sessions, grant.connection_id, lease_id):
        return None
    answer = await oauth.refresh(http, provider, grant.refresh_token)
    if isinstance(answer, Refusal):
        return await _newer(sessions, keys, grant) or answer
    fresh = replace(
        grant,
        version=grant.version + 1,
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        expired=False,
    )
    if await _replace(sessions, keys, grant, answer):
        return fresh
    async with sessions.begin() as session:
        if await session.get(Connection, grant.connection_id) is None:
            await enqueue_revocation(session, keys, provider, fresh)
    return None


async def remember_carrier(session: AsyncSession, connection_id: UUID, carrier: int) -> None:
    """Note which way of carrying the token the provider accepted, for every later request."""
    await session.execute(
        update(Grant)
        .where(Grant.connection_id == connection_id)
        .values(extra=Grant.extra.op("||")(func.jsonb_build_object("carrier", carrier)))
    )


async def enqueue_revocation(
    session: AsyncSession, keys: Keys, provider: Provider, grant: OpenGrant
) -> UUID | None:
    """Put the token that ends the grant into the outbox, in the caller's transaction.

    None: the provider has no revocation, or another connection holds the same account.
    """
    held = await account_held(session, provider.name, grant.account)
    if held or not provider.revocation_endpoint:
        return None
    revocation_id = uuid4()
    session.add(
        Revocation(
            id=revocation_id,
            provider=provider.name,
            account=grant.account,
            token=keys.seal(
                grant.refresh_token or grant.access_token, "revocations", revocation_id, "token"
            ),
            token_type_hint="refresh_token" if grant.refresh_token else "access_token",
        )
    )
    await session.flush()
    return revocation_id


async def account_held(session: AsyncSession, provider: str, account: str | None) -> bool:
    """Does any connection hold this account? One revocation may end all grants of an account."""
    if account is None:
        return False
    holder = select(Connection.id).where(
        Connection.provider == provider, Connection.account == account
    )
    return await session.scalar(holder.limit(1)) is not None


async def revoke_queued(
    sessions: Sessions, http: Outbound, keys: Keys, provider: Provider, revocation_id: UUID
) -> bool:
    """Try one revocation now; True when it is done. Never fails because of the provider."""
    async with sessions() as session:
        row = await session.get(Revocation, revocation_id)
        held = row is not None and await account_held(session, row.provider, row.account)
    if row is None:
        return True  # somebody else was faster
    if held:  # connected anew meanwhile: to revoke now could end the new grant
        async with sessions.begin() as session:
            await _settle_revocation(session, row, None)
        return True
    token = keys.open(row.token, "revocations", row.id, "token")
    refusal = await oauth.revoke(http, provider, token, row.token_type_hint)
    async with sessions.begin() as session:
        await _settle_revocation(session, row, refusal)
    return refusal is None


async def due_revocations(sessions: Sessions) -> list[tuple[UUID, str]]:
    """Claim (id, provider) of what is due by moving its next try ahead, so that nobody else
    takes it.
    """
    due = (
        select(Revocation.id)
        .where(Revocation.next_try_at <= func.now())
        .order_by(Revocation.next_try_at)
        .limit(REVOCATION_BATCH)
        .with_for_update(skip_locked=True)
    )
    async with sessions.begin() as session:
        claimed = await session.execute(
            update(Revocation)
            .where(Revocation.id.in_(due.scalar_subquery()))
            .values(next_try_at=func.now() + LEASE)
            .returning(Revocation.id, Revocation.provider)
        )
        return [(row.id, row.provider) for row in claimed]


async def _hold(sessions: Sessions, connection_id: UUID, lease_id: UUID) -> bool:
    """Extend the lease by comparison: a refresh must not outlive it."""
    async with sessions.begin() as session:
        held = await session.scalar(
            update(Connection)
            .where(Connection.id == connection_id, Connection.lease_id == lease_id)
            .values(lease_until=func.now() + LEASE)
            .returning(Connection.id)
        )
    return held is not None


async def _replace(sessions: Sessions, keys: Keys, spent: OpenGrant, tokens: Tokens) -> bool:
    """Store the new pair where the grant is still the spent one."""
    values = _sealed(keys, spent.connection_id, tokens)
    if tokens.scopes:
        values["scopes"] = list(tokens.scopes)
    async with sessions.begin() as session:
        replaced = await session.scalar(
            update(Grant)
            .where(Grant.connection_id == spent.connection_id, Grant.version == spent.version)
            .values(values | {"version": Grant.version + 1, "refreshed_at": func.now()})
            .returning(Grant.connection_id)
        )
    return replaced is not None


async def _newer(sessions: Sessions, keys: Keys, spent: OpenGrant) -> OpenGrant | None:
    """The grant as it is now, if somebody replaced the one that was just refused."""
    async with sessions() as session:
        row = (
            await session.execute(
                select(*COLUMNS)
                .join(Connection, Connection.id == Grant.connection_id)
                .where(Grant.connection_id == spent.connection_id, Grant.version != spent.version)
            )
        ).one_or_none()
    return open_grant(keys, row) if row else None


async def _settle_revocation(
    session: AsyncSession, row: Revocation, refusal: Refusal | None
) -> None:
    too_old = func.now() - REVOCATION_LIFE > Revocation.created_at
    if refusal is None:
        await session.execute(delete(Revocation).where(Revocation.id == row.id))
        return
    dropped = await session.scalar(
        delete(Revocation).where(Revocation.id == row.id, too_old).returning(Revocation.id)
    )
    if dropped is not None:
        log.warning("gave up revoking a grant at %s: %s", row.provider, refusal.code)
        return
    pause = REVOCATION_PAUSES[min(row.tries, len(REVOCATION_PAUSES) - 1)]
    await session.execute(
        update(Revocation)
        .where(Revocation.id == row.id)
        .values(tries=row.tries + 1, next_try_at=func.now() + timedelta(seconds=pause))
    )


def _sealed(keys: Keys, connection_id: UUID, tokens: Tokens) -> dict[str, Any]:
    def seal(token: str | None, column: str) -> bytes | None:
        return keys.seal(token, "grants", connection_id, column) if token else None

    return {
        "access_token": seal(tokens.access_token, "access_token"),
        "refresh_token": seal(tokens.refresh_token, "refresh_token"),
        "expires_at": _expiry(tokens.expires_in),
    }


def _expiry(expires_in: float | None) -> Any:
    return None if expires_in is None else func.now() + timedelta(seconds=expires_in)

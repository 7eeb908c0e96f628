"""Step 5 of 8 of a connect: a connection's tokens, sealed, opened for a request, moved.

Every token is sealed for its own row and column. A token leaves this table only by being replaced,
or through `revocations`, the outbox of what a provider must still be told to forget.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Interval, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.encryption import Keys
from app.models.connection import Connection, Grant
from app.oauth.token_response import Tokens
from app.providers.provider import OAUTH2, PUSHED_TOKEN

# Refreshed so long before it matters: 15 minutes, or a tenth of a shorter life.
REFRESH_HEAD_START: ColumnElement[timedelta] = literal_column(
    "least(interval '15 minutes',"
    " (grants.expires_at - coalesce(grants.refreshed_at, grants.granted_at)) / 10)",
    Interval,
)
SEALED_COLUMNS = ("access_token", "refresh_token", "secrets")
TIME_COLUMNS = ("expires_at", "granted_at", "refreshed_at", "refresh_sent_at")
GRANT_COLUMNS = (  # what `open_grant` wants of a row of `grants` joined with `connections`
    Grant.connection_id,
    Grant.version,
    Grant.access_token,
    Grant.refresh_token,
    Grant.extra,
    Grant.secrets,
    (Grant.expires_at <= func.now()).label("expired"),
    func.extract("epoch", Grant.expires_at - REFRESH_HEAD_START - func.now()).label("refresh_in"),
    Grant.refresh_sent_at.is_not(None).label("in_doubt"),
    Connection.account,
    Grant.kind,
)


@dataclass(frozen=True)
class OpenGrant:
    """A grant with its tokens in the clear, for the moment of a request."""

    connection_id: UUID
    version: int
    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    account: str | None = None
    token_placement: int | None = None  # index of the provider's that has worked
    expired: bool = False
    # Seconds until a refresh is due; None: it does not expire, or was refreshed just now.
    refresh_in: float | None = field(default=None, compare=False)
    in_doubt: bool = False  # a refresh was sent whose answer never came
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)  # as in `Tokens.kept`
    kind: str = OAUTH2

    @property
    def is_taken_back(self) -> bool:
        """A delivered token whose application was removed: we have forgotten it."""
        return not self.access_token


async def store(
    session: AsyncSession, keys: Keys, connection_id: UUID, tokens: Tokens, kind: str = OAUTH2
) -> None:
    """Keep a new connection's first tokens, in the caller's transaction."""
    values = sealed(keys, connection_id, tokens) | kept(keys, connection_id, tokens)
    session.add(Grant(connection_id=connection_id, kind=kind, scopes=list(tokens.scopes), **values))
    await session.flush()


def open_grant(keys: Keys, row: Any) -> OpenGrant:
    """The tokens of a row that has GRANT_COLUMNS."""
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
        None if row.refresh_in is None else float(row.refresh_in),
        row.in_doubt,
        _opened(keys, row),
        row.kind,
    )


async def move(
    session: AsyncSession,
    keys: Keys,
    source: UUID,
    target: UUID,
    begun_for: UUID | None = None,
    *,
    same_account: bool = False,
) -> bool:
    """Give the target connection the source's grant, if that is the newer one.

    A provider that gives a refresh token once only (Google, without `prompt=consent`) means the
    one that it gave for this account before.

    The older tokens are only forgotten, not revoked: at some providers one revocation ends every
    grant of the account, the newer one included. Where the grant came from goes with it, for
    whoever has stored it and wants to know what became of it (`connect_result`).
    """
    new = await session.get_one(Grant, source, with_for_update=True)
    old = await session.get_one(Grant, target, with_for_update=True)
    if new.granted_at < old.granted_at:
        return False
    keeps = same_account and new.refresh_token is None and new.kind == old.kind
    left = ("refresh_token", "refresh_sent_at") if keeps else ()
    for column in set(SEALED_COLUMNS).difference(left):
        sealed = getattr(new, column)
        token = keys.open(sealed, "grants", source, column) if sealed else None
        setattr(old, column, keys.seal(token, "grants", target, column) if token else None)
    came_from = {
        "stored_as": str(source),
        "begun_for": str(begun_for) if begun_for else None,
        "scopes_before": list(old.scopes),
    }
    for column in {"kind", "scopes", "refused_refreshes", *TIME_COLUMNS}.difference(left):
        setattr(old, column, getattr(new, column))
    old.extra = new.extra | {"came_from": came_from}
    old.version += 1  # a refresh of the old pair that is on its way must not land here
    await session.flush()
    return True


async def lend(session: AsyncSession, keys: Keys, source: UUID, target: UUID) -> None:
    """Give a connection that has no grant the source's access token, until the grant is moved."""
    new = await session.get_one(Grant, source)
    token = keys.open(new.access_token, "grants", source, "access_token")
    same = keys.seal(token, "grants", target, "access_token")
    lent = {"kind": new.kind, "access_token": same, "granted_at": new.granted_at}
    session.add(Grant(connection_id=target, **lent))
    await session.flush()


async def replace_token(session: AsyncSession, keys: Keys, connection_id: UUID, token: str) -> None:
    """Give a connection a delivered token, or with "" take it back; all that was before is gone."""
    values = sealed(keys, connection_id, Tokens(token))
    values["access_token"] = keys.seal(token, "grants", connection_id, "access_token")
    fresh: dict[str, Any] = {
        "kind": PUSHED_TOKEN,
        "scopes": [],
        "extra": {},
        "secrets": None,
        "refreshed_at": None,
    }
    await session.execute(
        update(Grant)
        .where(Grant.connection_id == connection_id)
        .values(**values, **fresh, granted_at=func.now(), version=Grant.version + 1)
    )


async def kind_of(session: AsyncSession, connection_id: UUID) -> str | None:
    return await session.scalar(select(Grant.kind).where(Grant.connection_id == connection_id))


async def delivered(session: AsyncSession, provider: str, account: str) -> list[UUID]:
    """The connections to this account that live by a delivered token: one at most."""
    query = select(Grant.connection_id).join(Connection, Connection.id == Grant.connection_id)
    at = Connection.provider == provider, Connection.account == account
    return list(await session.scalars(query.where(*at, Grant.kind == PUSHED_TOKEN)))


async def remember_token_placement(
    session: AsyncSession, connection_id: UUID, token_placement: int
) -> None:
    """Note which way of carrying the token the provider accepted, for every later request."""
    await session.execute(
        update(Grant)
        .where(Grant.connection_id == connection_id)
        .values(extra=Grant.extra.op("||")(func.jsonb_build_object("carrier", token_placement)))
    )


async def remember_end(
    session: AsyncSession, connection_id: UUID, expires_in: float | None
) -> None:
    """Note when a grant ends that was given without a date, in seconds from now."""
    await session.execute(
        update(Grant)
        .where(Grant.connection_id == connection_id)
        .values(expires_at=_expiry(expires_in))
    )


async def kept_of(session: AsyncSession, keys: Keys, connection_id: UUID) -> dict[str, str]:
    """What is kept beside a connection's tokens, for connecting it once more."""
    grant = await session.get(Grant, connection_id)
    return _opened(keys, grant) if grant else {}


async def account_held(
    session: AsyncSession, provider: str, account: str | None, besides: UUID | None = None
) -> bool:
    """Does any connection (but one) hold this account? One revocation may end all its grants."""
    if account is None:
        return False
    holder = select(Connection.id).where(
        Connection.provider == provider,
        Connection.account == account,
        Connection.id.is_distinct_from(besides),
    )
    return await session.scalar(holder.limit(1)) is not None


def sealed(keys: Keys, connection_id: UUID, tokens: Tokens) -> dict[str, Any]:
    def seal(token: str | None, column: str) -> bytes | None:
        return keys.seal(token, "grants", connection_id, column) if token else None

    return {
        "access_token": seal(tokens.access_token, "access_token"),
        "refresh_token": seal(tokens.refresh_token, "refresh_token"),
        "expires_at": _expiry(tokens.expires_in),
        "refresh_sent_at": None,
    }


def kept(keys: Keys, connection_id: UUID, tokens: Tokens) -> dict[str, Any]:
    """The columns for what is kept beside the tokens: what is no secret, and sealed what is one."""
    secret = {name: tokens.kept[name] for name in tokens.sealed_names if name in tokens.kept}
    plain = {name: value for name, value in tokens.kept.items() if name not in secret}
    return {
        "extra": {"kept": plain} if plain else {},
        "secrets": keys.seal(json.dumps(secret), "grants", connection_id, "secrets")
        if secret
        else None,
    }


def _opened(keys: Keys, row: Any) -> dict[str, str]:
    if row.secrets is None:
        return dict(row.extra.get("kept", {}))
    secret = keys.open(row.secrets, "grants", row.connection_id, "secrets")
    return {**row.extra.get("kept", {}), **json.loads(secret)}


def _expiry(expires_in: float | None) -> Any:
    return None if expires_in is None else func.now() + timedelta(seconds=expires_in)

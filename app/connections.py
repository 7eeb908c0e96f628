"""The domain's verbs and queries: what a person has, how it is described, and how it ends."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import grants, outages
from app.announce import announce_list
from app.models import Cause, Connection, Grant, Status, User
from app.providers import Provider
from app.sealing import Keys

Catalogue = Mapping[str, Provider]
CardRow = Row[*tuple[Any, ...]]  # has CARD

CARD = (
    Connection.id,
    Connection.user_id,
    Connection.provider,
    Connection.status,
    Connection.cause,
    Connection.evidence,
    Connection.since,
    Connection.is_online,
    Connection.last_checked_at,
    Connection.next_check_at,
    Connection.latency_ms,
    Connection.label,
    Connection.version,
    func.now().label("read_at"),
)


@dataclass(frozen=True)
class Descriptor:
    """One card, as the templates and `GET /connections` (JSON) get it: contract, "Descriptor"."""

    id: UUID | None
    provider: str
    name: str
    icon: str
    connected: bool
    is_online: bool
    status: str
    cause: str | None
    fault: str | None
    evidence: str | None
    since: datetime | None
    stale: bool
    last_checked_at: datetime | None
    next_check_at: datetime | None
    latency_ms: int | None
    details: str | None
    connect_url: str
    disconnect_url: str
    version: int
    interval: int
    about: str
    configured: bool

    def as_json(self) -> dict[str, Any]:
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


async def of_users(session: AsyncSession, user_ids: Iterable[int]) -> dict[int, list[CardRow]]:
    """Everybody's connections in one query, each list in the order of connecting."""
    rows = await session.execute(
        select(*CARD)
        .where(Connection.user_id.in_(list(user_ids)), Connection.replaces.is_(None))
        .order_by(Connection.connected_at, Connection.id)
    )
    found: dict[int, list[CardRow]] = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(row)
    return found


async def by_id(session: AsyncSession, ids: Iterable[UUID]) -> Sequence[CardRow]:
    rows = await session.execute(
        select(*CARD).where(Connection.id.in_(list(ids)), Connection.replaces.is_(None))
    )
    return rows.all()


async def owned(session: AsyncSession, user_id: int, connection_id: UUID) -> CardRow | None:
    """The person's own connection; somebody else's does not exist."""
    rows = await by_id(session, [connection_id])
    return rows[0] if rows and rows[0].user_id == user_id else None


def describe_all(
    rows: Sequence[CardRow], catalogue: Catalogue, interval: float
) -> list[Descriptor]:
    """The person's page: connections first in the catalogue's order, a grey card where there is
    none.
    """
    cards: list[Descriptor] = []
    for name in [*catalogue, *sorted({row.provider for row in rows} - set(catalogue))]:
        own = [describe(row, catalogue, interval) for row in rows if row.provider == name]
        provider = catalogue.get(name)
        cards += own or ([not_connected(provider)] if provider and provider.configured else [])
    return cards


def describe(row: CardRow, catalogue: Catalogue, interval: float) -> Descriptor:
    provider = catalogue.get(row.provider)
    return Descriptor(
        id=row.id,
        provider=row.provider,
        name=provider.title if provider else row.provider,
        icon=provider.icon if provider else "bi-plug",
        connected=True,
        is_online=row.is_online,
        status=row.status,
        cause=row.cause,
        fault=Cause(row.cause).fault if row.cause else None,
        evidence=row.evidence,
        since=row.since,
        stale=row.read_at > row.next_check_at + timedelta(seconds=interval),
        last_checked_at=row.last_checked_at,
        next_check_at=row.next_check_at,
        latency_ms=row.latency_ms,
        details=row.label,
        connect_url=f"/{row.provider}/connect",
        disconnect_url=f"/{row.provider}/disconnect",
        version=row.version,
        interval=round(interval),
        about=provider.about if provider else "",
        configured=bool(provider and provider.configured),
    )


def not_connected(provider: Provider) -> Descriptor:
    """A provider that the person has no connection to."""
    return Descriptor(
        id=None,
        provider=provider.name,
        name=provider.title,
        icon=provider.icon,
        connected=False,
        is_online=False,
        status=Status.DISCONNECTED.value,
        cause=None,
        fault=None,
        evidence=None,
        since=None,
        stale=False,
        last_checked_at=None,
        next_check_at=None,
        latency_ms=None,
        details=None,
        connect_url=f"/{provider.name}/connect",
        disconnect_url=f"/{provider.name}/disconnect",
        version=0,
        interval=0,
        about=provider.about,
        configured=provider.configured,
    )


@dataclass(frozen=True)
class Disconnected:
    """A connection that is gone. `revocation` is to be tried at once."""

    provider: str
    revocation: UUID | None
    shared: bool  # another connection holds the same account, so the grant must live on


async def disconnect(
    session: AsyncSession, keys: Keys, provider: Provider, user_id: int, connection_id: UUID
) -> Disconnected | None:
    """Delete the connection and queue its token for revocation, in one transaction.

    None: there is no such connection of this person (any more).
    """
    gone = (
        await session.execute(
            select(*grants.COLUMNS)
            .join(Connection, Connection.id == Grant.connection_id)
            .where(
                Connection.id == connection_id,
                Connection.user_id == user_id,
                Connection.provider == provider.name,
            )
            .with_for_update()
        )
    ).one_or_none()
    if gone is None:
        return None
    grant = grants.open_grant(keys, gone)
    await session.execute(delete(Connection).where(Connection.id == connection_id))
    await announce_list(session, user_id)
    shared = await grants.account_held(session, provider.name, grant.account)
    revocation = await grants.enqueue_revocation(session, keys, provider, grant)
    return Disconnected(provider.name, revocation, shared)


async def delete_person(
    session: AsyncSession, keys: Keys, catalogue: Catalogue, user_id: int
) -> None:
    """Delete a person; every grant goes the way of a disconnect."""
    own = await session.execute(
        select(Connection.id, Connection.provider).where(Connection.user_id == user_id)
    )
    for row in own.all():
        if provider := catalogue.get(row.provider):
            await disconnect(session, keys, provider, user_id, row.id)
    await session.execute(delete(User).where(User.id == user_id))


async def settle(
    session: AsyncSession, keys: Keys, connection_id: UUID, account: str | None
) -> UUID | None:
    """Put a checked grant where it belongs, once a probe has named its account (or could not).

    A reconnect takes the place of the connection that it was begun for; a second connection to the
    same account becomes one with the first, which keeps its id and history and gets the newer
    grant. Returns the connection that the grant now belongs to, or None where it is gone.
    """
    own = await session.get(Connection, connection_id)
    if own is None:
        return None
    # One at a time for a person: two tabs may bring the same account at once.
    await session.execute(
        select(User.id).where(User.id == own.user_id).with_for_update(key_share=True)
    )
    target = await _place_of(session, own, account)
    if target is not None:
        await _take_place(session, keys, own, target, account)
        return target.id
    was_hidden = own.replaces is not None
    own.account, own.replaces = account or own.account, None
    await session.flush()
    if was_hidden:
        await announce_list(session, own.user_id)
    return own.id


async def _place_of(
    session: AsyncSession, own: Connection, account: str | None
) -> Connection | None:
    """The connection that this grant belongs to, if that is another one."""
    if account is not None:
        same = await session.scalar(
            select(Connection).where(
                Connection.user_id == own.user_id,
                Connection.provider == own.provider,
                Connection.account == account,
                Connection.id != own.id,
            )
        )
        if same is not None:
            return same
    if own.replaces is None:
        return None
    begun_for = await session.get(Connection, own.replaces)
    fits = begun_for is not None and None in (account, begun_for.account)
    return begun_for if fits else None


async def _take_place(
    session: AsyncSession, keys: Keys, own: Connection, target: Connection, account: str | None
) -> None:
    """Move the grant and the fresh verdict; a check of the old grant on its way is fenced off."""
    user_id = own.user_id
    newer = await grants.move(session, keys, own.id, target.id)
    verdict = {
        "account": account or target.account,
        "label": own.label or target.label,
        "status": own.status,
        "cause": own.cause,
        "evidence": own.evidence,
        "since": own.since if own.status != target.status else target.since,
        "strikes": own.strikes,
        "latency_ms": own.latency_ms,
        "last_checked_at": own.last_checked_at,
        "next_check_at": own.next_check_at,
        "lease_id": None,
        "lease_until": None,
        "version": Connection.version + 1,
    }
    await session.execute(delete(Connection).where(Connection.id == own.id))
    if newer:
        await session.execute(update(Connection).where(Connection.id == target.id).values(verdict))
        await outages.follow(session, [target.id])
    await announce_list(session, user_id)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=_text))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

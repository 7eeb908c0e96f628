"""Disconnect: the row is deleted, its token queued for revocation and its history put aside, in one
transaction.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts import users
from app.alerts import account_letters
from app.audit_log import AuditEvent
from app.connections import account_ownership, kept_history
from app.connections.kept_history import Kept
from app.database.encryption import Keys
from app.errors import SealingError
from app.grants import revocation as revocations
from app.grants import store
from app.grants.store import OpenGrant
from app.logging import LogEvent
from app.models.account import User
from app.models.connection import Connection, Grant
from app.providers.provider import Catalogue, Provider
from app.realtime.events import announce_list

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Disconnected:
    """A deleted connection. The caller tries `revocation` at once."""

    provider: str
    connection_id: UUID
    grant: OpenGrant | None  # None: its encryption key is lost
    revocation: UUID | None = None
    shared: bool = False  # another connection uses the same account, so it is not revoked
    kept: Kept | None = None  # its history


async def disconnect(
    session: AsyncSession,
    keys: Keys,
    provider: Provider,
    user_id: int,
    connection_id: UUID,
    *,
    sent_by_caller: bool = False,
    keep_history: bool = True,
) -> Disconnected | None:
    """Delete the connection and queue its token for revocation, in one transaction.

    `sent_by_caller`: the caller sends the revocation right after it. A pending reconnect is deleted
    too: it would bring the connection back. None: the user has no such connection (any more).
    """
    await users.lock(session, user_id)
    await account_ownership.hold(session, connection_id)
    own = (
        Connection.id == connection_id,
        Connection.user_id == user_id,
        Connection.provider == provider.name,
    )
    gone = await _locked(session, *own)
    if not gone:
        return None
    unsettled = await _locked(session, Connection.replaces_connection_id == connection_id)
    ids = [row.connection_id for row in (*gone, *unsettled)]
    expected = await _expected_account(session, connection_id)
    await audit_log.write_of(session, AuditEvent.DISCONNECTED, [connection_id])
    kept = await kept_history.keep(session, connection_id) if keep_history else None
    await session.execute(delete(Connection).where(Connection.id.in_(ids)))
    await announce_list(session, user_id)
    await account_ownership.forget(session, user_id, provider.name, gone[0].account)
    for row in unsettled:
        await _let_go(session, keys, provider, row, gone[0].account)
    ended = await _let_go(session, keys, provider, gone[0], expected, sent_by_caller)
    return replace(ended, kept=kept)


async def _locked(
    session: AsyncSession, *where: ColumnElement[bool]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Connections with their grants, locked: no grant is stored or moved meanwhile."""
    query = select(*store.GRANT_COLUMNS).join(Connection, Connection.id == Grant.connection_id)
    return (await session.execute(query.where(*where).with_for_update())).all()


async def _expected_account(session: AsyncSession, connection_id: UUID) -> str | None:
    """The account that a reconnect whose account is not known yet is probably for."""
    begun_for = select(Connection.replaces_connection_id).where(Connection.id == connection_id)
    return await session.scalar(
        select(Connection.account).where(Connection.id == begun_for.scalar_subquery())
    )


async def _let_go(
    session: AsyncSession,
    keys: Keys,
    provider: Provider,
    gone: Row[*tuple[Any, ...]],
    expected: str | None,
    sent_by_caller: bool = False,
) -> Disconnected:
    try:
        grant = store.open_grant(keys, gone)
    except SealingError as error:  # its key is lost: it can only be ended at the provider
        id_ = gone.connection_id
        log.error(LogEvent("disconnected_without_revocation", connection=id_, error=error))
        return Disconnected(provider.name, id_, None)
    grant = replace(grant, account=grant.account or expected)
    revocation = await revocations.enqueue(
        session, keys, provider, grant, sent_by_caller=sent_by_caller
    )
    shared = await store.account_held(session, provider.name, grant.account)
    return Disconnected(provider.name, gone.connection_id, grant, revocation, shared)


async def delete_person(
    session: AsyncSession, keys: Keys, catalogue: Catalogue, user_id: int
) -> None:
    """Delete a user; every grant is ended as by a disconnect."""
    await users.lock(session, user_id, for_deletion=True)
    own = await session.execute(
        select(Connection.id, Connection.provider).where(Connection.user_id == user_id)
    )
    for row in own.all():
        if provider := catalogue.get(row.provider):
            await disconnect(session, keys, provider, user_id, row.id, keep_history=False)
    await account_letters.forget_person(session, user_id)
    await session.execute(delete(User).where(User.id == user_id))

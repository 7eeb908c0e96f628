"""The audit log: what users and the service did, one row for each event, in its transaction.

Append-only: the database refuses to change a row, and to delete one that is younger than 400 days
(migration 0012), unless its user is deleted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.audit import AuditLogEntry

AUDIT_LOG_KEPT = timedelta(days=400)
ENTRIES_ON_A_PAGE = 50
PRUNED_AT_ONCE = 1_000  # in one transaction


class AuditEvent(StrEnum):
    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    DISCONNECTED = "disconnected"
    REFRESHED = "refreshed"
    GRANT_REVOKED = "grant_revoked"
    GRANT_NOT_REVOKED = "grant_not_revoked"
    REVOKED = "revoked"
    CHECKED = "checked"
    CHECKED_ALL = "checked_all"
    SIGNED_UP = "signed_up"
    LOGGED_IN = "logged_in"
    LOGIN_REFUSED = "login_refused"
    CODE_REFUSED = "code_refused"
    RECOVERY_CODE_USED = "recovery_code_used"
    LOGGED_OUT = "logged_out"
    RESET_ASKED = "reset_asked"
    EMAIL_ASKED = "email_asked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a deed's name
    EMAIL_CHANGED = "email_changed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    SESSIONS_ENDED = "sessions_ended"
    ZONE_CHANGED = "zone_changed"
    DATA_TAKEN = "data_taken"
    UNLOCKED = "unlocked"
    DISABLED = "disabled"
    ENABLED = "enabled"
    RENAMED = "renamed"
    TAGGED = "tagged"
    PAUSED = "paused"
    RESUMED = "resumed"
    HISTORY_DELETED = "history_deleted"
    KEPT_APART = "kept_apart"
    UNINSTALLED = "uninstalled"
    UNPAID = "unpaid"
    CHANNEL_ADDED = "channel_added"
    CHANNEL_ON = "channel_on"
    CHANNEL_OFF = "channel_off"
    CHANNEL_REMOVED = "channel_removed"
    ALERTS_CHANGED = "alerts_changed"
    CALENDAR_MADE = "calendar_made"
    CALENDAR_REVOKED = "calendar_revoked"


class ActorKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"  # this application by itself
    PROVIDER = "provider"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Actor:
    who: ActorKind
    device: str = ""  # the User-Agent header


# Whoever's request it happens to come out in.
ALWAYS = {
    AuditEvent.REFRESHED: Actor(ActorKind.SERVICE),
    AuditEvent.GRANT_REVOKED: Actor(ActorKind.SERVICE),
    AuditEvent.GRANT_NOT_REVOKED: Actor(ActorKind.SERVICE),
    AuditEvent.REVOKED: Actor(ActorKind.PROVIDER),
    AuditEvent.UNINSTALLED: Actor(ActorKind.PROVIDER),
    AuditEvent.UNPAID: Actor(ActorKind.PROVIDER),
}
_doer: ContextVar[Actor] = ContextVar("doer", default=Actor(ActorKind.SERVICE))  # noqa: B039 - frozen


@contextmanager
def acting_as(doer: Actor) -> Iterator[None]:
    """Make this actor responsible for events of the block and of tasks that it starts."""
    token = _doer.set(doer)
    try:
        yield
    finally:
        _doer.reset(token)


def set_actor(doer: Actor) -> None:
    """Make this actor responsible for events from now on, in this task."""
    _doer.set(doer)


# What the connection is called is copied: it may be deleted when somebody reads the entry.
WRITE_OF_CONNECTIONS = text(
    """
    INSERT INTO audit_log (user_id, deed, who, device, connection_id, provider, label, receipt)
    SELECT user_id, CAST(:deed AS text), :who, :device, id, provider, coalesce(name, label),
           CAST(:receipt AS jsonb)
    FROM connections
    WHERE id = ANY(CAST(:ids AS uuid[]))
      AND NOT EXISTS (SELECT FROM audit_log j WHERE j.connection_id = connections.id
                      AND j.deed = CAST(:deed AS text) AND j.at > now() - CAST(:rest AS interval))
    """
)


# After a disconnect the connection is gone; what it was called stands in the entry of that.
OF_DISCONNECTED = text(
    """
    INSERT INTO audit_log (user_id, deed, who, device, connection_id, provider, label, receipt)
    SELECT user_id, :deed, :who, :device, connection_id, provider, label, CAST(:receipt AS jsonb)
    FROM audit_log WHERE connection_id = :connection_id AND deed = 'disconnected'
    ORDER BY id DESC LIMIT 1
    """
)


async def write(
    session: AsyncSession, user_id: int, deed: AuditEvent, label: str | None = None
) -> None:
    """Record an event of a user's own settings; `label` says of which part."""
    entry = AuditLogEntry(user_id=user_id, deed=deed.value, label=label, **_by(deed))
    session.add(entry)
    await session.flush()


async def write_of(
    session: AsyncSession,
    deed: AuditEvent,
    connection_ids: Sequence[UUID],
    rest: timedelta = timedelta(0),
    receipt: Mapping[str, str] | None = None,
) -> None:
    """Record an event of connections that still exist.

    `rest`: at most one such row in this time, since tokens may be refreshed every few minutes.
    """
    about = json.dumps(receipt) if receipt else None
    values = {"deed": deed.value, "ids": list(connection_ids), "rest": rest, "receipt": about}
    await session.execute(WRITE_OF_CONNECTIONS, values | _by(deed))


async def write_of_gone(
    session: AsyncSession,
    deed: AuditEvent,
    connection_id: UUID,
    receipt: Mapping[str, str] | None = None,
) -> None:
    """What became of the grant or the history of a connection that was disconnected."""
    about = json.dumps(receipt) if receipt else None
    values = {"deed": deed.value, "connection_id": connection_id, "receipt": about}
    await session.execute(OF_DISCONNECTED, values | _by(deed))


async def of_user(
    session: AsyncSession,
    user_id: int,
    before: int | None,
    deeds: Sequence[AuditEvent],
    connection_id: UUID | None = None,
    period: timedelta = AUDIT_LOG_KEPT,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """A page of the user's entries, the newest first, older than the entry `before`."""
    columns = (
        *(AuditLogEntry.id, AuditLogEntry.at, AuditLogEntry.deed),
        *(AuditLogEntry.connection_id, AuditLogEntry.receipt),
    )
    about = (AuditLogEntry.provider, AuditLogEntry.label, AuditLogEntry.who, AuditLogEntry.device)
    since = func.now() - period
    query = select(*columns, *about).where(
        AuditLogEntry.user_id == user_id, AuditLogEntry.at > since
    )
    if connection_id is not None:
        query = query.where(AuditLogEntry.connection_id == connection_id)
    if before is not None:
        query = query.where(AuditLogEntry.id < before)
    if deeds:
        query = query.where(AuditLogEntry.deed.in_(deeds))
    return (
        await session.execute(query.order_by(AuditLogEntry.id.desc()).limit(ENTRIES_ON_A_PAGE))
    ).all()


async def prune(session: AsyncSession) -> bool:
    """Delete some entries that are too old; True while there may be more."""
    old = (
        select(AuditLogEntry.id)
        .where(AuditLogEntry.at < func.now() - AUDIT_LOG_KEPT)
        .limit(PRUNED_AT_ONCE)
    )
    gone = delete(AuditLogEntry).where(AuditLogEntry.id.in_(old.scalar_subquery()))
    return len((await session.scalars(gone.returning(AuditLogEntry.id))).all()) == PRUNED_AT_ONCE


def _by(deed: AuditEvent) -> dict[str, str]:
    doer = ALWAYS.get(deed) or _doer.get()
    return {"who": doer.who.value, "device": doer.device[:200]}

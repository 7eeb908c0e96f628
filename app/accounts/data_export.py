"""The data export: everything stored about a user, without tokens, hashes and keys."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models.account import CalendarLink, EmailChange, Passkey, SecondFactor, Session, User
from app.models.alert import Alert, AlertChannel, AlertPreferences, AlertState
from app.models.audit import AuditLogEntry
from app.models.connection import Connection, Grant, PushedToken
from app.models.history import KeptHistory, Latencies, Outage, SlowPeriod

Column = InstrumentedAttribute[Any]

# The columns that are exported; what is not listed here is not.
USER_COLUMNS: tuple[Column, ...] = (User.email, User.created_at, User.zone)
SESSION_COLUMNS: tuple[Column, ...] = (
    *(Session.user_agent, Session.created_at),
    *(Session.seen_at, Session.expires_at),
)
NEW_EMAIL: tuple[Column, ...] = (EmailChange.email, EmailChange.expires_at)
PASSKEY_COLUMNS: tuple[Column, ...] = (Passkey.name, Passkey.created_at, Passkey.used_at)
TWO_FACTOR_COLUMNS: tuple[Column, ...] = (SecondFactor.confirmed_at,)
CALENDAR_COLUMNS: tuple[Column, ...] = (CalendarLink.created_at,)
CONNECTION_COLUMNS: tuple[Column, ...] = (
    *(Connection.id, Connection.provider, Connection.account, Connection.label),
    *(Connection.name, Connection.tags),
    *(Connection.status, Connection.cause, Connection.evidence, Connection.since),
    *(Connection.last_checked_at, Connection.latency_ms, Connection.connected_at),
    *(Connection.baseline_ms, Connection.slow_since),
    *(Grant.scopes, Grant.granted_at, Grant.refreshed_at),
)
KEPT_COLUMNS: tuple[Column, ...] = (
    *(KeptHistory.connection_id, KeptHistory.provider, KeptHistory.account, KeptHistory.label),
    *(KeptHistory.name, KeptHistory.tags, KeptHistory.connected_at),
    *(KeptHistory.last_checked_at, KeptHistory.baseline_ms, KeptHistory.disconnected_at),
)
PROVEN_ACCOUNT_COLUMNS: tuple[Column, ...] = (PushedToken.provider, PushedToken.account)
OUTAGE_COLUMNS: tuple[Column, ...] = (
    *(Outage.connection_id, Outage.status, Outage.cause),
    *(Outage.opened_at, Outage.closed_at, Outage.evidence),
    *(Outage.fault, Outage.last_evidence, Outage.checks),
)
SLOW_COLUMNS: tuple[Column, ...] = (SlowPeriod.connection_id, SlowPeriod.began, SlowPeriod.ended)
LATENCY_COLUMNS: tuple[Column, ...] = (Latencies.connection_id, Latencies.began, Latencies.counts)
CHANNEL_COLUMNS: tuple[Column, ...] = (
    *(AlertChannel.kind, AlertChannel.label, AlertChannel.state),
    *(AlertChannel.tags, AlertChannel.created_at, AlertChannel.sent_at),
)
PREFERENCE_COLUMNS: tuple[Column, ...] = (
    *(AlertPreferences.delay_minutes, AlertPreferences.reminder_days, AlertPreferences.digest),
    *(AlertPreferences.quiet_from, AlertPreferences.quiet_until),
)
ALERT_STATE_COLUMNS: tuple[Column, ...] = (
    AlertState.connection_id,
    AlertState.kind,
    AlertState.since,
    AlertState.told_at,
)
AUDIT_LOG_COLUMNS: tuple[Column, ...] = (
    *(AuditLogEntry.at, AuditLogEntry.deed, AuditLogEntry.connection_id),
    *(AuditLogEntry.provider, AuditLogEntry.label, AuditLogEntry.who, AuditLogEntry.device),
    AuditLogEntry.receipt,
)
ALERT_COLUMNS: tuple[Column, ...] = (Alert.kind, Alert.provider, Alert.created_at, Alert.facts)


async def everything_of(session: AsyncSession, user_id: int) -> dict[str, Any]:
    """Ready for JSON; times are ISO 8601 in UTC."""
    connections = select(*CONNECTION_COLUMNS).outerjoin(Grant, Grant.connection_id == Connection.id)
    own = select(Connection.id).where(Connection.user_id == user_id)
    kept = select(KeptHistory.connection_id).where(KeptHistory.user_id == user_id)
    ids = list(await session.scalars(own.union_all(kept)))
    return {
        "person": (await _rows(session, select(*USER_COLUMNS), User.id == user_id))[0],
        "new_email": await _rows(session, select(*NEW_EMAIL), EmailChange.user_id == user_id),
        "sessions": await _rows(session, select(*SESSION_COLUMNS), Session.user_id == user_id),
        "second_factor": await _rows(
            session, select(*TWO_FACTOR_COLUMNS), SecondFactor.user_id == user_id
        ),
        "passkeys": await _rows(session, select(*PASSKEY_COLUMNS), Passkey.user_id == user_id),
        "calendar": await _rows(
            session, select(*CALENDAR_COLUMNS), CalendarLink.user_id == user_id
        ),
        "connections": await _rows(session, connections, Connection.user_id == user_id),
        "proven": await _rows(
            session, select(*PROVEN_ACCOUNT_COLUMNS), PushedToken.user_id == user_id
        ),
        "kept": await _rows(session, select(*KEPT_COLUMNS), KeptHistory.user_id == user_id),
        "outages": await _rows(session, select(*OUTAGE_COLUMNS), Outage.connection_id.in_(ids)),
        "slow": await _rows(session, select(*SLOW_COLUMNS), SlowPeriod.connection_id.in_(ids)),
        "latencies": await _rows(
            session, select(*LATENCY_COLUMNS), Latencies.connection_id.in_(ids)
        ),
        "channels": await _rows(session, select(*CHANNEL_COLUMNS), AlertChannel.user_id == user_id),
        "wishes": await _rows(
            session, select(*PREFERENCE_COLUMNS), AlertPreferences.user_id == user_id
        ),
        "told": await _rows(session, select(*ALERT_STATE_COLUMNS), AlertState.user_id == user_id),
        "journal": await _rows(
            session, select(*AUDIT_LOG_COLUMNS), AuditLogEntry.user_id == user_id
        ),
        "alerts": await _rows(session, select(*ALERT_COLUMNS), Alert.user_id == user_id),
    }


async def _rows(
    session: AsyncSession, query: Select[Any], whose: ColumnElement[bool]
) -> list[dict[str, Any]]:
    found = await session.execute(query.where(whose))
    return [{name: _plain(value) for name, value in row.items()} for row in found.mappings()]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value

"""Step 3 of 7 of an alert, for all connections of a user: what waits, what is told together, what
is one message. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from app.alerts.quiet_hours import quiet_end
from app.alerts.rules import Around, Decision, decide
from app.alerts.types import (
    DOWN_KINDS,
    AlertedState,
    ConnectionState,
    Kind,
    Notification,
    Preferences,
)
from app.models.alert import AlertState

FIRST_CHECK = timedelta(minutes=1)  # after a pause: what was known before it is old


def decide_all(
    rows: Sequence[AlertState],
    seen: dict[UUID, ConnectionState],
    wishes: Preferences,
    now: datetime,
    lately: dict[tuple[str, ...], datetime],
) -> dict[UUID, Decision]:
    """Decide what is due, and then what may be told early because its group is told now."""
    if (end := quiet_end(wishes, now)) is not None:
        return {row.connection_id: put_off(row, end) for row in rows if _is_due(row, now)}
    paused = {
        row.connection_id: put_off(row, until + FIRST_CHECK)
        for row in rows
        if _is_due(row, now) and (until := seen[row.connection_id].paused_until) and until > now
    }
    rows = [row for row in rows if row.connection_id not in paused]
    due = {
        row.connection_id: decide(
            seen[row.connection_id],
            _known_of(row),
            wishes,
            Around(now, lately, _others_down(row, rows, seen)),
        )
        for row in rows
        if _is_due(row, now)
    }
    groups = {each.group for each in _all_news(due.values())}
    silent = [
        row for row in rows if row.connection_id not in due or not due[row.connection_id].news
    ]
    return paused | due | _decide_companions(silent, seen, wishes, now, groups)


def put_off(row: AlertState, moment: datetime) -> Decision:
    """Tell nothing, and evaluate again at that moment."""
    return Decision(_known_of(row), moment)


def messages_of(decisions: Iterable[Decision]) -> list[list[Notification]]:
    """The notifications of these decisions, grouped into messages."""
    groups: dict[tuple[str, ...], list[Notification]] = {}
    for each in _all_news(decisions):
        groups.setdefault(each.group, []).append(each)
    return [_of_one_kind(group) for group in groups.values()]


def _decide_companions(
    rows: Sequence[AlertState],
    seen: dict[UUID, ConnectionState],
    wishes: Preferences,
    now: datetime,
    groups: set[tuple[str, ...]],
) -> dict[UUID, Decision]:
    """What would be told a little later, and belongs to a group that gets a message now."""
    if not groups:
        return {}
    early = {
        row.connection_id: decide(
            seen[row.connection_id], _known_of(row), wishes, Around(now, {}, hurry=True)
        )
        for row in rows
    }
    return {
        connection_id: decision
        for connection_id, decision in early.items()
        if any(each.group in groups for each in decision.news)
    }


def _is_due(row: AlertState, now: datetime) -> bool:
    return row.look_at is not None and row.look_at <= now


def _known_of(row: AlertState) -> AlertedState:
    return AlertedState(
        Kind(row.kind), row.cause, row.since, row.told_at, row.expires_at, row.expires_days
    )


def _others_down(
    row: AlertState, rows: Sequence[AlertState], seen: dict[UUID, ConnectionState]
) -> bool:
    """Is another connection to this provider still down that the user was alerted about?"""
    own = seen[row.connection_id]
    return any(
        row.kind in DOWN_KINDS
        and other.kind in DOWN_KINDS
        and seen[other.connection_id].provider == own.provider
        and not _is_back(seen[other.connection_id])
        for other in rows
        if other is not row
    )


def _is_back(seen: ConnectionState) -> bool:
    return seen.status == "online" and seen.outage is None


def _all_news(decisions: Iterable[Decision]) -> list[Notification]:
    return [each for decision in decisions for each in decision.news]


def _of_one_kind(group: list[Notification]) -> list[Notification]:
    """In a group with a provider outage, that is what all of it is told about."""
    if any(each.kind is Kind.OUTAGE for each in group):
        return [replace(each, kind=Kind.OUTAGE) for each in group]
    return group

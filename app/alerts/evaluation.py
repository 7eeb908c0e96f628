"""Step 2 of 7 of an alert: evaluate users who are due, and write one alert for each cause.

The alerts and the state that says what was told are written in one transaction. A user's rows are
locked, so that two processes neither send the same alert nor split one in two.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts import outbox, preferences
from app.alerts.connection_state import see
from app.alerts.decisions import decide_all, messages_of, put_off
from app.alerts.rules import REPEAT_WINDOW, Decision
from app.alerts.types import ConnectionState, Preferences
from app.database.engine import Sessions
from app.database.row_arrays import unnest
from app.models.alert import Alert, AlertState
from app.providers.provider import Catalogue

PEOPLE_AT_ONCE = 50  # in one transaction
CONNECTIONS_AT_ONCE = 2_000  # connections in one go
UNTIL_DISABLED_LOOK = timedelta(days=1)  # between two looks at a disabled user's connections

DUE_PEOPLE = text(
    """
    SELECT id, disabled_at FROM users
    WHERE id IN (
        SELECT user_id FROM alert_states WHERE look_at <= now() ORDER BY look_at LIMIT 1000)
    LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    """
)
NOTE_BEGUN_OUTAGES = text(
    """
    WITH concerned AS MATERIALIZED (
        SELECT t.connection_id, o.id FROM provider_outages o
        JOIN connections c ON c.provider = o.provider
        JOIN alert_states t ON t.connection_id = c.id
        WHERE o.closed_at IS NULL AND t.outage_id IS DISTINCT FROM o.id
        LIMIT :chunk FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE alert_states t SET outage_id = concerned.id, look_at = now() FROM concerned
    WHERE t.connection_id = concerned.connection_id
    RETURNING t.connection_id
    """
)
NOTE_ENDED_OUTAGES = text(
    """
    WITH concerned AS MATERIALIZED (
        SELECT t.connection_id FROM alert_states t JOIN provider_outages o ON o.id = t.outage_id
        WHERE o.closed_at IS NOT NULL LIMIT :chunk FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE alert_states t SET outage_id = NULL, look_at = now() FROM concerned
    WHERE t.connection_id = concerned.connection_id
    RETURNING t.connection_id
    """
)
STATE_TYPES = {  # the columns of `alert_states` that an evaluation writes, with their SQL types
    "look_at": "timestamptz",
    "kind": "text",
    "cause": "text",
    "since": "timestamptz",
    "told_at": "timestamptz",
    "expires_at": "timestamptz",
    "expires_days": "int",
}
WRITE_STATES = text(
    f"""
    UPDATE alert_states t SET {", ".join(f"{name} = new.{name}" for name in STATE_TYPES)}
    FROM {unnest("new", {"id": "uuid"} | STATE_TYPES)}
    WHERE t.connection_id = new.id
    """
)


async def note_outages(sessions: Sessions) -> int:
    """Make the connections due that a provider outage concerns, when it begins and when it ends.

    Most of them are not checked meanwhile, so they have no transition of their own.
    """
    async with sessions.begin() as session:
        began = (await session.execute(NOTE_BEGUN_OUTAGES, {"chunk": CONNECTIONS_AT_ONCE})).all()
        ended = (await session.execute(NOTE_ENDED_OUTAGES, {"chunk": CONNECTIONS_AT_ONCE})).all()
    return len(began) + len(ended)


async def evaluate_due(sessions: Sessions, zone: ZoneInfo, catalogue: Catalogue) -> int:
    """Evaluate the next users, and return how many. `zone` is for users who have not chosen one."""
    async with sessions.begin() as session:
        people = (await session.execute(DUE_PEOPLE, {"limit": PEOPLE_AT_ONCE})).all()
        if not people:
            return 0
        ids = [each.id for each in people]
        rows = await _pending(session, ids)
        now = (await session.execute(select(func.now()))).scalar_one()
        wishes = await preferences.of_people(session, ids, zone)
        seen = await see(
            session, [each.connection_id for own in rows.values() for each in own], catalogue
        )
        lately = await _told_lately(session, ids)
        decisions: dict[UUID, Decision] = {}
        for person in people:
            own = rows.get(person.id, [])
            if person.disabled_at is not None:
                decisions |= {
                    row.connection_id: put_off(row, now + UNTIL_DISABLED_LOOK) for row in own
                }
            else:
                known = lately.get(person.id, {})
                decisions |= await _tell(session, own, seen, wishes[person.id], now, known)
        await _write_states(session, decisions)
    return len(people)


async def _pending(session: AsyncSession, user_ids: list[int]) -> dict[int, list[AlertState]]:
    """States by user, locked first: whatever changes after that makes them due again."""
    query = (
        select(AlertState)
        .where(AlertState.user_id.in_(user_ids))
        .order_by(AlertState.connection_id)
    )
    found: dict[int, list[AlertState]] = {}
    for each in await session.scalars(query.with_for_update(of=AlertState)):
        found.setdefault(each.user_id, []).append(each)
    return found


async def _told_lately(
    session: AsyncSession, user_ids: list[int]
) -> dict[int, dict[tuple[str, ...], datetime]]:
    query = select(Alert).where(
        Alert.user_id.in_(user_ids), Alert.created_at > func.now() - REPEAT_WINDOW
    )
    found: dict[int, dict[tuple[str, ...], datetime]] = {}
    for alert in await session.scalars(query.order_by(Alert.created_at)):
        found.setdefault(alert.user_id, {})[tuple(_texts(alert.facts.get("group")))] = (
            alert.created_at
        )
    return found


async def _tell(
    session: AsyncSession,
    rows: list[AlertState],
    seen: dict[UUID, ConnectionState],
    wishes: Preferences,
    now: datetime,
    lately: dict[tuple[str, ...], datetime],
) -> dict[UUID, Decision]:
    """Write the alerts of one user; returns the decisions."""
    decisions = decide_all(rows, seen, wishes, now, lately)
    for group in messages_of(decisions.values()):
        await outbox.put(session, rows[0].user_id, group, for_digest=wishes.digest != "none")
    return decisions


async def _write_states(session: AsyncSession, decisions: dict[UUID, Decision]) -> None:
    if not decisions:
        return
    columns: dict[str, list[Any]] = {"id": list(decisions), **{name: [] for name in STATE_TYPES}}
    for decision in decisions.values():
        for name in STATE_TYPES:
            columns[name].append(getattr(decision if name == "look_at" else decision.known, name))
    await session.execute(WRITE_STATES, columns)


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []

"""Alert preferences of users: read for the rules, changed on their page."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.alerts.quiet_hours import next_digest
from app.alerts.types import Preferences
from app.audit_log import AuditEvent
from app.models.account import User
from app.models.alert import Alert, AlertPreferences

DELAY_CHOICES = (0, 5, 10, 30, 60)  # minutes offline until an alert
REMINDER_CHOICES = (0, 1, 3, 7)  # days; 0: never


async def of_people(
    session: AsyncSession, user_ids: Iterable[int], zone: ZoneInfo
) -> dict[int, Preferences]:
    """Preferences by user, with defaults for users who have not set any.

    `zone` is for users who have not chosen one.
    """
    ids = list(user_ids)
    zones = await _zones(session, ids, zone)
    rows = await session.scalars(select(AlertPreferences).where(AlertPreferences.user_id.in_(ids)))
    said = {row.user_id: _wishes(row, zones[row.user_id]) for row in rows}
    return {each: said.get(each, Preferences(zones[each])) for each in zones}


async def of_person(session: AsyncSession, user_id: int, zone: ZoneInfo) -> Preferences:
    return (await of_people(session, [user_id], zone))[user_id]


async def save(session: AsyncSession, user_id: int, wishes: Preferences) -> None:
    """Store the preferences. When digests are switched off, what waits for one is sent at once."""
    now = (await session.execute(select(func.now()))).scalar_one()
    waits = select(Alert.id).where(Alert.user_id == user_id, Alert.for_digest).limit(1)
    digest_at = next_digest(wishes, now)
    if digest_at is None and await session.scalar(waits) is not None:
        digest_at = now
    values = {
        "delay_minutes": round(wishes.delay.total_seconds() / 60),
        "reminder_days": wishes.reminder.days if wishes.reminder else 0,
        "digest": wishes.digest,
        "digest_at": digest_at,
        "quiet_from": wishes.quiet_from,
        "quiet_until": wishes.quiet_until,
    }
    row = insert(AlertPreferences).values(user_id=user_id, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["user_id"], set_=values))
    await audit_log.write(session, user_id, AuditEvent.ALERTS_CHANGED)


async def _zones(session: AsyncSession, user_ids: list[int], zone: ZoneInfo) -> dict[int, ZoneInfo]:
    rows = await session.execute(select(User.id, User.zone).where(User.id.in_(user_ids)))
    return {row.id: ZoneInfo(row.zone) if row.zone else zone for row in rows}


def _wishes(row: AlertPreferences, zone: ZoneInfo) -> Preferences:
    return replace(
        Preferences(zone),
        delay=timedelta(minutes=row.delay_minutes),
        reminder=timedelta(days=row.reminder_days) if row.reminder_days else None,
        digest=row.digest,
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
    )

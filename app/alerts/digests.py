"""A digest: what happened since the last one, as one alert."""

from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts import outbox, preferences
from app.alerts.quiet_hours import next_digest
from app.alerts.types import Kind, Preferences
from app.database.engine import Sessions
from app.models.account import User
from app.models.alert import Alert, AlertPreferences

DIGESTS_AT_ONCE = 50  # in one transaction
DUE_DIGESTS = text(
    """
    SELECT u.id FROM users u
    JOIN alert_preferences p ON p.user_id = u.id
    WHERE p.digest_at <= now() ORDER BY p.digest_at LIMIT :limit
    FOR NO KEY UPDATE OF u SKIP LOCKED
    """
)


async def send_due(sessions: Sessions, zone: ZoneInfo) -> int:
    """Write the digests that are due; returns how many users were looked at."""
    async with sessions.begin() as session:
        ids = list((await session.execute(DUE_DIGESTS, {"limit": DIGESTS_AT_ONCE})).scalars())
        if not ids:
            return 0
        wishes = await preferences.of_people(session, ids, zone)
        for user_id in ids:
            await _send(session, user_id, wishes[user_id])
    return len(ids)


async def _send(session: AsyncSession, user_id: int, wishes: Preferences) -> None:
    row = await session.get_one(AlertPreferences, user_id, with_for_update=True)
    now = (await session.execute(select(func.now()))).scalar_one()
    if row.digest_at is None or row.digest_at > now:
        return  # another process has just done it
    row.digest_at = next_digest(wishes, now)
    query = select(Alert).where(Alert.user_id == user_id, Alert.for_digest)
    waiting = list(await session.scalars(query.order_by(Alert.created_at)))
    person = await session.get_one(User, user_id)
    if not waiting or person.disabled_at is not None:
        return  # nothing happened, so there is no digest
    digest = Alert(
        user_id=user_id,
        kind=Kind.DIGEST.value,
        connection_ids=sorted({each for alert in waiting for each in alert.connection_ids}),
        facts={"period": row.digest, "alerts": [_part(alert) for alert in waiting]},
    )
    session.add(digest)
    await session.flush()
    for alert in waiting:
        alert.for_digest, alert.digest_id = False, digest.id
    await outbox.send_out(session, digest)


def _part(alert: Alert) -> dict[str, object]:
    return {
        "kind": alert.kind,
        "provider": alert.provider,
        "at": alert.created_at.isoformat(),
        "facts": alert.facts,
    }

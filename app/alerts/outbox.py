"""Step 4 of 7 of an alert: deliveries to channels: written, claimed under a lease, completed.

One process at a time serves a channel, so its messages stay in order and within its limit. What
a delivery contains is fixed at its first attempt: when a process dies in between, another one sends
the same message again under the same id.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import metrics
from app.alerts.retry_policy import CHANNEL_LIMITS, DELIVERY_LIFE, MERGE_ABOVE
from app.alerts.tag_filter import facts_for
from app.alerts.types import Notification
from app.models.account import User
from app.models.alert import Alert, AlertChannel, Delivery

DELIVERY_LEASE = timedelta(seconds=120)  # a send takes at most half of it
ALERTS_KEPT = timedelta(days=90)  # alerts are deleted after this

CLAIM_DELIVERIES = text(
    """
    WITH due AS MATERIALIZED (
        SELECT id FROM alert_channels
        WHERE id IN (SELECT channel_id FROM deliveries WHERE state = 'waiting')
          AND state = 'on' AND next_try_at <= now()
          AND (lease_until IS NULL OR lease_until < now())
        ORDER BY next_try_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE alert_channels c
    SET lease_id = gen_random_uuid(), lease_until = now() + CAST(:lease AS interval)
    FROM due WHERE c.id = due.id
    RETURNING c.id
    """
)


@dataclass(frozen=True)
class Claimed:
    """What is sent now: one delivery, and the waiting ones that are merged into it."""

    delivery_id: UUID
    lease_id: UUID
    channel: AlertChannel
    email: str  # the user's
    alert: Alert
    carried: tuple[Alert, ...] = ()


def facts_of(group: Sequence[Notification]) -> dict[str, object]:
    """What the text of an alert is made from, as JSON."""
    return {"group": list(group[0].group), "items": [_plain(each) for each in group]}


async def put(
    session: AsyncSession, user_id: int, group: Sequence[Notification], *, for_digest: bool
) -> None:
    """Write one alert for a group of notifications, and a delivery for each channel of the user."""
    first = group[0]
    alert = Alert(
        id=uuid4(),
        user_id=user_id,
        kind=first.kind.value,
        provider=first.provider,
        connection_ids=[each.connection_id for each in group],
        facts=facts_of(group),
        for_digest=for_digest,
    )
    session.add(alert)
    await session.flush()
    metrics.ALERTS.labels(alert.kind).inc()
    if not for_digest:
        await send_out(session, alert)


async def send_out(session: AsyncSession, alert: Alert) -> None:
    """Write a delivery for each channel that is on and is told of this.

    E-mail is on unless the user switched it off.
    """
    mailbox = insert(AlertChannel).values(id=uuid4(), user_id=alert.user_id, kind="email")
    await session.execute(mailbox.on_conflict_do_nothing())
    channels = await session.scalars(
        select(AlertChannel).where(
            AlertChannel.user_id == alert.user_id, AlertChannel.state == "on"
        )
    )
    email = await session.scalar(select(User.email).where(User.id == alert.user_id))
    for channel in channels:
        if not facts_for(alert.facts, channel.tags):
            continue
        session.add(
            Delivery(
                id=uuid4(),
                alert_id=alert.id,
                channel_id=channel.id,
                channel_kind=channel.kind,
                channel_label=channel.label or email,
            )
        )
    await session.flush()


async def claim(session: AsyncSession, limit: int) -> list[Claimed]:
    """Lease channels that have something to send, and choose what each of them sends now."""
    claimed = await session.execute(CLAIM_DELIVERIES, {"limit": limit, "lease": DELIVERY_LEASE})
    ids = list(claimed.scalars())
    parcels = [await _parcel(session, channel_id) for channel_id in ids]
    return [each for each in parcels if each is not None]


async def sent(session: AsyncSession, parcel: Claimed, *, logged: bool = False) -> None:
    """Record a success, also when the lease has expired meanwhile: it was sent, or `logged`."""
    done = {"state": "logged" if logged else "sent", "done_at": func.now(), "error": None}
    last = {} if logged else {"sent_at": func.now()}
    await _settle_channel(session, parcel, failures=0, failing_since=None, error=None, **last)
    await session.execute(update(Delivery).where(Delivery.id == parcel.delivery_id).values(done))
    carried = update(Delivery).where(Delivery.carried_by == parcel.delivery_id)
    await session.execute(carried.values(state="carried", done_at=func.now()))


async def not_sent(
    session: AsyncSession, parcel: Claimed, why: str, again_at: datetime, *, gone: bool
) -> None:
    """Record a failure: the channel pauses until `again_at`; `gone`: its address is dead."""
    await _settle_channel(
        session,
        parcel,
        failures=func.least(AlertChannel.failures + 1, 1_000),
        failing_since=func.coalesce(AlertChannel.failing_since, func.now()),
        error=why,
        next_try_at=again_at,
        **({"state": "gone"} if gone else {}),
    )
    tried = update(Delivery).where(Delivery.id == parcel.delivery_id)
    await session.execute(tried.values(error=why))


async def give_up_old(session: AsyncSession) -> None:
    """Mark what could not be delivered for a day as failed."""
    old = Delivery.created_at < func.now() - DELIVERY_LIFE
    await session.execute(
        update(Delivery)
        .where(Delivery.state == "waiting", old)
        .values(state="failed", done_at=func.now())
    )


async def forget_old(session: AsyncSession) -> None:
    await session.execute(
        text("DELETE FROM alerts WHERE created_at < now() - CAST(:kept AS interval)"),
        {"kept": ALERTS_KEPT},
    )


async def _parcel(session: AsyncSession, channel_id: UUID) -> Claimed | None:
    channel = await session.get_one(AlertChannel, channel_id, populate_existing=True)
    rows = await _waiting(session, channel_id)
    free_at = await _free_at(session, channel)
    if not rows or free_at is not None:
        channel.lease_id = channel.lease_until = None
        channel.next_try_at = free_at or channel.next_try_at
        return None
    delivery, carried = _choose(rows)
    delivery.tries = min(delivery.tries + 1, 1_000)
    for each in carried:
        each.carried_by = delivery.id
    await session.flush()
    alerts = await _alerts(session, [delivery, *carried])
    email = await session.scalar(select(User.email).where(User.id == channel.user_id))
    rest = tuple(alerts[each.alert_id] for each in carried)
    alert = alerts[delivery.alert_id]
    assert channel.lease_id is not None and email is not None  # noqa: PT018, S101
    return Claimed(delivery.id, channel.lease_id, channel, email, alert, rest)


def _choose(rows: Sequence[Delivery]) -> tuple[Delivery, list[Delivery]]:
    """A delivery that was tried before is repeated as it was; many waiting ones are merged."""
    for row in rows:
        if row.tries:
            return row, [each for each in rows if each.carried_by == row.id]
    free = [row for row in rows if row.carried_by is None]
    return (free[-1], free[:-1]) if len(free) > MERGE_ABOVE else (free[0], [])


async def _waiting(session: AsyncSession, channel_id: UUID) -> list[Delivery]:
    query = select(Delivery).where(Delivery.channel_id == channel_id, Delivery.state == "waiting")
    return list(await session.scalars(query.order_by(Delivery.created_at, Delivery.id)))


async def _free_at(session: AsyncSession, channel: AlertChannel) -> datetime | None:
    """When the limit of the channel allows the next message; None: now."""
    limit = CHANNEL_LIMITS[channel.kind]
    latest = (
        select(Delivery.done_at)
        .where(
            Delivery.channel_id == channel.id,
            Delivery.state.in_(("sent", "logged")),
            Delivery.done_at > func.now() - limit.window,
        )
        .order_by(Delivery.done_at.desc())
        .limit(limit.tries)
    )
    moments = [each for each in await session.scalars(latest) if each is not None]
    return moments[-1] + limit.window if len(moments) >= limit.tries else None


async def _alerts(session: AsyncSession, deliveries: Sequence[Delivery]) -> dict[UUID, Alert]:
    ids = [each.alert_id for each in deliveries]
    return {each.id: each for each in await session.scalars(select(Alert).where(Alert.id.in_(ids)))}


async def _settle_channel(session: AsyncSession, parcel: Claimed, **values: Any) -> None:
    """Write the channel's state, unless its lease was lost to another process."""
    await session.execute(
        update(AlertChannel)
        .where(AlertChannel.id == parcel.channel.id, AlertChannel.lease_id == parcel.lease_id)
        .values(lease_id=None, lease_until=None, **values)
    )


def _plain(news: Notification) -> dict[str, object]:
    fields = asdict(news) | {
        "kind": news.kind.value,
        "connection_id": str(news.connection_id),
        "since": news.since.isoformat() if news.since else None,
    }
    return {name: value for name, value in fields.items() if value not in (None, False, ())}

"""Queries for pages: alerts that were sent, with their deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts.message_texts import message_of
from app.alerts.text_context import Setting
from app.alerts.types import Kind
from app.models.alert import Alert, Delivery

SHOWN_ALERTS = 20


@dataclass(frozen=True)
class Where:
    """One delivery; `state`: waiting, sent, logged (no mail server), carried (said in another
    message) or failed.
    """

    kind: str
    label: str
    state: str
    at: datetime | None
    error: str | None


@dataclass(frozen=True)
class Sent:
    """One alert as the page of alerts shows it."""

    title: str
    tone: str
    at: datetime
    for_digest: bool
    where: Sequence[Where]


async def sent_to(
    session: AsyncSession, user_id: int, setting: Setting, connection_id: UUID | None = None
) -> list[Sent]:
    """The user's latest alerts, or those about one of their connections; newest first."""
    query = select(Alert).where(Alert.user_id == user_id)
    if connection_id is not None:
        query = query.where(Alert.connection_ids.contains([connection_id]))
    alerts = (
        await session.scalars(query.order_by(Alert.created_at.desc()).limit(SHOWN_ALERTS))
    ).all()
    where = await _where(session, [each.id for each in alerts])
    return [_sent(each, where.get(each.id, []), setting) for each in alerts]


def _sent(alert: Alert, where: Sequence[Where], setting: Setting) -> Sent:
    letter = message_of(Kind(alert.kind), alert.provider, alert.facts, setting)
    return Sent(letter.title, letter.tone, alert.created_at, alert.for_digest, where)


async def _where(session: AsyncSession, alert_ids: Sequence[UUID]) -> dict[UUID, list[Where]]:
    query = select(Delivery).where(Delivery.alert_id.in_(alert_ids)).order_by(Delivery.created_at)
    found: dict[UUID, list[Where]] = {}
    for row in await session.scalars(query):
        where = Where(row.channel_kind, row.channel_label, row.state, row.done_at, row.error)
        found.setdefault(row.alert_id, []).append(where)
    return found

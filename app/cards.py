"""A card: what is shown of a connection, or of a provider that is not connected yet."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func

from app.models import Cause, Connection, Status
from app.providers import Catalogue, Provider

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
FOR_TEMPLATES = ("version", "stale_at", "about", "configured")  # not in the JSON


@dataclass(frozen=True)
class Descriptor:
    """One card, as the templates and `GET /connections` (JSON) get it: contract, "Descriptor"."""

    provider: str
    name: str
    icon: str
    connect_url: str
    disconnect_url: str
    about: str
    configured: bool
    id: UUID | None = None
    connected: bool = False
    is_online: bool = False
    status: str = Status.DISCONNECTED.value
    cause: str | None = None
    fault: str | None = None
    evidence: str | None = None
    since: datetime | None = None
    stale: bool = False
    last_checked_at: datetime | None = None
    next_check_at: datetime | None = None
    latency_ms: int | None = None
    details: str | None = None
    version: int = 0
    stale_at: datetime | None = None  # when the page may say by itself that nothing fresh came

    def as_json(self) -> dict[str, Any]:
        keys = [each.name for each in fields(self) if each.name not in FOR_TEMPLATES]
        return {key: _plain(getattr(self, key)) for key in keys}


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
    stale_at = row.next_check_at + timedelta(seconds=interval)
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
        stale=row.read_at > stale_at,
        last_checked_at=row.last_checked_at,
        next_check_at=row.next_check_at,
        latency_ms=row.latency_ms,
        details=row.label,
        connect_url=f"/{row.provider}/connect",
        disconnect_url=f"/{row.provider}/disconnect",
        version=row.version,
        stale_at=stale_at,
        about=provider.about if provider else "",
        configured=bool(provider and provider.configured),
    )


def not_connected(provider: Provider) -> Descriptor:
    """A provider that the person has no connection to."""
    return Descriptor(
        provider=provider.name,
        name=provider.title,
        icon=provider.icon,
        connect_url=f"/{provider.name}/connect",
        disconnect_url=f"/{provider.name}/disconnect",
        about=provider.about,
        configured=provider.configured,
    )


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=_text))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

"""A card: what is shown of a connection, or of a provider that is not connected yet."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.connections.queries import CardRow
from app.history.latency_ring import LatencyRing
from app.history.uptime import Past, Pasts
from app.models.connection import Cause, Status
from app.oauth.token_expiry import last_day
from app.providers.provider import API_KEY, PUSHED_TOKEN, Catalogue, Provider

NO_PASTS: Pasts = {}
GREY_CARDS = 3  # on the page of all connections; the gallery has the rest
FOR_TEMPLATES = (
    "by_key",
    "delivered",
    "version",
    "stale_at",
    "about",
    "configured",
    "provider_down_since",
    "zone",
    "past",
    "latencies",
)  # not in the JSON


@dataclass(frozen=True)
class DownProvider:
    """A provider-wide outage, as one person sees it."""

    name: str
    since: datetime
    count: int  # how many of the person's connections it concerns


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
    flapping: bool = False
    expires_at: datetime | None = None  # the last day of a grant that nothing renews
    version: int = 0
    stale_at: datetime | None = None  # when the page may say by itself that nothing fresh came
    provider_down_since: datetime | None = None  # the provider fails for everybody
    by_key: bool = False  # people bring a key, so nobody had to set anything up
    delivered: bool = False  # its token is delivered by the provider, so nothing is to be pressed
    zone: str | None = None  # its owner's: one rendering serves all their pages
    past: Past | None = None
    latencies: Sequence[int | None] = ()  # milliseconds of the last looks; None: no answer

    def as_json(self) -> dict[str, Any]:
        keys = [each.name for each in fields(self) if each.name not in FOR_TEMPLATES]
        return {key: _plain(getattr(self, key)) for key in keys}


def describe_all(
    rows: Sequence[CardRow],
    catalogue: Catalogue,
    interval: float,
    pasts: Pasts = NO_PASTS,
) -> list[Descriptor]:
    """The person's page: connections first in the catalogue's order, a grey card where there is
    none.
    """
    cards: list[Descriptor] = []
    for name in [*catalogue, *sorted({row.provider for row in rows} - set(catalogue))]:
        own = [describe(row, catalogue, interval, pasts) for row in rows if row.provider == name]
        provider = catalogue.get(name)
        cards += own or ([not_connected(provider)] if provider and provider.configured else [])
    return cards


def for_page(cards: Sequence[Descriptor]) -> list[Descriptor]:
    """What the page shows: every connection, then not more grey cards than one looks at: first
    what the operator has set up.
    """
    grey = sorted((card for card in cards if not card.connected), key=lambda card: card.by_key)
    return [card for card in cards if card.connected] + grey[:GREY_CARDS]


def describe(
    row: CardRow, catalogue: Catalogue, interval: float, pasts: Pasts = NO_PASTS
) -> Descriptor:
    """One connection."""
    provider = catalogue.get(row.provider)
    # While its provider is out for everybody, only a sample is asked, and that is fresh enough.
    # An outage of a provider that nobody asks any more is no news, and would never end.
    asked = provider is not None and provider.configured
    down_since = row.provider_down_since if asked else None
    stale_at = None if down_since else row.next_check_at + timedelta(seconds=interval)
    return Descriptor(
        **_of_provider(row.provider, provider),
        id=row.id,
        connected=True,
        is_online=row.is_online,
        status=row.status,
        cause=row.cause,
        fault=Cause(row.cause).fault if row.cause else None,
        evidence=row.evidence,
        since=row.since,
        stale=stale_at is not None and row.read_at > stale_at,
        last_checked_at=row.last_checked_at,
        next_check_at=row.next_check_at,
        latency_ms=row.latency_ms,
        details=row.label,
        flapping=row.flapping,
        expires_at=last_day(row, provider),
        version=row.version,
        stale_at=stale_at,
        provider_down_since=down_since,
        past=pasts.get(row.id),
        latencies=LatencyRing(row.recent_latencies, row.check_count).latencies(),
        delivered=row.grant_kind == PUSHED_TOKEN,
        zone=row.zone,
    )


def not_connected(provider: Provider) -> Descriptor:
    """A provider that the person has no connection to."""
    return Descriptor(**_of_provider(provider.name, provider))


def down_providers(cards: Iterable[Descriptor]) -> list[DownProvider]:
    """The provider-wide outages that concern these cards, in their order."""
    down: dict[str, DownProvider] = {}
    for card in cards:
        if card.provider_down_since is not None:
            count = down[card.provider].count if card.provider in down else 0
            down[card.provider] = DownProvider(card.name, card.provider_down_since, count + 1)
    return list(down.values())


def _of_provider(name: str, provider: Provider | None) -> dict[str, Any]:
    """What a card says of its provider; None: the catalogue does not have it any more."""
    return {
        "provider": name,
        "name": provider.title if provider else name,
        "icon": provider.icon if provider else "bi-plug",
        "about": provider.about if provider else "",
        "configured": provider is not None and provider.configured,
        "by_key": provider is not None and provider.kind == API_KEY,
        "connect_url": f"/{name}/connect",
        "disconnect_url": f"/{name}/disconnect",
    }


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=_text))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

"""A card: what is shown of a connection, or of a provider that is not connected yet."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.connections.queries import CardRow
from app.history.latency_ring import LatencyRing
from app.history.uptime import Past, Pasts
from app.i18n.connection_titles import full_title, subtitle_of, title_of
from app.models.connection import Cause, Status
from app.models.history import REFUSING
from app.models.pause import FOREVER
from app.oauth.token_expiry import last_day
from app.providers.provider import API_KEY, PUSHED_TOKEN, Catalogue, Provider

NO_PASTS: Pasts = {}
LASTING_TROUBLE = timedelta(
    hours=3
)  # trouble of one connection: longer than a provider's usual outage
GREY_CARDS = 3  # at most, on the page of connections; the catalogue shows all providers
FOR_TEMPLATES = (
    "own_name",
    "by_key",
    "delivered",
    "version",
    "connected_at",
    "stale_at",
    "about",
    "configured",
    "provider_down_since",
    "provider_refuses_all",
    "is_lasting",
    "zone",
    "past",
    "latencies",
    "baseline_ms",
    "slow_since",
)  # these fields are not in the JSON


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
    details: str | None = None  # what the provider calls the account
    own_name: str | None = None
    tags: Sequence[str] = ()
    flapping: bool = False
    slow_since: datetime | None = None
    baseline_ms: int | None = None  # what 95 % of its answers did not exceed
    paused_until: datetime | None = None  # None: it is not paused; FOREVER: until it is resumed
    expires_at: datetime | None = None  # the last day of a grant that nothing renews
    version: int = 0
    connected_at: datetime | None = None
    stale_at: datetime | None = None  # from when on the page marks the card as stale by itself
    provider_down_since: datetime | None = None  # begin of the provider-wide outage
    provider_refuses_all: bool = False  # that outage is one of refusing everybody's grants
    is_lasting: bool = False  # its trouble is hours old
    by_key: bool = False  # users bring an API key, so the operator had to set nothing up
    delivered: bool = False  # the provider delivers its token
    zone: str | None = None  # the user's time zone: one rendering serves all their pages
    past: Past | None = None
    latencies: Sequence[int | None] = ()  # milliseconds of the last checks; None: no answer

    @property
    def title(self) -> str:
        """What is shown first."""
        return title_of(self.own_name, self.details, self.name)

    @property
    def subtitle(self) -> str:
        return subtitle_of(self.title, self.name)

    @property
    def full_title(self) -> str:
        return full_title(self.title, self.name)

    @property
    def slow(self) -> bool:
        """It is online, and slower than it usually is: after weeks without answers nobody knows
        what is usual, until the next check has said so.
        """
        figures = (self.slow_since, self.latency_ms, self.baseline_ms)
        return self.is_online and None not in figures

    @property
    def paused(self) -> bool:
        return self.paused_until is not None

    @property
    def paused_forever(self) -> bool:
        return self.paused_until == FOREVER

    @property
    def words(self) -> str:
        """What a search looks in."""
        said = (self.title, self.name, self.details or "", *self.tags)
        return " ".join(dict.fromkeys(said)).lower()

    def as_json(self) -> dict[str, Any]:
        keys = [each.name for each in fields(self) if each.name not in FOR_TEMPLATES]
        return {key: _plain(getattr(self, key)) for key in (*keys, "title", "slow")}


def describe_all(
    rows: Sequence[CardRow],
    catalogue: Catalogue,
    interval: float,
    pasts: Pasts = NO_PASTS,
) -> list[Descriptor]:
    """All cards of a user in the catalogue's order: the connections to each provider, or the grey
    card of a configured provider without one.
    """
    cards: list[Descriptor] = []
    for name in [*catalogue, *sorted({row.provider for row in rows} - set(catalogue))]:
        own = [describe(row, catalogue, interval, pasts) for row in rows if row.provider == name]
        provider = catalogue.get(name)
        cards += own or ([not_connected(provider)] if provider and provider.configured else [])
    return cards


def for_page(cards: Sequence[Descriptor]) -> list[Descriptor]:
    """What the page shows: every connection, then GREY_CARDS grey cards at most, those first that
    the operator had to set up.
    """
    grey = sorted((card for card in cards if not card.connected), key=lambda card: card.by_key)
    return [card for card in cards if card.connected] + grey[:GREY_CARDS]


def describe(
    row: CardRow, catalogue: Catalogue, interval: float, pasts: Pasts = NO_PASTS
) -> Descriptor:
    """The card of one connection."""
    provider = catalogue.get(row.provider)
    # During a provider-wide outage only a sample of its connections is checked, so no card of them
    # is stale. An outage of a provider that is not configured any more is ignored: nothing ends it.
    asked = provider is not None and provider.configured
    down_since = row.provider_down_since if asked else None
    paused = is_paused(row)
    stale_at = None if down_since or paused else row.next_check_at + timedelta(seconds=interval)
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
        next_check_at=row.next_check_at if row.next_check_at < FOREVER else None,
        **_names_of(row),
        flapping=row.flapping and not paused,
        paused_until=row.paused_until if paused else None,
        expires_at=last_day(row, provider),
        version=row.version,
        connected_at=row.connected_at,
        stale_at=stale_at,
        provider_down_since=down_since,
        provider_refuses_all=down_since is not None and row.provider_outage_kind == REFUSING,
        is_lasting=row.read_at - row.since > LASTING_TROUBLE,
        past=pasts.get(row.id),
        **_latencies_of(row),
        delivered=row.grant_kind == PUSHED_TOKEN,
        zone=row.zone,
    )


def _names_of(row: CardRow) -> dict[str, Any]:
    return {"details": row.label, "own_name": row.name, "tags": tuple(row.tags)}


def is_paused(row: CardRow) -> bool:
    return row.paused_until is not None and row.paused_until > row.read_at


def not_connected(provider: Provider) -> Descriptor:
    """The grey card of a provider without a connection."""
    return Descriptor(**_of_provider(provider.name, provider))


def row_title(row: Any, services: Mapping[str, str]) -> str:
    """Of a row with a `provider` and a `label`, and a `name` where there is one: its full title."""
    service = services.get(row.provider, row.provider)
    return full_title(title_of(getattr(row, "name", None), row.label, service), service)


def _of_provider(name: str, provider: Provider | None) -> dict[str, Any]:
    """The fields of its provider; None: it is no longer in the catalogue."""
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


def _latencies_of(row: CardRow) -> dict[str, Any]:
    return {
        "latency_ms": row.latency_ms,
        "latencies": LatencyRing(row.recent_latencies, row.check_count).latencies(),
        "slow_since": row.slow_since,
        "baseline_ms": row.baseline_ms,
    }


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=_text))


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

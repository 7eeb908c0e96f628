"""The types of what every channel takes and returns."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.alerts.message import AlertMessage
from app.config import Settings
from app.outbound.allowed_hosts import PUBLIC, Destination
from app.outbound.client import HttpClient

CHANNEL_TIMEOUT = 15.0  # seconds for one request to a channel's server


@dataclass(frozen=True)
class Post:
    """What channels send with."""

    settings: Settings
    http: HttpClient

    @property
    def anywhere(self) -> Destination:
        """Where an address that somebody typed in may lead: to the Internet, and not to us."""
        return replace(PUBLIC, loopback=self.settings.allow_loopback_targets)


@dataclass(frozen=True)
class Address:
    """Where a message goes: the user's own e-mail address, and the channel's opened target."""

    email: str
    unsubscribe: UUID
    target: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Parcel:
    """A message with its facts; a second one with the same `id` is the same message."""

    id: UUID
    letter: AlertMessage
    provider: str | None
    facts: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class DeliveryRefused:
    """Why a message was not delivered, in Russian, without anything that the other side sent."""

    why: str
    gone: bool = False  # the address is dead: only the user can set a new one up
    retry_after: float | None = None  # seconds


Send = Callable[[Post, Address, Parcel], Awaitable[DeliveryRefused | None]]

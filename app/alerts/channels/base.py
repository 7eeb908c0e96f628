"""What every channel gets and gives."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.alerts.message import AlertMessage
from app.config import Settings
from app.outbound.client import Outbound

CHANNEL_TIMEOUT = 15.0  # seconds for one answer of a channel's server


@dataclass(frozen=True)
class Post:
    """What sending needs."""

    settings: Settings
    http: Outbound


@dataclass(frozen=True)
class Address:
    """Where to: the person's own e-mail, and what was kept sealed for this channel."""

    email: str
    unsubscribe: UUID
    target: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Parcel:
    """A letter with what it is made of; the same `id` twice is the same message."""

    id: UUID
    letter: AlertMessage
    provider: str | None
    facts: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class DeliveryRefused:
    """Why it did not go out, in Russian, with nothing that the other side sent."""

    why: str
    gone: bool = False  # this address is no more: only the person can make a new one
    retry_after: float | None = None  # seconds


Send = Callable[[Post, Address, Parcel], Awaitable[DeliveryRefused | None]]

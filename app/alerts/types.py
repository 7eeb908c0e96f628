"""What deciding and wording need to know: plain values, from the tables and for the tables."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo


class Kind(StrEnum):
    """What an alert is about; WELL is what a person believes when nothing was told."""

    WELL = "well"
    REVOKED = "revoked"
    BLOCKED = "blocked"
    OFFLINE = "offline"
    OUTAGE = "outage"  # the provider fails for everybody
    EXPIRING = "expiring"
    FLAPPING = "flapping"
    CALM = "calm"  # a flapping connection is well for good
    RECOVERED = "recovered"
    REMINDER = "reminder"  # the person's own move is still open
    DIGEST = "digest"
    TEST = "test"


TROUBLE_KINDS = (Kind.REVOKED, Kind.BLOCKED, Kind.OFFLINE, Kind.OUTAGE)
YOUR_MOVE_KINDS = (Kind.REVOKED, Kind.BLOCKED)  # the person's own move
DOWN_KINDS = (Kind.OFFLINE, Kind.OUTAGE)  # one trouble, seen from near and from afar


@dataclass(frozen=True)
class OpenProviderOutage:
    """A provider that fails for everybody."""

    since: datetime
    cause: str
    evidence: str


@dataclass(frozen=True)
class ConnectionState:
    """A connection as it is now."""

    connection_id: UUID
    provider: str
    label: str | None
    status: str
    cause: str | None
    evidence: str | None
    since: datetime
    fresh: bool = True  # False: its check is overdue, so nobody knows what it is now
    transitions: tuple[datetime, ...] = ()  # the last four, oldest first
    expires_at: datetime | None = None  # of a grant that cannot be refreshed
    granted_at: datetime | None = None
    outage: OpenProviderOutage | None = None  # that goes on now
    outage_ended: datetime | None = None  # the last one at its provider


@dataclass(frozen=True)
class AlertedState:
    """What its person was last told about it."""

    kind: Kind = Kind.WELL
    cause: str | None = None
    since: datetime | None = None
    told_at: datetime | None = None
    expires_at: datetime | None = None
    expires_days: int | None = None


@dataclass(frozen=True)
class Preferences:
    """How a person wants to be told."""

    zone: ZoneInfo
    delay: timedelta = timedelta(minutes=10)  # offline for longer than this is told
    reminder: timedelta | None = timedelta(days=1)
    digest: str = "none"
    quiet_from: time | None = None  # in the person's zone
    quiet_until: time | None = None


@dataclass(frozen=True)
class Notification:
    """One connection's part of an alert."""

    kind: Kind
    provider: str
    connection_id: UUID
    label: str | None
    cause: str | None = None
    evidence: str | None = None
    since: datetime | None = None
    seconds: int | None = None  # how long it did not work
    days: int | None = None  # until its grant ends

    @property
    def group(self) -> tuple[str, ...]:
        """What is told together: one provider, and for the person's own move one cause."""
        kind = Kind.OFFLINE if self.kind in DOWN_KINDS else self.kind
        own = self.kind in (*YOUR_MOVE_KINDS, Kind.REMINDER)
        return (kind.value, self.provider, (self.cause or "") if own else "", str(self.days or ""))

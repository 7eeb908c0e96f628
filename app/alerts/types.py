"""Plain values that rules and texts of alerts work with."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo


class Kind(StrEnum):
    """What an alert is about; WELL is the state in which nothing was told."""

    WELL = "well"
    REVOKED = "revoked"
    BLOCKED = "blocked"
    OFFLINE = "offline"
    OUTAGE = "outage"  # of the provider, for many users
    EXPIRING = "expiring"
    FLAPPING = "flapping"
    CALM = "calm"  # a flapping connection has stayed online for a while
    RECOVERED = "recovered"
    REMINDER = "reminder"  # the user's move is still due
    DIGEST = "digest"
    TEST = "test"


TROUBLE_KINDS = (Kind.REVOKED, Kind.BLOCKED, Kind.OFFLINE, Kind.OUTAGE)
YOUR_MOVE_KINDS = (Kind.REVOKED, Kind.BLOCKED)  # the user has to act
DOWN_KINDS = (Kind.OFFLINE, Kind.OUTAGE)  # of the connection, or of its whole provider


@dataclass(frozen=True)
class OpenProviderOutage:
    """A provider outage that has not ended."""

    since: datetime
    cause: str
    evidence: str
    refuses: bool = False  # it works, and refuses everybody's grants
    told_from: datetime | None = None  # nobody is told before


@dataclass(frozen=True)
class ConnectionState:
    """A connection's state now."""

    connection_id: UUID
    provider: str
    label: str | None
    status: str
    cause: str | None
    evidence: str | None
    since: datetime
    fresh: bool = True  # False: its check is overdue, so its state is not known
    transitions: tuple[datetime, ...] = ()  # the last four, oldest first
    expires_at: datetime | None = None  # of a grant that cannot be refreshed
    granted_at: datetime | None = None
    outage: OpenProviderOutage | None = None  # the one that lasts now
    outage_ended: datetime | None = None  # when the last one of its provider ended
    title: str | None = None  # what it is called; None: only the provider's name is known
    tags: tuple[str, ...] = ()  # its owner's
    paused_until: datetime | None = None  # its owner's, perhaps over


@dataclass(frozen=True)
class AlertedState:
    """What the user was last told about a connection."""

    kind: Kind = Kind.WELL
    cause: str | None = None
    since: datetime | None = None
    told_at: datetime | None = None
    expires_at: datetime | None = None
    expires_days: int | None = None


@dataclass(frozen=True)
class Preferences:
    """A user's alert preferences."""

    zone: ZoneInfo
    delay: timedelta = timedelta(minutes=10)  # offline for longer than this causes an alert
    reminder: timedelta | None = timedelta(days=1)
    digest: str = "none"
    quiet_from: time | None = None  # in `zone`
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
    seconds: int | None = None  # how long it was down
    days: int | None = None  # until its grant ends
    refuses: bool = False  # of an outage: the provider works, and refuses everybody's grants
    healed: bool = False  # the provider takes the very grant again that it had refused
    title: str | None = None  # what its owner calls it, else the label
    tags: tuple[str, ...] = ()

    @property
    def group(self) -> tuple[str, ...]:
        """What is told in one message: one provider, and one cause where it is the user's move."""
        kind = Kind.OFFLINE if self.kind in DOWN_KINDS else self.kind
        own = self.kind in (*YOUR_MOVE_KINDS, Kind.REMINDER)
        return (kind.value, self.provider, (self.cause or "") if own else "", str(self.days or ""))

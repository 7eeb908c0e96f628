"""The last 60 checks of a connection: when each was, whether all was well, how long it took.

They stand in the connection's own row, in the array `recent_latencies`, written round and round:
`check_count % 60` is the next slot. An entry is an int4: the seconds since the check before it in
the upper half, then one bit that is set when all was well, then the latency in milliseconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

RING_SIZE = 60
NO_LATENCY = 0x7FFF  # in place of one, where no answer came
LONGEST_KNOWN_PAUSE = 0xFFFF  # seconds (18 hours); times before a longer pause are not known

NEXT_SLOT = f"check_count % {RING_SIZE} + 1"  # SQL: the slot that the next check is written to


@dataclass(frozen=True)
class PastCheck:
    at: datetime | None  # None: too long ago to say
    good: bool
    latency_ms: int | None


class LatencyRing(NamedTuple):
    """Both columns of a connection's row; `check_count` counts all checks that there ever were."""

    recent_latencies: Sequence[int]
    check_count: int

    def entries(self) -> list[int]:
        """Oldest first."""
        next_slot = self.check_count % RING_SIZE
        if self.check_count < RING_SIZE:
            return list(self.recent_latencies[: self.check_count])
        return [*self.recent_latencies[next_slot:], *self.recent_latencies[:next_slot]]

    def latencies(self) -> list[int | None]:
        """In milliseconds, oldest first; None: there was no answer."""
        return _latencies(self.entries())

    def last_latencies(self, count: int) -> list[int | None]:
        """Those of the last `count` checks."""
        return _latencies(self.entries()[-count:]) if count else []

    def checks(self, last_at: datetime | None) -> list[PastCheck]:
        """Newest first; `last_at` is when the newest was."""
        found: list[PastCheck] = []
        at = last_at.replace(microsecond=0) if last_at else None
        for entry in reversed(self.entries()):
            found.append(PastCheck(at, bool(entry >> 15 & 1), *_latencies([entry])))
            pause = entry >> 16 & LONGEST_KNOWN_PAUSE
            at = at - timedelta(seconds=pause) if at and pause < LONGEST_KNOWN_PAUSE else None
        return found

    def followed_by(self, entry: int, pause: float) -> "LatencyRing":
        """With one more check, that came `pause` seconds after the last one."""
        packed = int(min(max(pause, 0), LONGEST_KNOWN_PAUSE)) << 16 | entry & 0xFFFF
        signed = packed - (1 << 32) if packed >> 31 else packed  # as an int4 has it
        count = self.check_count + 1
        entries = [*self.entries()[-(RING_SIZE - 1) :], signed]
        turn = count % RING_SIZE if count >= RING_SIZE else 0
        return LatencyRing([*entries[-turn:], *entries[:-turn]] if turn else entries, count)


def entry_of(good: bool, latency_ms: int | None) -> int:
    """An entry without its pause, which only the database knows: see `with_pause`."""
    latency = NO_LATENCY if latency_ms is None else min(latency_ms, NO_LATENCY - 1)
    return good << 15 | latency


def with_pause(entry: str, seconds: str) -> str:
    """SQL: the entry of that column after a pause of so many seconds (an SQL expression)."""
    return f"least(greatest({seconds}, 0), {LONGEST_KNOWN_PAUSE})::int << 16 | {entry}"


def _latencies(entries: Iterable[int]) -> list[int | None]:
    return [None if (latency := entry & NO_LATENCY) == NO_LATENCY else latency for entry in entries]

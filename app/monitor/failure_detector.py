"""Beside step 1 of a check: which other monitors are dead, or as good as dead? Pure."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

SILENCE = 10.0  # seconds without a new heartbeat after which a monitor's leases are taken
LONGEST_GAP = 5.0  # seconds between two looks; after a longer one no silence counts


class FailureDetector:
    """Silence is measured by the clock of the one that looks: for how long its looks have shown the
    same heartbeat. A step of the database's clock is no silence. Nor is a time when it could not
    look itself: the database was away, so that nobody could beat.
    """

    def __init__(self) -> None:
        self._looked = float("-inf")
        self._unchanged: dict[UUID, tuple[datetime, float]] = {}  # the heartbeat, seen since

    def silent(self, now: float, beats: Mapping[UUID, datetime]) -> dict[UUID, datetime]:
        """Of the heartbeats that a look at `now` (monotonic) shows: those that are SILENCE old."""
        if now - self._looked > LONGEST_GAP:
            self._unchanged = {}
        self._looked = now
        self._unchanged = {each: self._since(each, beat, now) for each, beat in beats.items()}
        return {each: beat for each, (beat, at) in self._unchanged.items() if now - at >= SILENCE}

    def _since(self, monitor_id: UUID, beat: datetime, now: float) -> tuple[datetime, float]:
        seen = self._unchanged.get(monitor_id)
        return seen if seen and seen[0] == beat else (beat, now)

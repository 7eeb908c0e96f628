"""Does a connection that is online answer slowly? Decided beside the verdict.

Slow is measured by the connection's own past: what 95 % of its answers of the last weeks did not
exceed (`app/history/baseline.py`). Pure.
"""

from typing import NamedTuple

from app.models.connection import Status

CONFIRMING_ANSWERS = 3  # in a row, to become slow and to recover
# Above the baseline, which every twentieth answer exceeds by definition: half as much again, and by
# what somebody who waits for it would notice.
MARGIN, NOTICEABLE_MS = 1.5, 200


class Pace(NamedTuple):
    is_slow: bool = False
    streak: int = 0  # answers in a row that say the opposite


STEADY = Pace()


def pace_after(
    known: Pace, status: Status, latency_ms: int | None, baseline_ms: int | None
) -> Pace:
    """`latency_ms` is None without a good answer. One that is not yet confirmed to be down keeps
    what was known; an outage ends it, and so does a past too short to compare with.
    """
    if baseline_ms is None or status not in (Status.ONLINE, Status.DEGRADED):
        return STEADY
    if latency_ms is None:
        return known
    if is_above(latency_ms, baseline_ms) is known.is_slow:
        return Pace(known.is_slow) if known.streak else known
    if known.streak + 1 < CONFIRMING_ANSWERS:
        return Pace(known.is_slow, known.streak + 1)
    return Pace(not known.is_slow)


def is_above(latency_ms: int, baseline_ms: int) -> bool:
    return latency_ms > max(MARGIN * baseline_ms, baseline_ms + NOTICEABLE_MS)

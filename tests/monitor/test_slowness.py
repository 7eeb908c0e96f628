"""When a connection that is online counts as slow, and when not any more."""

import pytest

from app.models.connection import Status
from app.monitor.slowness import STEADY, Pace, is_above, pace_after

ONLINE, BASELINE = Status.ONLINE, 400  # ms; above 600 is slow
FAST, SLOW = 300, 900
SLOW_NOW = Pace(is_slow=True)


@pytest.mark.parametrize(
    ("known", "status", "latency_ms", "baseline_ms", "after"),
    [
        (STEADY, ONLINE, FAST, BASELINE, STEADY),
        (STEADY, ONLINE, SLOW, BASELINE, Pace(False, 1)),  # a single one says nothing
        (Pace(False, 1), ONLINE, SLOW, BASELINE, Pace(False, 2)),
        (Pace(False, 2), ONLINE, SLOW, BASELINE, SLOW_NOW),
        (Pace(False, 2), ONLINE, FAST, BASELINE, STEADY),  # in a row
        (SLOW_NOW, ONLINE, SLOW, BASELINE, SLOW_NOW),
        (SLOW_NOW, ONLINE, FAST, BASELINE, Pace(True, 1)),  # recovers likewise
        (Pace(True, 2), ONLINE, SLOW, BASELINE, SLOW_NOW),
        (Pace(True, 2), ONLINE, FAST, BASELINE, STEADY),
        (STEADY, ONLINE, 30_000, None, STEADY),  # nothing to compare with
        (SLOW_NOW, ONLINE, SLOW, None, STEADY),
        (Pace(True, 2), ONLINE, None, BASELINE, Pace(True, 2)),  # no answer of its own
        (Pace(False, 2), Status.DEGRADED, None, BASELINE, Pace(False, 2)),  # not confirmed
        (SLOW_NOW, Status.OFFLINE, None, BASELINE, STEADY),
        (SLOW_NOW, Status.REVOKED, None, BASELINE, STEADY),
        (SLOW_NOW, Status.BLOCKED, None, BASELINE, STEADY),
    ],
)
def test_several_answers_in_a_row_make_it_slow_and_fast_again(
    known: Pace, status: Status, latency_ms: int | None, baseline_ms: int | None, after: Pace
) -> None:
    assert pace_after(known, status, latency_ms, baseline_ms) == after


@pytest.mark.parametrize(
    ("latency_ms", "baseline_ms", "above"),
    [
        (600, 400, False),
        (601, 400, True),
        (60, 20, False),  # three times as long, and nobody notices
        (220, 20, False),
        (221, 20, True),
        (2_900, 2_000, False),
        (3_001, 2_000, True),
    ],
)
def test_slow_is_well_above_what_every_twentieth_answer_exceeds(
    latency_ms: int, baseline_ms: int, above: bool
) -> None:
    assert is_above(latency_ms, baseline_ms) is above

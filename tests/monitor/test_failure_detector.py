"""Whose heartbeat is silent, by a clock that the test hands in."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from app.monitor.failure_detector import SILENCE, FailureDetector

BEAT = datetime(2026, 11, 30, 12, tzinfo=UTC)
ONE, OTHER = uuid4(), uuid4()


def looks(detector: FailureDetector, begin: float, end: float, beat: datetime = BEAT) -> bool:
    """Look once a second, and see the same heartbeat of one monitor; is it silent at last?"""
    found = False
    while begin <= end:
        found = bool(detector.silent(begin, {ONE: beat}))
        begin += 1
    return found


def test_a_heartbeat_that_stays_the_same_is_silent_in_time() -> None:
    detector = FailureDetector()
    assert not looks(detector, 0, SILENCE - 1)
    assert detector.silent(SILENCE, {ONE: BEAT, OTHER: BEAT}) == {ONE: BEAT}


def test_one_that_beats_is_not_silent() -> None:
    detector = FailureDetector()
    for second in range(60):
        beats = {ONE: BEAT + timedelta(seconds=second // 5)}
        assert not detector.silent(float(second), beats)


def test_a_step_of_the_databases_clock_is_no_silence() -> None:
    """Its heartbeat looks an hour old, and was written a moment ago."""
    detector = FailureDetector()
    assert not looks(detector, 0, 5, BEAT - timedelta(hours=1))
    assert not looks(detector, 6, 6 + SILENCE - 1, BEAT)


def test_a_newcomer_waits_as_long_as_everybody() -> None:
    assert not looks(FailureDetector(), 1000, 1000 + SILENCE - 1, BEAT - timedelta(hours=1))


def test_what_it_could_not_watch_does_not_count() -> None:
    """The database was away for all, or it was paused itself: the others have not beaten yet."""
    detector = FailureDetector()
    assert not looks(detector, 0, 5)
    assert not detector.silent(35.0, {ONE: BEAT})
    assert not looks(detector, 36, 35 + SILENCE - 1)
    assert looks(detector, 35 + SILENCE, 36 + SILENCE)


def test_a_heartbeat_that_is_gone_is_forgotten() -> None:
    """One that stopped and came back with the same heartbeat is a newcomer."""
    detector = FailureDetector()
    assert looks(detector, 0, SILENCE)
    assert not detector.silent(SILENCE + 1, {})
    assert not detector.silent(SILENCE + 2, {ONE: BEAT})

"""What holds of the verdict whatever providers say, and in whichever order."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as some

from app.models.connection import Cause, Status
from app.monitor.probe import Answer
from app.monitor.verdict import (
    CONFIRMED_STATUS,
    FAILURE_CAUSES,
    LONGEST_RETRY_AFTER,
    REFUSAL_CAUSES,
    REVOKED_DELAY,
    PriorState,
    Verdict,
    cause_of,
    verdict_of,
)

# No database of examples: a failure is to be written down as a test of the table.
settings.register_profile("here", database=None, derandomize=True, deadline=None)
settings.load_profile("here")

WELL = Answer("", 0, 200)
NOT_PROOF = [403, 408, 425, 429, *range(500, 600)]

waits = some.none() | some.floats(0, 1e9)
failures = some.sampled_from([*FAILURE_CAUSES, "too_large", "not_http"])
codes = some.sampled_from([*REFUSAL_CAUSES, "access_denied", "bad_response"])
statuses = some.sampled_from([200, 204, 302, 400, 401, 402, 403, 404, 408, 425, 429, 500, 503])

lost = some.builds(lambda failure: Answer("", 0, failure=failure), failures)
probed = some.builds(
    lambda status, sound, wait: Answer("", 0, status, sound=sound, retry_after=wait),
    statuses | some.integers(100, 599),
    some.booleans(),
    waits,
)
refused = some.builds(lambda status, code: Answer("", 0, status, refused=code), statuses, codes)
answers = lost | probed | refused

intervals = some.floats(1, 86_400)
before = some.builds(
    PriorState,
    some.sampled_from(Status),
    some.none() | some.sampled_from(Cause),
    some.integers(0, 1_000),
    some.booleans(),
)
check_count = some.lists(some.tuples(answers, some.booleans()), max_size=8)


def walk(asked: list[tuple[Answer, bool]]) -> list[tuple[Answer, PriorState, Verdict]]:
    """A connection's life from its first look on: each answer, what was known, the verdict."""
    known, life = PriorState(Status.CHECKING), []
    for answer, refreshed in asked:
        known = replace(known, refreshed=refreshed)
        verdict = verdict_of(answer, known, 600)
        life.append((answer, known, verdict))
        known = PriorState(verdict.status, verdict.cause, verdict.strikes)
    return life


def is_proof(answer: Answer, known: PriorState) -> bool:
    return answer.refused == "invalid_grant" or (answer.status == 401 and known.refreshed)


@given(check_count)
def test_nothing_is_revoked_without_proof(asked: list[tuple[Answer, bool]]) -> None:
    last = None
    for answer, known, verdict in walk(asked):
        if verdict.status is Status.REVOKED and known.status is not Status.REVOKED:
            twice = answer.status == 401 and last is not None and last.status == 401
            assert is_proof(answer, known) or twice
        last = answer


@given(before, some.sampled_from(NOT_PROOF), waits, intervals)
def test_what_is_no_proof_never_revokes(
    known: PriorState, status: int, wait: float | None, interval: float
) -> None:
    answer = Answer("", 0, status, retry_after=wait)
    if verdict_of(answer, known, interval).status is Status.REVOKED:
        assert known.status is Status.REVOKED


@given(before, intervals)
def test_one_success_is_online_whatever_was_before(known: PriorState, interval: float) -> None:
    verdict = verdict_of(WELL, known, interval)
    assert (verdict.status, verdict.cause, verdict.strikes) == (Status.ONLINE, None, 0)
    assert verdict.began is (known.status is not Status.ONLINE)


@given(answers, before, intervals)
def test_our_mistake_changes_nobodys_status(
    answer: Answer, known: PriorState, interval: float
) -> None:
    verdict = verdict_of(answer, known, interval)
    if verdict.cause is Cause.MISCONFIGURED and cause_of(answer) is Cause.MISCONFIGURED:
        assert (verdict.status, verdict.strikes) == (known.status, known.strikes)
        assert not verdict.began


@given(check_count)
def test_two_looks_in_a_row_make_it_offline_and_not_one(asked: list[tuple[Answer, bool]]) -> None:
    down = 0  # looks in a row at a provider that does not work; our own mistakes do not count
    for answer, _, verdict in walk(asked):
        cause = cause_of(answer)
        if cause is not Cause.MISCONFIGURED:
            down = (
                down + 1
                if cause and CONFIRMED_STATUS.get(cause, Status.OFFLINE) is Status.OFFLINE
                else 0
            )
        if verdict.status is Status.OFFLINE:
            assert down >= 2 or cause is Cause.MISCONFIGURED


@given(answers, before, intervals)
def test_the_next_look_comes_and_does_not_crowd(
    answer: Answer, known: PriorState, interval: float
) -> None:
    delay = verdict_of(answer, known, interval).delay
    assert min(interval, 15) <= delay <= max(interval, LONGEST_RETRY_AFTER, REVOKED_DELAY)

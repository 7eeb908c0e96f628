"""What holds of the verdict whatever providers say, and in whichever order."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as some

from app.models.connection import Cause, Status
from app.monitor.answer import Answer
from app.monitor.causes import FAILURE_CAUSES, Others, cause_of
from app.monitor.verdict import (
    LONGEST_RETRY_AFTER,
    REFUSED_STATUSES,
    PriorState,
    Verdict,
    verdict_of,
)
from app.providers.spec_parts import TOKEN_ERRORS

# No database of examples: a failure is to be written down as a test of the table.
settings.register_profile("here", database=None, derandomize=True, deadline=None)
settings.load_profile("here")

WELL = Answer("", 0, 200)
NO_REFUSAL = [404, 408, 425, 429, *range(500, 600)]

waits = some.none() | some.floats(0, 1e9)
failures = some.sampled_from([*FAILURE_CAUSES, "too_large", "not_http"])
codes = some.sampled_from([*TOKEN_ERRORS, "http_400", "bad_response"])
statuses = some.sampled_from([200, 204, 302, 400, 401, 402, 403, 404, 408, 425, 429, 500, 503])

lost = some.builds(lambda failure: Answer("", 0, failure=failure), failures)
probed = some.builds(
    lambda status, sound, wait, fresh: Answer(
        "", 0, status, sound=sound, retry_after=wait, after_refresh=fresh
    ),
    statuses | some.integers(100, 599),
    some.booleans(),
    waits,
    some.booleans(),
)
refused = some.builds(lambda status, code: Answer("", 0, status, refused=code), statuses, codes)
answers = lost | probed | refused

intervals = some.floats(1, 86_400)
others = some.sampled_from(Others)
before = some.builds(
    PriorState,
    some.sampled_from(Status),
    some.none() | some.sampled_from(Cause),
    some.integers(0, 1_000),
    others,
    some.floats(0, 1e6),
)
looks = some.lists(some.tuples(answers, others), max_size=8)
Life = list[tuple[Answer, PriorState, Verdict]]


def walk(asked: list[tuple[Answer, Others]]) -> Life:
    """A connection's life from its first look on: each answer, what was known, the verdict."""
    known, life = PriorState(Status.CHECKING), []
    for answer, other in asked:
        known = replace(known, others=other)
        verdict = verdict_of(answer, known, 600)
        life.append((answer, known, verdict))
        known = PriorState(verdict.status, verdict.cause, verdict.strikes)
    return life


@given(looks)
def test_nobody_is_asked_to_reconnect_at_one_look(asked: list[tuple[Answer, Others]]) -> None:
    refusals = 0  # looks that refused the grant, since the last good one
    for answer, known, verdict in walk(asked):
        cause = cause_of(answer, known.others)
        refusals = 0 if cause is None else refusals + (cause is Cause.REVOKED)
        if verdict.status is Status.REVOKED:
            assert refusals >= 2


@given(looks)
def test_nobody_is_asked_for_anything_while_others_are_refused_too(
    asked: list[tuple[Answer, Others]],
) -> None:
    for _, known, verdict in walk(asked):
        if known.others is Others.REFUSED and known.status not in REFUSED_STATUSES:
            assert verdict.status not in REFUSED_STATUSES


@given(before, some.sampled_from(NO_REFUSAL), waits, intervals)
def test_what_is_no_refusal_never_revokes(
    known: PriorState, status: int, wait: float | None, interval: float
) -> None:
    answer = Answer("", 0, status, retry_after=wait)
    if verdict_of(answer, known, interval).status is Status.REVOKED:
        assert known.status is Status.REVOKED


@given(before, intervals)
def test_a_token_that_was_just_issued_never_revokes(known: PriorState, interval: float) -> None:
    answer = Answer("", 0, 401, after_refresh=True)
    if verdict_of(answer, known, interval).status is Status.REVOKED:
        assert known.status is Status.REVOKED


@given(before, intervals)
def test_one_success_is_online_whatever_was_before(known: PriorState, interval: float) -> None:
    verdict = verdict_of(WELL, known, interval)
    assert (verdict.status, verdict.cause, verdict.strikes) == (Status.ONLINE, None, 0)
    assert verdict.began is (known.status is not Status.ONLINE)


@given(failures, before, intervals)
def test_our_mistake_changes_nobodys_status(
    failure: str, known: PriorState, interval: float
) -> None:
    answer = Answer("", 0, failure=failure)
    if cause_of(answer) is Cause.MISCONFIGURED:
        verdict = verdict_of(answer, known, interval)
        assert (verdict.status, verdict.strikes) == (known.status, known.strikes)
        assert not verdict.began


@given(looks)
def test_two_looks_in_a_row_make_it_offline_and_not_one(
    asked: list[tuple[Answer, Others]],
) -> None:
    failing = 0  # looks without a good one between them; our own mistakes do not count
    for answer, known, verdict in walk(asked):
        cause = cause_of(answer, known.others)
        if cause is None:
            failing = 0
        elif cause is not Cause.MISCONFIGURED:
            failing += 1
        if verdict.status is Status.OFFLINE:
            assert failing >= 2


@given(answers, before, intervals)
def test_the_next_look_comes_and_does_not_crowd(
    answer: Answer, known: PriorState, interval: float
) -> None:
    delay = verdict_of(answer, known, interval).delay
    assert min(interval, 15) <= delay <= max(interval, LONGEST_RETRY_AFTER)

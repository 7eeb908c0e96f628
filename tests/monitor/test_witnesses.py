"""Which answers make other people's grants witnesses, and when they are called (decision 22)."""

import pytest

from app.models.connection import Cause, Status
from app.monitor.answer import Answer
from app.monitor.causes import Others
from app.monitor.verdict import (
    PriorState,
    Verdict,
    is_new_refusal,
    is_unclear_refusal,
    verdict_of,
    wants_corroboration,
)
from tests.support.probe_answers import ERROR, FORBIDDEN, LIMITED, UNAUTHORIZED, WELL, answer

INTERVAL = 600.0  # seconds
REFUSALS = [Cause.ACCESS_DENIED, Cause.PAYMENT_REQUIRED, Cause.REVOKED]


LONG = 36_000.0  # seconds


@pytest.mark.parametrize("word", ["invalid_request", "invalid_client", "http_400"])
@pytest.mark.parametrize(
    "known",
    [
        # What lasted until now was another trouble: this refusal is the first.
        PriorState(Status.OFFLINE, Cause.TIMEOUT, 9, Others.NOBODY, LONG),
        PriorState(Status.ONLINE, None, 0, Others.NOBODY, LONG),
        PriorState(Status.DEGRADED, Cause.RATE_LIMITED, 0, Others.NOBODY, LONG),
        # There are others, and none of them was refreshed meanwhile.
        PriorState(Status.DEGRADED, Cause.MISCONFIGURED, 1, Others.REFUSED, LONG),
        PriorState(Status.DEGRADED, Cause.MISCONFIGURED, 1, Others.UNKNOWN, LONG),
    ],
)
def test_an_unclear_refusal_stays_ours_unless_it_lasts_or_others_are_served(
    known: PriorState, word: str
) -> None:
    verdict = verdict_of(answer(400, refused=word), known, INTERVAL)
    assert (verdict.status, verdict.cause) == (Status.DEGRADED, Cause.MISCONFIGURED)


@pytest.mark.parametrize(
    ("given", "is_unclear"),
    [
        (answer(400, refused="invalid_request"), True),
        (answer(401, refused="invalid_client"), True),
        (answer(400, refused="http_400"), True),
        (answer(400, refused="a word of its own"), True),
        (answer(400, refused="invalid_grant"), False),
        (answer(402, refused="payment_required"), False),
        (answer(503, refused="http_503"), False),
        (answer(429, refused="http_429"), False),
        (answer(403, refused="http_403", is_wall=True), False),
        (answer(failure="timeout", refused="timeout"), False),
        (WELL, False),
        (UNAUTHORIZED, False),
        (FORBIDDEN, False),
        (ERROR, False),
    ],
)
def test_a_refresh_refused_without_a_clear_reason(given: Answer, is_unclear: bool) -> None:
    assert is_unclear_refusal(given) is is_unclear


NOT_ABOUT_THE_GRANT = [
    WELL,
    ERROR,
    LIMITED,
    answer(failure="timeout"),
    answer(failure="unconfigured"),
    answer(200, is_stranger=True),
    answer(401, after_refresh=True),
    answer(401, is_wall=True),
]
ABOUT_THE_GRANT = [
    UNAUTHORIZED,
    FORBIDDEN,
    answer(402),
    answer(400, refused="invalid_grant"),
    answer(400, refused="invalid_request"),
    answer(401, refused="invalid_client"),
    answer(400, refused="http_400"),
]


@pytest.mark.parametrize("given", ABOUT_THE_GRANT)
@pytest.mark.parametrize(
    ("before", "matters"),
    [
        (Status.CHECKING, False),
        (Status.ONLINE, False),
        (Status.DEGRADED, True),
        (Status.OFFLINE, True),
        (Status.BLOCKED, True),
        (Status.REVOKED, True),
    ],
)
def test_what_others_get_matters_from_the_second_refusal_on(
    given: Answer, before: Status, matters: bool
) -> None:
    assert wants_corroboration(given, PriorState(before)) is matters


@pytest.mark.parametrize("given", NOT_ABOUT_THE_GRANT)
@pytest.mark.parametrize("before", list(Status)[1:])
def test_what_others_get_matters_only_where_the_grant_is_refused(
    given: Answer, before: Status
) -> None:
    assert not wants_corroboration(given, PriorState(before))


@pytest.mark.parametrize("cause", REFUSALS)
@pytest.mark.parametrize(
    ("status", "strikes", "is_new"),
    [
        (Status.DEGRADED, 1, True),
        (Status.DEGRADED, 0, False),
        (Status.DEGRADED, 2, False),
        (Status.OFFLINE, 1, False),
        (Status.BLOCKED, 1, False),
        (Status.REVOKED, 1, False),
        (Status.ONLINE, 1, False),
    ],
)
def test_a_first_refusal_is_one_that_has_just_made_it_amber(
    cause: Cause, status: Status, strikes: int, is_new: bool
) -> None:
    assert is_new_refusal(Verdict(status, cause, strikes, True, 30.0)) is is_new


@pytest.mark.parametrize("cause", [None, *(each for each in Cause if each not in REFUSALS)])
def test_another_first_trouble_is_no_refusal(cause: Cause | None) -> None:
    assert not is_new_refusal(Verdict(Status.DEGRADED, cause, 1, True, 30.0))

"""The whole table of verdicts: every cause at the first look, at the second, and after a refresh.

Expectations are written out, not computed, so that no change of `verdict.py` passes unnoticed; how
that is tried: `python -m bench verdict_mutants`. A connection with a refresh token comes here with
`refreshed`, or with the refusal of its refresh; without one, with the bare answer.
"""

from dataclasses import FrozenInstanceError

import pytest

from app.models.connection import Cause, Status
from app.monitor.probe import Answer
from app.monitor.verdict import PriorState, Verdict, cause_of, is_about_grant, verdict_of

INTERVAL = 600.0  # seconds

SAME, STRIKE, RED, BLOCKED, REVOKED = (
    Status.ONLINE,
    Status.DEGRADED,
    Status.OFFLINE,
    Status.BLOCKED,
    Status.REVOKED,
)
DELAYS = {SAME: 600.0, RED: 30.0, BLOCKED: 600.0, REVOKED: 86_400.0}  # seconds, once confirmed


def answer(status: int | None = None, **more: object) -> Answer:
    return Answer("evidence", 10, status, **more)  # type: ignore[arg-type]


def said(*statuses: int, **more: object) -> list[Answer]:
    return [answer(status, **more) for status in statuses]


def failed(*failures: str) -> list[Answer]:
    return [answer(failure=failure) for failure in failures]


def refused(status: int, *codes: str) -> list[Answer]:
    return [answer(status, refused=code) for code in codes]


TABLE = [  # answers, cause; status at the first look, at the second, at the first after a refresh
    (said(401), Cause.REVOKED, STRIKE, REVOKED, REVOKED),
    (said(401, challenge="invalid_token"), Cause.REVOKED, STRIKE, REVOKED, REVOKED),
    (said(401, challenge="invalid_request"), Cause.REVOKED, STRIKE, REVOKED, REVOKED),
    (said(401, is_page=True), Cause.REVOKED, STRIKE, REVOKED, REVOKED),
    (said(401, challenge="insufficient_scope"), Cause.ACCESS_DENIED, STRIKE, BLOCKED, STRIKE),
    (said(402), Cause.PAYMENT_REQUIRED, STRIKE, BLOCKED, STRIKE),
    (said(402, challenge="insufficient_scope"), Cause.PAYMENT_REQUIRED, STRIKE, BLOCKED, STRIKE),
    (said(402, is_page=True), Cause.PAYMENT_REQUIRED, STRIKE, BLOCKED, STRIKE),
    (said(403), Cause.ACCESS_DENIED, STRIKE, BLOCKED, STRIKE),
    (said(403, challenge="insufficient_scope"), Cause.ACCESS_DENIED, STRIKE, BLOCKED, STRIKE),
    (said(403, challenge="invalid_token"), Cause.ACCESS_DENIED, STRIKE, BLOCKED, STRIKE),
    (said(403, is_page=True), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (said(408, 425, 500, 501, 502, 503, 504, 599), Cause.PROVIDER_ERROR, STRIKE, RED, STRIKE),
    (said(503, is_page=True), Cause.PROVIDER_ERROR, STRIKE, RED, STRIKE),
    (said(199, 300, 302, 304, 307), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (said(400, 404, 406, 407, 409, 424, 426, 499), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (said(200, 204, 299, sound=False), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    ([answer()], Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (failed("too_large", "not_http", "new"), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (failed("timeout"), Cause.TIMEOUT, STRIKE, RED, STRIKE),
    (failed("unreachable"), Cause.UNREACHABLE, STRIKE, RED, STRIKE),
    (failed("tls"), Cause.TLS, STRIKE, RED, STRIKE),
    (refused(400, "invalid_grant"), Cause.REVOKED, REVOKED, REVOKED, REVOKED),
    (refused(200, "invalid_grant"), Cause.REVOKED, REVOKED, REVOKED, REVOKED),
    (refused(401, "invalid_grant"), Cause.REVOKED, REVOKED, REVOKED, REVOKED),
    (refused(400, "server_error"), Cause.PROVIDER_ERROR, STRIKE, RED, STRIKE),
    (refused(400, "temporarily_unavailable"), Cause.PROVIDER_ERROR, STRIKE, RED, STRIKE),
    (refused(503, "http_503"), Cause.PROVIDER_ERROR, STRIKE, RED, STRIKE),
    (refused(400, "http_400", "access_denied"), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (refused(401, "http_401", "invalid_token"), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (refused(402, "http_402"), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (refused(403, "http_403"), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (refused(428, "http_428"), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (refused(430, "http_430"), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
    (refused(200, "bad_response"), Cause.BAD_RESPONSE, STRIKE, RED, STRIKE),
]
EACH = [(each, *row) for answers, *row in TABLE for each in answers]
WELL = said(200, 201, 204, 299)
LIMITED = [*said(429), *refused(429, "http_429")]
OURS = [
    *failed("unconfigured", "not_allowed"),
    *refused(401, "invalid_client"),
    *refused(
        400, "unauthorized_client", "unsupported_grant_type", "invalid_request", "invalid_scope"
    ),
]


@pytest.mark.parametrize(("given", "cause", "first", "second", "refreshed"), EACH)
def test_every_row_of_the_table(
    given: Answer, cause: Cause, first: Status, second: Status, refreshed: Status
) -> None:
    assert cause_of(given) is cause
    bare = verdict_of(given, PriorState(Status.ONLINE), INTERVAL)
    again = verdict_of(given, PriorState(Status.DEGRADED, cause, 1), INTERVAL)
    after = verdict_of(given, PriorState(Status.ONLINE, refreshed=True), INTERVAL)
    at_once = first is not STRIKE
    assert bare == Verdict(first, cause, 1, True, DELAYS[first] if at_once else 30.0, True)
    assert again == Verdict(second, cause, 2, False, DELAYS[second], True)
    assert after == Verdict(refreshed, cause, 1, True, DELAYS.get(refreshed, 30.0), True)


@pytest.mark.parametrize("given", WELL)
@pytest.mark.parametrize("refreshed", [False, True])
def test_what_is_well_is_online(given: Answer, refreshed: bool) -> None:
    assert cause_of(given) is None
    known = PriorState(Status.DEGRADED, Cause.REVOKED, 1, refreshed)
    assert verdict_of(given, known, INTERVAL) == Verdict(Status.ONLINE, None, 0, True, 600.0, True)


@pytest.mark.parametrize("given", LIMITED)
@pytest.mark.parametrize("refreshed", [False, True])
def test_a_rate_limit_is_no_strike(given: Answer, refreshed: bool) -> None:
    for known, began in (
        (PriorState(Status.ONLINE, refreshed=refreshed), True),
        (PriorState(Status.OFFLINE, Cause.TIMEOUT, 5, refreshed), True),
        (PriorState(Status.DEGRADED, Cause.REVOKED, 1, refreshed), False),
        (PriorState(Status.DEGRADED, Cause.RATE_LIMITED, 0, refreshed), False),
    ):
        assert verdict_of(given, known, INTERVAL) == Verdict(
            Status.DEGRADED, Cause.RATE_LIMITED, 0, began, 600.0, True
        )


@pytest.mark.parametrize("given", OURS)
@pytest.mark.parametrize("before", list(Status)[1:])
def test_what_is_ours_changes_nothing_else(given: Answer, before: Status) -> None:
    for known, strikes in (
        (PriorState(before), 0),
        (PriorState(before, Cause.TIMEOUT, 4, True), 4),
    ):
        assert verdict_of(given, known, INTERVAL) == Verdict(
            before, Cause.MISCONFIGURED, strikes, False, 600.0, True
        )


@pytest.mark.parametrize(
    ("strike", "second", "status"),
    [
        (answer(401), answer(503), STRIKE),
        (answer(503), answer(401), STRIKE),
        (answer(403), answer(401), STRIKE),
        (answer(403), answer(402), BLOCKED),
        (answer(503), answer(403), STRIKE),
        (answer(503), answer(200, sound=False), RED),
        (answer(failure="tls"), answer(404), RED),
        (answer(429), answer(503), STRIKE),
    ],
)
@pytest.mark.parametrize("ours_between", [False, True])
def test_only_two_of_a_kind_in_a_row_confirm_each_other(
    strike: Answer, second: Answer, status: Status, ours_between: bool
) -> None:
    verdict = verdict_of(strike, PriorState(Status.ONLINE), INTERVAL)
    if ours_between:  # then nobody knows any more what the strike was for
        known = PriorState(verdict.status, verdict.cause, verdict.strikes)
        verdict = verdict_of(OURS[0], known, INTERVAL)
        status = STRIKE
    known = PriorState(verdict.status, verdict.cause, verdict.strikes)
    assert verdict_of(second, known, INTERVAL).status is status


@pytest.mark.parametrize(
    ("known", "given", "status", "strikes", "began"),
    [
        (PriorState(Status.OFFLINE, Cause.MISCONFIGURED, 3), answer(503), RED, 4, False),
        (PriorState(Status.OFFLINE, Cause.TIMEOUT, 3), answer(403), STRIKE, 1, True),
        (PriorState(Status.OFFLINE, Cause.TIMEOUT, 3), answer(401), STRIKE, 1, True),
        (PriorState(Status.BLOCKED, Cause.ACCESS_DENIED, 3), answer(402), BLOCKED, 4, False),
        (PriorState(Status.BLOCKED, Cause.ACCESS_DENIED, 3), answer(401), STRIKE, 1, True),
        (PriorState(Status.REVOKED, Cause.REVOKED, 3), answer(401), REVOKED, 4, False),
        (PriorState(Status.REVOKED, Cause.REVOKED, 3), answer(403), STRIKE, 1, True),
        (PriorState(Status.REVOKED, None, 0), *refused(400, "invalid_grant"), REVOKED, 1, False),
        (PriorState(Status.ONLINE, None, 1), answer(503), STRIKE, 1, True),
        (PriorState(Status.DEGRADED, Cause.TIMEOUT, 1), answer(403), STRIKE, 1, False),
        (PriorState(Status.DEGRADED, Cause.RATE_LIMITED, 0), answer(403), STRIKE, 1, True),
    ],
)
def test_what_was_known_before_decides(
    known: PriorState, given: Answer, status: Status, strikes: int, began: bool
) -> None:
    verdict = verdict_of(given, known, INTERVAL)
    assert (verdict.status, verdict.strikes, verdict.began) == (status, strikes, began)


def test_proof_after_a_strike_of_its_own_kind_dates_from_that() -> None:
    known = PriorState(Status.DEGRADED, Cause.REVOKED, 1)
    verdict = verdict_of(answer(400, refused="invalid_grant"), known, INTERVAL)
    assert verdict == Verdict(Status.REVOKED, Cause.REVOKED, 2, False, 86_400.0)


def test_a_busy_provider_is_left_alone_as_long_as_it_says() -> None:
    blocked = PriorState(Status.BLOCKED, Cause.PAYMENT_REQUIRED, 2)
    assert verdict_of(answer(429, retry_after=1800.0), blocked, INTERVAL).delay == 1800.0
    assert verdict_of(answer(429), PriorState(Status.ONLINE), 0.5).delay == 0.5


def test_the_pause_doubles_up_to_the_longest_interval() -> None:
    for strikes, delay in ((21, 30.0 * 2**20), (22, 30.0 * 2**20), (30_000, 30.0 * 2**20)):
        known = PriorState(Status.OFFLINE, Cause.TIMEOUT, strikes)
        assert verdict_of(answer(503), known, 1e9).delay == delay


@pytest.mark.parametrize(
    ("code", "about"),
    [
        ("invalid_grant", True),
        ("invalid_client", True),
        ("unauthorized_client", True),
        ("invalid_scope", True),
        ("server_error", False),
        ("temporarily_unavailable", False),
        ("http_503", False),
        ("timeout", False),
    ],
)
def test_which_refused_refresh_is_about_the_grant(code: str, about: bool) -> None:
    assert is_about_grant(code) is about


def test_what_was_known_and_concluded_stays_so() -> None:
    known = PriorState(Status.ONLINE)
    for value in (known, verdict_of(answer(200), known, INTERVAL)):
        with pytest.raises(FrozenInstanceError):
            value.strikes = 1  # type: ignore[misc]

"""Every status of an API and every word of a token endpoint, and that no table of them drifts.

Expectations are written out, not computed, so that no change of `causes.py` and `verdict.py` passes
unnoticed; how that is tried: `python -m bench verdict_mutants`.
"""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from app.models.connection import Cause, Status
from app.monitor.answer import Answer
from app.monitor.causes import FAILURE_CAUSES, REFRESH_CAUSES, Others, cause_of
from app.monitor.verdict import CONFIRMED_STATUS, GRAVITY, PriorState, Verdict, verdict_of
from app.providers.spec_parts import TOKEN_ERRORS, TokenError
from tests.support.probe_answers import answer

INTERVAL = 600.0  # seconds

RED, BLOCKED, REVOKED = Status.OFFLINE, Status.BLOCKED, Status.REVOKED
DELAYS = {RED: 30.0, BLOCKED: 600.0, REVOKED: 60.0}  # seconds, once confirmed


def said(*statuses: int, **more: Any) -> list[Answer]:
    return [answer(status, **more) for status in statuses]


def failed(*failures: str) -> list[Answer]:
    return [answer(failure=failure) for failure in failures]


def refused(status: int, *codes: str) -> list[Answer]:
    return [answer(status, refused=code) for code in codes]


TABLE = [  # answers, cause, status once confirmed
    (said(401), Cause.REVOKED, REVOKED),
    (said(400, 401, 403, 404, 499, challenge="invalid_token"), Cause.REVOKED, REVOKED),
    (said(401, challenge="invalid_request"), Cause.REVOKED, REVOKED),
    (said(401, 403, challenge="insufficient_scope"), Cause.ACCESS_DENIED, BLOCKED),
    (said(402), Cause.PAYMENT_REQUIRED, BLOCKED),
    (said(402, challenge="insufficient_scope"), Cause.PAYMENT_REQUIRED, BLOCKED),
    (said(403), Cause.ACCESS_DENIED, BLOCKED),
    (said(401, 402, 403, 404, 407, 499, is_wall=True), Cause.BAD_RESPONSE, RED),
    (said(408, 425, is_wall=True), Cause.PROVIDER_ERROR, RED),
    (said(500, 503, is_wall=True), Cause.PROVIDER_ERROR, RED),
    (said(401, 400, 403, challenge="invalid_token", after_refresh=True), Cause.INCONSISTENT, RED),
    (said(408, 425, 500, 501, 502, 503, 504, 599), Cause.PROVIDER_ERROR, RED),
    (said(199, 300, 302, 304, 307), Cause.BAD_RESPONSE, RED),
    (said(400, 404, 406, 407, 409, 424, 426, 428, 430, 499), Cause.BAD_RESPONSE, RED),
    (said(200, 204, 299, sound=False), Cause.BAD_RESPONSE, RED),
    ([answer()], Cause.BAD_RESPONSE, RED),
    (failed("too_large", "not_http", "new"), Cause.BAD_RESPONSE, RED),
    (failed("timeout"), Cause.TIMEOUT, RED),
    (failed("unreachable"), Cause.UNREACHABLE, RED),
    (failed("tls"), Cause.TLS, RED),
    (refused(400, "invalid_grant", "invalid_token", "access_denied"), Cause.REVOKED, REVOKED),
    (refused(200, "invalid_grant", "invalid_code", "token_revoked"), Cause.REVOKED, REVOKED),
    (refused(401, "invalid_grant", "expired_token", "token_expired"), Cause.REVOKED, REVOKED),
    (refused(503, "invalid_grant"), Cause.REVOKED, REVOKED),
    (refused(200, "bad_refresh_token", "invalid_refresh_token"), Cause.REVOKED, REVOKED),
    (refused(402, "payment_required"), Cause.PAYMENT_REQUIRED, BLOCKED),
    (refused(400, "server_error", "temporarily_unavailable"), Cause.PROVIDER_ERROR, RED),
    (refused(503, "http_503", "invalid_client"), Cause.PROVIDER_ERROR, RED),
    (refused(500, "http_500"), Cause.PROVIDER_ERROR, RED),
    (refused(200, "bad_response"), Cause.BAD_RESPONSE, RED),
    (refused(302, "http_302"), Cause.BAD_RESPONSE, RED),
    (refused(399, "http_399"), Cause.BAD_RESPONSE, RED),
    ([answer(403, refused="http_403", is_wall=True)], Cause.BAD_RESPONSE, RED),
    ([answer(401, refused="invalid_client", is_wall=True)], Cause.BAD_RESPONSE, RED),
]
EACH = [(each, *row) for answers, *row in TABLE for each in answers]
WELL = said(200, 201, 204, 299)
OURS = [
    *refused(401, "invalid_client", "http_401"),
    *refused(400, "unauthorized_client", "unsupported_grant_type", "invalid_request", "http_400"),
    *refused(400, "invalid_scope", "unsupported_token_type"),
    *refused(200, "invalid_client"),
    *refused(402, "http_402"),
    *refused(428, "http_428"),
    *refused(499, "http_499"),
]


@pytest.mark.parametrize(("given", "cause", "status"), EACH)
def test_every_row_of_the_table(given: Answer, cause: Cause, status: Status) -> None:
    assert cause_of(given) is cause
    first = verdict_of(given, PriorState(Status.ONLINE), INTERVAL)
    second = verdict_of(given, PriorState(Status.DEGRADED, cause, 1), INTERVAL)
    assert first == Verdict(Status.DEGRADED, cause, 1, True, 30.0)
    assert second == Verdict(status, cause, 2, False, DELAYS[status])


@pytest.mark.parametrize("given", WELL)
@pytest.mark.parametrize("after_refresh", [False, True])
def test_what_is_well_is_online(given: Answer, after_refresh: bool) -> None:
    assert cause_of(given) is None
    known = PriorState(Status.DEGRADED, Cause.REVOKED, 1)
    assert verdict_of(given, known, INTERVAL) == Verdict(Status.ONLINE, None, 0, True, 600.0)


@pytest.mark.parametrize("given", OURS)
def test_what_is_ours_is_amber(given: Answer) -> None:
    assert cause_of(given) is Cause.MISCONFIGURED
    verdict = verdict_of(given, PriorState(Status.ONLINE), INTERVAL)
    assert verdict == Verdict(Status.DEGRADED, Cause.MISCONFIGURED, 1, True, 30.0)


def test_the_words_of_token_endpoints_and_their_causes_cannot_drift() -> None:
    """A word that the reader knows is one that the verdict knows: they read one table."""
    assert set(REFRESH_CAUSES) == set(TokenError) - {TokenError.CLIENT, TokenError.UNCLEAR}
    for word, about in TOKEN_ERRORS.items():
        expected = REFRESH_CAUSES.get(about, Cause.MISCONFIGURED)
        assert cause_of(answer(400, refused=word)) is expected


@pytest.mark.parametrize(
    ("status", "word", "cause"),
    [
        (400, "unknown_error", Cause.REVOKED),
        (400, "http_400", Cause.REVOKED),
        (400, "invalid_request", Cause.REVOKED),
        (401, "http_401", Cause.MISCONFIGURED),  # amoCRM says so of a client that it does not know
        (400, "invalid_client", Cause.MISCONFIGURED),
        (400, "unauthorized_client", Cause.MISCONFIGURED),
    ],
)
def test_an_unclear_refusal_without_anybody_else_is_about_the_grant_after_an_hour(
    status: int, word: str, cause: Cause
) -> None:
    refused = answer(status, refused=word)
    known = PriorState(Status.DEGRADED, Cause.MISCONFIGURED, 1, Others.NOBODY, lasting=3_599)
    assert verdict_of(refused, known, INTERVAL).cause is Cause.MISCONFIGURED
    for lasting, status_then in ((3_600, Status.DEGRADED), (3_630, CONFIRMED_STATUS[cause])):
        verdict = verdict_of(refused, replace(known, lasting=lasting), INTERVAL)
        assert (verdict.status, verdict.cause) == (status_then, cause)
        known = PriorState(verdict.status, verdict.cause, verdict.strikes, Others.NOBODY)


def test_every_cause_is_amber_by_nature_or_has_its_gravity() -> None:
    amber = {cause for cause, status in CONFIRMED_STATUS.items() if status is Status.DEGRADED}
    assert amber == {Cause.RATE_LIMITED, Cause.MISCONFIGURED, Cause.ACCOUNT_CHANGED}
    assert set(Cause) == amber | set(GRAVITY)
    assert len(GRAVITY) == len(set(GRAVITY))
    assert set(FAILURE_CAUSES.values()) <= set(Cause)


def test_what_was_known_and_concluded_stays_so() -> None:
    known = PriorState(Status.ONLINE)
    for value in (known, verdict_of(answer(200), known, INTERVAL)):
        with pytest.raises(FrozenInstanceError):
            value.strikes = 1  # type: ignore[misc]

"""The table of causes, row by row, and how a first look becomes a confirmed status."""

import pytest

from app.models.connection import Cause, Status
from app.monitor.probe import Answer
from app.monitor.verdict import REVOKED_DELAY, STRIKE_DELAY, PriorState, cause_of, verdict_of

INTERVAL = 600.0  # seconds


def answer(status: int | None = None, failure: str = "", **more: object) -> Answer:
    return Answer("evidence", 10, status, failure, **more)  # type: ignore[arg-type]


WELL = answer(200)
ERROR = answer(503)
UNAUTHORIZED = answer(401)

CAUSES = [
    (answer(200), None),
    (answer(204), None),
    (answer(200, sound=False), Cause.BAD_RESPONSE),
    (answer(302), Cause.BAD_RESPONSE),
    (answer(404), Cause.BAD_RESPONSE),
    (answer(406), Cause.BAD_RESPONSE),
    (answer(401), Cause.REVOKED),
    (answer(402), Cause.PAYMENT_REQUIRED),
    (answer(403), Cause.ACCESS_DENIED),
    (answer(401, challenge="invalid_token"), Cause.REVOKED),
    (answer(401, challenge="insufficient_scope"), Cause.ACCESS_DENIED),
    (answer(403, challenge="insufficient_scope"), Cause.ACCESS_DENIED),
    (answer(403, challenge="invalid_token"), Cause.ACCESS_DENIED),
    (answer(401, is_page=True), Cause.REVOKED),
    (answer(402, is_page=True), Cause.PAYMENT_REQUIRED),
    (answer(403, is_page=True), Cause.BAD_RESPONSE),
    (answer(503, is_page=True), Cause.PROVIDER_ERROR),
    (answer(200, sound=False, is_page=True), Cause.BAD_RESPONSE),
    (answer(408), Cause.PROVIDER_ERROR),
    (answer(425), Cause.PROVIDER_ERROR),
    (answer(429), Cause.RATE_LIMITED),
    (answer(500), Cause.PROVIDER_ERROR),
    (answer(503), Cause.PROVIDER_ERROR),
    (answer(failure="timeout"), Cause.TIMEOUT),
    (answer(failure="unreachable"), Cause.UNREACHABLE),
    (answer(failure="tls"), Cause.TLS),
    (answer(failure="too_large"), Cause.BAD_RESPONSE),
    (answer(failure="not_http"), Cause.BAD_RESPONSE),
    (answer(failure="unconfigured"), Cause.MISCONFIGURED),
    (answer(400, refused="invalid_grant"), Cause.REVOKED),
    (answer(401, refused="invalid_client"), Cause.MISCONFIGURED),
    (answer(400, refused="unauthorized_client"), Cause.MISCONFIGURED),
    (answer(200, refused="invalid_grant"), Cause.REVOKED),
    (answer(200, refused="bad_response"), Cause.BAD_RESPONSE),
    (answer(503, refused="http_503"), Cause.PROVIDER_ERROR),
    (answer(429, refused="http_429"), Cause.RATE_LIMITED),
    (answer(403, refused="http_403"), Cause.BAD_RESPONSE),
    (answer(401, refused="http_401"), Cause.BAD_RESPONSE),
    (answer(failure="timeout", refused="timeout"), Cause.TIMEOUT),
    (answer(503, refused="temporarily_unavailable"), Cause.PROVIDER_ERROR),
    (answer(200, refused="server_error"), Cause.PROVIDER_ERROR),
    (answer(400, refused="invalid_scope"), Cause.MISCONFIGURED),
]


@pytest.mark.parametrize(("given", "cause"), CAUSES)
def test_every_answer_has_its_cause(given: Answer, cause: Cause | None) -> None:
    assert cause_of(given) is cause


SOFT = [
    (answer(503), Cause.PROVIDER_ERROR, Status.OFFLINE),
    (answer(failure="unreachable"), Cause.UNREACHABLE, Status.OFFLINE),
    (answer(failure="timeout"), Cause.TIMEOUT, Status.OFFLINE),
    (answer(failure="tls"), Cause.TLS, Status.OFFLINE),
    (answer(200, sound=False), Cause.BAD_RESPONSE, Status.OFFLINE),
    (answer(403), Cause.ACCESS_DENIED, Status.BLOCKED),
    (answer(402), Cause.PAYMENT_REQUIRED, Status.BLOCKED),
    (answer(401), Cause.REVOKED, Status.REVOKED),
]


@pytest.mark.parametrize(("given", "cause", "_status"), SOFT)
@pytest.mark.parametrize("before", [Status.CHECKING, Status.ONLINE])
def test_one_bad_look_is_only_a_strike(
    given: Answer, cause: Cause, _status: Status, before: Status
) -> None:
    verdict = verdict_of(given, PriorState(before), INTERVAL)
    assert (verdict.status, verdict.cause, verdict.strikes) == (Status.DEGRADED, cause, 1)
    assert verdict.began
    assert verdict.delay == STRIKE_DELAY


@pytest.mark.parametrize(("given", "cause", "status"), SOFT)
def test_the_second_look_confirms_and_dates_from_the_first(
    given: Answer, cause: Cause, status: Status
) -> None:
    verdict = verdict_of(given, PriorState(Status.DEGRADED, cause, 1), INTERVAL)
    assert (verdict.status, verdict.cause, verdict.strikes) == (status, cause, 2)
    assert not verdict.began


def test_two_different_failures_of_a_provider_confirm_each_other() -> None:
    known = PriorState(Status.DEGRADED, Cause.TIMEOUT, 1)
    assert verdict_of(ERROR, known, INTERVAL).status is Status.OFFLINE


@pytest.mark.parametrize("cause", [Cause.PROVIDER_ERROR, Cause.TIMEOUT, Cause.ACCESS_DENIED])
def test_a_bare_401_after_another_failure_is_a_first_strike(cause: Cause) -> None:
    verdict = verdict_of(UNAUTHORIZED, PriorState(Status.DEGRADED, cause, 1), INTERVAL)
    assert (verdict.status, verdict.strikes) == (Status.DEGRADED, 1)


def test_a_confirmed_outage_does_not_turn_into_a_revocation_at_one_401() -> None:
    known = PriorState(Status.OFFLINE, Cause.PROVIDER_ERROR, 5)
    assert verdict_of(UNAUTHORIZED, known, INTERVAL).status is Status.DEGRADED


@pytest.mark.parametrize("before", list(Status)[1:])
def test_one_good_look_brings_it_back(before: Status) -> None:
    verdict = verdict_of(WELL, PriorState(before, Cause.TIMEOUT, 3), INTERVAL)
    assert (verdict.status, verdict.cause, verdict.strikes) == (Status.ONLINE, None, 0)
    assert verdict.began is (before is not Status.ONLINE)
    assert verdict.delay == INTERVAL


@pytest.mark.parametrize("before", [Status.ONLINE, Status.OFFLINE, Status.CHECKING])
def test_invalid_grant_is_proof(before: Status) -> None:
    verdict = verdict_of(answer(400, refused="invalid_grant"), PriorState(before), INTERVAL)
    assert (verdict.status, verdict.cause) == (Status.REVOKED, Cause.REVOKED)
    assert verdict.began
    assert verdict.delay == REVOKED_DELAY


def test_a_token_that_is_good_for_something_else_is_no_proof() -> None:
    scope = answer(401, challenge="insufficient_scope")
    verdict = verdict_of(scope, PriorState(Status.ONLINE, refreshed=True), INTERVAL)
    assert (verdict.status, verdict.cause) == (Status.DEGRADED, Cause.ACCESS_DENIED)
    known = PriorState(Status.DEGRADED, Cause.ACCESS_DENIED, 1, refreshed=True)
    assert verdict_of(scope, known, INTERVAL).status is Status.BLOCKED


def test_a_named_error_alone_is_no_proof_where_nothing_was_refreshed() -> None:
    bare = verdict_of(answer(401, challenge="invalid_token"), PriorState(Status.ONLINE), INTERVAL)
    assert (bare.status, bare.cause) == (Status.DEGRADED, Cause.REVOKED)


def test_401_on_a_freshly_refreshed_token_is_proof() -> None:
    verdict = verdict_of(UNAUTHORIZED, PriorState(Status.ONLINE, refreshed=True), INTERVAL)
    assert verdict.status is Status.REVOKED


@pytest.mark.parametrize("status", [402, 403, 408, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("refreshed", [False, True])
def test_other_answers_are_never_proof_of_revocation(status: int, refreshed: bool) -> None:
    again = PriorState(Status.DEGRADED, Cause.PROVIDER_ERROR, 1, refreshed)
    fresh = PriorState(Status.ONLINE, refreshed=refreshed)
    for before in (again, fresh):
        assert verdict_of(answer(status), before, INTERVAL).status is not Status.REVOKED


@pytest.mark.parametrize("before", list(Status)[1:])
def test_our_own_mistake_changes_nobodys_status(before: Status) -> None:
    known = PriorState(before, Cause.TIMEOUT, 4)
    verdict = verdict_of(answer(401, refused="invalid_client"), known, INTERVAL)
    assert (verdict.status, verdict.cause, verdict.strikes) == (before, Cause.MISCONFIGURED, 4)
    assert not verdict.began


def test_a_rate_limit_is_amber_and_waits_as_it_is_told() -> None:
    verdict = verdict_of(answer(429, retry_after=1800.0), PriorState(Status.ONLINE), INTERVAL)
    assert (verdict.status, verdict.cause, verdict.strikes) == (
        Status.DEGRADED,
        Cause.RATE_LIMITED,
        0,
    )
    assert verdict.delay == 1800.0
    short = verdict_of(answer(429, retry_after=1.0), PriorState(Status.ONLINE), INTERVAL)
    assert short.delay == INTERVAL
    mad = verdict_of(answer(429, retry_after=1e9), PriorState(Status.ONLINE), INTERVAL)
    assert mad.delay == 86_400.0


REFUSED = [(Status.REVOKED, Cause.REVOKED), (Status.BLOCKED, Cause.PAYMENT_REQUIRED)]


@pytest.mark.parametrize(("before", "cause"), REFUSED)
@pytest.mark.parametrize(
    "given", [answer(429), ERROR, answer(failure="timeout"), answer(200, sound=False), answer(404)]
)
def test_a_provider_that_is_down_or_busy_says_nothing_about_a_refused_grant(
    before: Status, cause: Cause, given: Answer
) -> None:
    verdict = verdict_of(given, PriorState(before, cause, 2), INTERVAL)
    assert (verdict.status, verdict.cause, verdict.strikes) == (before, cause, 2)
    assert (verdict.began, verdict.news) == (False, False)
    assert verdict.delay == (REVOKED_DELAY if before is Status.REVOKED else INTERVAL)


def test_a_revoked_grant_stays_revoked_at_the_next_401() -> None:
    for known in (
        PriorState(Status.REVOKED, Cause.REVOKED, 1),
        PriorState(Status.REVOKED, Cause.MISCONFIGURED, 1),
    ):
        verdict = verdict_of(UNAUTHORIZED, known, INTERVAL)
        assert (verdict.status, verdict.began) == (Status.REVOKED, False)


def test_what_blocks_may_change_without_a_new_beginning() -> None:
    known = PriorState(Status.BLOCKED, Cause.PAYMENT_REQUIRED, 2)
    verdict = verdict_of(answer(403), known, INTERVAL)
    assert (verdict.status, verdict.cause) == (Status.BLOCKED, Cause.ACCESS_DENIED)
    assert not verdict.began


def test_a_strike_after_a_rate_limit_is_the_first_one() -> None:
    known = PriorState(Status.DEGRADED, Cause.RATE_LIMITED, 0)
    verdict = verdict_of(ERROR, known, INTERVAL)
    assert (verdict.status, verdict.strikes, verdict.began) == (Status.DEGRADED, 1, True)


def test_what_is_offline_is_asked_ever_more_seldom_up_to_the_interval() -> None:
    delays = [
        verdict_of(ERROR, PriorState(Status.OFFLINE, Cause.PROVIDER_ERROR, strikes), INTERVAL).delay
        for strikes in (1, 2, 3, 4, 5, 6, 1000)
    ]
    assert delays == [30, 60, 120, 240, 480, 600, 600]


def test_a_short_interval_bounds_every_second_look() -> None:
    assert verdict_of(ERROR, PriorState(Status.ONLINE), 5.0).delay == 5.0
    confirmed = verdict_of(ERROR, PriorState(Status.DEGRADED, Cause.PROVIDER_ERROR, 1), 5.0)
    assert confirmed.delay == 5.0


def test_what_its_owner_must_mend_is_looked_at_every_interval() -> None:
    known = PriorState(Status.DEGRADED, Cause.PAYMENT_REQUIRED, 1)
    assert verdict_of(answer(402), known, INTERVAL).delay == INTERVAL


def test_an_outage_that_goes_on_does_not_begin_anew() -> None:
    known = PriorState(Status.OFFLINE, Cause.PROVIDER_ERROR, 7)
    verdict = verdict_of(answer(failure="timeout"), known, INTERVAL)
    assert (verdict.status, verdict.began) == (Status.OFFLINE, False)


def test_proof_after_a_strike_of_another_kind_begins_now() -> None:
    known = PriorState(Status.DEGRADED, Cause.TIMEOUT, 1)
    assert verdict_of(answer(400, refused="invalid_grant"), known, INTERVAL).began


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (answer(503, classification="ok"), None),
        (answer(failure="timeout", classification="ok"), None),
        (answer(403, classification="rate_limited"), Cause.RATE_LIMITED),
        (answer(200, classification="revoked"), Cause.REVOKED),
        (answer(400, refused="payment_required"), Cause.PAYMENT_REQUIRED),
    ],
)
def test_a_providers_own_table_comes_first(given: Answer, cause: Cause | None) -> None:
    assert cause_of(given) is cause


def test_what_a_provider_wants_between_two_looks_is_not_the_verdicts_business() -> None:
    assert verdict_of(WELL, PriorState(Status.ONLINE), INTERVAL).at_least == 0.0


@pytest.mark.parametrize("status", [Status.BLOCKED, Status.REVOKED])
def test_without_a_token_there_is_nothing_to_learn(status: Status) -> None:
    known = PriorState(status, Cause.ACCESS_DENIED, strikes=2)
    verdict = verdict_of(answer(failure="taken_back"), known, INTERVAL)
    assert (verdict.status, verdict.cause, verdict.news) == (status, Cause.ACCESS_DENIED, False)
    assert verdict.delay == INTERVAL  # as often as any: a token may be delivered

"""The table of causes, row by row, and how a first look becomes a confirmed status."""

from dataclasses import replace

import pytest

from app.models.connection import Cause, Status
from app.monitor.answer import Answer
from app.monitor.causes import Others, cause_of
from app.monitor.verdict import (
    REVOKED_DELAYS,
    STRIKE_DELAY,
    PriorState,
    Verdict,
    scaled,
    verdict_of,
)
from tests.support.probe_answers import ERROR, FORBIDDEN, LIMITED, UNAUTHORIZED, WELL, answer

INTERVAL = 600.0  # seconds
HOUR = 3_600.0


CAUSES = [
    (answer(200), None),
    (answer(204), None),
    (answer(200, sound=False), Cause.BAD_RESPONSE),
    (answer(200, is_stranger=True), Cause.ACCOUNT_CHANGED),
    (answer(200, is_stranger=True, sound=False), Cause.BAD_RESPONSE),
    (answer(200, contradicted=True), Cause.INCONSISTENT),
    (answer(302), Cause.BAD_RESPONSE),
    (answer(404), Cause.BAD_RESPONSE),
    (answer(406), Cause.BAD_RESPONSE),
    (answer(401), Cause.REVOKED),
    (answer(401, after_refresh=True), Cause.INCONSISTENT),
    (answer(401, is_wall=True, after_refresh=True), Cause.BAD_RESPONSE),
    (answer(402), Cause.PAYMENT_REQUIRED),
    (answer(403), Cause.ACCESS_DENIED),
    (answer(403, after_refresh=True), Cause.ACCESS_DENIED),
    (answer(401, challenge="invalid_token"), Cause.REVOKED),
    (answer(401, challenge="insufficient_scope"), Cause.ACCESS_DENIED),
    (answer(401, challenge="insufficient_scope", after_refresh=True), Cause.ACCESS_DENIED),
    (answer(403, challenge="insufficient_scope"), Cause.ACCESS_DENIED),
    (answer(403, challenge="invalid_token"), Cause.REVOKED),
    (answer(400, challenge="invalid_token"), Cause.REVOKED),
    (answer(400, challenge="invalid_token", after_refresh=True), Cause.INCONSISTENT),
    (answer(400, challenge="invalid_request"), Cause.BAD_RESPONSE),
    (answer(429, challenge="invalid_token"), Cause.RATE_LIMITED),
    (answer(503, challenge="invalid_token"), Cause.PROVIDER_ERROR),
    (answer(200, challenge="invalid_token"), None),
    (answer(200, challenge="invalid_token", sound=False), Cause.REVOKED),
    (answer(302, challenge="invalid_token"), Cause.BAD_RESPONSE),
    (answer(403, refused="http_403", is_limited=True), Cause.RATE_LIMITED),
    (answer(429, refused="invalid_grant"), Cause.RATE_LIMITED),
    (answer(400, refused="slow_down"), Cause.RATE_LIMITED),
    (answer(401, is_wall=True), Cause.BAD_RESPONSE),
    (answer(402, is_wall=True), Cause.BAD_RESPONSE),
    (answer(403, is_wall=True), Cause.BAD_RESPONSE),
    (answer(403, is_limited=True), Cause.RATE_LIMITED),
    (answer(403, is_limited=True, is_wall=True), Cause.RATE_LIMITED),
    (answer(503, is_wall=True), Cause.PROVIDER_ERROR),
    (answer(500, is_wall=True), Cause.PROVIDER_ERROR),
    (answer(200, sound=False, is_wall=True), Cause.BAD_RESPONSE),
    (answer(408), Cause.PROVIDER_ERROR),
    (answer(425), Cause.PROVIDER_ERROR),
    (answer(429), Cause.RATE_LIMITED),
    (answer(429, is_wall=True), Cause.RATE_LIMITED),
    (answer(500), Cause.PROVIDER_ERROR),
    (answer(503), Cause.PROVIDER_ERROR),
    (answer(failure="timeout"), Cause.TIMEOUT),
    (answer(failure="unreachable"), Cause.UNREACHABLE),
    (answer(failure="tls"), Cause.TLS),
    (answer(failure="too_large"), Cause.BAD_RESPONSE),
    (answer(failure="not_http"), Cause.BAD_RESPONSE),
    (answer(failure="unconfigured"), Cause.MISCONFIGURED),
    (answer(400, refused="invalid_grant"), Cause.REVOKED),
    (answer(401, refused="invalid_token"), Cause.REVOKED),
    (answer(400, refused="access_denied"), Cause.REVOKED),
    (answer(200, refused="invalid_code"), Cause.REVOKED),
    (answer(200, refused="invalid_grant"), Cause.REVOKED),
    (answer(401, refused="invalid_client"), Cause.MISCONFIGURED),
    (answer(400, refused="unauthorized_client"), Cause.MISCONFIGURED),
    (answer(400, refused="invalid_request"), Cause.MISCONFIGURED),
    (answer(400, refused="invalid_scope"), Cause.MISCONFIGURED),
    (answer(200, refused="invalid_client"), Cause.MISCONFIGURED),
    (answer(400, refused="http_400"), Cause.MISCONFIGURED),
    (answer(401, refused="http_401"), Cause.MISCONFIGURED),
    (answer(403, refused="http_403"), Cause.MISCONFIGURED),
    (answer(403, refused="http_403", is_wall=True), Cause.BAD_RESPONSE),
    (answer(401, refused="http_401", is_wall=True), Cause.BAD_RESPONSE),
    (answer(200, refused="bad_response"), Cause.BAD_RESPONSE),
    (answer(302, refused="http_302"), Cause.BAD_RESPONSE),
    (answer(503, refused="http_503"), Cause.PROVIDER_ERROR),
    (answer(500, refused="http_500", is_wall=True), Cause.PROVIDER_ERROR),
    (answer(408, refused="http_408"), Cause.PROVIDER_ERROR),
    (answer(425, refused="http_425"), Cause.PROVIDER_ERROR),
    (answer(429, refused="http_429"), Cause.RATE_LIMITED),
    (answer(failure="timeout", refused="timeout"), Cause.TIMEOUT),
    (answer(503, refused="temporarily_unavailable"), Cause.PROVIDER_ERROR),
    (answer(200, refused="server_error"), Cause.PROVIDER_ERROR),
    (answer(400, refused="payment_required"), Cause.PAYMENT_REQUIRED),
    (answer(503, classification="ok"), None),
    (answer(failure="timeout", classification="ok"), None),
    (answer(403, classification="rate_limited"), Cause.RATE_LIMITED),
    (answer(200, classification="revoked"), Cause.REVOKED),
]


@pytest.mark.parametrize(("given", "cause"), CAUSES)
def test_every_answer_has_its_cause(given: Answer, cause: Cause | None) -> None:
    assert cause_of(given) is cause


UNCLEAR = ["invalid_client", "invalid_request", "unauthorized_client", "http_400", "http_401"]


@pytest.mark.parametrize("code", UNCLEAR)
@pytest.mark.parametrize(
    ("others", "cause"),
    [
        (Others.WELL, Cause.REVOKED),
        (Others.REFUSED, Cause.MISCONFIGURED),
        (Others.UNKNOWN, Cause.MISCONFIGURED),
        (Others.NOBODY, Cause.MISCONFIGURED),
    ],
)
def test_an_unclear_refusal_is_about_this_grant_only_if_others_are_refreshed(
    code: str, others: Others, cause: Cause
) -> None:
    assert cause_of(answer(400, refused=code), others) is cause


SOFT = [
    (answer(503), Cause.PROVIDER_ERROR, Status.OFFLINE, 30.0),
    (answer(failure="unreachable"), Cause.UNREACHABLE, Status.OFFLINE, 30.0),
    (answer(failure="timeout"), Cause.TIMEOUT, Status.OFFLINE, 30.0),
    (answer(failure="tls"), Cause.TLS, Status.OFFLINE, 30.0),
    (answer(200, sound=False), Cause.BAD_RESPONSE, Status.OFFLINE, 30.0),
    (answer(401, after_refresh=True), Cause.INCONSISTENT, Status.OFFLINE, 30.0),
    (answer(403), Cause.ACCESS_DENIED, Status.BLOCKED, INTERVAL),
    (answer(402), Cause.PAYMENT_REQUIRED, Status.BLOCKED, INTERVAL),
    (answer(401), Cause.REVOKED, Status.REVOKED, 60.0),
    (answer(400, refused="invalid_grant"), Cause.REVOKED, Status.REVOKED, 60.0),
    (answer(401, classification="revoked"), Cause.REVOKED, Status.REVOKED, 60.0),
]


@pytest.mark.parametrize(("given", "cause", "_status", "_delay"), SOFT)
@pytest.mark.parametrize("before", [Status.CHECKING, Status.ONLINE])
@pytest.mark.parametrize("others", list(Others))
def test_one_bad_look_is_only_a_strike(
    given: Answer, cause: Cause, _status: Status, _delay: float, before: Status, others: Others
) -> None:
    verdict = verdict_of(given, PriorState(before, others=others), INTERVAL)
    assert verdict == Verdict(Status.DEGRADED, cause, 1, True, STRIKE_DELAY)


@pytest.mark.parametrize(("given", "cause", "status", "delay"), SOFT)
@pytest.mark.parametrize("others", [Others.NOBODY, Others.WELL])
def test_the_second_look_confirms_and_dates_from_the_first(
    given: Answer, cause: Cause, status: Status, delay: float, others: Others
) -> None:
    known = PriorState(Status.DEGRADED, cause, 1, others)
    assert verdict_of(given, known, INTERVAL) == Verdict(status, cause, 2, False, delay)


REFUSALS = [
    (UNAUTHORIZED, Cause.REVOKED),
    (answer(400, refused="invalid_grant"), Cause.REVOKED),
    (FORBIDDEN, Cause.ACCESS_DENIED),
    (answer(402), Cause.PAYMENT_REQUIRED),
]


@pytest.mark.parametrize(("given", "cause"), REFUSALS)
@pytest.mark.parametrize("strikes", [1, 2, 3, 50])
def test_while_others_are_refused_as_well_nobody_is_asked_for_anything(
    given: Answer, cause: Cause, strikes: int
) -> None:
    known = PriorState(Status.DEGRADED, cause, strikes, Others.REFUSED, HOUR - 1)
    verdict = verdict_of(given, known, INTERVAL)
    assert (verdict.status, verdict.cause, verdict.strikes) == (
        Status.DEGRADED,
        cause,
        strikes + 1,
    )
    assert not verdict.began
    assert verdict.delay == {1: 30.0, 2: 60.0, 3: 120.0, 50: INTERVAL}[strikes]


@pytest.mark.parametrize(("given", "cause"), REFUSALS)
def test_a_refusal_of_everybody_is_believed_after_an_hour(given: Answer, cause: Cause) -> None:
    known = PriorState(Status.DEGRADED, cause, 9, Others.REFUSED, HOUR)
    assert verdict_of(given, known, INTERVAL).status in (Status.BLOCKED, Status.REVOKED)
    brief = replace(known, lasting=359.0)
    assert verdict_of(given, brief, 3.0).status is Status.DEGRADED
    assert verdict_of(given, replace(brief, lasting=360.0), 3.0).status is not Status.DEGRADED


@pytest.mark.parametrize(("given", "cause"), REFUSALS)
@pytest.mark.parametrize(("strikes", "believed"), [(1, False), (2, False), (3, True), (4, True)])
def test_without_a_word_of_others_a_refusal_is_believed_at_the_fourth_look(
    given: Answer, cause: Cause, strikes: int, believed: bool
) -> None:
    known = PriorState(Status.DEGRADED, cause, strikes, Others.UNKNOWN)
    assert (verdict_of(given, known, INTERVAL).status is not Status.DEGRADED) is believed


@pytest.mark.parametrize("others", list(Others))
def test_a_failure_is_confirmed_whatever_others_get(others: Others) -> None:
    known = PriorState(Status.DEGRADED, Cause.TIMEOUT, 1, others)
    assert verdict_of(ERROR, known, INTERVAL).status is Status.OFFLINE


TURNS = [  # the looks in turn, what the last of them makes of it
    ([ERROR, answer(failure="timeout")], Status.OFFLINE, Cause.TIMEOUT),
    ([answer(failure="timeout"), ERROR], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([answer(404), answer(failure="tls")], Status.OFFLINE, Cause.TLS),
    ([FORBIDDEN, ERROR], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([ERROR, FORBIDDEN], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([UNAUTHORIZED, ERROR], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([answer(402), answer(failure="unreachable")], Status.OFFLINE, Cause.UNREACHABLE),
    ([UNAUTHORIZED, FORBIDDEN], Status.BLOCKED, Cause.ACCESS_DENIED),
    ([FORBIDDEN, UNAUTHORIZED], Status.BLOCKED, Cause.ACCESS_DENIED),
    ([FORBIDDEN, answer(402)], Status.BLOCKED, Cause.PAYMENT_REQUIRED),
    ([answer(401, after_refresh=True), ERROR], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([ERROR, LIMITED], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([LIMITED, ERROR], Status.DEGRADED, Cause.PROVIDER_ERROR),
    ([LIMITED, ERROR, LIMITED], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([LIMITED, ERROR, ERROR], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([ERROR, LIMITED, ERROR, LIMITED], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([ERROR, ERROR, LIMITED], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([ERROR, ERROR, LIMITED, LIMITED], Status.DEGRADED, Cause.RATE_LIMITED),
    ([LIMITED] * 5, Status.DEGRADED, Cause.RATE_LIMITED),
    ([FORBIDDEN, LIMITED], Status.DEGRADED, Cause.ACCESS_DENIED),
    ([FORBIDDEN, LIMITED, FORBIDDEN], Status.BLOCKED, Cause.ACCESS_DENIED),
    ([ERROR, ERROR, UNAUTHORIZED], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([ERROR, ERROR, UNAUTHORIZED, ERROR], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([ERROR, ERROR, UNAUTHORIZED, UNAUTHORIZED], Status.REVOKED, Cause.REVOKED),
    ([ERROR, ERROR, FORBIDDEN, ERROR, FORBIDDEN], Status.OFFLINE, Cause.PROVIDER_ERROR),
    ([FORBIDDEN, FORBIDDEN, UNAUTHORIZED], Status.BLOCKED, Cause.ACCESS_DENIED),
    ([FORBIDDEN, FORBIDDEN, UNAUTHORIZED, UNAUTHORIZED], Status.REVOKED, Cause.REVOKED),
    ([FORBIDDEN, FORBIDDEN, answer(402)], Status.BLOCKED, Cause.PAYMENT_REQUIRED),
    ([UNAUTHORIZED, UNAUTHORIZED, FORBIDDEN], Status.REVOKED, Cause.REVOKED),
    ([UNAUTHORIZED, UNAUTHORIZED, ERROR, ERROR], Status.REVOKED, Cause.REVOKED),
    ([UNAUTHORIZED, UNAUTHORIZED, WELL], Status.ONLINE, None),
    ([UNAUTHORIZED, WELL, UNAUTHORIZED], Status.DEGRADED, Cause.REVOKED),
    ([answer(400, refused="invalid_request"), UNAUTHORIZED], Status.DEGRADED, Cause.REVOKED),
    ([ERROR, ERROR, answer(401, refused="http_401")], Status.DEGRADED, Cause.MISCONFIGURED),
    ([ERROR, answer(200, is_stranger=True)], Status.DEGRADED, Cause.ACCOUNT_CHANGED),
    ([answer(200, contradicted=True)] * 4, Status.DEGRADED, Cause.INCONSISTENT),
    ([answer(401, after_refresh=True), UNAUTHORIZED], Status.OFFLINE, Cause.INCONSISTENT),
]


@pytest.mark.parametrize(("looks", "status", "cause"), TURNS)
def test_looks_in_turn(looks: list[Answer], status: Status, cause: Cause | None) -> None:
    known = PriorState(Status.ONLINE)
    for look in looks:
        verdict = verdict_of(look, known, INTERVAL)
        known = PriorState(verdict.status, verdict.cause, verdict.strikes)
    assert (known.status, known.cause) == (status, cause)


@pytest.mark.parametrize("before", list(Status)[1:])
def test_one_good_look_brings_it_back(before: Status) -> None:
    verdict = verdict_of(WELL, PriorState(before, Cause.TIMEOUT, 3), INTERVAL)
    assert verdict == Verdict(Status.ONLINE, None, 0, before is not Status.ONLINE, INTERVAL)


@pytest.mark.parametrize("before", list(Status)[1:])
@pytest.mark.parametrize("failure", ["unconfigured", "not_allowed"])
def test_our_own_mistake_changes_nobodys_status(before: Status, failure: str) -> None:
    known = PriorState(before, Cause.TIMEOUT, 4)
    verdict = verdict_of(answer(failure=failure), known, INTERVAL)
    assert verdict == Verdict(before, Cause.MISCONFIGURED, 4, False, INTERVAL)


@pytest.mark.parametrize(
    ("before", "began"), [(Status.ONLINE, True), (Status.OFFLINE, True), (Status.DEGRADED, False)]
)
@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (answer(200, is_stranger=True), Cause.ACCOUNT_CHANGED),
        (answer(200, contradicted=True), Cause.INCONSISTENT),
    ],
)
def test_what_is_amber_at_one_look_and_never_more(
    before: Status, began: bool, given: Answer, cause: Cause
) -> None:
    verdict = verdict_of(given, PriorState(before, Cause.TIMEOUT, 4), INTERVAL)
    assert verdict == Verdict(Status.DEGRADED, cause, 0, began, INTERVAL)


@pytest.mark.parametrize(
    ("known", "began", "delay"),
    [
        (PriorState(Status.ONLINE), True, 30.0),
        (PriorState(Status.OFFLINE, Cause.TIMEOUT, 4), True, 30.0),
        (PriorState(Status.DEGRADED, Cause.REVOKED, 1), False, 30.0),
        (PriorState(Status.DEGRADED, Cause.MISCONFIGURED, 1), False, INTERVAL),
    ],
)
def test_what_may_be_our_mistake_is_soon_asked_once_more(
    known: PriorState, began: bool, delay: float
) -> None:
    """Others may have been refreshed by then: so it would be about this grant after all."""
    refused = answer(400, refused="invalid_client")
    verdict = verdict_of(refused, known, INTERVAL)
    assert verdict == Verdict(Status.DEGRADED, Cause.MISCONFIGURED, 1, began, delay)
    brief = verdict_of(refused, known, 3.0)
    assert brief.delay == 3.0


def test_what_turns_out_to_be_about_the_grant_is_dated_from_the_first_refusal() -> None:
    known = PriorState(Status.DEGRADED, Cause.MISCONFIGURED, 1, Others.WELL)
    verdict = verdict_of(answer(400, refused="invalid_client"), known, INTERVAL)
    assert verdict == Verdict(Status.DEGRADED, Cause.REVOKED, 1, False, 30.0)


@pytest.mark.parametrize("given", [LIMITED, answer(429, refused="http_429")])
def test_a_rate_limit_is_amber_and_waits_as_it_is_told(given: Answer) -> None:
    told = replace(given, retry_after=1_800.0)
    for before, began in ((Status.ONLINE, True), (Status.DEGRADED, False)):
        verdict = verdict_of(told, PriorState(before), INTERVAL)
        assert verdict == Verdict(Status.DEGRADED, Cause.RATE_LIMITED, 0, began, 1_800.0)
    short = verdict_of(replace(given, retry_after=1.0), PriorState(Status.ONLINE), INTERVAL)
    assert short.delay == INTERVAL
    mad = verdict_of(replace(given, retry_after=1e9), PriorState(Status.ONLINE), INTERVAL)
    assert mad.delay == 86_400.0


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (
            PriorState(Status.OFFLINE, Cause.TIMEOUT, 2),
            Verdict(Status.OFFLINE, Cause.TIMEOUT, 1, False, 1_800.0, news=False),
        ),
        (
            PriorState(Status.OFFLINE, Cause.TIMEOUT, 1),
            Verdict(Status.DEGRADED, Cause.RATE_LIMITED, 0, True, 1_800.0),
        ),
        (
            PriorState(Status.DEGRADED, Cause.TIMEOUT, 1),
            Verdict(Status.OFFLINE, Cause.TIMEOUT, 2, False, 1_800.0, news=False),
        ),
        (
            PriorState(Status.DEGRADED, Cause.REVOKED, 1),
            Verdict(Status.DEGRADED, Cause.REVOKED, 1, False, 1_800.0, news=False),
        ),
        (
            PriorState(Status.DEGRADED, Cause.REVOKED, 2, Others.REFUSED),
            Verdict(Status.DEGRADED, Cause.REVOKED, 2, False, 1_800.0, news=False),
        ),
        (
            PriorState(Status.DEGRADED, Cause.INCONSISTENT, 0),
            Verdict(Status.DEGRADED, Cause.RATE_LIMITED, 0, False, 1_800.0),
        ),
        (
            PriorState(Status.DEGRADED, Cause.RATE_LIMITED, 0),
            Verdict(Status.DEGRADED, Cause.RATE_LIMITED, 0, False, 1_800.0),
        ),
        (
            PriorState(Status.DEGRADED, Cause.MISCONFIGURED, 1),
            Verdict(Status.DEGRADED, Cause.RATE_LIMITED, 0, False, 1_800.0),
        ),
        (
            PriorState(Status.DEGRADED, None, 1),
            Verdict(Status.DEGRADED, Cause.RATE_LIMITED, 0, False, 1_800.0),
        ),
    ],
)
def test_a_rate_limit_ends_no_trouble(known: PriorState, expected: Verdict) -> None:
    assert verdict_of(answer(429, retry_after=1_800.0), known, INTERVAL) == expected


@pytest.mark.parametrize(
    ("given", "known", "delay"),
    [
        (answer(503, retry_after=40.5), PriorState(Status.ONLINE), 40.5),
        (answer(503, retry_after=5.0), PriorState(Status.ONLINE), 30.0),
        (answer(503, retry_after=90.0), PriorState(Status.DEGRADED, Cause.TIMEOUT, 1), 90.0),
        (answer(503, retry_after=90.0), PriorState(Status.OFFLINE, Cause.TIMEOUT, 9), 600.0),
        (answer(503, retry_after=1e9), PriorState(Status.ONLINE), 86_400.0),
        (answer(503, retry_after=30.0), PriorState(Status.ONLINE), 30.0),
    ],
)
def test_a_failing_provider_is_not_asked_before_it_says(
    given: Answer, known: PriorState, delay: float
) -> None:
    assert verdict_of(given, known, INTERVAL).delay == delay


@pytest.mark.parametrize(
    ("before", "cause"),
    [(Status.REVOKED, Cause.REVOKED), (Status.BLOCKED, Cause.PAYMENT_REQUIRED)],
)
@pytest.mark.parametrize(
    "given",
    [
        LIMITED,
        ERROR,
        answer(failure="timeout"),
        answer(200, sound=False),
        answer(404),
        answer(401, after_refresh=True),
        answer(400, refused="invalid_client"),
        answer(200, contradicted=True),
        answer(200, is_stranger=True),
    ],
)
def test_a_provider_that_is_down_or_busy_says_nothing_about_a_refused_grant(
    before: Status, cause: Cause, given: Answer
) -> None:
    verdict = verdict_of(given, PriorState(before, cause, 7), INTERVAL)
    delay = 86_400.0 if before is Status.REVOKED else INTERVAL
    assert verdict == Verdict(before, cause, 7, False, delay, news=False)
    busy = verdict_of(replace(given, retry_after=1_800.0), PriorState(before, cause, 2), INTERVAL)
    assert busy.delay == 1_800.0


@pytest.mark.parametrize(
    ("interval", "delays"),
    [
        (INTERVAL, [60, 60, 300, 1_800, 10_800, 86_400, 86_400]),
        (30.0, [60, 60, 300, 1_800, 10_800, 86_400, 86_400]),
        (3.0, [6, 6, 30, 180, 1_080, 8_640, 8_640]),
    ],
)
def test_what_is_revoked_is_looked_at_ever_more_seldom(
    interval: float, delays: list[float]
) -> None:
    seen = []
    for strikes in (0, 1, 2, 3, 4, 5, 1_000):
        known = PriorState(Status.REVOKED, Cause.REVOKED, strikes)
        verdict = verdict_of(UNAUTHORIZED, known, interval)
        assert (verdict.status, verdict.strikes, verdict.began) == (
            Status.REVOKED,
            strikes + 1,
            False,
        )
        seen.append(verdict.delay)
    assert seen == pytest.approx(delays)


@pytest.mark.parametrize(
    ("known", "given", "expected"),
    [
        (
            PriorState(Status.OFFLINE, Cause.TIMEOUT, 2),
            FORBIDDEN,
            Verdict(Status.OFFLINE, Cause.TIMEOUT, 1, False, 30.0, news=False),
        ),
        (
            PriorState(Status.OFFLINE, Cause.TIMEOUT, 1),
            FORBIDDEN,
            Verdict(Status.BLOCKED, Cause.ACCESS_DENIED, 2, True, INTERVAL),
        ),
        (
            PriorState(Status.OFFLINE, Cause.TIMEOUT, 1, Others.REFUSED),
            FORBIDDEN,
            Verdict(Status.OFFLINE, Cause.TIMEOUT, 1, False, 30.0, news=False),
        ),
        (
            PriorState(Status.OFFLINE, Cause.TIMEOUT, 1, Others.REFUSED, HOUR),
            FORBIDDEN,
            Verdict(Status.BLOCKED, Cause.ACCESS_DENIED, 2, True, INTERVAL),
        ),
        (
            PriorState(Status.OFFLINE, Cause.TIMEOUT, 1),
            ERROR,
            Verdict(Status.OFFLINE, Cause.PROVIDER_ERROR, 2, False, 30.0),
        ),
        (
            PriorState(Status.OFFLINE, Cause.MISCONFIGURED, 3),
            ERROR,
            Verdict(Status.OFFLINE, Cause.PROVIDER_ERROR, 4, False, 120.0),
        ),
        (
            PriorState(Status.REVOKED, None, 0),
            UNAUTHORIZED,
            Verdict(Status.REVOKED, Cause.REVOKED, 1, False, 60.0),
        ),
        (
            PriorState(Status.ONLINE, None, 1),
            ERROR,
            Verdict(Status.DEGRADED, Cause.PROVIDER_ERROR, 1, True, 30.0),
        ),
        (
            PriorState(Status.DEGRADED, Cause.MISCONFIGURED, 1),
            ERROR,
            Verdict(Status.DEGRADED, Cause.PROVIDER_ERROR, 1, False, 30.0),
        ),
        (
            PriorState(Status.DEGRADED, Cause.RATE_LIMITED, 0),
            ERROR,
            Verdict(Status.DEGRADED, Cause.PROVIDER_ERROR, 1, True, 30.0),
        ),
        (
            PriorState(Status.DEGRADED, Cause.INCONSISTENT, 0),
            ERROR,
            Verdict(Status.DEGRADED, Cause.PROVIDER_ERROR, 1, True, 30.0),
        ),
        (
            PriorState(Status.OFFLINE, Cause.TIMEOUT, 0),
            ERROR,
            Verdict(Status.OFFLINE, Cause.PROVIDER_ERROR, 1, False, 30.0),
        ),
        (
            PriorState(Status.DEGRADED, None, 1),
            ERROR,
            Verdict(Status.DEGRADED, Cause.PROVIDER_ERROR, 1, False, 30.0),
        ),
    ],
)
def test_what_was_known_before_decides(known: PriorState, given: Answer, expected: Verdict) -> None:
    assert verdict_of(given, known, INTERVAL) == expected


def test_what_is_offline_is_asked_ever_more_seldom_up_to_the_interval() -> None:
    delays = [
        verdict_of(ERROR, PriorState(Status.OFFLINE, Cause.PROVIDER_ERROR, strikes), INTERVAL).delay
        for strikes in (1, 2, 3, 4, 5, 6, 1000)
    ]
    assert delays == [30, 60, 120, 240, 480, 600, 600]
    for strikes, delay in ((21, 30.0 * 2**20), (22, 30.0 * 2**20), (30_000, 30.0 * 2**20)):
        known = PriorState(Status.OFFLINE, Cause.TIMEOUT, strikes)
        assert verdict_of(ERROR, known, 1e9).delay == delay


@pytest.mark.parametrize(
    "known",
    [
        PriorState(Status.ONLINE),
        PriorState(Status.DEGRADED, Cause.PROVIDER_ERROR, 1),
        PriorState(Status.OFFLINE, Cause.PROVIDER_ERROR, 2),
        PriorState(Status.BLOCKED, Cause.ACCESS_DENIED, 2),
    ],
)
def test_a_short_interval_bounds_every_second_look(known: PriorState) -> None:
    given = FORBIDDEN if known.status is Status.BLOCKED else ERROR
    assert verdict_of(given, known, 5.0).delay == 5.0
    assert verdict_of(UNAUTHORIZED, PriorState(Status.OFFLINE, None, 2), 5.0).delay == 5.0


def test_times_shrink_with_an_interval_under_half_a_minute() -> None:
    assert [scaled(each, 3.0) for each in (30, 60, 300, 3_600)] == [3, 6, 30, 360]
    assert scaled(300, 30.0) == scaled(300, 600.0) == 300
    assert REVOKED_DELAYS == (60, 300, 1_800, 10_800, 86_400)


@pytest.mark.parametrize("status", list(Status)[1:])
def test_without_a_token_there_is_nothing_to_learn(status: Status) -> None:
    known = PriorState(status, Cause.ACCESS_DENIED, strikes=2)
    verdict = verdict_of(answer(failure="taken_back"), known, INTERVAL)
    assert verdict == Verdict(status, Cause.ACCESS_DENIED, 2, False, INTERVAL, news=False)


def test_what_is_not_said_of_the_past_and_of_a_verdict_is_the_usual() -> None:
    assert PriorState(Status.ONLINE) == PriorState(Status.ONLINE, None, 0, Others.NOBODY, 0.0)
    usual = Verdict(Status.ONLINE, None, 0, False, 600.0)
    assert usual == Verdict(Status.ONLINE, None, 0, False, 600.0, news=True, at_least=0.0)


def test_what_a_provider_wants_between_two_looks_is_not_the_verdicts_business() -> None:
    assert verdict_of(WELL, PriorState(Status.ONLINE), INTERVAL).at_least == 0.0

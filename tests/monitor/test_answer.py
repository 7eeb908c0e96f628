"""What an answer says of the token it was asked with, row by row, and of whom it speaks."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from app.monitor.answer import Answer, without_stranger
from tests.support.probe_answers import answer


def said(*statuses: int, **more: Any) -> list[Answer]:
    return [answer(status, **more) for status in statuses]


REFUSING = [  # this access token is not taken (RFC 6750, section 3.1)
    *said(401),
    *said(400, 401, 402, 403, 404, 408, 425, 428, 430, 499, challenge="invalid_token"),
    answer(200, challenge="invalid_token", sound=False),
    *said(401, challenge="invalid_request"),
    *said(200, 401, 403, 404, 429, 503, classification="revoked"),
    *said(401, 403, classification="revoked", is_wall=True),
    answer(403, classification="revoked", is_limited=True),
]
REFRESHABLE = [  # a wall's 401 may be the API's own
    *said(401, is_wall=True),
    *said(401, is_wall=True, challenge="invalid_token"),
]
DUBIOUS = [  # 4xx of an API that may mean the token
    *said(400, 404, 405, 406, 407, 409, 410, 424, 426, 428, 430, 499),
    *said(400, challenge="invalid_request"),
    *said(401, challenge="insufficient_scope"),
]
ABOUT_ELSE = [  # no word for the token
    *said(0, 199, 200, 204, 302, 399, 500, 503),
    *said(0, 200, 302, 399, 429, 500, 503, challenge="invalid_token"),
    *said(402, 403, 408, 425, 429),
    *said(403, challenge="insufficient_scope"),
    *said(400, 402, 403, 404, 499, is_wall=True),
    *said(400, 403, 404, is_wall=True, challenge="invalid_token"),
    *said(403, is_limited=True),
    *said(403, is_limited=True, challenge="invalid_token"),
    *said(400, 401, 404, classification="access_denied"),
    *said(400, 401, 403, classification="access_denied", challenge="invalid_token"),
    *said(401, classification="bad_response", is_wall=True),
    *said(401, 404, classification="ok"),
    answer(failure="timeout"),
]


@pytest.mark.parametrize("given", REFUSING)
def test_a_refused_token_is_refused_in_every_respect(given: Answer) -> None:
    assert given.refuses_token
    assert given.suggests_refresh
    assert given.may_refuse_token


@pytest.mark.parametrize("given", REFRESHABLE)
def test_a_401_of_a_wall_is_worth_a_refresh_but_no_refusal(given: Answer) -> None:
    assert not given.refuses_token
    assert given.suggests_refresh
    assert given.may_refuse_token


@pytest.mark.parametrize("given", DUBIOUS)
def test_other_refusals_of_an_api_may_mean_the_token(given: Answer) -> None:
    assert not given.refuses_token
    assert not given.suggests_refresh
    assert given.may_refuse_token


@pytest.mark.parametrize("given", ABOUT_ELSE)
def test_what_is_about_something_else_is_no_word_for_the_token(given: Answer) -> None:
    assert not given.refuses_token
    assert not given.suggests_refresh
    assert not given.may_refuse_token


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("challenge", ["", "invalid_token"])
def test_a_refused_refresh_is_not_about_the_access_token(status: int, challenge: str) -> None:
    refused = answer(status, refused="invalid_grant", challenge=challenge)
    assert not refused.refuses_token
    assert not refused.suggests_refresh


@pytest.mark.parametrize(
    ("failure", "was_sent"),
    [
        ("unconfigured", False),
        ("not_allowed", False),
        ("", True),
        ("timeout", True),
        ("unreachable", True),
        ("tls", True),
        ("too_large", True),
    ],
)
def test_only_our_own_mistakes_keep_us_from_asking(failure: str, was_sent: bool) -> None:
    assert answer(failure=failure).was_sent is was_sent


ANN = answer(200, account="ann", label="Ann")
STRANGER = answer(200, is_stranger=True)


@pytest.mark.parametrize(
    ("given", "connected", "hidden", "expected"),
    [
        (ANN, "bob", False, STRANGER),
        (ANN, "ann", False, ANN),
        (ANN, None, False, ANN),
        (ANN, "bob", True, ANN),
        (ANN, "ann", True, ANN),
        (ANN, None, True, ANN),
        (answer(200, label="Ann"), "bob", False, answer(200, label="Ann")),
        (answer(200), None, False, answer(200)),
    ],
)
def test_an_answer_about_another_account_is_marked_and_names_nobody(
    given: Answer, connected: str | None, hidden: bool, expected: Answer
) -> None:
    assert without_stranger(given, connected, hidden) == expected


def test_an_answer_of_which_nothing_is_said_is_plain() -> None:
    plain = Answer("evidence", 10)
    assert plain == Answer(
        evidence="evidence",
        latency_ms=10,
        status=0,
        failure="",
        refused="",
        sound=True,
        challenge="",
        is_wall=False,
        is_limited=False,
        classification="",
        retry_after=None,
        account=None,
        label=None,
        expires_in=None,
        token_placement=0,
        requests=1,
        after_refresh=False,
        contradicted=False,
        over_kept_connection=False,
        is_stranger=False,
    )


def test_an_answer_stays_as_it_came() -> None:
    with pytest.raises(FrozenInstanceError):
        ANN.status = 401  # type: ignore[misc]

"""A cancel is one however the provider spells it; an error of its own is none."""

import pytest

from app.oauth.authorization_error import is_cancel
from app.oauth.error_field import has_error

CANCELS = [
    "access_denied",
    "Access_Denied",
    "ACCESS_DENIED",
    "access-denied",
    "AccessDenied",
    "user_cancelled_login",
    "user_cancelled_authorize",
    "user_cancelled_authorization",
    "user_canceled",
    "user_cancel",
    "userCancelled",
    "cancelled",
    "cancel",
    "login_cancelled",
    "authorization_cancelled_by_user",
    "consent_required",
    "consent_declined",
    "user_denied",
    "user_declined",
    "user_rejected",
    "rejected_by_user",
    "consent_refused",
    "popup_closed_by_user",
    "authorization_declined",
    "user_aborted",
    "authorization_denied",
]
ERRORS = [
    "server_error",
    "temporarily_unavailable",
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "interaction_required",
    "login_required",
    "account_selection_required",
    "request_rejected",
    "connection_closed",
    "application_suspended",
    "redirect_uri_mismatch",
    "user_not_found",
    "Отказано",
    "x" * 10_000,
    "cancel" * 10_000,
]


@pytest.mark.parametrize("error", CANCELS)
def test_a_cancel_by_any_name_is_the_persons_no(error: str) -> None:
    assert is_cancel({"error": error})


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_of_the_provider_is_nobodys_no(error: str) -> None:
    assert not is_cancel({"error": error})


@pytest.mark.parametrize("name", ["error_reason", "error_subcode"])
def test_a_cancel_may_stand_beside_the_error(name: str) -> None:
    assert is_cancel({"error": "server_error", name: "user_denied"})


def test_a_provider_may_have_a_word_of_its_own() -> None:
    assert is_cancel({"error": "E-1042"}, ("e-1042",))
    assert not is_cancel({"error": "E-1043"}, ("e-1042",))


@pytest.mark.parametrize("error", ["", " ", "null", "None", "false", "0", "undefined"])
def test_an_error_without_anything_in_it_is_none(error: str) -> None:
    assert not has_error({"error": error, "code": "c"})
    assert not has_error({"code": "c"})
    assert has_error({"error": "server_error", "code": "c"})

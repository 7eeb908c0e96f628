"""Being already done is done, however a provider says so; what fails now is tried again."""

import pytest

from app.oauth.revocation_response import RevocationOutcome, read_revocation

DONE, ALREADY, UNSUPPORTED, LATER = RevocationOutcome

ANSWERS = [
    (200, "", DONE, "200"),
    (200, "{}", DONE, "200"),
    (200, '{"error": null}', DONE, "200"),
    (200, '{"ok": true, "revoked": true}', DONE, "200"),
    (200, "<html>ok</html>", DONE, "200"),
    (202, "", DONE, "202"),
    (204, "", DONE, "204"),
    (400, '{"error": "invalid_token"}', ALREADY, "400 invalid_token"),
    (400, '{"error": "Invalid_Token"}', ALREADY, "400 invalid_token"),
    (400, '{"error": "invalid_grant"}', ALREADY, "400 invalid_grant"),
    (400, '{"error": "token_revoked"}', ALREADY, "400 token_revoked"),
    (401, '{"error": "invalid_token"}', ALREADY, "401 invalid_token"),
    (403, '{"error": "token_expired"}', ALREADY, "403 token_expired"),
    (200, '{"ok": false, "error": "token_revoked"}', ALREADY, "200 token_revoked"),
    (400, '{"error": {"code": "invalid_token", "message": "x"}}', ALREADY, "400 invalid_token"),
    (
        400,
        '{"error": "invalid_request", "error_description": "Token already revoked"}',
        ALREADY,
        "400 invalid_request",
    ),
    (
        400,
        '{"error": "invalid_request", "error_description": "The token has been revoked."}',
        ALREADY,
        "400 invalid_request",
    ),
    (400, '{"message": "token is already expired"}', ALREADY, "400"),
    (400, "Unknown token", ALREADY, "400"),
    (422, '{"errors": ["token does not exist"]}', ALREADY, "422"),
    (404, "", ALREADY, "404"),
    (404, '{"message": "Not Found"}', ALREADY, "404"),
    (410, "", ALREADY, "410"),
    (400, '{"error": "unsupported_token_type"}', UNSUPPORTED, "400 unsupported_token_type"),
    (503, '{"error": "unsupported_token_type"}', UNSUPPORTED, "503 unsupported_token_type"),
    (400, '{"error": "invalid_request"}', LATER, "400 invalid_request"),
    (
        400,
        '{"error": "invalid_client", "error_description": "unknown client"}',
        LATER,
        "400 invalid_client",
    ),
    (401, '{"error": "invalid_client"}', LATER, "401 invalid_client"),
    (401, "Invalid token", LATER, "401"),
    (
        401,
        '{"error": "invalid_client", "error_description": "not connected to the account"}',
        ALREADY,
        "401 invalid_client",
    ),
    (200, '{"error": "invalid_client"}', LATER, "200 invalid_client"),
    (200, '{"error": "secret-token-of-a-person"}', LATER, "200"),
    (302, "", LATER, "302"),
    (403, "<html>error code: 1010</html>", LATER, "403"),
    (429, '{"error": "token already revoked"}', LATER, "429 token_already_revoked"),
    (400, '{"error": "InvalidToken"}', ALREADY, "400 invalid_token"),
    (400, '{"error": ["invalid_token"]}', ALREADY, "400 invalid_token"),
    (400, '{"error": {"code": 7, "type": "invalid_grant"}}', ALREADY, "400 invalid_grant"),
    (200, '{"error": {"text": "no"}}', LATER, "200"),
    (500, "token already revoked", LATER, "500"),
    (503, "", LATER, "503"),
    (400, "[" * 5000, LATER, "400"),
]


@pytest.mark.parametrize(("status", "body", "outcome", "said"), ANSWERS)
def test_what_a_revocation_endpoint_says(
    status: int, body: str, outcome: RevocationOutcome, said: str
) -> None:
    answer = read_revocation(status, body.encode())
    assert (answer.outcome, answer.said) == (outcome, said)
    assert answer.is_done is (outcome in (DONE, ALREADY))


def test_no_answer_is_asked_for_again() -> None:
    answer = read_revocation(None, b"", "timeout")
    assert (answer.outcome, answer.said) == (LATER, "timeout")


def test_a_provider_may_have_words_of_its_own() -> None:
    answer = read_revocation(400, b'{"error": "NT_7"}', own_words={"nt_7": "invalid_token"})
    assert answer.outcome is ALREADY


@pytest.mark.parametrize(("shows_token", "outcome"), [(True, ALREADY), (False, LATER)])
def test_a_401_is_about_what_the_request_is_authorized_by(
    shows_token: bool, outcome: RevocationOutcome
) -> None:
    assert read_revocation(401, b"", shows_token=shows_token).outcome is outcome

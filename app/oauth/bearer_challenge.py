"""Why an API does not take a token (RFC 6750 section 3), said in a challenge or in the body."""

import re
from collections.abc import Mapping

from app.oauth.error_field import error_word, spelled

INVALID_TOKEN = "invalid_token"  # noqa: S105 - a word
CHALLENGES = ("invalid_request", INVALID_TOKEN, "insufficient_scope")  # RFC 6750 section 3.1
DEAD_TOKEN = {  # what APIs write for `invalid_token`
    *("access_token_expired", "expired_access_token", "expired_token", "invalid_access_token"),
    *(INVALID_TOKEN, "revoked_token", "token_expired", "token_invalid", "token_revoked"),
}
ERROR = re.compile(r"""\berror\s*=\s*["']?\s*([a-z_-]+)""", re.IGNORECASE)  # of a challenge


def challenge_error(headers: Mapping[str, str]) -> str:
    """Why a token was refused, by the challenge (RFC 6750 section 3); "" where it does not say."""
    found = ERROR.search(headers.get("www-authenticate", ""))
    code = spelled(found[1]) if found else ""
    if code in DEAD_TOKEN:
        return INVALID_TOKEN
    return code if code in CHALLENGES else ""


def says_token_is_dead(content: object) -> bool:
    """The same of a body, as some APIs say it there alone."""
    return isinstance(content, dict) and error_word(content) in DEAD_TOKEN

"""What a revocation endpoint says (RFC 7009 section 2.2), and what providers make of it.

RFC 7009 wants 200 for a token that is unknown already; many say so with an error instead.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.oauth.error_field import error_word, has_error

NO_WORDS: Mapping[str, str] = {}
READ = 4_000  # bytes of a body that are looked at
# Not 401: there a provider that does not know our client says so.
FORGOTTEN_STATUSES = (404, 410)
FORGOTTEN_WORDS = {
    *("already_revoked", "bad_refresh_token", "expired_token", "grant_not_found", "inactive_token"),
    *("invalid_access_token", "invalid_grant", "invalid_refresh_token", "invalid_token"),
    *("token_already_revoked", "token_expired", "token_inactive", "token_not_found"),
    *("token_revoked", "unknown_token"),
}
UNSUPPORTED = "unsupported_token_type"
KNOWN_WORDS = {
    *FORGOTTEN_WORDS,
    *(UNSUPPORTED, "access_denied", "invalid_client", "invalid_request", "server_error"),
    *("temporarily_unavailable", "unauthorized_client"),
}
IN_PROSE = re.compile(
    r"already (?:been )?(?:revoked|expired|invalidated|deleted)"
    r"|(?:token|grant|authorization) (?:is |was |has )?(?:been |already )?(?:revoked|expired)"
    r"|(?:token|grant|authorization) (?:is |was )?(?:not found|unknown|inactive|invalid)"
    r"|(?:token|grant|authorization) (?:does not|doesn't) exist"
    r"|(?:unknown|invalid|expired|inactive|no such) (?:access |refresh )?(?:token|grant)\b"
)

TOO_MANY = 429  # says nothing about the token
NOT_CONNECTED = "not connected to"  # Stripe's, beside 401 and `invalid_client`


class RevocationOutcome(StrEnum):
    DONE = "done"
    ALREADY = "already"  # the provider had forgotten it: there is nothing left to revoke
    UNSUPPORTED = "unsupported"  # it never will
    LATER = "later"


@dataclass(frozen=True)
class RevocationAnswer:
    outcome: RevocationOutcome
    said: str  # "200", "400 invalid_token", "timeout": no word that we do not know

    @property
    def is_done(self) -> bool:
        return self.outcome in (RevocationOutcome.DONE, RevocationOutcome.ALREADY)


def read_revocation(
    status: int | None,
    body: bytes,
    failure: str = "",
    own_words: Mapping[str, str] = NO_WORDS,
    *,
    shows_token: bool = False,
) -> RevocationAnswer:
    """`failure`: why no answer came, if none did; `own_words`: what this provider calls an error,
    and which one of the RFC's that is; `shows_token`: the token itself is what the request is
    authorized by, so that 401 is about it.
    """
    if status is None or failure:
        return RevocationAnswer(RevocationOutcome.LATER, failure or "unreachable")
    text = body[:READ].decode("utf-8", "replace")
    word = _error_in(text)
    word = own_words.get(word, word)
    known = word if word in KNOWN_WORDS else ""
    said = f"{status} {known}".strip()
    if status == 401 and shows_token:
        return RevocationAnswer(RevocationOutcome.ALREADY, said)
    return RevocationAnswer(_outcome(status, word, text.lower()), said)


def _outcome(status: int, word: str, text: str) -> RevocationOutcome:
    if word == UNSUPPORTED:
        return RevocationOutcome.UNSUPPORTED
    if status == TOO_MANY:
        return RevocationOutcome.LATER
    if 200 <= status < 300 and not word:
        return RevocationOutcome.DONE
    if status in FORGOTTEN_STATUSES or word in FORGOTTEN_WORDS:
        return RevocationOutcome.ALREADY
    if 400 <= status < 500 and NOT_CONNECTED in text:
        return RevocationOutcome.ALREADY
    speaks_of_token = 200 <= status < 300 or status in (400, 409, 422)
    forgotten = speaks_of_token and IN_PROSE.search(text.replace("_", " "))
    return RevocationOutcome.ALREADY if forgotten else RevocationOutcome.LATER


def _error_in(text: str) -> str:
    """The error code of a JSON body; "" where there is none."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(content, dict):
        return ""
    return error_word(content) or ("error" if has_error(content) else "")

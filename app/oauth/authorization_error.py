"""What an authorization endpoint says instead of a code (RFC 6749 section 4.1.2.1)."""

import re
from collections.abc import Iterable, Mapping

# `access_denied` has many spellings: LinkedIn's `user_cancelled_login`, Azure's `consent_required`,
# Facebook's `error_reason=user_denied`, Google's `popup_closed_by_user`. Their words are read.
SAID_IN = ("error", "error_reason", "error_subcode")
CANCELS = {
    *("abort", "aborted", "cancel", "canceled", "cancelled", "cancellation"),
    *("declined", "denied", "deny", "dismissed", "disagreed"),
}
# These mean a cancel where they are said of a person.
OF_A_PERSON = {"closed", "disallowed", "exited", "refused", "rejected", "required"}
PERSONS = {"consent", "consumer", "customer", "merchant", "owner", "person", "seller", "user"}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def is_cancel(answer: Mapping[str, str], own_words: Iterable[str] = ()) -> bool:
    """Did the person say no? `own_words` are what this provider calls it."""
    said = [answer[name][:100] for name in SAID_IN if name in answer]
    own = {word.lower() for word in own_words}
    return any(each.lower() in own or _means_cancel(each) for each in said)


def _means_cancel(error: str) -> bool:
    words = {word.lower() for word in WORD.findall(error)}
    return bool(words & CANCELS) or bool(words & OF_A_PERSON and words & PERSONS)

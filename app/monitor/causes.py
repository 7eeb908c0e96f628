"""Beside step 3: the cause that an answer names. Pure, and of one answer alone.

A provider's own table comes first, then what is known of HTTP and OAuth (docs/decisions/0022).
"""

from enum import Enum, auto

from app.models.connection import Cause
from app.monitor.answer import Answer
from app.providers.spec_parts import OK, TOKEN_ERRORS, TokenError

STATUS_CAUSES = {  # of the API's answers; at the token endpoint these mean other things
    401: Cause.ACCESS_DENIED,  # the token is good, but not for this
    402: Cause.PAYMENT_REQUIRED,
    403: Cause.ACCESS_DENIED,
    408: Cause.PROVIDER_ERROR,
    425: Cause.PROVIDER_ERROR,
}
PASSING = (408, 425)  # statuses under 500 of a provider that fails just now
FAILURE_CAUSES = {
    "timeout": Cause.TIMEOUT,
    "unreachable": Cause.UNREACHABLE,
    "tls": Cause.TLS,
    "unconfigured": Cause.MISCONFIGURED,
    "not_allowed": Cause.MISCONFIGURED,  # nothing was sent: an address in our entry is wrong
}
REFRESH_CAUSES = {  # of a refused refresh, by what its code is about
    TokenError.GRANT: Cause.REVOKED,
    TokenError.PAYMENT: Cause.PAYMENT_REQUIRED,
    TokenError.PROVIDER: Cause.PROVIDER_ERROR,
    TokenError.LIMIT: Cause.RATE_LIMITED,
}


class Others(Enum):
    """What other people's grants at the same provider got since this one's trouble began."""

    NOBODY = auto()  # there are none, so this grant is judged alone
    WELL = auto()
    REFUSED = auto()
    UNKNOWN = auto()  # not asked yet
    SILENT = auto()  # there are none, and it has been refused for long


def cause_of(answer: Answer, others: Others = Others.NOBODY) -> Cause | None:
    """The cause that an answer names; None: all is well. A provider's own table comes first."""
    if answer.classification:
        return None if answer.classification == OK else Cause(answer.classification)
    if answer.failure:
        return FAILURE_CAUSES.get(answer.failure, Cause.BAD_RESPONSE)
    if answer.refused:
        return _refusal_cause(answer, others)
    status = answer.status
    if status == 429 or answer.is_limited:
        return Cause.RATE_LIMITED
    if status >= 500:
        return Cause.PROVIDER_ERROR
    if answer.is_wall and status not in PASSING:
        return Cause.BAD_RESPONSE
    if answer.refuses_token:
        return Cause.INCONSISTENT if answer.after_refresh else Cause.REVOKED
    return STATUS_CAUSES[status] if status in STATUS_CAUSES else _content_cause(answer)


def _content_cause(answer: Answer) -> Cause | None:
    if not (200 <= answer.status < 300 and answer.sound):
        return Cause.BAD_RESPONSE
    if answer.is_stranger:
        return Cause.ACCOUNT_CHANGED
    return Cause.INCONSISTENT if answer.contradicted else None


def _refusal_cause(answer: Answer, others: Others) -> Cause:
    """Of a refused refresh. A word that may be about the grant or about our registration is about
    this grant if others are refreshed meanwhile, and about our registration otherwise; where there
    are no others, it is about this grant once it has lasted, unless it speaks of our client.
    """
    status, about = answer.status, TOKEN_ERRORS.get(answer.refused)
    if status == 429 or answer.is_limited:
        return Cause.RATE_LIMITED
    if about in REFRESH_CAUSES:
        return REFRESH_CAUSES[about]
    if status >= 500 or status in PASSING:
        return Cause.PROVIDER_ERROR
    if answer.is_wall or (about is None and status < 400):
        return Cause.BAD_RESPONSE
    if others is Others.SILENT:
        is_client = about is TokenError.CLIENT or status == 401  # RFC 6749 section 5.2
        return Cause.MISCONFIGURED if is_client else Cause.REVOKED
    return Cause.REVOKED if others is Others.WELL else Cause.MISCONFIGURED

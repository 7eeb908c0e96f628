"""Step 3 of 6 of a check: what an answer means for a connection.

Pure: no clock, no database, no network. The table of causes is in the README, its reasons in
docs/decisions/0009. Nothing turns red on one look; `revoked` needs proof; what is our own mistake
changes nobody's status.
"""

from dataclasses import dataclass

from app.models.connection import Cause, Status
from app.monitor.probe import Answer
from app.providers.spec_parts import OK

STRIKE_DELAY = 30.0  # seconds after a strike, unless the interval is shorter
REVOKED_DELAY = 86_400.0  # seconds; nothing but a reconnect helps, so looking often is pointless
LONGEST_RETRY_AFTER = 86_400.0  # seconds; the most that a Retry-After is honoured
CONFIRMING_STRIKES = 2  # the same kind of failure twice in a row is confirmed

CONFIRMED_STATUS = {  # what a cause makes of a connection once it is confirmed
    Cause.RATE_LIMITED: Status.DEGRADED,
    Cause.ACCESS_DENIED: Status.BLOCKED,
    Cause.PAYMENT_REQUIRED: Status.BLOCKED,
    Cause.REVOKED: Status.REVOKED,
}
REFUSED_STATUSES = (Status.BLOCKED, Status.REVOKED)  # the provider's own word about this grant
STATUS_CAUSES = {  # of the API's answers; at the token endpoint these mean other things
    401: Cause.REVOKED,
    402: Cause.PAYMENT_REQUIRED,
    403: Cause.ACCESS_DENIED,
    408: Cause.PROVIDER_ERROR,
    425: Cause.PROVIDER_ERROR,
}
FAILURE_CAUSES = {
    "timeout": Cause.TIMEOUT,
    "unreachable": Cause.UNREACHABLE,
    "tls": Cause.TLS,
    "unconfigured": Cause.MISCONFIGURED,
    "not_allowed": Cause.MISCONFIGURED,  # nothing was sent: an address in our entry is wrong
}
REFUSAL_CAUSES = {  # codes of a refused refresh, RFC 6749 section 5.2
    "invalid_grant": Cause.REVOKED,
    "invalid_client": Cause.MISCONFIGURED,
    "payment_required": Cause.PAYMENT_REQUIRED,
    "unauthorized_client": Cause.MISCONFIGURED,
    "unsupported_grant_type": Cause.MISCONFIGURED,
    "invalid_request": Cause.MISCONFIGURED,
    "invalid_scope": Cause.MISCONFIGURED,
    "server_error": Cause.PROVIDER_ERROR,
    "temporarily_unavailable": Cause.PROVIDER_ERROR,
}


@dataclass(frozen=True)
class PriorState:
    """What we knew before the answer, and how the answer was got."""

    status: Status
    cause: Cause | None = None
    strikes: int = 0
    refreshed: bool = False  # the answer is about a token that was refreshed a moment ago


@dataclass(frozen=True)
class Verdict:
    status: Status
    cause: Cause | None
    strikes: int
    began: bool  # the status begins now; otherwise it goes on, or is dated from the first strike
    delay: float  # seconds until the next check, before jitter
    news: bool = True  # False: nothing was learnt about it, so its evidence stays too
    at_least: float = 0.0  # seconds; jitter never goes below it


def verdict_of(answer: Answer, known: PriorState, interval: float) -> Verdict:
    """Judge one answer; `interval` is the seconds between two checks of a healthy connection."""
    if answer.failure == "taken_back":
        return Verdict(known.status, known.cause, known.strikes, False, interval, news=False)
    cause = cause_of(answer)
    if cause is None:
        return Verdict(Status.ONLINE, None, 0, known.status is not Status.ONLINE, interval)
    if cause is Cause.MISCONFIGURED:
        return Verdict(known.status, cause, known.strikes, False, interval)
    status = CONFIRMED_STATUS.get(cause, Status.OFFLINE)
    if known.status in REFUSED_STATUSES and status in (Status.DEGRADED, Status.OFFLINE):
        return _no_news(answer, known, interval)
    if cause is Cause.RATE_LIMITED:
        began = known.status is not Status.DEGRADED
        return Verdict(status, cause, 0, began, _wait(answer, interval))
    proven = cause is Cause.REVOKED and _is_proof(answer, known)
    return _failure(cause, status, proven, known, interval)


def cause_of(answer: Answer) -> Cause | None:
    """The cause that an answer names; None: all is well. A provider's own table comes first."""
    if answer.classification:
        return None if answer.classification == OK else Cause(answer.classification)
    if answer.failure:
        return FAILURE_CAUSES.get(answer.failure, Cause.BAD_RESPONSE)
    if answer.refused in REFUSAL_CAUSES:
        return REFUSAL_CAUSES[answer.refused]
    return _http_cause(answer)


def is_about_grant(refusal_code: str) -> bool:
    """Does a refused refresh say something about the grant or our registration, for good?"""
    return REFUSAL_CAUSES.get(refusal_code) in (Cause.REVOKED, Cause.MISCONFIGURED)


def _http_cause(answer: Answer) -> Cause | None:
    status = answer.status or 0
    if status in STATUS_CAUSES and not answer.refused:
        return _status_cause(status, answer)
    if status == 429:
        return Cause.RATE_LIMITED
    if status >= 500:
        return Cause.PROVIDER_ERROR
    good = 200 <= status < 300 and answer.sound and not answer.refused
    return None if good else Cause.BAD_RESPONSE


def _status_cause(status: int, answer: Answer) -> Cause:
    if status == 401 and answer.challenge == "insufficient_scope":
        return Cause.ACCESS_DENIED  # the token is good, but not for this
    if status == 403 and answer.is_page:
        return Cause.BAD_RESPONSE  # a firewall's page: nobody is sent to their provider for that
    return STATUS_CAUSES[status]


def _no_news(answer: Answer, known: PriorState, interval: float) -> Verdict:
    """A provider that is down or busy says nothing about a grant that it had refused before."""
    wait = max(_wait(answer, interval), _delay(known.status, known.strikes, interval))
    return Verdict(known.status, known.cause, known.strikes, False, wait, news=False)


def _wait(answer: Answer, interval: float) -> float:
    return min(max(interval, answer.retry_after or 0.0), LONGEST_RETRY_AFTER)


def _is_proof(answer: Answer, known: PriorState) -> bool:
    """The provider's own word that the grant is over: no second look is needed."""
    return answer.refused == "invalid_grant" or (answer.refuses_token and known.refreshed)


def _failure(
    cause: Cause, status: Status, proven: bool, known: PriorState, interval: float
) -> Verdict:
    """A strike; or, where it is proven or the second of its kind in a row, the failure itself."""
    strikes = known.strikes + 1 if _same_kind(known, status) else 1
    if strikes < CONFIRMING_STRIKES and not proven:
        began = known.status is not Status.DEGRADED or known.strikes == 0
        return Verdict(Status.DEGRADED, cause, strikes, began, min(STRIKE_DELAY, interval))
    began = known.status is not status and strikes == 1
    return Verdict(status, cause, strikes, began, _delay(status, strikes, interval))


def _same_kind(known: PriorState, status: Status) -> bool:
    """Does this failure go on with the one before, confirmed or not?"""
    if known.status is status:
        return True
    if known.cause is None or known.cause is Cause.MISCONFIGURED:
        return False  # a mistake of ours came between: nobody knows any more what the strike was
    return CONFIRMED_STATUS.get(known.cause, Status.OFFLINE) is status


def _delay(status: Status, strikes: int, interval: float) -> float:
    if status is Status.REVOKED:
        return REVOKED_DELAY
    if status is Status.BLOCKED:
        return interval
    return min(STRIKE_DELAY * 2.0 ** min(strikes - CONFIRMING_STRIKES, 20), interval)

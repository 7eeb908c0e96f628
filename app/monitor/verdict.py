"""Step 3 of 6 of a check: what an answer means for a connection.

Pure: no clock, no database, no network. Nothing turns red on one look, and nobody is asked to
reconnect unless two looks agree and other people's grants at the same provider are served meanwhile
(docs/decisions/0009 and 0022).
"""

from dataclasses import dataclass, replace

from app.models.connection import Cause, Status
from app.monitor.answer import Answer
from app.monitor.causes import Others, cause_of

STRIKE_DELAY = 30.0  # seconds after a strike
# Seconds between the looks at a revoked grant: some providers take their refusal back.
REVOKED_DELAYS = (60.0, 300.0, 1_800.0, 10_800.0, 86_400.0)
BELIEVED_AFTER = 3_600.0  # seconds of refusing others as well, until each is believed all the same
USUAL_INTERVAL = 30.0  # seconds; with a shorter interval every time here shrinks along with it
LONGEST_RETRY_AFTER = 86_400.0  # seconds; the most that a Retry-After is honoured
CONFIRMING_STRIKES = 2  # looks that confirm each other
UNHEARD = 4  # looks without a word from anybody else's grant, until this one is judged alone

CONFIRMED_STATUS = {  # what a cause makes of a connection once it is confirmed; all others: offline
    Cause.RATE_LIMITED: Status.DEGRADED,
    Cause.MISCONFIGURED: Status.DEGRADED,
    Cause.ACCOUNT_CHANGED: Status.DEGRADED,
    Cause.ACCESS_DENIED: Status.BLOCKED,
    Cause.PAYMENT_REQUIRED: Status.BLOCKED,
    Cause.REVOKED: Status.REVOKED,
}
REFUSED_STATUSES = (Status.BLOCKED, Status.REVOKED)  # the provider's own word about this grant
REFUSALS = tuple(each for each, status in CONFIRMED_STATUS.items() if status in REFUSED_STATUSES)
RED_STATUSES = (Status.OFFLINE, *REFUSED_STATUSES)
# The graver of two different failures names the outage; the last is the gravest.
GRAVITY = (
    Cause.REVOKED,
    Cause.ACCESS_DENIED,
    Cause.PAYMENT_REQUIRED,
    Cause.BAD_RESPONSE,
    Cause.INCONSISTENT,
    Cause.TIMEOUT,
    Cause.PROVIDER_ERROR,
    Cause.TLS,
    Cause.UNREACHABLE,
)


@dataclass(frozen=True)
class PriorState:
    """What was known before the answer."""

    status: Status
    cause: Cause | None = None
    strikes: int = 0  # looks in a row that brought it; while red, 1: the last look said another
    others: Others = Others.NOBODY
    lasting: float = 0.0  # seconds since the status began


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
    cause = cause_of(answer, _witnesses(known, interval))
    if cause is None:
        return Verdict(Status.ONLINE, None, 0, known.status is not Status.ONLINE, interval)
    if not answer.was_sent:  # our own mistake changes nobody's status
        return Verdict(known.status, cause, known.strikes, False, interval)
    wait = _not_before(answer.retry_after, interval)
    if known.status in REFUSED_STATUSES and cause not in REFUSALS:
        return _no_news(known, interval, wait)
    if cause is Cause.RATE_LIMITED:
        return _limited(known, wait)
    if _means(cause) is Status.DEGRADED or answer.contradicted:
        return _amber(cause, known, interval)
    verdict = _failed(cause, known, interval)
    return replace(verdict, delay=_not_before(answer.retry_after, verdict.delay))


def is_unclear_refusal(answer: Answer) -> bool:
    """Was a refresh refused in a way that may be about the grant or about our registration?"""
    return cause_of(answer, Others.WELL) is not cause_of(answer)


def wants_corroboration(answer: Answer, known: PriorState) -> bool:
    """Does it matter for the verdict what others get? Not at a first look, which proves nothing."""
    was_struck = known.status is Status.DEGRADED or known.status in RED_STATUSES
    return was_struck and cause_of(answer, Others.WELL) in REFUSALS


def is_new_refusal(verdict: Verdict) -> bool:
    """A first look that refused the grant: others are to be looked at before the second."""
    is_first = verdict.status is Status.DEGRADED and verdict.strikes == 1
    return is_first and verdict.cause in REFUSALS


def scaled(seconds: float, interval: float) -> float:
    """A time of the rules here: with an interval under half a minute it shrinks along with it."""
    return seconds * min(1.0, interval / USUAL_INTERVAL)


def _witnesses(known: PriorState, interval: float) -> Others:
    """Alone at its provider, a grant that is refused for unclear reasons is judged in the end."""
    is_unclear = known.cause in (Cause.MISCONFIGURED, Cause.REVOKED)
    if known.others is not Others.NOBODY or not is_unclear:
        return known.others
    return Others.SILENT if known.lasting >= scaled(BELIEVED_AFTER, interval) else known.others


def _failed(cause: Cause, known: PriorState, interval: float) -> Verdict:
    if known.status in RED_STATUSES:
        return _while_red(cause, known, interval)
    before = _strike(known)
    if before is None:
        began = known.status is not Status.DEGRADED or known.strikes == 0
        return Verdict(Status.DEGRADED, cause, 1, began, min(STRIKE_DELAY, interval))
    if _means(before) is not _means(cause):
        cause = _graver(before, cause)
    if _is_doubtful(cause, known, interval):
        strikes = known.strikes + 1
        return Verdict(Status.DEGRADED, cause, strikes, False, _pause(strikes, interval))
    return _confirmed(cause, known.strikes + 1, False, interval)


def _amber(cause: Cause, known: PriorState, interval: float) -> Verdict:
    """What never becomes more than amber. Whether a refused refresh is our mistake or about this
    grant may be known once others were refreshed, so that is soon asked once more.
    """
    is_first = cause is Cause.MISCONFIGURED and known.cause is not cause
    delay = min(STRIKE_DELAY, interval) if is_first else interval
    strikes = int(cause is Cause.MISCONFIGURED)  # so that what it turns out to be is dated from it
    return Verdict(Status.DEGRADED, cause, strikes, known.status is not Status.DEGRADED, delay)


def _while_red(cause: Cause, known: PriorState, interval: float) -> Verdict:
    """What is confirmed stays so at one look of another kind; two of those are a new verdict."""
    if _means(cause) is known.status:
        return _confirmed(cause, known.strikes + 1, False, interval)
    if known.strikes >= CONFIRMING_STRIKES or _is_doubtful(cause, known, interval):
        delay = min(STRIKE_DELAY, interval)
        return Verdict(known.status, known.cause, 1, False, delay, news=False)
    return _confirmed(cause, CONFIRMING_STRIKES, True, interval)


def _confirmed(cause: Cause, strikes: int, began: bool, interval: float) -> Verdict:
    status = _means(cause)
    return Verdict(status, cause, strikes, began, _delay(status, strikes, interval))


def _limited(known: PriorState, wait: float) -> Verdict:
    """A rate limit is no failure, but it is no good answer either: it ends no trouble."""
    if known.status is Status.OFFLINE and known.strikes >= CONFIRMING_STRIKES:
        return Verdict(Status.OFFLINE, known.cause, 1, False, wait, news=False)
    before = _strike(known)
    if before is None:
        began = known.status is not Status.DEGRADED
        return Verdict(Status.DEGRADED, Cause.RATE_LIMITED, 0, began, wait)
    if _means(before) is Status.OFFLINE:
        return Verdict(Status.OFFLINE, before, CONFIRMING_STRIKES, False, wait, news=False)
    return Verdict(Status.DEGRADED, before, known.strikes, False, wait, news=False)


def _no_news(known: PriorState, interval: float, wait: float) -> Verdict:
    """A provider that is down or busy says nothing about a grant that it had refused before."""
    delay = max(wait, _delay(known.status, known.strikes, interval))
    return Verdict(known.status, known.cause, known.strikes, False, delay, news=False)


def _strike(known: PriorState) -> Cause | None:
    """What the look before failed with, unconfirmed. After a mistake of ours nobody knows."""
    is_struck = known.status is Status.DEGRADED and known.strikes > 0 and known.cause in GRAVITY
    return known.cause if is_struck else None


def _is_doubtful(cause: Cause, known: PriorState, interval: float) -> bool:
    """Refused, but others are refused as well, or nobody has been asked yet: this may be the
    provider's trouble. It is believed in the end, so that a real mass revocation is told too.
    """
    if cause not in REFUSALS:
        return False
    if known.others is Others.REFUSED:
        return known.lasting < scaled(BELIEVED_AFTER, interval)
    return known.others is Others.UNKNOWN and known.strikes + 1 < UNHEARD


def _graver(one: Cause, other: Cause) -> Cause:
    return max(one, other, key=GRAVITY.index)


def _means(cause: Cause) -> Status:
    return CONFIRMED_STATUS.get(cause, Status.OFFLINE)


def _not_before(retry_after: float | None, delay: float) -> float:
    """A provider that says when to come back is not asked before (RFC 9110, section 10.2.3)."""
    return delay if retry_after is None else max(delay, min(retry_after, LONGEST_RETRY_AFTER))


def _delay(status: Status, strikes: int, interval: float) -> float:
    if status is Status.REVOKED:
        look = min(max(strikes - CONFIRMING_STRIKES, 0), len(REVOKED_DELAYS) - 1)
        return scaled(REVOKED_DELAYS[look], interval)
    return interval if status is Status.BLOCKED else _pause(strikes, interval)


def _pause(strikes: int, interval: float) -> float:
    """Seconds until the next look at what fails: ever longer, up to the interval."""
    return min(STRIKE_DELAY * 2.0 ** min(max(strikes - CONFIRMING_STRIKES, 0), 20), interval)

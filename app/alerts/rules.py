"""Step 3 of 7 of an alert: what a person was told, compared with what is true now. Pure.

Not every transition is told: the two are compared when it is time, so what came and went in between
(a strike, a short outage, a night's outage in quiet hours) says nothing, and whatever a dead
process left behind is decided by the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.alerts.types import (
    DOWN_KINDS,
    TROUBLE_KINDS,
    YOUR_MOVE_KINDS,
    AlertedState,
    ConnectionState,
    Kind,
    Notification,
    Preferences,
)
from app.history.flapping import FLAPPING_TRANSITIONS, FLAPPING_WINDOW

GATHER_TIME = timedelta(minutes=1)  # what happens to several connections within it is told together
REPEAT_WINDOW = timedelta(minutes=10)  # between two alerts about the same thing at one provider
BACK_TOGETHER = timedelta(minutes=10)  # that a recovery waits for the others of its provider
UNSURE_LOOK_AGAIN = timedelta(
    minutes=2
)  # until the next look at a connection whose check is overdue
CALM_AFTER = timedelta(minutes=30)  # without a flip
WARNING_DAYS = (1, 7, 30)  # days before the end of a grant

OUTAGE_STATUSES = (
    "online",
    "degraded",
    "offline",
)  # what an outage of the provider makes of all of them
KIND_OF_STATUS = {
    "online": Kind.WELL,
    "offline": Kind.OFFLINE,
    "revoked": Kind.REVOKED,
    "blocked": Kind.BLOCKED,
}


@dataclass(frozen=True)
class Around:
    """What else counts: the moment, what was told lately, and the person's other connections."""

    now: datetime
    told_lately: Mapping[tuple[str, ...], datetime]  # a group of news → when it was last told
    others_down: bool = False  # others that were told of with this one are not back yet
    hurry: bool = False  # something of the same group goes out now: come along


@dataclass(frozen=True)
class Decision:
    known: AlertedState  # what the person knows after this
    look_at: datetime | None  # when time alone may change the decision
    news: tuple[Notification, ...] = ()


def decide(
    seen: ConnectionState, known: AlertedState, wishes: Preferences, around: Around
) -> Decision:
    """What to tell now about one connection, and when to look again."""
    if not seen.fresh:
        return Decision(known, around.now + UNSURE_LOOK_AGAIN)
    ending = _ending(seen, known, around)
    known = ending.known
    state = _state(seen, known, wishes, around)
    moments = [each for each in (ending.look_at, state.look_at) if each is not None]
    look_at = min(moments) if moments else None
    return Decision(state.known, look_at, ending.news + state.news)


def _state(
    seen: ConnectionState, known: AlertedState, wishes: Preferences, around: Around
) -> Decision:
    kind = _kind(seen)
    if kind is None:
        return Decision(known, None)  # a strike, a rate limit, our own mistake: no news
    if known.kind is Kind.FLAPPING and kind not in YOUR_MOVE_KINDS:
        return _flapping(seen, known, kind, around)
    if kind is Kind.WELL:
        return _well(seen, known, around)
    return _trouble(seen, known, kind, wishes, around)


def _kind(seen: ConnectionState) -> Kind | None:
    if seen.cause == "misconfigured":
        return None
    if seen.outage is not None and seen.status in OUTAGE_STATUSES:
        return Kind.OUTAGE  # most are not even asked while it lasts
    return KIND_OF_STATUS.get(seen.status)


def _well(seen: ConnectionState, known: AlertedState, around: Around) -> Decision:
    if known.kind not in TROUBLE_KINDS:
        return Decision(known, None)
    back = max(seen.since, seen.outage_ended or seen.since)
    due = back + (BACK_TOGETHER if around.others_down else GATHER_TIME)
    if around.now < due and not around.hurry:
        return Decision(known, due)
    if _flaps(seen, around.now):
        return _say_that_it_flaps(seen, known, around)
    began = known.since or back
    seconds = max(0, round((back - began).total_seconds()))
    news = _news(Kind.RECOVERED, seen, cause=known.cause, since=began, seconds=seconds)
    return Decision(_after(known, Kind.WELL, around), None, (news,))


def _trouble(
    seen: ConnectionState, known: AlertedState, kind: Kind, wishes: Preferences, around: Around
) -> Decision:
    if _is_told(seen, known, kind):
        return _remind(seen, known, wishes, around)
    news = _trouble_news(kind, seen)
    began = news.since or seen.since
    due = began + (wishes.delay if kind in DOWN_KINDS else GATHER_TIME)
    if (last := around.told_lately.get(news.group)) is not None:
        due = max(due, last + REPEAT_WINDOW)
    if around.now < due and not around.hurry:
        return Decision(known, due)
    if kind in DOWN_KINDS and _heard_lately(known, around.now) and _flaps(seen, around.now):
        return _say_that_it_flaps(seen, known, around)
    after = replace(_after(known, kind, around), cause=news.cause, since=began)
    return Decision(after, _next_reminder(after, wishes), (news,))


def _is_told(seen: ConnectionState, known: AlertedState, kind: Kind) -> bool:
    """The person's own move is new when it begins anew: they had made it in between."""
    if kind in DOWN_KINDS:
        return known.kind in DOWN_KINDS
    return known.kind is kind and known.since == seen.since


def _remind(
    seen: ConnectionState, known: AlertedState, wishes: Preferences, around: Around
) -> Decision:
    due = _next_reminder(known, wishes)
    if due is None or around.now < due:
        return Decision(known, due)
    news = _news(Kind.REMINDER, seen, cause=seen.cause, evidence=seen.evidence, since=known.since)
    after = _after(known, known.kind, around)
    return Decision(after, _next_reminder(after, wishes), (news,))


def _next_reminder(known: AlertedState, wishes: Preferences) -> datetime | None:
    if known.kind not in YOUR_MOVE_KINDS or wishes.reminder is None or known.told_at is None:
        return None
    return known.told_at + wishes.reminder


def _flapping(seen: ConnectionState, known: AlertedState, kind: Kind, around: Around) -> Decision:
    """Silence until it has calmed down; then what it is."""
    calm = max([seen.since, *seen.transitions[-1:]]) + CALM_AFTER
    if _flaps(seen, around.now):
        calm = max(calm, seen.transitions[-FLAPPING_TRANSITIONS] + FLAPPING_WINDOW)
    if around.now < calm:
        return Decision(known, calm)
    if kind is Kind.WELL:
        return Decision(_after(known, kind, around), None, (_news(Kind.CALM, seen),))
    news = _trouble_news(kind, seen)
    after = replace(_after(known, kind, around), cause=news.cause, since=news.since)
    return Decision(after, None, (news,))


def _heard_lately(known: AlertedState, now: datetime) -> bool:
    """The first notice was given; a connection that nobody was told of gets its first one."""
    return known.told_at is not None and now - known.told_at < FLAPPING_WINDOW


def _flaps(seen: ConnectionState, now: datetime) -> bool:
    return (
        len(seen.transitions) >= FLAPPING_TRANSITIONS
        and now - seen.transitions[-FLAPPING_TRANSITIONS] < FLAPPING_WINDOW
    )


def _say_that_it_flaps(seen: ConnectionState, known: AlertedState, around: Around) -> Decision:
    after = replace(
        _after(known, Kind.FLAPPING, around), since=seen.transitions[-FLAPPING_TRANSITIONS]
    )
    return Decision(
        after,
        around.now + CALM_AFTER,
        (_news(Kind.FLAPPING, seen, cause=seen.cause or known.cause, since=after.since),),
    )


def _ending(seen: ConnectionState, known: AlertedState, around: Around) -> Decision:
    """Warn 30, 7 and 1 days before the end of a grant that cannot be refreshed, each once.

    A warning that is as old as the grant itself says nothing: a grant for a week needs no "7 days".
    """
    end, began = seen.expires_at, seen.granted_at
    if end is None or began is None or seen.status == "revoked" or around.now >= end:
        return Decision(known, None)
    left = _warnings_left(known, began, end)
    due = [days for days in left if end - timedelta(days=days) <= around.now]
    later = left[: len(left) - len(due)]  # fewer days before the end
    look_at = end - timedelta(days=later[-1]) if later else None
    if not due:
        return Decision(known, look_at)
    news = _news(Kind.EXPIRING, seen, since=end, days=due[0])
    return Decision(replace(known, expires_at=end, expires_days=due[0]), look_at, (news,))


def _warnings_left(known: AlertedState, began: datetime, end: datetime) -> list[int]:
    """Days before the end, the fewest first. A nearer warning was given: a farther one is late."""
    told = known.expires_days if known.expires_at == end else None
    return [
        days
        for days in WARNING_DAYS
        if began < end - timedelta(days=days) and (told is None or days < told)
    ]


def _after(known: AlertedState, kind: Kind, around: Around) -> AlertedState:
    since = known.since if kind is known.kind else None
    cause = known.cause if kind is known.kind else None
    return replace(known, kind=kind, cause=cause, since=since, told_at=around.now)


def _trouble_news(kind: Kind, seen: ConnectionState) -> Notification:
    if kind is Kind.OUTAGE and seen.outage is not None:
        outage = seen.outage
        own = seen.evidence if seen.status == "offline" else None
        evidence = own or outage.evidence
        return _news(kind, seen, cause=outage.cause, evidence=evidence, since=outage.since)
    return _news(kind, seen, cause=seen.cause, evidence=seen.evidence, since=seen.since)


def _news(
    kind: Kind,
    seen: ConnectionState,
    *,
    cause: str | None = None,
    evidence: str | None = None,
    since: datetime | None = None,
    seconds: int | None = None,
    days: int | None = None,
) -> Notification:
    return Notification(
        kind, seen.provider, seen.connection_id, seen.label, cause, evidence, since, seconds, days
    )

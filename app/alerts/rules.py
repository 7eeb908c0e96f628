"""Step 3 of 7 of an alert: compare what a user was told with the state now. Pure.

The comparison is made when it is time, not at every transition. So what came and went in between (a
strike, a short outage, an outage within quiet hours) causes no alert, and what a dead process left
is decided by the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.alerts import notifications
from app.alerts.types import (
    DOWN_KINDS,
    TROUBLE_KINDS,
    YOUR_MOVE_KINDS,
    AlertedState,
    ConnectionState,
    Kind,
    Notification,
    OpenProviderOutage,
    Preferences,
)
from app.history.flapping import FLAPPING_TRANSITIONS, FLAPPING_WINDOW

GATHER_TIME = timedelta(minutes=1)  # what happens to several connections in it is told together
REPEAT_WINDOW = timedelta(minutes=10)  # between two alerts about the same thing at one provider
BACK_TOGETHER = timedelta(minutes=10)  # a recovery waits for others at its provider
UNSURE_LOOK_AGAIN = timedelta(minutes=2)  # while the check of a connection is overdue
CALM_AFTER = timedelta(minutes=30)  # time without going up or down
WARNING_DAYS = (1, 7, 30)  # days before the end of a grant

OUTAGE_STATUSES = ("online", "degraded", "offline")  # during a provider outage, all mean: down
KIND_OF_STATUS = {
    "online": Kind.WELL,
    "offline": Kind.OFFLINE,
    "revoked": Kind.REVOKED,
    "blocked": Kind.BLOCKED,
}


@dataclass(frozen=True)
class Around:
    """What a decision depends on besides the connection itself."""

    now: datetime
    told_lately: Mapping[tuple[str, ...], datetime]  # group → when it was last told
    others_down: bool = False  # others at its provider are still down
    hurry: bool = False  # its group may be told now: do not wait


@dataclass(frozen=True)
class Decision:
    known: AlertedState  # what the user will have been told
    look_at: datetime | None  # when to decide again, if nothing changes before
    news: tuple[Notification, ...] = ()


def decide(
    seen: ConnectionState, known: AlertedState, wishes: Preferences, around: Around
) -> Decision:
    """What to tell now about one connection, and when to decide again."""
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
        return Decision(known, None)  # a strike, a rate limit, our own mistake: nothing to tell
    if known.kind is Kind.FLAPPING and kind not in YOUR_MOVE_KINDS:
        return _flapping(seen, known, kind, around)
    if kind is Kind.WELL:
        return _well(seen, known, around)
    return _trouble(seen, known, kind, wishes, around)


def _kind(seen: ConnectionState) -> Kind | None:
    if seen.cause == "misconfigured":
        return None
    if seen.outage is not None and _is_part_of(seen, seen.outage):
        return Kind.OUTAGE  # most connections are not checked during it
    return KIND_OF_STATUS.get(seen.status)


def _is_part_of(seen: ConnectionState, outage: OpenProviderOutage) -> bool:
    """What was refused when everybody was is nobody's own move."""
    return seen.status in OUTAGE_STATUSES or (outage.refuses and seen.since >= outage.since)


def _well(seen: ConnectionState, known: AlertedState, around: Around) -> Decision:
    if known.kind not in TROUBLE_KINDS:
        return Decision(known, None)
    back = max(seen.since, seen.outage_ended or seen.since)
    due = back + (BACK_TOGETHER if around.others_down else GATHER_TIME)
    if around.now < due and not around.hurry:
        return Decision(known, due)
    if _flaps(seen, around.now):
        return _say_that_it_flaps(seen, known, around)
    if known.told_at is None:  # it was there before anybody was told of anything
        return Decision(replace(known, kind=Kind.WELL, cause=None, since=None), None)
    began = known.since or back
    seconds = max(0, round((back - began).total_seconds()))
    news = replace(
        notifications.about(Kind.RECOVERED, seen, cause=known.cause, since=began, seconds=seconds),
        healed=_is_healed(seen, known),
    )
    return Decision(_after(known, Kind.WELL, around), None, (news,))


def _is_healed(seen: ConnectionState, known: AlertedState) -> bool:
    """Was the person asked to reconnect, and has not done so?"""
    if known.kind is not Kind.REVOKED or known.since is None or seen.granted_at is None:
        return False
    return seen.granted_at < known.since


def _trouble(
    seen: ConnectionState, known: AlertedState, kind: Kind, wishes: Preferences, around: Around
) -> Decision:
    if _is_told(seen, known, kind):
        return _remind(seen, known, wishes, around)
    if (told_from := _told_from(kind, seen)) is not None and around.now < told_from:
        return Decision(known, told_from)
    news = notifications.of_trouble(kind, seen)
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


def _told_from(kind: Kind, seen: ConnectionState) -> datetime | None:
    return seen.outage.told_from if kind is Kind.OUTAGE and seen.outage is not None else None


def _is_told(seen: ConnectionState, known: AlertedState, kind: Kind) -> bool:
    """Was the user alerted about this? What is their move is told anew when it begins anew."""
    if kind in DOWN_KINDS:
        return known.kind in DOWN_KINDS
    return known.kind is kind and known.since == seen.since


def _remind(
    seen: ConnectionState, known: AlertedState, wishes: Preferences, around: Around
) -> Decision:
    due = _next_reminder(known, wishes)
    if due is None or around.now < due:
        return Decision(known, due)
    news = notifications.about(
        Kind.REMINDER, seen, cause=seen.cause, evidence=seen.evidence, since=known.since
    )
    after = _after(known, known.kind, around)
    return Decision(after, _next_reminder(after, wishes), (news,))


def _next_reminder(known: AlertedState, wishes: Preferences) -> datetime | None:
    last = known.told_at or known.since
    if known.kind not in YOUR_MOVE_KINDS or wishes.reminder is None or last is None:
        return None
    return last + wishes.reminder


def _flapping(seen: ConnectionState, known: AlertedState, kind: Kind, around: Around) -> Decision:
    """Tell nothing until the connection has been calm for a while; then its state."""
    calm = max([seen.since, *seen.transitions[-1:]]) + CALM_AFTER
    if _flaps(seen, around.now):
        calm = max(calm, seen.transitions[-FLAPPING_TRANSITIONS] + FLAPPING_WINDOW)
    if around.now < calm:
        return Decision(known, calm)
    if kind is Kind.WELL:
        return Decision(_after(known, kind, around), None, (notifications.about(Kind.CALM, seen),))
    news = notifications.of_trouble(kind, seen)
    after = replace(_after(known, kind, around), cause=news.cause, since=news.since)
    return Decision(after, None, (news,))


def _heard_lately(known: AlertedState, now: datetime) -> bool:
    """Was the user alerted about it within the time that flapping is counted in?"""
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
        (
            notifications.about(
                Kind.FLAPPING, seen, cause=seen.cause or known.cause, since=after.since
            ),
        ),
    )


def _ending(seen: ConnectionState, known: AlertedState, around: Around) -> Decision:
    """Warn 30, 7 and 1 days before the end of a grant that cannot be refreshed, each once.

    A warning due when the grant was given is left out: a grant for a week needs no "7 days".
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
    news = notifications.about(Kind.EXPIRING, seen, since=end, days=due[0])
    return Decision(replace(known, expires_at=end, expires_days=due[0]), look_at, (news,))


def _warnings_left(known: AlertedState, began: datetime, end: datetime) -> list[int]:
    """Warnings not given yet, in days before the end, ascending; none before one that was given."""
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

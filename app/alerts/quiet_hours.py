"""Quiet hours and the time of a digest, in the user's own time zone. Pure."""

from datetime import UTC, datetime, time, timedelta

from app.alerts.types import Preferences

DIGEST_HOUR = time(9)
WEEKLY_DAY = 0  # Monday
ONE_DAY = timedelta(days=1)


def quiet_end(wishes: Preferences, now: datetime) -> datetime | None:
    """The end of the quiet hours if `now` is within them; else None."""
    start, end = wishes.quiet_from, wishes.quiet_until
    if start is None or end is None or start == end:
        return None
    local = now.astimezone(wishes.zone)
    clock = local.time()
    inside = start <= clock < end if start < end else clock >= start or clock < end
    if not inside:
        return None
    day = local.date() if clock < end else local.date() + ONE_DAY
    return datetime.combine(day, end, wishes.zone).astimezone(UTC)


def next_digest(wishes: Preferences, now: datetime) -> datetime | None:
    """The next 9:00, on a Monday for a weekly digest; None: digests are off."""
    if wishes.digest == "none":
        return None
    day = now.astimezone(wishes.zone).date()
    while True:
        moment = datetime.combine(day, DIGEST_HOUR, wishes.zone)
        right = wishes.digest == "daily" or day.weekday() == WEEKLY_DAY
        if right and moment > now:
            return moment.astimezone(UTC)
        day += ONE_DAY

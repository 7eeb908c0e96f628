"""How often a channel may be used, and the growing pauses of one that fails. Pure."""

from datetime import timedelta

from app.accounts.rate_limits import RateLimit

DELIVERY_LIFE = timedelta(days=1)  # what was not delivered by then is given up
MERGE_ABOVE = 3  # more waiting messages than that are merged into one

CHANNEL_LIMITS = {  # for one channel of one person
    "email": RateLimit(10, timedelta(hours=1)),
    "telegram": RateLimit(20, timedelta(hours=1)),
    "push": RateLimit(20, timedelta(hours=1)),
    "webhook": RateLimit(60, timedelta(hours=1)),
    "apprise": RateLimit(20, timedelta(hours=1)),
}
RETRY_PAUSES = (60, 300, 900, 3600)  # seconds after each failure in a row; the last pause repeats
LONGEST_CHANNEL_PAUSE = timedelta(hours=6)  # of a channel that has not worked for a day
TOO_LONG = 24  # failures in a row, about a day


def pause(failures: int, retry_after: float | None = None) -> timedelta:
    """How long a channel pauses after its nth failure in a row."""
    if failures >= TOO_LONG:
        return LONGEST_CHANNEL_PAUSE
    usual = float(RETRY_PAUSES[min(failures, len(RETRY_PAUSES)) - 1])
    return timedelta(
        seconds=min(max(usual, retry_after or 0.0), LONGEST_CHANNEL_PAUSE.total_seconds())
    )

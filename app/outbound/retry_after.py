"""How long a server asks us to wait (RFC 9110 section 10.2.3), in the forms that servers use."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_ASKED = 366 * 86_400.0  # seconds; nobody means more
EPOCH_FROM = 1e9  # a number so large is a moment in Unix time, not seconds to wait
MILLISECONDS_FROM = 1e12  # and one so large is in milliseconds
UNITS = {  # seconds
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
}
PART = re.compile(r"\+?([0-9]{1,20}(?:[.,][0-9]{0,20})?|\.[0-9]{1,20})\s*([a-z]*)\s*")


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait at least; None where the answer does not say.

    A date is read against the answer's own `Date`: the server's clock may be off, and so may ours.
    """
    text = headers.get("retry-after", "").strip().strip('"').lower()[:100]
    if not text:
        return None
    here = time.time() if now is None else now
    seconds = _duration(text)
    if seconds is None or seconds >= EPOCH_FROM:
        moment = _moment(text) if seconds is None else _unix_seconds(seconds)
        seconds = None if moment is None else moment - _server_time(headers, here)
    return None if seconds is None else min(max(0.0, seconds), LONGEST_ASKED)


def _unix_seconds(number: float) -> float:
    return number / 1_000 if number >= MILLISECONDS_FROM else number


def _duration(text: str) -> float | None:
    """`120`, `40.5`, `40s`, `1m30s`, `2 minutes`; of a header that came twice the longest."""
    durations = [_sum_of_parts(each.strip()) for each in re.split(r",\s+", text)]
    known = [each for each in durations if each is not None]
    return max(known) if known and len(known) == len(durations) else None


def _sum_of_parts(text: str) -> float | None:
    total, at = 0.0, 0
    while at < len(text):
        found = PART.match(text, at)
        if found is None or found[2] not in UNITS:
            return None
        total += float(found[1].replace(",", ".")) * UNITS[found[2]]
        at = found.end()
    return total if text else None


def _server_time(headers: Mapping[str, str], here: float) -> float:
    moment = _moment(headers.get("date", ""))
    return here if moment is None else moment


def _moment(text: str) -> float | None:
    """Unix time of an HTTP date, or of one in ISO 8601."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

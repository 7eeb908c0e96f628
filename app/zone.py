"""Whose clock: a person's own time zone, or else the server's."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=1_024)
def zone_named(name: str | None) -> ZoneInfo | None:
    """The zone of that IANA name; None where there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None

"""A rate limit in the memory of this process, for requests that must not cost a query."""

from collections import deque
from math import ceil
from time import monotonic

MOST_KEYS = 10_000  # beyond it the windows that are over are dropped, or else all of them


class Burst:
    """A sliding window for each key, in `seconds`."""

    def __init__(self, tries: int, seconds: float) -> None:
        self._tries = tries
        self._seconds = seconds
        self._seen: dict[str, deque[float]] = {}

    def attempt(self, key: str) -> int:
        """Counts one attempt for `key` and returns 0; or returns the seconds to wait, uncounted."""
        now = monotonic()
        if len(self._seen) >= MOST_KEYS and key not in self._seen:
            self._forget(now)
        seen = self._seen.setdefault(key, deque())
        while seen and seen[0] <= now - self._seconds:
            seen.popleft()
        if len(seen) >= self._tries:
            return max(1, ceil(seen[0] + self._seconds - now))
        seen.append(now)
        return 0

    def _forget(self, now: float) -> None:
        live = {key: seen for key, seen in self._seen.items() if seen[-1] > now - self._seconds}
        self._seen = live if len(live) < MOST_KEYS else {}

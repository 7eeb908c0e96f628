"""How often something may come to this process: counted here, where it costs nothing."""

from collections import deque
from math import ceil
from time import monotonic

MOST_KEYS = 10_000  # then those that are over are forgotten, or else all of them


class Burst:
    """A sliding window for each key, in `seconds`."""

    def __init__(self, tries: int, seconds: float) -> None:
        self._tries = tries
        self._seconds = seconds
        self._seen: dict[str, deque[float]] = {}

    def attempt(self, key: str) -> int:
        """Count one try of `key`. 0: go ahead; else seconds to wait, and it is not counted."""
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

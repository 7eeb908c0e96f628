"""How fast a provider may be asked: a token bucket for each, its rate divided among all monitors.

How often one grant may be asked with is kept in the database instead, as the time of its next
check, so that it holds over processes and restarts: see `honour_retry_after`.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from app.models.connection import Cause
from app.monitor.answer import Answer
from app.monitor.causes import cause_of
from app.monitor.verdict import LONGEST_RETRY_AFTER, Verdict
from app.providers.provider import Provider

BUCKET_BURST = 0.1  # of a second's requests may start at once …
BUCKET_REFILL = (
    0.8  # … and so many a second: with a request that costs two, no second holds more than all
)
SLOWEST_RATE = 1 / 64  # of the rate, at a provider that answers 429 to everything
RATE_RECOVERY = (
    1.1  # a good answer makes up for a seventh of a 429, so that one busy shop slows nobody
)
LONGEST_QUEUE = 15.0  # seconds; a person who would wait longer is told so instead

Clock = Callable[[], float]


def honour_retry_after(verdict: Verdict, provider: Provider | None, answer: Answer) -> Verdict:
    """The verdict, with no check sooner than the provider allows one with this grant."""
    least = provider.spacing if provider else 0.0
    if cause_of(answer) is Cause.RATE_LIMITED:
        least = max(least, min(answer.retry_after or 0.0, LONGEST_RETRY_AFTER))
    if not least:
        return verdict
    return replace(verdict, delay=max(verdict.delay, least), at_least=least)


class Bucket:
    """Tokens for one provider: one for each request. The balance may be negative; whoever comes
    next waits until it is paid.

    `share` is how many processes divide the rate between them.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._slow = 1.0
        self.share = 1
        self._tokens = self._burst
        self._at = now

    def ready(self, now: float) -> int:
        """How many requests may start now; none until half a burst is there, so that they come in
        batches.
        """
        self._fill(now)
        return int(self._tokens) if self._tokens >= self._batch else 0

    def spend(self, requests: int, now: float) -> None:
        self._fill(now)
        self._tokens -= requests

    def wait(self, now: float, wanted: float | None = None) -> float:
        """Seconds until `wanted` tokens are there, or else the next batch."""
        self._fill(now)
        lacking = (self._batch if wanted is None else wanted) - self._tokens
        return max(0.0, lacking / self._refill)

    def refused(self, now: float) -> None:
        """The provider said 429: the bucket is empty, and fills at half the rate from now on."""
        self._fill(now)
        self._tokens = min(self._tokens, 0.0)
        self._slow = max(SLOWEST_RATE, self._slow / 2)

    def answered(self) -> None:
        """The provider said something else than 429: back to the full rate, step by step."""
        self._slow = min(1.0, self._slow * RATE_RECOVERY)

    @property
    def _refill(self) -> float:
        return self._rate * BUCKET_REFILL * self._slow / self.share

    @property
    def _burst(self) -> float:
        return max(1.0, self._rate * BUCKET_BURST / self.share)

    @property
    def _batch(self) -> float:
        return max(1.0, self._burst / 2)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._refill)
        self._at = now


class RateLimiter:
    """The buckets of one process, one for each provider."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self._share = 1

    def share_with(self, monitors: int) -> None:
        """Divide every rate by this number of live monitors, this one included."""
        self._share = max(1, monitors)
        for bucket in self._buckets.values():
            bucket.share = self._share

    def ready(self, provider: Provider) -> int:
        """How many checks of this provider may start now."""
        return self._bucket(provider).ready(self._clock())

    def wait(self, provider: Provider) -> float:
        """Seconds until the next ones may start."""
        return self._bucket(provider).wait(self._clock())

    def spend(self, provider: Provider, requests: int = 1) -> None:
        """Requests that are sent in any case: the refresh and the second probe of one check."""
        self._bucket(provider).spend(requests, self._clock())

    async def take(self, provider: Provider) -> bool:
        """Queue for one request, before anybody who comes later. False: the queue is too long."""
        bucket = self._bucket(provider)
        wait = bucket.wait(self._clock(), 1.0)
        if wait > LONGEST_QUEUE:
            return False
        bucket.spend(1, self._clock())
        await asyncio.sleep(wait)
        return True

    def observe(self, provider: Provider, status: int) -> None:
        """Learn from what came back; 0: nothing did."""
        if status == 429:
            self._bucket(provider).refused(self._clock())
        elif status > 0:
            self._bucket(provider).answered()

    def _bucket(self, provider: Provider) -> Bucket:
        bucket = self._buckets.get(provider.name)
        if bucket is None:
            bucket = self._buckets[provider.name] = Bucket(provider.max_rate, self._clock())
            bucket.share = self._share
        return bucket

"""Whether this process reaches the network: asked before a network failure is blamed on a provider.

The canaries are TCP connections to several hosts of different operators, all at once: one that is
established shows that we are online. Why these rules: docs/decisions/0011.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from app.monitor.answer import Answer
from app.providers.provider import Catalogue

log = logging.getLogger(__name__)

Host = tuple[str, int]

NETWORK_FAILURES = ("unreachable", "timeout")  # failures that our own network may have caused
TOGETHER = 15.0  # seconds; failures of two providers within this are one event
JUST_NOW = 5.0  # seconds; after an answer this recent we are online, whatever else fails
LATELY = 30.0  # seconds; the same where a failure would change a status: the delay of a second look
CANARY_PATIENCE = 3.0  # seconds until the canaries count as unreachable
CANARY_KEPT = 3.0  # seconds for which their result is reused
RESOLVERS = 4  # threads for look-ups of names, apart from those that log-ins need


class Connectivity:
    """What one process knows of its own connectivity. Without hosts it is always online."""

    def __init__(self, hosts: Iterable[Host] = (), providers: Iterable[Host] = ()) -> None:
        """`providers` are canaries too: a firewall that forbids the others must not stop checks."""
        canaries = frozenset(hosts)
        self._hosts = canaries | frozenset(providers) if canaries else canaries
        self._resolvers = ThreadPoolExecutor(RESOLVERS, "canary")
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answered_at = float("-inf")  # by any provider, over HTTP
        self._offline_at = float("-inf")  # when it was last known to be
        self._failed_at: dict[str, float] = {}
        self.is_offline = False

    def observe(self, provider: str, answer: Answer) -> None:
        """Learn from an answer: any over HTTP shows that we are online, and outranks canaries."""
        now = time.monotonic()
        if is_network_failure(answer):
            self._failed_at[provider] = now
        elif answer.status > 0:
            self._answered_at = now
            self._failed_at.pop(provider, None)
            self._set(is_offline=False)

    def was_offline_since(self, moment: float) -> bool:
        """Was it found cut off since this `time.monotonic()`? Then a failure proves nothing."""
        return self._offline_at >= moment

    def is_doubtful(self, providers: int, changing: bool) -> bool:
        """Is a failure that just came a reason to ask the canaries?

        `providers` is how many are checked at all; `changing`: it would change somebody's status.
        """
        if not self._hosts:
            return False
        now = time.monotonic()
        if self.is_offline:
            return True
        if changing and now - self._answered_at > LATELY:
            return True
        failing = sum(now - at <= TOGETHER for at in self._failed_at.values())
        return failing >= min(2, providers) and now - self._answered_at > JUST_NOW

    async def ask_canaries(self) -> bool:
        """Are we online? Asks the canaries, unless they were asked a moment ago; one at a time."""
        if not self._hosts:
            return True
        async with self._asking:
            if time.monotonic() - self._asked_at > CANARY_KEPT:
                began = time.monotonic()
                found = await self._any_connects()
                # An HTTP answer that came meanwhile outranks canaries that failed.
                self._set(is_offline=not found and self._answered_at < began)
                self._asked_at = time.monotonic()
        return not self.is_offline

    async def _any_connects(self) -> bool:
        tries = [asyncio.create_task(self._connects(host)) for host in self._hosts]
        try:
            async with asyncio.timeout(CANARY_PATIENCE):
                for done in asyncio.as_completed(tries):
                    if await done:
                        return True
        except TimeoutError:
            pass
        finally:
            for each in tries:
                each.cancel()
        return False

    async def _connects(self, host: Host) -> bool:
        """The name is looked up as well: without a name server we are offline too."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._resolvers, lambda: socket.getaddrinfo(*host, type=socket.SOCK_STREAM)
            )
            for *_, address in found:
                try:
                    _, writer = await asyncio.open_connection(str(address[0]), host[1])
                except OSError:
                    continue
                writer.transport.abort()
                return True
        except (OSError, UnicodeError):
            pass  # no such name, or no name server
        return False

    def _set(self, is_offline: bool) -> None:
        if is_offline or self.is_offline:
            self._offline_at = time.monotonic()
        if is_offline and not self.is_offline:
            log.error("no way out: neither providers nor CANARY_HOSTS answer; checks pause")
        elif self.is_offline and not is_offline:
            log.warning("the way out is open again")
        self.is_offline = is_offline


def connectivity_of(canary_hosts: Iterable[Host], catalogue: Catalogue) -> Connectivity:
    """With these canaries and the hosts that are probed anyway."""
    probed = (provider.probe.url for provider in catalogue.values() if provider.configured)
    one_for_all = (url for url in probed if "{" not in urlsplit(url).netloc)
    return Connectivity(canary_hosts, map(host_of, one_for_all))


def is_network_failure(answer: Answer) -> bool:
    return answer.failure in NETWORK_FAILURES


def host_of(url: str) -> Host:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

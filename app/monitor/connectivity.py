"""Is it them, or is it us? Before a failure of the network is anybody's news, a canary is asked.

The canary is a TCP connection to several hosts of different operators, all at once: one that comes
about shows that we are online. Why these rules: docs/decisions/0011.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from app.monitor.probe import Answer
from app.providers.provider import Catalogue

log = logging.getLogger(__name__)

Host = tuple[str, int]

NETWORK_FAILURES = ("unreachable", "timeout")  # failures that our own network may have caused
TOGETHER = 15.0  # seconds; failures of two providers within this are one event
JUST_NOW = 5.0  # seconds; an answer so fresh shows that the way is open, whatever else fails
LATELY = 30.0  # seconds; the same before a failure may change a status: a second look's distance
CANARY_PATIENCE = 3.0  # seconds
CANARY_KEPT = 3.0  # seconds that its answer is good for
RESOLVERS = 4  # threads; a name server that hangs must not take the ones that log-ins need


class Connectivity:
    """What one process knows of its own connectivity. Without hosts it is always online."""

    def __init__(self, hosts: Iterable[Host] = (), providers: Iterable[Host] = ()) -> None:
        """`providers` are asked too: canaries that a firewall forbids must not stop us for ever."""
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
        """Remember what came back. An HTTP answer outranks the canary: the way is open."""
        now = time.monotonic()
        if is_network_failure(answer):
            self._failed_at[provider] = now
        elif answer.status is not None:
            self._answered_at = now
            self._failed_at.pop(provider, None)
            self._set(is_offline=False)

    def was_offline_since(self, moment: float) -> bool:
        """Was it found cut off since this `time.monotonic()`? Then a failure proves nothing."""
        return self._offline_at >= moment

    def is_doubtful(self, providers: int, changing: bool) -> bool:
        """Is a failure that just came reason to ask the canary?

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

    async def is_open(self) -> bool:
        """Ask the canary, unless it was asked a moment ago; one at a time."""
        async with self._asking:
            if time.monotonic() - self._asked_at > CANARY_KEPT:
                began = time.monotonic()
                found = await self._any_connects()
                # An answer that came meanwhile outranks a canary that did not.
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
        """Its name is looked up too: a name server that is away cuts us off as well."""
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
            pass  # no such name, or nobody to ask for it
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
    """With these canaries, and the hosts that are probed anyway."""
    probed = (provider.probe.url for provider in catalogue.values() if provider.configured)
    one_for_all = (url for url in probed if "{" not in urlsplit(url).netloc)
    return Connectivity(canary_hosts, map(_host_of, one_for_all))


def is_network_failure(answer: Answer) -> bool:
    return answer.failure in NETWORK_FAILURES


def _host_of(url: str) -> Host:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

"""Step 1 of 6 of a check: find the connections that are due, lease them, keep checks going."""

import asyncio
import logging
import time
from collections import Counter
from contextlib import AbstractAsyncContextManager, suppress

from sqlalchemy.exc import SQLAlchemyError

from app import metrics, tracing
from app.background import forever, running
from app.database.availability import name_of
from app.grants import revocation
from app.history import provider_outages
from app.logging import LogEvent
from app.monitor import heartbeats, housekeeping
from app.monitor.checked import Checked
from app.monitor.checker import Checker
from app.monitor.clock_drift import DatabaseClock
from app.monitor.failure_detector import FailureDetector
from app.monitor.leases import Lease, claim_due, claim_sample, free_leases_of
from app.monitor.result_writer import ResultWriter
from app.providers.provider import Provider

log = logging.getLogger(__name__)

IDLE_PAUSE = 1.0  # seconds between looks for due connections
OFFLINE_PAUSE = 5.0  # seconds between looks whether we are online again
HEARTBEAT_PAUSE = 3.0  # seconds between heartbeats
LOOK_PAUSE = 1.0  # seconds between looks at the heartbeats of others
NEWCOMER_SLOWDOWN = 10  # divides a new monitor's rate until the others know of it
DRAIN_PATIENCE = 17.0  # seconds that a shutdown waits for checks; a token request takes 15 at most
REVOCATION_PAUSE = 15.0  # seconds between looks at the outbox
WATCH_PAUSE = 1.0  # seconds between looks at whether a provider fails for everybody


class Monitor:
    """Any number of these work side by side, in any number of processes; leases divide the work."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._recorder = ResultWriter(checker)
        self._id = checker.monitor_id
        self._checks: set[asyncio.Task[None]] = set()
        self._in_flight: Counter[str] = Counter()
        self._freed = asyncio.Event()
        self._nothing_due: dict[str, float] = {}  # by provider: when nothing was due there
        self._beaten = float("-inf")
        self._failure_detector = FailureDetector()
        self._clock = DatabaseClock()
        self._was_offline = False
        self._leases_fail = False  # what is due is not even taken up

    async def run(self) -> None:
        """Until cancelled. A step that crashes is logged and tried again; the others go on."""
        log.info("monitor started, every %.0f s", self._checker.interval)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._checker.lag.watch())
                tasks.create_task(forever(self._recorder.write_next, 0))
                tasks.create_task(forever(self._show_life, LOOK_PAUSE))
                tasks.create_task(forever(self._check_due, 0))
                tasks.create_task(forever(self._watch_providers, WATCH_PAUSE))
                tasks.create_task(forever(self._revoke_due, REVOCATION_PAUSE))
                tasks.create_task(forever(self._tidy, housekeeping.HOUSEKEEPING_PAUSE))
        finally:
            await asyncio.shield(self._drain())
            log.info("monitor stopped")

    async def _check_due(self) -> None:
        """Lease what can start now, no backlog; return early when a check frees its slot."""
        await self._beat_when_due()
        if self._checker.connectivity.is_offline:
            await self._look_for_connectivity()
            return
        self._freed.clear()
        pause = await self._lease_what_is_due()
        for name, checks in self._in_flight.items():
            metrics.IN_FLIGHT.labels(name).set(checks)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._freed.wait()

    async def _lease_what_is_due(self) -> float:
        """Seconds until it is worth looking again."""
        try:
            pause = await self._lease_of_each_provider()
        except (SQLAlchemyError, OSError):
            self._leases_fail = True
            raise
        self._leases_fail = False
        return pause

    async def _lease_of_each_provider(self) -> float:
        pause = IDLE_PAUSE
        for provider in self._checker.catalogue.values():
            if not (provider.configured and self._checker.watch.known):
                continue
            if (rest := self._rest(provider)) > 0:
                pause = min(pause, rest)
            elif await self._lease(provider):
                pause = min(pause, self._checker.rate_limiter.wait(provider))
        return pause

    def _rest(self, provider: Provider) -> float:
        """Seconds until it is worth asking for due connections again: a query that finds none costs
        as much as one that finds a hundred, and slots are freed many times a second.
        """
        looked = self._nothing_due.get(provider.name, float("-inf"))
        return looked + IDLE_PAUSE - asyncio.get_running_loop().time()

    async def _look_for_connectivity(self) -> None:
        """Nothing is leased while we are offline: no answer could come."""
        await asyncio.sleep(OFFLINE_PAUSE)
        await self._checker.connectivity.ask_canaries()

    async def _lease(self, provider: Provider) -> bool:
        """True: there may be more that is due, as soon as the rate limiter allows it."""
        if provider.name in self._checker.watch.out:
            await self._sample(provider)
            return False
        bound = provider.max_concurrency
        while (free := bound - self._in_flight[provider.name]) * 4 >= bound:
            ready = min(free, self._checker.rate_limiter.ready(provider))
            if not ready:
                return True
            async with self._checker.sessions.begin() as session:
                leases = await claim_due(session, provider.name, ready, self._id)
            self._checker.rate_limiter.spend(provider, len(leases))
            for lease in leases:
                self._start(lease)
            if not leases:
                self._nothing_due[provider.name] = asyncio.get_running_loop().time()
            if len(leases) < ready:  # that was all, or the rest is leased by other monitors
                return bool(leases)
        return False

    async def _sample(self, provider: Provider) -> None:
        """While a provider has an outage, a few of its connections are checked, by one monitor."""
        async with self._checker.sessions.begin() as session:
            if not await provider_outages.take_turn(session, provider.name, self._checker.interval):
                return
            leases = await claim_sample(session, provider, provider_outages.SAMPLE, self._id)
        self._checker.watch.want(provider.name)
        self._checker.rate_limiter.spend(provider, len(leases))
        for lease in leases:
            self._start(lease)

    def _start(self, lease: Lease) -> None:
        self._in_flight[lease.provider] += 1
        task = asyncio.create_task(self._check(lease))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    async def _check(self, lease: Lease) -> None:
        began = time.perf_counter()
        try:
            checked = await self._checker.check(lease)
            if isinstance(checked, Checked):
                self._recorder.put(checked)
                seconds = time.perf_counter() - began
                tracing.check_ended(lease.provider, checked.verdict.status, seconds)
        except (SQLAlchemyError, OSError) as error:
            log.warning(
                LogEvent("not_checked", connection=lease.connection_id, error=name_of(error))
            )
        except Exception:  # one crash harms no other check; the lease expires by itself
            log.exception(LogEvent("check_crashed", connection=lease.connection_id))
        finally:
            self._in_flight[lease.provider] -= 1
            self._freed.set()

    async def _show_life(self) -> None:
        """A task of its own: whatever else keeps us waiting, others can tell us from the dead."""
        await self._beat_when_due()
        if not self._is_stuck:
            await self._take_over()

    @property
    def _is_stuck(self) -> bool:
        return self._recorder.is_failing or self._leases_fail

    async def _beat_when_due(self) -> None:
        now, is_offline = asyncio.get_running_loop().time(), self._checker.connectivity.is_offline
        if now - self._beaten >= HEARTBEAT_PAUSE or is_offline is not self._was_offline:
            await self._beat(now, is_offline)

    async def _beat(self, now: float, is_offline: bool) -> None:
        """A heartbeat says that work is taken up and its results written. A full disk takes it, for
        it changes a row in its place, for longer than leases and verdicts.
        """
        async with self._checker.sessions.begin() as session:
            await self._clock.follow(session, self._checker.interval)
            if not self._is_stuck:
                await heartbeats.beat(session, self._id, is_offline)
        async with self._checker.sessions() as session:  # of two that start together, one sees both
            alive = await heartbeats.count_alive(session)
        is_new = self._beaten == float("-inf") and alive > 1
        self._checker.rate_limiter.share_with(alive * NEWCOMER_SLOWDOWN if is_new else alive)
        self._beaten, self._was_offline = now, is_offline

    async def _take_over(self) -> None:
        """Free the leases of monitors that are silent: whoever is first claims what is due."""
        async with self._checker.sessions() as session:
            beats = await heartbeats.of_others(session, self._id)
        now = asyncio.get_running_loop().time()
        for monitor_id, last in self._failure_detector.silent(now, beats).items():
            async with self._checker.sessions.begin() as session:
                if not await heartbeats.give_up(session, monitor_id, last):
                    continue
                freed = await free_leases_of(session, monitor_id)
            log.warning("monitor %s is silent: %d leases taken over", monitor_id, freed)
            self._nothing_due.clear()
            self._freed.set()

    async def _watch_providers(self) -> None:
        checker = self._checker
        await checker.watch.look(
            checker.sessions, checker.catalogue, checker.interval, checker.connectivity.ask_canaries
        )

    async def _revoke_due(self) -> None:
        checker = self._checker
        await revocation.send_due(checker.sessions, checker.http, checker.keys, checker.catalogue)

    async def _tidy(self) -> None:
        checker = self._checker
        await housekeeping.tidy(checker.sessions, checker.keys, checker.catalogue)

    async def _drain(self) -> None:
        """Let checks end, write them, give back what never began; then delete the heartbeat."""
        self._checker.unfinished.stopping = True
        async with running(forever(self._show_life, LOOK_PAUSE)):  # or others take the leases
            under_way = self._checks | self._checker.unfinished.tasks
            if under_way:
                await asyncio.wait(under_way, timeout=DRAIN_PATIENCE)
            for task in self._checks:
                task.cancel()
            await self._recorder.write_rest()
        with suppress(SQLAlchemyError, OSError):  # then the heartbeat expires, which says the same
            async with self._checker.sessions.begin() as session:
                await free_leases_of(session, self._id)
                await heartbeats.stop(session, self._id)


def monitoring(checker: Checker) -> AbstractAsyncContextManager[None]:
    """Run a monitor while the block runs."""
    return running(Monitor(checker).run())

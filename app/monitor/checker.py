"""One check of one lease: probe, refresh if that may help, judge, write. Steps 2 to 4 in a row."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from app import metrics
from app.background import Unfinished
from app.config import MOSCOW
from app.connections.account_matching import match_account
from app.database.availability import name_of
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.errors import SealingError
from app.grants import store
from app.grants.refresh import may_refresh, refresh, wants_refresh
from app.grants.store import OpenGrant
from app.models.connection import Cause, Status
from app.monitor.connectivity import Connectivity, is_network_failure
from app.monitor.event_loop_lag import EventLoopLag
from app.monitor.leases import Lease, bring_forward, claim_one, look, release
from app.monitor.outage_watch import OutageWatch
from app.monitor.probe import Answer, answer_of, probe
from app.monitor.rate_limiter import RateLimiter, honour_retry_after
from app.monitor.results import Checked, record
from app.monitor.verdict import PriorState, Verdict, is_about_grant, verdict_of
from app.oauth.token_response import Refusal
from app.outbound.client import Outbound
from app.providers.provider import AHEAD, Catalogue, Provider

log = logging.getLogger(__name__)

UNJUDGED_PAUSE = 5.0  # seconds until the next try, when this one said nothing
BY_HAND = 20.0  # seconds that a person waits for a check at most
SETTLE_TRIES = 3
POLL = 0.1  # seconds between looks at a check that another process has under way
NOT_ASKED = Answer("", 0, failure="unconfigured")  # a key or a client id is missing here
TAKEN_BACK = Answer("", 0, failure="taken_back")  # there is no token to ask with


@dataclass(frozen=True)
class Checker:
    """What every check needs."""

    sessions: Sessions
    http: Outbound
    keys: Keys
    catalogue: Catalogue
    interval: float  # seconds
    timeout: float  # seconds
    zone: ZoneInfo = MOSCOW  # whose days the latencies are counted by
    lag: EventLoopLag = field(default_factory=EventLoopLag)
    unfinished: Unfinished = field(default_factory=Unfinished)
    watch: OutageWatch = field(default_factory=OutageWatch)
    rate_limiter: RateLimiter = field(default_factory=RateLimiter)
    connectivity: Connectivity = field(default_factory=Connectivity)

    async def check(self, lease: Lease) -> Checked | None:
        """Look at one connection. None: the lease was lost, or it is our own fault that no answer
        came.
        """
        started = time.monotonic()
        found = await self._found(lease)
        if found is None:
            return None
        answer, refreshed = found
        self._observe(lease.provider, answer)
        if self._proves_nothing(answer, started):
            await self._release([lease])
            return None
        known = PriorState(
            Status(lease.row.status),
            Cause(lease.row.cause) if lease.row.cause else None,
            lease.row.strikes,
            refreshed,
        )
        verdict = verdict_of(answer, known, self.interval)
        verdict = self._in_time(verdict, lease, refreshed)
        return Checked(
            lease, answer, honour_retry_after(verdict, self.catalogue.get(lease.provider), answer)
        )

    async def write(self, batch: Sequence[Checked]) -> Sequence[Checked]:
        """Record what is worth it, then give every newly named grant its place.

        Returns what was judged: less than the batch while our own network is down.
        """
        batch = await self._judged(batch)
        async with self.sessions.begin() as session:
            written = await record(session, batch, self.zone)
        self.watch.note(batch)
        _count(batch)
        for checked in batch:
            rare = checked.wants_settling or self._chose_carrier(checked) or _dates_end(checked)
            if rare and checked.lease.connection_id in written:
                await self._settle(checked)
        return batch

    async def check_now(self, connection_id: UUID) -> Status | None:
        """Check at once, or wait for the check under way; the status that it has then.

        None: no verdict within BY_HAND, or there is nothing to check.
        """
        return await self.unfinished.run(self._check_now(connection_id), BY_HAND)

    async def take(self, connection_id: UUID, answer: Answer) -> Status | None:
        """Let an answer that came before the connection was stored be its first check.

        None: a check is under way already, and will say.
        """
        async with self.sessions.begin() as session:
            lease = await claim_one(session, connection_id)
        if lease is None:
            return None
        verdict = verdict_of(answer, PriorState(Status.CHECKING), self.interval)
        verdict = honour_retry_after(verdict, self.catalogue.get(lease.provider), answer)
        await self.write([Checked(lease, answer, verdict)])
        return verdict.status

    async def _found(self, lease: Lease) -> tuple[Answer, bool] | None:
        if not self._is_checkable(lease.provider):
            return NOT_ASKED, False
        try:
            provider = self.catalogue[lease.provider]
            grant = store.open_grant(self.keys, lease.row)
            if grant.is_taken_back:
                return TAKEN_BACK, False
            return await self._ask(provider, grant, lease)
        except SealingError as error:
            log.error("connection %s: %s", lease.connection_id, error)
            return NOT_ASKED, False

    async def _ask(
        self, provider: Provider, grant: OpenGrant, lease: Lease
    ) -> tuple[Answer, bool] | None:
        """The answer, and whether it is about a token that was refreshed for it."""
        if wants_refresh(provider, grant):
            fresh = await self._refresh(provider, grant, lease)
            if fresh is None:
                return None
            if isinstance(fresh, OpenGrant):
                return await self._probe(provider, fresh), True
            if is_about_grant(fresh.code) or (grant.expired and not fresh.is_unclear):
                return answer_of(provider, fresh, grant.kept), False
            # In vain, but the access token may still be good: ask with that, and with nothing else.
            if fresh.is_unclear:
                return await self._probe(provider, grant), False
        answer = await self._probe(provider, grant)
        if not (answer.refuses_token and may_refresh(provider, grant)):
            return answer, False
        fresh = await self._refresh(provider, grant, lease)
        if fresh is None:
            return None
        if isinstance(fresh, Refusal):
            # A no without a known reason proves less than the API's own no to the access token.
            unclear = fresh.is_unclear
            return answer if unclear else answer_of(provider, fresh, grant.kept), False
        self.rate_limiter.spend(provider)  # the second probe of one check
        return await self._probe(provider, fresh), True

    async def _probe(self, provider: Provider, grant: OpenGrant) -> Answer:
        answer = await probe(self.http, provider, grant, self.timeout)
        if grant.carrier is None:  # those before it were tried as well
            self.rate_limiter.spend(provider, answer.carrier)
        return answer

    async def _refresh(
        self, provider: Provider, grant: OpenGrant, lease: Lease
    ) -> OpenGrant | Refusal | None:
        if self.unfinished.stopping:
            await self._release([lease])  # no time left to see a refresh through
            return None
        self.rate_limiter.spend(provider)
        fresh = await self.unfinished.run(
            refresh(self.sessions, self.http, self.keys, provider, grant, lease.lease_id)
        )
        outcome = "refused" if isinstance(fresh, Refusal) else "refreshed" if fresh else "lost"
        metrics.REFRESHES.labels(provider.name, outcome).inc()
        return fresh

    async def _settle(self, checked: Checked) -> None:
        """The rare rest of a first check: whose account it is, which carrier works."""
        own = checked.lease.connection_id
        place: UUID | None = own
        for _ in range(SETTLE_TRIES):
            try:
                async with self.sessions.begin() as session:
                    if checked.wants_settling:
                        place = await match_account(session, self.keys, own, checked.answer.account)
                    if place is not None and self._chose_carrier(checked):
                        await store.remember_carrier(session, place, checked.answer.carrier)
                    if place is not None and _dates_end(checked):
                        await store.remember_end(session, place, checked.answer.expires_in)
                return
            except (SQLAlchemyError, OSError) as error:  # a deadlock, or a connection that broke
                log.warning("a grant was not settled: %s", name_of(error))

    def _in_time(self, verdict: Verdict, lease: Lease, refreshed: bool) -> Verdict:
        """The next look comes early enough to refresh ahead of expiry, where that may help."""
        if verdict.status is Status.REVOKED:
            return verdict
        provider, due = self.catalogue.get(lease.provider), lease.row.refresh_in
        ahead = provider is not None and provider.refresh == AHEAD and lease.row.refresh_token
        if not ahead or refreshed or due is None or not 0 < due < verdict.delay:
            return verdict
        return replace(verdict, delay=float(due) + 1)

    def _chose_carrier(self, checked: Checked) -> bool:
        provider = self.catalogue.get(checked.lease.provider)
        row = checked.lease.row
        choice = provider is not None and len(provider.carriers(row.kind)) > 1
        works = checked.verdict.status is Status.ONLINE
        return choice and works and "carrier" not in row.extra

    def _observe(self, name: str, answer: Answer) -> None:
        self.connectivity.observe(name, answer)
        if provider := self.catalogue.get(name):
            self.rate_limiter.observe(provider, answer.status)

    def _proves_nothing(self, answer: Answer, started: float) -> bool:
        """Were we late ourselves, or cut off, while it was asked?"""
        late = answer.failure == "timeout" and self.lag.seen_since(started)
        return late or (is_network_failure(answer) and self.connectivity.was_offline_since(started))

    async def _judged(self, batch: Sequence[Checked]) -> Sequence[Checked]:
        """Without the failures that our own network has caused: those are given back unchecked."""
        if not any(self._is_doubtful(each) for each in batch) or await self.connectivity.is_open():
            return batch
        await self._release([each.lease for each in batch if is_network_failure(each.answer)])
        return [each for each in batch if not is_network_failure(each.answer)]

    def _is_doubtful(self, checked: Checked) -> bool:
        if not is_network_failure(checked.answer):
            return False
        providers = sum(provider.configured for provider in self.catalogue.values())
        return self.connectivity.is_doubtful(providers, checked.is_transition)

    async def _release(self, leases: Sequence[Lease]) -> None:
        async with self.sessions.begin() as session:
            for name in {lease.provider for lease in leases}:
                provider = self.catalogue.get(name)
                pause = max(UNJUDGED_PAUSE, provider.min_interval if provider else 0.0)
                own = [lease for lease in leases if lease.provider == name]
                await release(session, own, timedelta(seconds=pause))

    async def _check_now(self, connection_id: UUID) -> Status | None:
        taken = waits = False
        version = None
        while True:
            async with self.sessions.begin() as session:
                seen = await look(session, connection_id)
                if seen is None or not self._is_checkable(seen.provider):
                    return None
                waits = waits or version not in (None, seen.version)
                if waits and seen.lease_id is None:
                    return Status(seen.status)  # the check that was under way is done
                lease = await claim_one(session, connection_id) if seen.free and taken else None
            if lease is not None:
                return await self._check_and_write(lease)
            version = seen.version
            if not seen.free:
                waits = True
                await asyncio.sleep(POLL)
            elif not taken:
                # Before the claim, so that no lease is held in the queue.
                taken = await self.rate_limiter.take(self.catalogue[seen.provider])
                if not taken:
                    await self._check_later(connection_id)
                    return None

    async def _check_later(self, connection_id: UUID) -> None:
        """The provider's queue is too long to wait in: a monitor takes it when it is its turn."""
        async with self.sessions.begin() as session:
            await bring_forward(session, connection_id)

    async def _check_and_write(self, lease: Lease) -> Status | None:
        try:
            checked = await self.check(lease)
            if checked is None:
                return None
            judged = await self.write([checked])
        except Exception:  # the lease expires by itself
            log.exception("check of connection %s crashed", lease.connection_id)
            return None
        return checked.verdict.status if judged else None

    def _is_checkable(self, name: str) -> bool:
        provider = self.catalogue.get(name)
        return provider is not None and provider.configured


def _dates_end(checked: Checked) -> bool:
    """The provider said when the grant ends, and we did not know yet."""
    return checked.answer.expires_in is not None and checked.lease.row.refresh_in is None


def _count(batch: Sequence[Checked]) -> None:
    kinds = Counter((each.lease.provider, each.verdict.status) for each in batch)
    for (provider, status), checks in kinds.items():
        metrics.CHECKS.labels(provider, status.value).inc(checks)
    seconds = {provider: metrics.ANSWER_SECONDS.labels(provider) for provider, _ in kinds}
    for each in batch:
        if each.answer.status is not None and not each.answer.refused:
            seconds[each.lease.provider].observe(each.answer.latency_ms / 1000)

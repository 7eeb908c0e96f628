"""Step 6 of 8 of a connect, and steps 2 to 4 of a check in a row: one check of one lease."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app import metrics
from app.background import Unfinished
from app.config import MOSCOW
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.logging import LogEvent
from app.models.connection import Cause, Status
from app.monitor import corroboration, grant_updates
from app.monitor.answer import Answer, without_stranger
from app.monitor.causes import Others
from app.monitor.checked import Checked
from app.monitor.connectivity import Connectivity, is_network_failure
from app.monitor.event_loop_lag import EventLoopLag
from app.monitor.grant_updates import update_grant
from app.monitor.leases import Lease, claim_one, release
from app.monitor.no_verdict import NoVerdict
from app.monitor.on_demand import OnDemandClaim
from app.monitor.outage_watch import OutageWatch
from app.monitor.prober import REPLICA_LAG, Prober
from app.monitor.rate_limiter import RateLimiter, honour_retry_after
from app.monitor.results import record
from app.monitor.status_log import log_transitions
from app.monitor.verdict import (
    PriorState,
    Verdict,
    is_new_refusal,
    is_unclear_refusal,
    scaled,
    verdict_of,
    wants_corroboration,
)
from app.outbound.client import HttpClient
from app.outbound.pool import HttpPool
from app.providers.provider import AHEAD, Catalogue

log = logging.getLogger(__name__)

UNJUDGED_PAUSE = 5.0  # seconds until the next try, when this one said nothing
CHECK_NOW_PATIENCE = 20.0  # seconds that a person waits for a check at most


@dataclass(frozen=True)
class Checker:
    """What every check needs."""

    sessions: Sessions
    http: HttpClient
    http_pool: HttpPool  # for probes
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
    replica_lag: float = REPLICA_LAG  # seconds
    # Whose the leases are. A process that runs no monitor has no heartbeat under it.
    monitor_id: UUID = field(init=False, default_factory=uuid4)

    async def check(self, lease: Lease) -> Checked | NoVerdict:
        """Probe one connection, and judge the answer."""
        started = time.monotonic()
        answer = await self._prober.ask(lease)
        if isinstance(answer, NoVerdict):
            if answer is NoVerdict.STOPPING:
                await self._release([lease])
            return answer
        self._observe(lease.provider, answer)
        if self._proves_nothing(answer, started):
            await self._release([lease])
            return NoVerdict.OUR_FAULT
        answer = without_stranger(answer, lease.account, lease.hidden)
        return Checked(lease, answer, await self._judge(lease, answer))

    async def write(self, batch: Sequence[Checked]) -> Sequence[Checked]:
        """Record the batch, then keep what the answers told about their grants.

        Returns what was recorded: less than the batch while our own network is down.
        """
        batch = await self._judged(batch)
        async with self.sessions.begin() as session:
            written = await record(session, batch, self.zone)
            await self._ask_others(session, batch)
        self.watch.note(batch)
        log_transitions(batch, written)
        _count(batch)
        for checked in batch:
            is_wanted = grant_updates.is_wanted(self.catalogue, checked)
            if is_wanted and checked.lease.connection_id in written:
                await update_grant(self.sessions, self.keys, self.catalogue, checked)
        return batch

    async def check_now(self, connection_id: UUID) -> Status | NoVerdict:
        """Check at once, or wait for the check under way; the status that it has then.

        A check that does not end within CHECK_NOW_PATIENCE goes on, and is NoVerdict.UNDER_WAY.
        """
        outcome = await self.unfinished.run(self._check_now(connection_id), CHECK_NOW_PATIENCE)
        return NoVerdict.UNDER_WAY if outcome is None else outcome

    async def take(self, connection_id: UUID, answer: Answer) -> Status | NoVerdict:
        """Let an answer that came before the connection was stored be its first check."""
        async with self.sessions.begin() as session:
            lease = await claim_one(session, connection_id, self.monitor_id)
        if lease is None:
            return NoVerdict.UNDER_WAY
        verdict = verdict_of(answer, PriorState(Status.CHECKING), self.interval)
        verdict = honour_retry_after(verdict, self.catalogue.get(lease.provider), answer)
        await self.write([Checked(lease, answer, verdict)])
        return verdict.status

    @cached_property
    def _prober(self) -> Prober:
        return Prober(
            self.sessions,
            self.http,
            self.http_pool,
            self.keys,
            self.catalogue,
            self.timeout,
            self.rate_limiter,
            self.unfinished,
            self.replica_lag,
        )

    def _observe(self, name: str, answer: Answer) -> None:
        self.connectivity.observe(name, answer)
        if provider := self.catalogue.get(name):
            self.rate_limiter.observe(provider, answer.status)

    def _proves_nothing(self, answer: Answer, started: float) -> bool:
        """Were we late or offline ourselves while it was asked?"""
        late = answer.failure == "timeout" and self.lag.seen_since(started)
        return late or (is_network_failure(answer) and self.connectivity.was_offline_since(started))

    async def _judge(self, lease: Lease, answer: Answer) -> Verdict:
        known = await self._known(lease, answer)
        verdict = verdict_of(answer, known, self.interval)
        verdict = self._in_time(verdict, lease, answer.after_refresh)
        return honour_retry_after(verdict, self.catalogue.get(lease.provider), answer)

    async def _known(self, lease: Lease, answer: Answer) -> PriorState:
        known = PriorState(
            Status(lease.row.status),
            Cause(lease.row.cause) if lease.row.cause else None,
            lease.row.strikes,
            lasting=max(0.0, float(lease.row.lasting)),
        )
        if not wants_corroboration(answer, known):
            return known
        if lease.provider in self.watch.refusing:  # whatever lasts, it is the provider's trouble
            return replace(known, others=Others.REFUSED, lasting=0.0)
        window = scaled(corroboration.TROUBLE_WINDOW, self.interval)
        async with self.sessions() as session:
            others = await corroboration.others_of(
                session, lease, window, token=is_unclear_refusal(answer)
            )
        return replace(known, others=others)

    def _in_time(self, verdict: Verdict, lease: Lease, refreshed: bool) -> Verdict:
        """The next look comes early enough to refresh ahead of expiry, where that may help."""
        if verdict.status is Status.REVOKED:
            return verdict
        provider, due = self.catalogue.get(lease.provider), lease.row.refresh_in
        ahead = provider is not None and provider.refresh == AHEAD and lease.row.refresh_token
        if not ahead or refreshed or due is None or not 0 < due < verdict.delay:
            return verdict
        return replace(verdict, delay=float(due) + 1)

    async def _judged(self, batch: Sequence[Checked]) -> Sequence[Checked]:
        """Without the failures that our own network has caused: those are given back unchecked."""
        if (
            not any(self._is_doubtful(each) for each in batch)
            or await self.connectivity.ask_canaries()
        ):
            return batch
        await self._release([each.lease for each in batch if is_network_failure(each.answer)])
        return [each for each in batch if not is_network_failure(each.answer)]

    def _is_doubtful(self, checked: Checked) -> bool:
        if not is_network_failure(checked.answer):
            return False
        providers = sum(provider.configured for provider in self.catalogue.values())
        return self.connectivity.is_doubtful(providers, checked.is_transition)

    async def _ask_others(self, session: AsyncSession, batch: Sequence[Checked]) -> None:
        """Whether a refusal is about this grant alone is known once others were looked at."""
        for each in batch:
            provider = self.catalogue.get(each.lease.provider)
            if provider is not None and is_new_refusal(each.verdict):
                await corroboration.ask_others(session, each.lease, provider.spacing)

    async def _release(self, leases: Sequence[Lease]) -> None:
        async with self.sessions.begin() as session:
            for name in {lease.provider for lease in leases}:
                provider = self.catalogue.get(name)
                pause = max(UNJUDGED_PAUSE, provider.min_interval if provider else 0.0)
                own = [lease for lease in leases if lease.provider == name]
                await release(session, own, timedelta(seconds=pause))

    async def _check_now(self, connection_id: UUID) -> Status | NoVerdict:
        claim = OnDemandClaim(
            self.sessions, self.rate_limiter, self.catalogue, connection_id, self.monitor_id
        )
        claimed = await claim.claim()
        return await self._check_and_write(claimed) if isinstance(claimed, Lease) else claimed

    async def _check_and_write(self, lease: Lease) -> Status | NoVerdict:
        try:
            checked = await self.check(lease)
            if isinstance(checked, NoVerdict):
                return checked
            judged = await self.write([checked])
        except Exception:  # the lease expires by itself
            log.exception(LogEvent("check_crashed", connection=lease.connection_id))
            return NoVerdict.CRASHED
        return checked.verdict.status if judged else NoVerdict.OUR_FAULT


def _count(batch: Sequence[Checked]) -> None:
    kinds = Counter((each.lease.provider, each.verdict.status) for each in batch)
    for (provider, status), checks in kinds.items():
        metrics.CHECKS.labels(provider, status.value).inc(checks)
    seconds = {provider: metrics.ANSWER_SECONDS.labels(provider) for provider, _ in kinds}
    for each in batch:
        if each.answer.status > 0 and not each.answer.refused:
            seconds[each.lease.provider].observe(each.answer.latency_ms / 1000)

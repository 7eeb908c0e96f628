"""One check of one lease: probe, refresh if that may help, judge, write. Steps 2 to 4 in a row."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from app import grants, metrics
from app.db import Sessions
from app.errors import SealingError
from app.grants import OpenGrant
from app.models import Cause, Status
from app.monitor.lag import Lag
from app.monitor.leases import Lease, claim_one, look, release
from app.monitor.probe import Answer, answer_of, probe
from app.monitor.provider_watch import ProviderWatch
from app.monitor.record import Checked, record
from app.monitor.verdict import Known, Verdict, is_about_grant, verdict_of
from app.oauth import Refusal
from app.outbound import Outbound
from app.providers import Catalogue, Provider
from app.providers.provider import AHEAD
from app.refreshing import may_refresh, refresh, wants_refresh
from app.sealing import Keys
from app.settling import settle
from app.unfinished import Unfinished

log = logging.getLogger(__name__)

UNJUDGED_PAUSE = timedelta(seconds=5)  # until the next try, when this one said nothing
BY_HAND = 20.0  # seconds that a person waits for a check at most
SETTLE_TRIES = 3
POLL = 0.1  # seconds between looks at a check that another process has under way
NOT_ASKED = Answer("", 0, failure="unconfigured")  # a key or a client id is missing here


@dataclass(frozen=True)
class Checker:
    """What every check needs."""

    sessions: Sessions
    http: Outbound
    keys: Keys
    catalogue: Catalogue
    interval: float  # seconds
    timeout: float  # seconds
    lag: Lag = field(default_factory=Lag)
    unfinished: Unfinished = field(default_factory=Unfinished)
    watch: ProviderWatch = field(default_factory=ProviderWatch)

    async def check(self, lease: Lease) -> Checked | None:
        """Look at one connection. None: the lease was lost, or our own delay spoilt the answer."""
        started = time.monotonic()
        found = await self._found(lease)
        if found is None:
            return None
        answer, refreshed = found
        if answer.failure == "timeout" and self.lag.seen_since(started):
            await self._release(lease)
            return None
        known = Known(
            Status(lease.row.status),
            Cause(lease.row.cause) if lease.row.cause else None,
            lease.row.strikes,
            refreshed,
        )
        verdict = verdict_of(answer, known, self.interval)
        return Checked(lease, answer, self._in_time(verdict, lease, refreshed))

    async def write(self, batch: Sequence[Checked]) -> None:
        """Record a batch, then give every newly named grant its place."""
        async with self.sessions.begin() as session:
            written = await record(session, batch)
        self.watch.note(batch)
        for checked in batch:
            _count(checked)
            rare = checked.wants_settling or self._chose_carrier(checked)
            if rare and checked.lease.connection_id in written:
                await self._settle(checked)

    async def check_now(self, connection_id: UUID) -> Status | None:
        """Check at once, or wait for the check under way; the status that it has then.

        None: no verdict within BY_HAND, or there is nothing to check.
        """
        return await self.unfinished.run(self._check_now(connection_id), BY_HAND)

    async def _found(self, lease: Lease) -> tuple[Answer, bool] | None:
        if not self._is_checkable(lease.provider):
            return NOT_ASKED, False
        try:
            provider = self.catalogue[lease.provider]
            return await self._ask(provider, grants.open_grant(self.keys, lease.row), lease)
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
                return await probe(self.http, provider, fresh, self.timeout), True
            if grant.expired or is_about_grant(fresh.code):
                return answer_of(provider, fresh), False
            # Ahead of time and in vain, but the access token is still good: ask with that.
        answer = await probe(self.http, provider, grant, self.timeout)
        if not (answer.refuses_token and may_refresh(provider, grant)):
            return answer, False
        fresh = await self._refresh(provider, grant, lease)
        if fresh is None:
            return None
        if isinstance(fresh, Refusal):
            return answer_of(provider, fresh), False
        return await probe(self.http, provider, fresh, self.timeout), True

    async def _refresh(
        self, provider: Provider, grant: OpenGrant, lease: Lease
    ) -> OpenGrant | Refusal | None:
        if self.unfinished.stopping:
            await self._release(lease)  # no time left to see a refresh through
            return None
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
                        place = await settle(session, self.keys, own, checked.answer.account)
                    if place is not None and self._chose_carrier(checked):
                        await grants.remember_carrier(session, place, checked.answer.carrier)
                return
            except DBAPIError as error:  # a deadlock, or a connection that broke
                log.warning("a grant was not settled: %s", type(error).__name__)

    def _in_time(self, verdict: Verdict, lease: Lease, refreshed: bool) -> Verdict:
        """The next look comes early enough to refresh ahead of expiry."""
        provider, due = self.catalogue.get(lease.provider), lease.row.refresh_in
        ahead = provider is not None and provider.refresh == AHEAD and lease.row.refresh_token
        if not ahead or refreshed or due is None or not 0 < due < verdict.delay:
            return verdict
        return replace(verdict, delay=float(due) + 1)

    def _chose_carrier(self, checked: Checked) -> bool:
        provider = self.catalogue.get(checked.lease.provider)
        choice = provider is not None and len(provider.probe.carriers) > 1
        works = checked.verdict.status is Status.ONLINE
        return choice and works and "carrier" not in checked.lease.row.extra

    async def _release(self, lease: Lease) -> None:
        async with self.sessions.begin() as session:
            await release(session, lease, UNJUDGED_PAUSE)

    async def _check_now(self, connection_id: UUID) -> Status | None:
        waits = False
        while True:
            async with self.sessions.begin() as session:
                seen = await look(session, connection_id)
                if seen is None or not self._is_checkable(seen.provider):
                    return None
                if waits and seen.lease_id is None:
                    return Status(seen.status)  # the check that was under way is done
                lease = await claim_one(session, connection_id) if seen.free else None
            if lease is not None:
                return await self._check_and_write(lease)
            waits = True
            await asyncio.sleep(POLL)

    async def _check_and_write(self, lease: Lease) -> Status | None:
        try:
            checked = await self.check(lease)
            if checked is None:
                return None
            await self.write([checked])
        except Exception:  # the lease expires by itself
            log.exception("check of connection %s crashed", lease.connection_id)
            return None
        return checked.verdict.status

    def _is_checkable(self, name: str) -> bool:
        provider = self.catalogue.get(name)
        return provider is not None and provider.configured


def _count(checked: Checked) -> None:
    metrics.CHECKS.labels(checked.lease.provider, checked.verdict.status.value).inc()
    if checked.answer.status is not None and not checked.answer.refused:
        seconds = checked.answer.latency_ms / 1000
        metrics.ANSWER_SECONDS.labels(checked.lease.provider).observe(seconds)

"""Around step 2 of a check: which token is asked with, refreshed where that may help."""

import asyncio
import logging
from dataclasses import dataclass, replace

from app import metrics
from app.background import Unfinished
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.errors import SealingError
from app.grants import store
from app.grants.refresh import NotRefreshed, may_refresh, refresh, wants_refresh
from app.grants.store import OpenGrant
from app.logging import LogEvent
from app.models.connection import Status
from app.monitor.answer import Answer
from app.monitor.leases import Lease
from app.monitor.no_verdict import NoVerdict
from app.monitor.probe import answer_of, probe
from app.monitor.rate_limiter import RateLimiter
from app.oauth.token_response import Refusal
from app.outbound.client import HttpClient
from app.outbound.pool import HttpPool
from app.providers.provider import Catalogue, Provider

log = logging.getLogger(__name__)

MAY_STILL_WORK = (Status.ONLINE, Status.DEGRADED)
REPLICA_LAG = 1.5  # seconds until all nodes of an API know a token that was issued just now
NOT_ASKED = Answer("", 0, failure="unconfigured")  # a key or a client id is missing here
TAKEN_BACK = Answer("", 0, failure="taken_back")  # there is no token to ask with


@dataclass(frozen=True)
class Prober:
    """Asks providers with the grants of leased connections, and refreshes these on the way."""

    sessions: Sessions
    http: HttpClient
    http_pool: HttpPool  # for the probe alone
    keys: Keys
    catalogue: Catalogue
    timeout: float  # seconds for one probe
    rate_limiter: RateLimiter
    unfinished: Unfinished
    replica_lag: float = REPLICA_LAG  # seconds

    async def ask(self, lease: Lease) -> Answer | NoVerdict:
        """The answer to a probe, or to a refresh where that is what is wrong."""
        provider = self.catalogue.get(lease.provider)
        if provider is None or not provider.configured:
            return NOT_ASKED
        try:
            grant = store.open_grant(self.keys, lease.row)
            if grant.is_taken_back:
                return TAKEN_BACK
            return await self._ask(provider, grant, lease)
        except SealingError as error:
            log.error(LogEvent("grant_unreadable", connection=lease.connection_id, error=error))
            return NOT_ASKED

    async def _ask(self, provider: Provider, grant: OpenGrant, lease: Lease) -> Answer | NoVerdict:
        if wants_refresh(provider, grant):
            outcome = await self._refresh(provider, grant, lease)
            return await self._after_refresh(provider, grant, outcome)
        answer = await self._probe_again_if_refused(provider, grant, lease)
        if not (answer.suggests_refresh and may_refresh(provider, grant)):
            return answer
        outcome = await self._refresh(provider, grant, lease)
        if isinstance(outcome, Refusal):
            return answer_of(provider, outcome, grant.kept)
        self.rate_limiter.spend(provider)  # the probe that follows is not the first of this check
        return await self._after_refresh(provider, grant, outcome)

    async def _after_refresh(
        self, provider: Provider, grant: OpenGrant, outcome: OpenGrant | Refusal | NoVerdict
    ) -> Answer | NoVerdict:
        """Ask with the new token. Where there is none, the old one may still be good: for as long
        as it works, the connection is what the API says.
        """
        if isinstance(outcome, NoVerdict):
            return outcome
        if isinstance(outcome, OpenGrant):
            return await self._probe_fresh(provider, outcome)
        answer = await self._probe(provider, grant)
        return answer_of(provider, outcome, grant.kept) if answer.may_refuse_token else answer

    async def _probe_fresh(self, provider: Provider, grant: OpenGrant) -> Answer:
        """With a token that was issued just now. An API that does not know it yet is asked again
        once its replicas have had their time.
        """
        answer = await self._probe(provider, grant)
        if answer.refuses_token:
            await asyncio.sleep(self.replica_lag)
            answer = await self._probe_again(provider, grant)
        return replace(answer, after_refresh=True)

    async def _probe_again_if_refused(
        self, provider: Provider, grant: OpenGrant, lease: Lease
    ) -> Answer:
        """A token that may still work is refused: asked once more over a new connection, as a kept
        one stays with its node of a balancer, and that node may be the bad one. Also at the second
        look, which would believe the refusal.
        """
        answer = await self._probe(provider, grant)
        if not answer.refuses_token or lease.row.status not in MAY_STILL_WORK:
            return answer
        again = await self._probe_again(provider, grant, new_connection=True)
        if again.refuses_token or answer.over_kept_connection:
            return again
        return replace(again, contradicted=True)

    async def _probe(
        self, provider: Provider, grant: OpenGrant, *, new_connection: bool = False
    ) -> Answer:
        answer = await probe(
            self.http_pool, provider, grant, self.timeout, new_connection=new_connection
        )
        if answer.requests > 1:
            self.rate_limiter.spend(provider, answer.requests - 1)
        return answer

    async def _probe_again(
        self, provider: Provider, grant: OpenGrant, *, new_connection: bool = False
    ) -> Answer:
        self.rate_limiter.spend(provider)
        return await self._probe(provider, grant, new_connection=new_connection)

    async def _refresh(
        self, provider: Provider, grant: OpenGrant, lease: Lease
    ) -> OpenGrant | Refusal | NoVerdict:
        if self.unfinished.stopping:
            return NoVerdict.STOPPING
        self.rate_limiter.spend(provider)
        outcome = await self.unfinished.run(
            refresh(self.sessions, self.http, self.keys, provider, grant, lease.lease_id)
        )
        metrics.REFRESHES.labels(provider.name, _label(outcome)).inc()
        return NoVerdict.LEASE_LOST if isinstance(outcome, NotRefreshed) else outcome


def _label(outcome: OpenGrant | Refusal | NotRefreshed) -> str:
    if isinstance(outcome, NotRefreshed):
        return "lost"
    return "refused" if isinstance(outcome, Refusal) else "refreshed"

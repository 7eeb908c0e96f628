"""Around step 2 of a check: which token is asked with, refreshed where that may help."""

import logging
from dataclasses import dataclass
from typing import NamedTuple

from app import metrics
from app.background import Unfinished
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.errors import SealingError
from app.grants import store
from app.grants.refresh import NotRefreshed, may_refresh, refresh, wants_refresh
from app.grants.store import OpenGrant
from app.monitor.leases import Lease
from app.monitor.probe import Answer, answer_of, probe
from app.monitor.rate_limiter import RateLimiter
from app.monitor.results import NoVerdict
from app.monitor.verdict import is_about_grant
from app.oauth.token_response import Refusal
from app.outbound.client import HttpClient
from app.outbound.pool import HttpPool
from app.providers.provider import Catalogue, Provider

log = logging.getLogger(__name__)

NOT_ASKED = Answer("", 0, failure="unconfigured")  # a key or a client id is missing here
TAKEN_BACK = Answer("", 0, failure="taken_back")  # there is no token to ask with


class ProbeResult(NamedTuple):
    """What is known of a grant after it was asked with."""

    answer: Answer
    is_refreshed: bool = False  # the answer is about a token that was refreshed for it


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

    async def ask(self, lease: Lease) -> ProbeResult | NoVerdict:
        """The answer to a probe, or to the refresh that came before it."""
        provider = self.catalogue.get(lease.provider)
        if provider is None or not provider.configured:
            return ProbeResult(NOT_ASKED)
        try:
            grant = store.open_grant(self.keys, lease.row)
            if grant.is_taken_back:
                return ProbeResult(TAKEN_BACK)
            return await self._ask(provider, grant, lease)
        except SealingError as error:
            log.error("connection %s: %s", lease.connection_id, error)
            return ProbeResult(NOT_ASKED)

    async def _ask(
        self, provider: Provider, grant: OpenGrant, lease: Lease
    ) -> ProbeResult | NoVerdict:
        if not wants_refresh(provider, grant):
            return await self._probe_then_refresh(provider, grant, lease)
        outcome = await self._refresh(provider, grant, lease)
        if isinstance(outcome, OpenGrant):
            return ProbeResult(await self._probe(provider, outcome), is_refreshed=True)
        if isinstance(outcome, Refusal):
            return await self._after_refusal(provider, grant, lease, outcome)
        return outcome

    async def _after_refusal(
        self, provider: Provider, grant: OpenGrant, lease: Lease, refusal: Refusal
    ) -> ProbeResult | NoVerdict:
        """The refresh ahead of time was in vain, but the access token may still be good."""
        if is_about_grant(refusal.code) or (grant.expired and not refusal.is_unclear):
            return ProbeResult(answer_of(provider, refusal, grant.kept))
        if refusal.is_unclear:  # the refresh token is not sent a second time
            return ProbeResult(await self._probe(provider, grant))
        return await self._probe_then_refresh(provider, grant, lease)

    async def _probe_then_refresh(
        self, provider: Provider, grant: OpenGrant, lease: Lease
    ) -> ProbeResult | NoVerdict:
        """Probe; where the access token is refused, refresh it and probe once more."""
        answer = await self._probe(provider, grant)
        if not (answer.refuses_token and may_refresh(provider, grant)):
            return ProbeResult(answer)
        outcome = await self._refresh(provider, grant, lease)
        if isinstance(outcome, OpenGrant):
            self.rate_limiter.spend(provider)  # the second probe of one check
            return ProbeResult(await self._probe(provider, outcome), is_refreshed=True)
        if isinstance(outcome, NoVerdict):
            return outcome
        # A no without a known reason proves less than the API's own no to the access token.
        return ProbeResult(
            answer if outcome.is_unclear else answer_of(provider, outcome, grant.kept)
        )

    async def _probe(self, provider: Provider, grant: OpenGrant) -> Answer:
        answer = await probe(self.http_pool, provider, grant, self.timeout)
        if grant.token_placement is None:  # the placements before it were tried as well
            self.rate_limiter.spend(provider, answer.token_placement)
        return answer

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

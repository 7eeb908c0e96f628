"""Beside step 1 of a check: a connection that a person wants checked is claimed, or waited for."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.database.engine import Sessions
from app.models.connection import Status
from app.monitor.leases import Lease, bring_forward, claim_one, look
from app.monitor.no_verdict import NoVerdict
from app.monitor.rate_limiter import RateLimiter
from app.providers.provider import Catalogue, Provider

LEASE_POLL = 0.1  # seconds between looks at a check that another process has under way


@dataclass
class OnDemandClaim:
    """Claims one connection whether it is due or not; a check under way is waited for instead."""

    sessions: Sessions
    rate_limiter: RateLimiter
    catalogue: Catalogue
    connection_id: UUID
    monitor_id: UUID | None = None  # whose the lease is to be
    _has_turn: bool = False  # the rate limiter lets us ask the provider
    _waits: bool = False  # for a check that somebody else has begun
    _version: int | None = None  # of the connection when it was last looked at

    async def claim(self) -> Lease | Status | NoVerdict:
        """A lease to check the connection under, or its status after the check under way."""
        while True:
            async with self.sessions.begin() as session:
                seen = await look(session, self.connection_id)
                provider = self.catalogue.get(seen.provider) if seen else None
                if seen is None or provider is None or not provider.configured:
                    return NoVerdict.NOT_CHECKABLE
                if self._was_checked(seen):
                    return Status(seen.status)
                can_claim = seen.free and self._has_turn
                lease = (
                    await claim_one(session, self.connection_id, self.monitor_id)
                    if can_claim
                    else None
                )
            if lease is not None:
                return lease
            if not seen.free:
                await asyncio.sleep(LEASE_POLL)
            elif not await self._take_turn(provider):
                return NoVerdict.QUEUE_TOO_LONG

    def _was_checked(self, seen: Row[*tuple[Any, ...]]) -> bool:
        """Has a check that was under way, or that began since our first look, come to its end?"""
        self._waits = self._waits or not seen.free or self._version not in (None, seen.version)
        self._version = seen.version
        return self._waits and seen.lease_id is None

    async def _take_turn(self, provider: Provider) -> bool:
        """Queue before the claim, so that no lease is held meanwhile. Where the queue is too long,
        the connection is made due: a monitor checks it in its turn.
        """
        if self._has_turn:
            return True
        self._has_turn = await self.rate_limiter.take(provider)
        if not self._has_turn:
            async with self.sessions.begin() as session:
                await bring_forward(session, self.connection_id)
        return self._has_turn

"""Beside step 4 of a check: does a provider fail for everybody? Asked when a batch says so."""

from collections.abc import Iterable
from datetime import datetime

from app.database.engine import Sessions
from app.history import provider_outages
from app.history.provider_outages import PROVIDER_CAUSES
from app.monitor.results import Checked
from app.providers.provider import Catalogue, Provider


class OutageWatch:
    """Which provider-wide outages this process knows of; what is true stands in the database."""

    def __init__(self) -> None:
        self.known = False  # False until the first look; nothing is checked before it
        self.out: set[str] = set()  # providers with an outage, as of the last look
        self._wanted: set[str] = set()

    def note(self, batch: Iterable[Checked]) -> None:
        """Remember the providers to look at: those that fail, and those that may have recovered."""
        for checked in batch:
            if checked.lease.provider in self.out or checked.verdict.cause in PROVIDER_CAUSES:
                self._wanted.add(checked.lease.provider)

    def want(self, provider: str) -> None:
        """Have the next `look` include this provider."""
        self._wanted.add(provider)

    async def look(self, sessions: Sessions, catalogue: Catalogue, interval: float) -> None:
        """Open and close outages as the latest checks demand, and read which are open."""
        wanted, self._wanted = self._wanted, set()
        for name in sorted(wanted & set(catalogue)):
            await self._follow(sessions, catalogue[name], interval)
        async with sessions() as session:
            self.out = set(await provider_outages.open_ones(session))
        self.known = True

    async def _follow(self, sessions: Sessions, provider: Provider, interval: float) -> None:
        async with sessions.begin() as session:
            ended = await provider_outages.follow(session, provider.name, provider.spacing)
        if ended is not None:
            await self._spread(sessions, provider, ended, interval)

    async def _spread(
        self, sessions: Sessions, provider: Provider, ended: datetime, interval: float
    ) -> None:
        """Connections that were not checked during the outage become due soon, chunk by chunk."""
        more = True
        while more:
            async with sessions.begin() as session:
                more = await provider_outages.put_on_schedule(
                    session, provider.name, ended, interval, provider.spacing
                )

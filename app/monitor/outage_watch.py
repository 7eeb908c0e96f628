"""Beside step 4 of a check: does a provider fail for everybody? Asked when a batch says so."""

from collections.abc import Iterable
from datetime import datetime

from app.database.engine import Sessions
from app.history import provider_outages
from app.history.provider_outages import PROVIDER_CAUSES
from app.monitor.results import Checked
from app.providers.provider import Catalogue, Provider


class OutageWatch:
    """What this process knows of provider-wide outages; the database decides."""

    def __init__(self) -> None:
        self.known = False  # False until the first look: nothing is to be asked before it
        self.out: set[str] = set()  # providers that are out, as last seen
        self._wanted: set[str] = set()

    def note(self, batch: Iterable[Checked]) -> None:
        """Remember which providers are worth a look: what fails, and what may be well again."""
        for checked in batch:
            if checked.lease.provider in self.out or checked.verdict.cause in PROVIDER_CAUSES:
                self._wanted.add(checked.lease.provider)

    def want(self, provider: str) -> None:
        self._wanted.add(provider)

    async def look(self, sessions: Sessions, catalogue: Catalogue, interval: float) -> None:
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
        """All that were not asked meanwhile are looked at soon, some at a time."""
        more = True
        while more:
            async with sessions.begin() as session:
                more = await provider_outages.put_on_schedule(
                    session, provider.name, ended, interval, provider.spacing
                )

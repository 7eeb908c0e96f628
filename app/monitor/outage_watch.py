"""Beside step 4: does a provider fail for everybody, or refuse everybody? Asked when a batch gives
reason to ask.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from app.database.engine import Sessions
from app.history import provider_outages, rescheduling
from app.history.provider_outages import PROVIDER_CAUSES
from app.history.refusal_waves import WAVE_CAUSES
from app.models.history import REFUSING
from app.monitor.checked import Checked
from app.monitor.verdict import scaled
from app.providers.provider import Catalogue, Provider

OUTAGE_CAUSES = {*PROVIDER_CAUSES, *WAVE_CAUSES}  # causes that may be a provider-wide outage's


async def _always() -> bool:
    return True


class OutageWatch:
    """Which provider-wide outages this process knows of; what is true stands in the database."""

    def __init__(self) -> None:
        self.known = False  # False until the first look; nothing is checked before it
        self.out: set[str] = set()  # providers with an outage, as of the last look
        self.refusing: set[str] = set()  # those of them that refuse everybody
        self._wanted: set[str] = set()

    def note(self, batch: Iterable[Checked]) -> None:
        """Remember the providers to look at: those that fail, and those that may have recovered."""
        for checked in batch:
            if checked.lease.provider in self.out or checked.verdict.cause in OUTAGE_CAUSES:
                self._wanted.add(checked.lease.provider)

    def want(self, provider: str) -> None:
        """Have the next `look` include this provider."""
        self._wanted.add(provider)

    async def look(
        self,
        sessions: Sessions,
        catalogue: Catalogue,
        interval: float,
        is_online: Callable[[], Awaitable[bool]] = _always,
    ) -> None:
        """Open and close outages as the latest checks demand, and read which are open.

        `is_online` asks afresh whether our own network is: before an outage is opened, as the
        first failures of our own cut look like one.
        """
        wanted, self._wanted = self._wanted, set()
        for name in sorted(wanted & set(catalogue)):
            await self._follow(sessions, catalogue[name], interval, is_online)
        async with sessions() as session:
            going_on = await provider_outages.open_ones(session)
        self.out = set(going_on)
        self.refusing = {name for name, kind in going_on.items() if kind == REFUSING}
        self.known = True

    async def _follow(
        self,
        sessions: Sessions,
        provider: Provider,
        interval: float,
        is_online: Callable[[], Awaitable[bool]],
    ) -> None:
        window = scaled(provider_outages.WAVE_WINDOW, interval)
        if provider.name not in self.out:
            async with sessions() as session:
                due = await provider_outages.would_open(session, provider.name, window)
            if not due:
                return
            if not await is_online():
                self._wanted.add(provider.name)  # whatever is still true then counts
                return
        patience = scaled(provider.refusals_told_after, interval)
        async with sessions.begin() as session:
            ended = await provider_outages.follow(
                session, provider.name, provider.spacing, window, patience
            )
        if ended is not None:
            await self._spread(sessions, provider, ended, interval)

    async def _spread(
        self, sessions: Sessions, provider: Provider, ended: datetime, interval: float
    ) -> None:
        """Connections that were not checked during the outage become due soon, chunk by chunk."""
        more = True
        while more:
            async with sessions.begin() as session:
                more = await rescheduling.put_on_schedule(
                    session, provider.name, ended, interval, provider.spacing
                )

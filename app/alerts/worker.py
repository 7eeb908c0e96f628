"""The alerts' loop, beside the monitor; any number of processes share the work."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from app.alerts import account_letters, digests, evaluation, outbox
from app.alerts.channel_settings import greet
from app.alerts.channels import Post
from app.alerts.dispatcher import Dispatcher
from app.alerts.letter_sender import LetterSender
from app.background import Unfinished, forever, running
from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.outbound.client import HttpClient
from app.providers.provider import Catalogue

log = logging.getLogger(__name__)

ALERTS_IDLE_PAUSE = 5.0  # seconds until the next look, when nothing was due
HOUSEKEEPING_INTERVAL = 600.0  # seconds


@dataclass(frozen=True)
class AlertWorker:
    """Evaluates, sends digests and delivers, by polling."""

    settings: Settings
    sessions: Sessions
    http: HttpClient
    keys: Keys
    catalogue: Catalogue
    unfinished: Unfinished

    @property
    def post(self) -> Post:
        return Post(self.settings, self.http)

    @property
    def deliverer(self) -> Dispatcher:
        return Dispatcher(self.sessions, self.post, self.keys, self.titles)

    @property
    def titles(self) -> dict[str, str]:
        """Titles of the providers, by name."""
        return {name: provider.title for name, provider in self.catalogue.items()}

    async def tell(self) -> None:
        """Evaluate and write alerts until nothing is due."""
        zone = self.settings.zone
        while await evaluation.note_outages(self.sessions):
            pass
        while await evaluation.evaluate_due(self.sessions, zone, self.catalogue):
            pass
        while await digests.send_due(self.sessions, zone):
            pass

    async def deliver(self) -> None:
        """Send what is due. A send under way is completed: interrupted, it would be repeated."""
        await self.deliverer.send_due(self.unfinished)

    @property
    def letter_sender(self) -> LetterSender:
        return LetterSender(self.sessions, self.settings)

    async def send_letters(self) -> None:
        """Letters about accounts that no mail server took at once, or whose sender died."""
        await self.letter_sender.send_due(self.unfinished)

    async def greet(self) -> None:
        """Complete Telegram channels whose users have opened the bot."""
        await greet(self.sessions, self.post, self.keys)

    async def tidy(self) -> None:
        async with self.sessions.begin() as session:
            await outbox.give_up_old(session)
            await outbox.forget_old(session)
            await account_letters.forget_old(session)


class Parts(Protocol):
    """What alerts share with the health checks of their process."""

    @property
    def sessions(self) -> Sessions: ...
    @property
    def http(self) -> HttpClient: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def unfinished(self) -> Unfinished: ...


def alerting_of(settings: Settings, parts: Parts) -> AlertWorker:
    """The alert worker of a process that makes health checks."""
    return AlertWorker(
        settings, parts.sessions, parts.http, parts.keys, parts.catalogue, parts.unfinished
    )


@asynccontextmanager
async def alerting(alerts: AlertWorker, pause: float = ALERTS_IDLE_PAUSE) -> AsyncIterator[None]:
    """Run the alert worker while the block runs."""
    async with (
        running(forever(alerts.tell, pause)),
        running(forever(alerts.deliver, pause)),
        running(forever(alerts.send_letters, pause)),
        running(forever(alerts.greet, pause)),
        running(forever(alerts.tidy, HOUSEKEEPING_INTERVAL)),
    ):
        yield

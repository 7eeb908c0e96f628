"""Step 5 of 7 of an alert: send claimed deliveries, and record the results.

A send that has begun is completed even when the process is told to stop. If the process dies, the
lease expires and another one sends the same message again under the same id.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app import metrics
from app.alerts import outbox, preferences
from app.alerts.channels import SEND, Address, DeliveryRefused, Parcel, Post
from app.alerts.message_texts import message_of
from app.alerts.quiet_hours import quiet_end
from app.alerts.retry_policy import pause
from app.alerts.tag_filter import facts_for
from app.alerts.text_context import Setting
from app.alerts.types import Kind
from app.background import Unfinished
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.errors import SealingError
from app.logging import LogEvent
from app.models.alert import Alert, AlertChannel

log = logging.getLogger(__name__)

AT_ONCE = 50  # channels
LOOK_INTERVAL = 1.0  # seconds between looks for more, while something is under way
LONGEST_SEND = 60.0  # seconds; half a lease
OUR_FAULT = DeliveryRefused("сбой на нашей стороне")
TIMED_OUT = DeliveryRefused("не ответили вовремя")
UNREADABLE_ADDRESS = DeliveryRefused("адрес не открыть: на сервере нет ключа, которым он закрыт")


class Dispatcher:
    """Sends what is due, and test messages."""

    def __init__(
        self, sessions: Sessions, post: Post, keys: Keys, titles: Mapping[str, str]
    ) -> None:
        self._sessions, self._post, self._keys, self._titles = sessions, post, keys, titles

    async def send_due(self, unfinished: Unfinished) -> None:
        """Send until nothing is left that may go now; channels do not wait for one another."""
        under_way: set[asyncio.Task[None]] = set()
        while not unfinished.stopping:
            claimed = await self._claim(AT_ONCE - len(under_way))
            under_way |= {asyncio.create_task(unfinished.run(self._send(each))) for each in claimed}
            if not under_way:
                return
            done, under_way = await asyncio.wait(
                under_way, timeout=LOOK_INTERVAL, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()  # raises what went wrong inside, so that it is not lost

    async def _claim(self, free: int) -> list[outbox.Claimed]:
        if free <= 0:
            return []
        async with self._sessions.begin() as session:
            return await outbox.claim(session, free)

    async def test(
        self, channel: AlertChannel, email: str, zone: ZoneInfo
    ) -> DeliveryRefused | None:
        """Send a test message through this channel at once, without limits and quiet hours."""
        async with self._sessions() as session:
            alert = Alert(kind=Kind.TEST.value, facts={}, connection_ids=[])
            alert.created_at = (await session.execute(select(func.now()))).scalar_one()
        parcel = outbox.Claimed(uuid4(), uuid4(), channel, email, alert)
        return await self._hand_over(parcel, zone)

    def only_logs(self, channel: AlertChannel) -> bool:
        """Without a mail server e-mails go to the log: nobody gets them, and nothing says so."""
        return channel.kind == "email" and not self._post.settings.sends_mail

    async def _send(self, parcel: outbox.Claimed) -> None:
        zone = self._post.settings.zone
        async with self._sessions() as session:
            wishes = await preferences.of_person(session, parcel.alert.user_id, zone)
        refused = await self._hand_over(parcel, wishes.zone)
        logged = self.only_logs(parcel.channel)
        outcome = "refused" if refused else "logged" if logged else "sent"
        metrics.DELIVERIES.labels(parcel.channel.kind, outcome).inc()
        async with self._sessions.begin() as session:
            if refused is None:
                await outbox.sent(session, parcel, logged=logged)
                return
            now = (await session.execute(select(func.now()))).scalar_one()
            again = now + pause(parcel.channel.failures + 1, refused.retry_after)
            again = quiet_end(wishes, again) or again
            await outbox.not_sent(session, parcel, refused.why, again, gone=refused.gone)
        log.warning(_fault("delivery_failed", parcel.channel, error=refused.why))

    async def _hand_over(self, parcel: outbox.Claimed, zone: ZoneInfo) -> DeliveryRefused | None:
        """One attempt with a time limit."""
        channel, alert = parcel.channel, parcel.alert
        try:
            address = Address(parcel.email, channel.unsubscribe, self._target(channel))
        except SealingError as error:
            log.error(_fault("channel_unreadable", channel, error=error))
            return UNREADABLE_ADDRESS
        setting = Setting(self._titles, zone, self._post.settings.public_url, alert.created_at)
        held = [_title(each, setting, channel) for each in parcel.carried]
        facts = _facts(alert, channel)
        letter = message_of(Kind(alert.kind), alert.provider, facts, setting, held)
        ready = Parcel(parcel.delivery_id, letter, alert.provider, facts, alert.created_at)
        try:
            async with asyncio.timeout(LONGEST_SEND):
                return await SEND[channel.kind](self._post, address, ready)
        except TimeoutError:
            return TIMED_OUT
        except Exception:  # a bug in one channel must not stop the others; it counts as a refusal
            log.exception(_fault("delivery_crashed", channel))
            return OUR_FAULT

    def _target(self, channel: AlertChannel) -> Mapping[str, object]:
        """Raises SealingError."""
        if channel.target is None:
            return {}
        return dict(
            json.loads(self._keys.open(channel.target, "alert_channels", channel.id, "target"))
        )


def _fault(name: str, channel: AlertChannel, error: object = None) -> LogEvent:
    return LogEvent(name, channel=channel.id, kind=channel.kind, error=error)


def _title(alert: Alert, setting: Setting, channel: AlertChannel) -> str:
    return message_of(Kind(alert.kind), alert.provider, _facts(alert, channel), setting).title


def _facts(alert: Alert, channel: AlertChannel) -> Mapping[str, object]:
    """All of them where the channel's tags were changed since the delivery was written."""
    return facts_for(alert.facts, channel.tags or []) or alert.facts

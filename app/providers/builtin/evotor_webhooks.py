"""Evotor's news about our application, read: pure, and nothing is believed that was not checked.

https://developer.evotor.ru/docs/rest_api_webhooks_post_subscription_event.html and the older
specification in evotor/documentation-api (2017), from which the fields below are taken.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from app.providers.webhooks import object_of, text_of

USER_ID = re.compile(r"[0-9]{2}-[0-9]{15}")
SUBSCRIPTION_ID = re.compile(r"[!-~]{1,100}")
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LARGEST_SEQUENCE = 2**63 - 1  # fits a bigint


class EvotorEvent(StrEnum):
    INSTALLED = "installed"
    UNINSTALLED = "uninstalled"
    PAID = "paid"
    UNPAID = "unpaid"
    OTHER = "other"  # changes nothing, but says that what is older is old


INSTALLATION = {
    "ApplicationInstalled": EvotorEvent.INSTALLED,
    "ApplicationUninstalled": EvotorEvent.UNINSTALLED,
}
SUBSCRIPTION = {
    "SubscriptionCreated": EvotorEvent.PAID,
    "SubscriptionActivated": EvotorEvent.PAID,
    "SubscriptionRenewed": EvotorEvent.PAID,
    "AddonsUpdated": EvotorEvent.OTHER,
    "SubscriptionTermsChanged": EvotorEvent.OTHER,
    "SubscriptionTerminationRequested": EvotorEvent.OTHER,  # it is paid for until its period ends
    "SubscriptionTerminated": EvotorEvent.UNPAID,
}


@dataclass(frozen=True)
class Event:
    account: str
    news: EvotorEvent
    at: datetime  # by Evotor's clock
    subscription: str = ""
    sequence: int | None = None  # of a subscription's events, where it is sent


def read_installation(body: bytes) -> Event | None:
    """`{"id", "timestamp": ms, "type", "data": {"productId", "userId"}}`."""
    content = object_of(body)
    data = content.get("data")
    account = text_of(USER_ID, data.get("userId")) if isinstance(data, dict) else ""
    at, kind = _moment(content.get("timestamp")), content.get("type")
    if not account or at is None or not isinstance(kind, str):
        return None
    return Event(account, INSTALLATION.get(kind, EvotorEvent.OTHER), at)


def read_subscription(body: bytes) -> Event | None:
    """`{"subscriptionId", "productId", "userId", "timestamp", "sequenceNumber", "type", …}`."""
    content = object_of(body)
    account = text_of(USER_ID, content.get("userId"))
    subscription = text_of(SUBSCRIPTION_ID, content.get("subscriptionId"))
    at, kind = _moment(content.get("timestamp")), content.get("type")
    if not account or not subscription or at is None or not isinstance(kind, str):
        return None
    sequence = _sequence(content.get("sequenceNumber"))
    return Event(account, SUBSCRIPTION.get(kind, EvotorEvent.OTHER), at, subscription, sequence)


def _moment(value: object) -> datetime | None:
    """Unix milliseconds, as the documentation says; ISO 8601 as well, which costs nothing.

    None where no news can be from then: the first and the last year are out of what UTC can tell.
    """
    try:
        moment = _read_moment(value)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment is not None and EARLIEST < moment < LATEST else None


def _read_moment(value: object) -> datetime | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000, UTC)
    moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _sequence(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= LARGEST_SEQUENCE else None

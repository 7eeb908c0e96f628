"""What Evotor's cloud posts to us, read: pure, and nothing is believed that was not checked.

https://developer.evotor.ru/docs/rest_api_webhooks_post_subscription_event.html and the older
specification in evotor/documentation-api (2017), from which the fields below are taken.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

USER_ID = re.compile(r"[0-9]{2}-[0-9]{15}")
TOKEN = re.compile(r"[!-~]{8,512}")  # what may stand in a header
SUBSCRIPTION_ID = re.compile(r"[!-~]{1,100}")
LARGEST_SEQUENCE = 2**63 - 1  # fits a bigint


class News(StrEnum):
    INSTALLED = "installed"
    UNINSTALLED = "uninstalled"
    PAID = "paid"
    UNPAID = "unpaid"
    OTHER = "other"  # changes nothing, but says that what is older is old


INSTALLATION = {
    "ApplicationInstalled": News.INSTALLED,
    "ApplicationUninstalled": News.UNINSTALLED,
}
SUBSCRIPTION = {
    "SubscriptionCreated": News.PAID,
    "SubscriptionActivated": News.PAID,
    "SubscriptionRenewed": News.PAID,
    "AddonsUpdated": News.OTHER,
    "SubscriptionTermsChanged": News.OTHER,
    "SubscriptionTerminationRequested": News.OTHER,  # it is paid for until its period ends
    "SubscriptionTerminated": News.UNPAID,
}


@dataclass(frozen=True)
class Pushed:
    """A token that is the application's, for one account."""

    account: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Event:
    account: str
    news: News
    at: datetime  # by Evotor's clock
    subscription: str = ""
    sequence: int | None = None  # of a subscription's events, where it is sent


def read_token(body: bytes) -> Pushed | None:
    """`{"userId": "01-…", "token": "…"}`; None: it is not that."""
    content = _object(body)
    account, token = _text(USER_ID, content.get("userId")), _text(TOKEN, content.get("token"))
    return Pushed(account, token) if account and token else None


def read_installation(body: bytes) -> Event | None:
    """`{"id", "timestamp": ms, "type", "data": {"productId", "userId"}}`."""
    content = _object(body)
    data = content.get("data")
    account = _text(USER_ID, data.get("userId")) if isinstance(data, dict) else ""
    at, kind = _moment(content.get("timestamp")), content.get("type")
    if not account or at is None or not isinstance(kind, str):
        return None
    return Event(account, INSTALLATION.get(kind, News.OTHER), at)


def read_subscription(body: bytes) -> Event | None:
    """`{"subscriptionId", "productId", "userId", "timestamp", "sequenceNumber", "type", …}`."""
    content = _object(body)
    account = _text(USER_ID, content.get("userId"))
    subscription = _text(SUBSCRIPTION_ID, content.get("subscriptionId"))
    at, kind = _moment(content.get("timestamp")), content.get("type")
    if not account or not subscription or at is None or not isinstance(kind, str):
        return None
    sequence = _sequence(content.get("sequenceNumber"))
    return Event(account, SUBSCRIPTION.get(kind, News.OTHER), at, subscription, sequence)


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(pattern: re.Pattern[str], value: object) -> str:
    """The value if it is what the pattern wants, else nothing."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _moment(value: object) -> datetime | None:
    """Unix milliseconds, as the documentation says; ISO 8601 as well, which costs nothing."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _sequence(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= LARGEST_SEQUENCE else None

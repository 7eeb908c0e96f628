"""Any service that Apprise knows: an optional extra for those who run Связка themselves.

Its addresses may lead anywhere, past our own check of hosts, so the operator has to allow it.
Without an idempotency key at-least-once is all that can be had.
"""

import asyncio
import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from app.alerts.channels.base import Address, DeliveryRefused, Parcel, Post
from app.alerts.message import as_text

NOT_HERE = "на этом сервере Apprise не установлен"
REFUSED = "сервис не принял сообщение"


def is_offered(allowed: bool) -> bool:
    return allowed and find_spec("apprise") is not None


async def send(post: Post, to: Address, parcel: Parcel) -> DeliveryRefused | None:
    if not is_offered(post.settings.allow_apprise):
        return DeliveryRefused(NOT_HERE)
    # It is made for threads: its requests block.
    done = await asyncio.to_thread(_notify, str(to.target["url"]), parcel)
    return None if done else DeliveryRefused(REFUSED)


def is_address(url: str) -> bool:
    """Does Apprise understand it?"""
    return bool(_library().Apprise().add(url))


def _notify(url: str, parcel: Parcel) -> bool:
    service = _library().Apprise()
    service.add(url)
    return bool(service.notify(title=parcel.letter.title, body=as_text(parcel.letter)))


@cache
def _library() -> Any:
    with warnings.catch_warnings(), suppress(ModuleNotFoundError):
        warnings.simplefilter("ignore", DeprecationWarning)
        import_module("imghdr")  # one of its services does so later, with a warning
    return import_module("apprise")

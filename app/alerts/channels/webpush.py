"""Web push. The topic makes a push service replace what it still holds, and the tag makes a
browser replace what it shows: sent twice, a message is seen once.
"""

import json
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.alerts.channels.base import CHANNEL_TIMEOUT, Address, DeliveryRefused, Parcel, Post
from app.alerts.channels.refusals import BROWSER_ENDED, push_refusal
from app.alerts.channels.webpush_encryption import decoded, encoded, public_key, seal, vapid
from app.alerts.retry_policy import DELIVERY_LIFE
from app.outbound.client import send_request
from app.outbound.failures import Failure

TOKEN_LIFE = 12 * 3600  # seconds; RFC 8292 allows a day
REMOVED = ".invalid"  # Chromium: permanently-removed.invalid, once the permission was taken back
LONGEST_PAYLOAD = 3_000  # bytes of text; services take 4,096 with everything


async def send(post: Post, to: Address, parcel: Parcel) -> DeliveryRefused | None:
    endpoint = str(to.target["endpoint"])
    if not post.settings.vapid_private_key:
        return DeliveryRefused("на этом сервере не настроены уведомления браузера")
    if _is_removed(endpoint):
        return DeliveryRefused(BROWSER_ENDED, gone=True)
    keys = to.target["keys"]
    body = seal(_text(parcel), decoded(keys["p256dh"]), decoded(keys["auth"]))
    headers = {
        "Content-Encoding": "aes128gcm",
        "TTL": str(round(DELIVERY_LIFE.total_seconds())),
        "Topic": encoded(parcel.id.bytes),
        "Authorization": _who(post, endpoint),
    }
    request = httpx.Request("POST", endpoint, content=body, headers=headers)
    reply = await send_request(post.http, request, CHANNEL_TIMEOUT, post.anywhere)
    if isinstance(reply, Failure):
        return DeliveryRefused(reply.detail)
    if reply.is_success:
        return None
    same_key = to.target.get("vapid_key") == public_key(post.settings.vapid_private_key)
    return push_refusal(reply, same_key=same_key)


def fault_in(subscription: Any) -> bool:
    """Is this not what `PushSubscription.toJSON()` gives?"""
    try:
        keys = subscription["keys"]
        seal(b"", decoded(keys["p256dh"]), decoded(keys["auth"]))
        endpoint = str(subscription["endpoint"])
        return not endpoint.startswith("http") or _is_removed(endpoint)
    except (TypeError, KeyError, ValueError):
        return True


def _is_removed(endpoint: str) -> bool:
    """A name that RFC 6761 section 6.4 gives to nobody: there is no push service behind it."""
    return (urlsplit(endpoint).hostname or "").rstrip(".").endswith(REMOVED)


def _text(parcel: Parcel) -> bytes:
    letter = parcel.letter
    said = {"title": letter.title, "url": letter.button.url, "tag": str(parcel.id)}
    body = letter.short
    while len(packed := json.dumps(said | {"body": body}).encode()) > LONGEST_PAYLOAD:
        body = body[: len(body) // 2] + "…"
    return packed


def _who(post: Post, endpoint: str) -> str:
    parts, settings = urlsplit(endpoint), post.settings
    return vapid(
        settings.vapid_private_key,
        f"{parts.scheme}://{parts.netloc}",
        settings.public_url,
        int(time.time()) + TOKEN_LIFE,
    )

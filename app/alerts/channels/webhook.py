"""A webhook: JSON with a signature, after https://www.standardwebhooks.com (docs/alerts.md).

`webhook-id` is the idempotency key: a receiver that keeps it gets every message exactly once. That
an address which somebody typed in is no way into our own network is the transport's care.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

import httpx

from app.alerts.channels.base import CHANNEL_TIMEOUT, Address, DeliveryRefused, Parcel, Post
from app.alerts.channels.refusals import http_refusal
from app.outbound.client import send_request
from app.outbound.failures import Failure

SECRET_BYTES = 32
PREFIX = "whsec_"
HTTP_GONE = 410


async def send(post: Post, to: Address, parcel: Parcel) -> DeliveryRefused | None:
    url = str(to.target["url"])
    body = json.dumps(payload(parcel), ensure_ascii=False).encode()
    moment = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": str(parcel.id),
        "webhook-timestamp": moment,
        "webhook-signature": signature(str(to.target["secret"]), str(parcel.id), moment, body),
    }
    request = httpx.Request("POST", url, content=body, headers=headers)
    reply = await send_request(post.http, request, CHANNEL_TIMEOUT, post.anywhere)
    if isinstance(reply, Failure):
        return DeliveryRefused(reply.detail)
    if reply.is_success:
        return None
    gone = reply.status_code == HTTP_GONE
    return http_refusal("получатель ответил", reply, gone=gone)


def signature(secret: str, message_id: str, moment: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{moment}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def payload(parcel: Parcel) -> dict[str, Any]:
    letter = parcel.letter
    return {
        "id": str(parcel.id),
        "type": f"alert.{letter.kind.value}",
        "timestamp": parcel.at.isoformat(),
        "data": {
            "title": letter.title,
            "text": letter.short,
            "url": letter.button.url,
            "provider": parcel.provider,
            "connections": parcel.facts.get("items", []),
            "held_back": list(letter.held),
        },
    }

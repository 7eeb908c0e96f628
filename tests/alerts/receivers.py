"""Where alerts arrive: a bot's API, a push service and a webhook, each on loopback and strict."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.alerts.channels.webhook import signature
from app.alerts.channels.webpush_encryption import CURVE, decoded, encoded
from tests.support.servers import serving

BOT_TOKEN = "123456:the-bots-secret"
BOT = "svyazka_test_bot"


@dataclass
class Arrived:
    """One message as a receiver understood it; the same `key` twice is the same message."""

    to: str
    title: str
    text: str
    key: str
    content: dict[str, Any] = field(default_factory=dict)


@dataclass
class Telegram:
    """The Bot API as far as we use it. `says`: (status, answer) instead of taking a message."""

    url: str = ""
    messages: list[Arrived] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    says: tuple[int, dict[str, Any]] | None = None
    says_of_updates: tuple[int, dict[str, Any]] | None = None
    says_of_me: dict[str, Any] | None = None

    def starts(self, code: str, chat_id: int, name: str) -> None:
        """Somebody opens the bot's link and presses «Запустить»."""
        chat = {"id": chat_id, "type": "private", "username": name}
        message = {"text": f"/start {code}", "chat": chat}
        self.updates.append({"update_id": 700 + len(self.updates), "message": message})

    async def send_message(self, request: web.Request) -> web.Response:
        if self.says is not None:
            return web.json_response(self.says[1], status=self.says[0])
        message = await request.json()
        title = message["text"].partition("\n")[0].removeprefix("<b>").removesuffix("</b>")
        arrived = Arrived(str(message["chat_id"]), title, message["text"], "", message)
        self.messages.append(arrived)
        return web.json_response({"ok": True, "result": {}})

    async def get_updates(self, request: web.Request) -> web.Response:
        if self.says_of_updates is not None:
            return web.json_response(self.says_of_updates[1], status=self.says_of_updates[0])
        offset = (await request.json()).get("offset", 0)
        fresh = [each for each in self.updates if each["update_id"] >= offset]
        return web.json_response({"ok": True, "result": fresh})

    async def get_me(self, _: web.Request) -> web.Response:
        if self.says_of_me is not None:
            return web.json_response(self.says_of_me)
        return web.json_response({"ok": True, "result": {"username": BOT}})


@dataclass
class Browser:
    """A subscribed browser, with the push service that it chose. `says`: another status instead."""

    url: str = ""
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(CURVE)
    )
    auth: bytes = b"0123456789abcdef"
    messages: list[Arrived] = field(default_factory=list)
    says: int = 201
    headers: dict[str, str] = field(default_factory=dict)  # of a refusal

    @property
    def subscription(self) -> dict[str, Any]:
        """What `PushSubscription.toJSON()` gives."""
        keys = {"p256dh": encoded(self.public), "auth": encoded(self.auth)}
        return {"endpoint": f"{self.url}/push", "keys": keys}

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    async def push(self, request: web.Request) -> web.Response:
        if self.says != 201:
            return web.Response(status=self.says, headers=self.headers)
        assert request.headers["Content-Encoding"] == "aes128gcm"
        check_vapid(request.headers["Authorization"], self.url)
        said = json.loads(opened(await request.read(), self.private, self.auth))
        key = request.headers["Topic"]
        self.messages.append(Arrived("browser", said["title"], said["body"], key, said))
        return web.Response(status=201)


@dataclass
class Webhook:
    """Takes only what is signed with its secret. `says`: another status instead."""

    url: str = ""
    secret: str = ""
    messages: list[Arrived] = field(default_factory=list)
    says: int = 200
    headers: dict[str, str] = field(default_factory=dict)  # of a refusal
    on_arrival: Callable[[], Awaitable[None]] | None = None  # before it is answered

    async def hook(self, request: web.Request) -> web.Response:
        if self.says != 200:
            return web.Response(status=self.says, headers=self.headers)
        body, headers = await request.read(), request.headers
        right = signature(self.secret, headers["webhook-id"], headers["webhook-timestamp"], body)
        assert headers["webhook-signature"] == right
        said = json.loads(body)
        data = said["data"]
        self.messages.append(
            Arrived("hook", data["title"], data["text"], headers["webhook-id"], said)
        )
        if self.on_arrival is not None:
            await self.on_arrival()
        return web.Response()


@dataclass
class Receivers:
    telegram: Telegram = field(default_factory=Telegram)
    browser: Browser = field(default_factory=Browser)
    webhook: Webhook = field(default_factory=Webhook)


@asynccontextmanager
async def open_receivers() -> AsyncIterator[Receivers]:
    to = Receivers()
    bot = f"bot{BOT_TOKEN}"
    handlers: dict[str, Callable[[web.Request], Any]] = {
        f"{bot}/sendMessage": to.telegram.send_message,
        f"{bot}/getUpdates": to.telegram.get_updates,
        f"{bot}/getMe": to.telegram.get_me,
        "push": to.browser.push,
        "hook": to.webhook.hook,
    }
    async with serving(handlers) as url:
        to.telegram.url = to.browser.url = to.webhook.url = url
        yield to


def opened(body: bytes, private: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """What a browser does with a message (RFC 8188, RFC 8291)."""
    salt, length = body[:16], body[20]
    sender, secret = body[21 : 21 + length], body[21 + length :]
    own = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    other = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender)
    shared = private.exchange(ec.ECDH(), other)
    key = _derive(shared, auth, b"WebPush: info\0" + own + sender, 32)
    cipher = AESGCM(_derive(key, salt, b"Content-Encoding: aes128gcm\0", 16))
    text = cipher.decrypt(_derive(key, salt, b"Content-Encoding: nonce\0", 12), secret, None)
    return text.rstrip(b"\0").removesuffix(b"\x02")


def check_vapid(header: str, audience: str) -> None:
    """RFC 8292: signed by the key that it names, for this push service."""
    parts = dict(each.split("=", 1) for each in header.removeprefix("vapid ").split(", "))
    signed, _, proof = parts["t"].rpartition(".")
    raw = decoded(proof)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decoded(parts["k"]))
    try:
        public.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise AssertionError("not signed by the key that it names") from None
    claims = json.loads(decoded(signed.partition(".")[2]))
    assert claims["aud"] == f"{urlsplit(audience).scheme}://{urlsplit(audience).netloc}"
    assert claims["sub"]


def _derive(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(material)

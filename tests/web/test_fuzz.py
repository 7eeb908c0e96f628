"""Every route with every parameter and what no browser sends: whatever comes, it is no mistake of
ours. FUZZ_SEED repeats a run.
"""

import asyncio
import inspect
import json
import logging
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import text

from app.alerts.channels.webpush_encryption import new_vapid_key
from app.config import Settings
from app.web.context import Dashboard
from tests.alerts.receivers import BOT_TOKEN, Browser
from tests.support.people import MAIN_SHOP, Person, Sandbox
from tests.support.routes import routes
from tests.support.settings import PASSWORD, PUBLIC_URL

REQUESTS = 2_000
SEED = int(os.environ.get("FUZZ_SEED") or time.time())  # another one in each run, and printed
SECRET = "5f0c2ad6-56f0-4a5e-9d6b-0c1d2e3f4a5b"
BUDGETS_GIVEN_BACK_EVERY = 50  # requests: a route that only says 429 is not tried
ENDLESS = ("/connections/stream", "/connections/<uuid:connection_id>/stream")
ENDS_THE_SESSION = ("/logout",)
ENDS_THE_ACCOUNT = ("deletion.delete", "account_settings.password")

T = TypeVar("T")

DEEP = "[" * 20_000 + "]" * 20_000
VALUES = [
    *("", "\0", "a\0b", "\ud800", "\r\nX: y", "\u202e", "\u2028", "💥" * 50, DEEP[:3000]),
    *("-1", "0", "1", "9" * 40, "1e309", "NaN", "0x10", "٣", "ⅷ", "null", "true", "on", "[]", "{}"),
    *("../../etc", "'\"<>", "%00", "%ff", "id", "evotor", "Europe/../x", "UTC\0"),
    *("a" * 256, "x" * 50_000),
    *("2026-13-45", "2026-11", "2026-99", "0001-01", "0001-01-01", "9999-12-31", "24h", "99:99"),
    *("https://xn--/", "https://[v1.x]/", "https://a\tb.ru", "https://a\u00adb.ru"),
    *("http://127.0.0.1:1", "https://a:99999/", "https://user:p@a.ru/", "json://a/\0", "//"),
    *("😀@письмо.рф", "a@b", "a\0@example.ru", "a@" + "b" * 300, "x@ex\ud800.ru"),
    *("anna@example.ru", "00000000-0000-0000-0000-000000000000", "9" * 6, MAIN_SHOP),
]  # fmt: skip
QUOTED = re.compile(r'"([a-z][a-z_-]{1,24})"')  # more than there are, but none is forgotten
USUAL = {
    "email": ["boris@example.ru", "anna@example.ru"],
    "password": [PASSWORD],
    "new": [PASSWORD],
    "url": ["https://hooks.example.ru/x"],
    "state": ["on", "off"],
}
HEADERS = {
    "user-agent": ["Mozilla\0", "\ufffd" * 300, "x" * 2_000, ""],
    "accept-language": ["ru;q=x", "*" * 300, "\0"],
    "accept": ["*/*", "application/json", "text/html", "a/b;q=NaN", ","],
    "authorization": [f"Bearer {SECRET}", f"Bearer {SECRET}", "Bearer ї", "Basic \0", "x"],
    "hx-request": ["true"],
    "hx-current-url": ["http://[", "\0", PUBLIC_URL + "/connections"],
    "if-none-match": ["\0", 'W/"', "*"],
    "range": ["bytes=9-1", "bytes=-", "x"],
    "cookie": ["QUART_AUTH=\0; flash=x", "flash=eyJ.x.y", "=;=;;"],
    "x-forwarded-for": ["\0", "1.2.3.4, ::1%x"],
    "origin": ["null", "\0"],
}


@dataclass(frozen=True)
class Sent:
    """A request as it goes over the wire: nothing is mended by a client."""

    method: str
    path: str  # before it is quoted
    query: bytes = b""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> dict[str, Any]:
        raw = quote(_bytes(self.path), safe="/")
        lines = [(n.encode(), v.encode("utf-8", "replace")) for n, v in self.headers.items()]
        return {
            "type": "http",
            "http_version": "1.1",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": self.method,
            "scheme": "http",
            "path": _bytes(self.path).decode("utf-8", "replace"),
            "raw_path": raw.encode(),
            "query_string": self.query,
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1:8000"), *lines],
            "client": ("127.0.0.1", 5),
            "server": ("127.0.0.1", 8000),
            "extensions": {},
        }


def _bytes(words: str) -> bytes:
    return words.encode("utf-8", "surrogatepass")


class Nasty:
    """What is sent, drawn from one seed."""

    def __init__(self, app: Dashboard, known: list[str]) -> None:
        self._random = random.Random(SEED)
        self._known = known
        self._routes = [
            (each.path, method, _parameters(app, each.endpoint))
            for each in routes(app)
            if each.path not in (*ENDLESS, *ENDS_THE_SESSION)
            for method in sorted(each.methods)
        ]

    def requests(self, count: int) -> Iterator[Sent]:
        """Each route again and again, until there are so many."""
        for number in range(count):
            yield self._request(*self._routes[number % len(self._routes)])

    def _request(self, path: str, method: str, names: list[str]) -> Sent:
        path = re.sub(r"<[^>]*>", lambda _: self._part(), path)
        headers = {
            name: self._pick(values)
            for name, values in HEADERS.items()
            if self._random.random() < (0.1 if name != "authorization" else 0.7)
        }
        kind, body = self._body(names) if method != "GET" else ("", b"")
        if kind:
            headers["content-type"] = kind
            headers["content-length"] = str(len(body))
        return Sent(method, path, self._form(names, 0.3), body, headers)

    def _part(self) -> str:
        return self._pick([*self._known, *self._known, "1", "\0", "🙂", "..", "\ud800", "evotor"])

    def _body(self, names: list[str]) -> tuple[str, bytes]:
        draw = self._random.random()
        if draw < 0.55:
            return "application/x-www-form-urlencoded", self._form(names, 0.9)
        if draw < 0.9:
            return "application/json", self._json()
        noise = bytes(self._random.randrange(256) for _ in range(200))
        kinds = ["multipart/form-data; boundary=x", "multipart/form-data", "text/plain; charset=x"]
        return self._pick([*kinds, "application/x-www-form-urlencoded; charset=utf-99"]), noise

    def _form(self, names: list[str], share: float) -> bytes:
        """Most of what is sent is as it should be, so that the rest is looked at."""
        sent = [name for name in names if self._random.random() < share]
        return urlencode([(name, _bytes(self._value(name))) for name in sent]).encode()

    def _value(self, name: str = "") -> str:
        draw = self._random.random()
        if name in USUAL and draw < 0.6:
            return self._pick(USUAL[name])
        return self._pick(self._known) if draw < 0.15 else self._pick(VALUES)

    def _json(self) -> bytes:
        draw = self._random.random()
        if draw < 0.1:
            return DEEP.encode()
        if draw < 0.2:
            return b'{"a":' * 5_000 + b"1" + b"}" * 5_000
        return json.dumps(self._thing(self._pick(SHAPES))).encode()

    def _thing(self, shape: Any) -> Any:
        """The shape with some of its values gone, of another type, or nasty."""
        if isinstance(shape, dict):
            kept = {n: v for n, v in shape.items() if self._random.random() < 0.95}
            return {name: self._thing(value) for name, value in kept.items()}
        if self._random.random() < 0.6:
            return shape
        other: list[Any] = [None, 5, -1.5, 10**30, True, [], {}, [None], {"a": []}, self._value()]
        return self._pick(other)

    def _pick(self, from_these: Sequence[T]) -> T:
        return self._random.choice(from_these)


SHAPES: list[Any] = [
    {"subscription": Browser(url="https://push.example.ru").subscription, "label": "Browser"},
    {"userId": MAIN_SHOP, "token": "a-token-that-is-long-enough"},
    {"userId": MAIN_SHOP, "username": "x", "password": "y", "customField": "code"},
    {
        "timestamp": 253402300799999,
        "type": "ApplicationInstalled",
        "data": {"productId": "p", "userId": MAIN_SHOP},
    },
    {"timestamp": "0001-01-01T00:00:00+14:00", "type": "ApplicationUninstalled",
     "data": {"userId": MAIN_SHOP}},
    {
        "subscriptionId": "s",
        "userId": MAIN_SHOP,
        "timestamp": "9999-12-31T23:59:59-14:00",
        "sequenceNumber": 1,
        "type": "SubscriptionTerminated",
    },
    [],
    5,
    None,
    "\ud800",
]  # fmt: skip


def _parameters(app: Dashboard, endpoint: str) -> list[str]:
    """Every name that the view's module may read from a form or an address."""
    module = inspect.getmodule(inspect.unwrap(app.view_functions[endpoint]))
    assert module is not None
    found = {"next", "link", *re.findall(QUOTED, inspect.getsource(module))}
    return sorted(found - ({"password"} if endpoint in ENDS_THE_ACCOUNT else set()))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(
        settings,
        webhook_secrets={"evotor": SECRET},
        telegram_bot_token=BOT_TOKEN,
        telegram_api_base="http://127.0.0.1:1",
        vapid_private_key=new_vapid_key(),
        allow_apprise=True,
    )


@pytest.fixture
async def insider(dashboard: Dashboard, sandbox: Sandbox) -> Person:
    person = await Person.signed_up(dashboard, sandbox, "anna@example.ru")
    await person.connect()
    await person.page("/alerts")
    return person


async def _known(app: Dashboard) -> list[str]:
    """What is there, so that paths lead somewhere."""
    async with app.database.sessions() as session:
        rows = await session.execute(
            text("SELECT id::text FROM connections UNION ALL SELECT id::text FROM alert_channels")
        )
        return [row[0] for row in rows]


async def _cookies(person: Person) -> str:
    """Of somebody who is signed in, whatever was done in their name before."""
    if not await person.is_in():
        form = {"email": "anna@example.ru", "password": PASSWORD}
        if (await person.post("/login", **form)).status_code != 303:
            await person.post("/signup", **form)
        assert await person.is_in()
    jar = person.client.cookie_jar
    assert jar is not None
    return "; ".join(f"{each.name}={each.value}" for each in jar)


async def _status(app: Dashboard, sent: Sent) -> int:
    came = [{"type": "http.request", "body": sent.body, "more_body": False}]
    status = 0

    async def receive() -> dict[str, Any]:
        if not came:
            await asyncio.Event().wait()  # the client stays until it has its answer
        return came.pop()

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(sent.scope, receive, send)  # type: ignore[arg-type]
    return status


async def test_nothing_that_anybody_sends_is_a_mistake_of_ours(
    insider: Person, caplog: pytest.LogCaptureFixture
) -> None:
    app, bad, counts = insider.app, [], Counter[int]()
    caplog.set_level(logging.ERROR)  # what was refused fills pages
    nasty, cookies = Nasty(app, await _known(app)), ""
    for number, sent in enumerate(nasty.requests(REQUESTS)):
        if number % BUDGETS_GIVEN_BACK_EVERY == 0:
            async with app.database.sessions.begin() as session:
                await session.execute(text("DELETE FROM attempts"))
            cookies = await _cookies(insider)
        sent = replace(sent, headers={"cookie": cookies} | sent.headers)
        status = await _status(app, sent)
        counts[status] += 1
        if not 200 <= status < 500 and status != 503:  # Telegram is not there
            bad.append((status, sent))
    print(f"FUZZ_SEED={SEED}", counts)
    assert not bad, f"FUZZ_SEED={SEED}: {len(bad)} of {REQUESTS}, the first: {bad[0]}"
    assert counts[200] > REQUESTS / 10, counts  # most are refused, but not at the first door

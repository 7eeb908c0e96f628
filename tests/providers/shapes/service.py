"""A provider as its documentation describes it, on a port of its own: what all of them share.

What a service expects is written here from the documentation, never read from the entry: else an
entry would be tested against itself.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web

PERSON_ACCOUNT = "7"


@dataclass(frozen=True)
class Seen:
    """A request as it came in; `body` is a form or a JSON object."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    kind: str  # of the body: "form", "json" or ""
    headers: Mapping[str, str]


class Service:
    """`trouble` is what its API says now: "", "rate_limited" or "forbidden"."""

    name: ClassVar[str]
    label: ClassVar[str]  # what the card has to call the account
    kind: ClassVar[str] = "oauth2"
    way: ClassVar[str] = ""  # a further one into a provider that is played already
    refreshes: ClassVar[bool] = True
    revokes: ClassVar[bool] = False
    # (status, cause) of a card, once confirmed
    when_forbidden: ClassVar[tuple[str, str]] = ("blocked", "access_denied")
    when_ended: ClassVar[tuple[str, str]] = ("revoked", "revoked")
    when_limited: ClassVar[tuple[str, str]] = ("degraded", "rate_limited")

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.broken: list[str] = []  # rules of its documentation that we did not keep
        self.trouble = ""
        self.access = ""  # the access token or key that it takes now

    async def answer(self, request: web.Request) -> web.Response:
        seen = await _seen(request)
        self.seen.append(seen)
        handler = self.routes().get(f"{seen.method} {seen.path}")
        if handler is None:
            self.broken.append(f"{seen.method} {seen.path} is not one of its addresses")
            return self.says(404)
        answer: web.Response = handler(seen)
        return answer

    def routes(self) -> Mapping[str, Any]:
        raise NotImplementedError

    def rule(self, kept: object, rule: str) -> None:
        if not kept:
            self.broken.append(rule)

    def api(self, seen: Seen) -> web.Response:
        """The address that the probe asks."""
        token = self.token_in(seen)
        if self.trouble:
            return self.limited() if self.trouble == "rate_limited" else self.forbidden()
        return self.account() if token == self.access else self.refused()

    def token_in(self, seen: Seen) -> str:
        scheme, _, token = seen.headers.get("Authorization", "").partition(" ")
        return token if scheme == "Bearer" else ""

    def account(self) -> web.Response:
        raise NotImplementedError

    def refused(self) -> web.Response:
        return self.says(401, error="unauthorized")

    def limited(self) -> web.Response:
        return self.says(429, error="too_many_requests")

    def forbidden(self) -> web.Response:
        return self.says(403, error="forbidden")

    def end(self) -> None:
        """The grant is over, on its side."""
        self.access = "nobody's"

    def says(self, status: int, /, **answer: Any) -> web.Response:
        return web.json_response(answer, status=status)


@asynccontextmanager
async def serve(service: Service) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


async def _seen(request: web.Request) -> Seen:
    content = request.headers.get("Content-Type", "")
    kind = "json" if "json" in content else "form" if "form" in content else ""
    body: Any = {}
    if kind == "json":
        body = json.loads(await request.read() or b"{}")
    elif kind == "form":
        body = {name: str(value) for name, value in (await request.post()).items()}
    return Seen(request.method, request.path, dict(request.query), body, kind, request.headers)

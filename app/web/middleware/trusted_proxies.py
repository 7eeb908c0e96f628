"""The client's address in its one spelling, and the scheme; behind proxies from the headers of
TRUSTED_HOPS proxies alone.

The host is not taken from a header at all: URLs are built from PUBLIC_URL.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.accounts.client_address import canonical_address

Scope = MutableMapping[str, Any]
ASGIApp = Callable[..., Awaitable[None]]


class TrustedProxies:
    """ASGI middleware. A client can send any X-Forwarded-For, but each proxy appends to its right
    end: only as many entries from the right are used as there are trusted proxies.
    """

    def __init__(self, app: ASGIApp, hops: int) -> None:
        self._app = app
        self._hops = hops

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = dict(scope)
            scope["client"] = self._client(scope)
            if self._forwarded(scope, b"x-forwarded-proto") in ("http", "https"):
                scope["scheme"] = self._forwarded(scope, b"x-forwarded-proto")
        await self._app(scope, receive, send)

    def _client(self, scope: Scope) -> tuple[str, int] | None:
        """A proxy that writes something else than an address is counted itself."""
        if address := canonical_address(self._forwarded(scope, b"x-forwarded-for")):
            return address, 0
        host, port = scope.get("client") or ("", 0)
        return (canonical_address(host), port) if host else None

    def _forwarded(self, scope: Scope, name: bytes) -> str:
        if not self._hops:
            return ""
        values = b",".join(value for key, value in scope["headers"] if key == name)
        parts = [part.strip() for part in values.decode("latin-1").split(",") if part.strip()]
        return parts[-self._hops] if len(parts) >= self._hops else ""

"""Ozon: two headers, POST for reading too, and the key's own end in the answer about its roles."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.key_service import KeyService
from tests.providers.shapes.service import Seen


class Ozon(KeyService):
    name = "ozon"
    label = "Кабинет 123456"

    def __init__(self) -> None:
        super().__init__()
        self.ids = {"123456"}

    def routes(self) -> Mapping[str, Any]:
        return {"POST /v1/roles": self.api}

    def new_key(self) -> dict[str, str]:
        return super().new_key() | {"client_id": "123456"}

    def token_in(self, seen: Seen) -> str:
        self.rule(seen.headers.get("Client-Id") in self.ids, "Client-Id in a header")
        self.rule((seen.kind, seen.body) == ("json", {}), "an empty object as JSON")
        return seen.headers.get("Api-Key", "")

    def account(self) -> web.Response:
        roles = [{"name": "Admin read only", "methods": ["/v1/roles"]}]
        return self.says(200, expires_at="2036-02-18T09:54:23.296Z", roles=roles)

    def refused(self) -> web.Response:
        return self.says(401, code=16, message="Invalid Api-Key")

    def limited(self) -> web.Response:
        return self.says(429, code=8, message="too many requests")

    def forbidden(self) -> web.Response:
        return self.says(403, code=7, message="Api-Key is missing a required role")

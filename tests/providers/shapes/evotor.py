"""Эвотор: the client by Basic, 402 for what is not installed, Bearer or a header of its own."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import OAuthService
from tests.providers.shapes.service import Seen


class Evotor(OAuthService):
    name = "evotor"
    label = "Мой магазин, Второй магазин"

    def routes(self) -> Mapping[str, Any]:
        return {"POST /oauth/token": self.token, "GET /stores": self.api}

    def token_in(self, seen: Seen) -> str:
        """As a client in the field met it: the raw header alone is taken."""
        accept = seen.headers.get("Accept")
        self.rule(accept == "application/vnd.evotor.v2+json", "Accept names version 2")
        return seen.headers.get("X-Authorization", "")

    def account(self) -> web.Response:
        stores = [
            {"id": "20170228-F4F1", "name": "Мой магазин", "user_id": "01-000000000000001"},
            {"id": "20170228-F4F2", "name": "Второй магазин", "user_id": "01-000000000000001"},
        ]
        return self.says(200, items=stores, paging={})

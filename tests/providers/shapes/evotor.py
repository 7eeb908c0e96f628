"""Эвотор: the client by Basic, 402 for what is not installed, Bearer or a header of its own."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import OAuthService
from tests.providers.shapes.push_service import PushService
from tests.providers.shapes.service import Seen, Service


class Stores(Service):
    """Its API, for both kinds of token."""

    label = "Мой магазин, Второй магазин"

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


class Evotor(Stores, OAuthService):
    name = "evotor"

    def routes(self) -> Mapping[str, Any]:
        return {"POST /oauth/token": self.token, "GET /stores": self.api}


class EvotorDelivers(Stores, PushService):
    """Of a delivered token its documentation shows the header of its own alone."""

    name = "evotor"
    user = "01-000000000000001"

    def routes(self) -> Mapping[str, Any]:
        return {"GET /stores": self.api}

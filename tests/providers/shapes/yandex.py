"""Яндекс ID: PKCE, the scheme "OAuth", and a revocation for tokens of a device alone."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import CLIENT_ID, CLIENT_SECRET, OAuthService
from tests.providers.shapes.service import Seen


class Yandex(OAuthService):
    name = "yandex"
    label = "anna"
    pkce = True
    scope = "login:info"
    revokes = True

    def routes(self) -> Mapping[str, Any]:
        return {
            "POST /token": self.token,
            "POST /revoke_token": self.revoke,
            "GET /info": self.api,
        }

    def check_authorization(self, query: dict[str, str], path: str) -> None:
        self.rule(6 <= len(query.get("device_id", "")) <= 50, "a device of 6 to 50 characters")

    def token_in(self, seen: Seen) -> str:
        self.rule(seen.query == {"format": "json"}, "the answer is asked for as JSON")
        scheme, _, token = seen.headers.get("Authorization", "").partition(" ")
        return token if scheme == "OAuth" else ""

    def account(self) -> web.Response:
        return self.says(200, id="1000034426", login="anna", display_name=None)

    def revoked_token(self, seen: Seen) -> str:
        ours = (seen.body.get("client_id"), seen.body.get("client_secret"))
        self.rule(ours == (CLIENT_ID, CLIENT_SECRET), "a revocation names the client")
        return str(seen.body.get("access_token"))

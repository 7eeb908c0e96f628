"""Shopify: the shop in every address, a signed callback, a header of its own, expiring tokens."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.providers.shapes.oauth_service import CLIENT_SECRET, OAuthService
from tests.providers.shapes.service import Seen

SHOP = "anna-shop.myshopify.com"


class Shopify(OAuthService):
    name = "shopify"
    label = "Магазин Анны"
    client_auth = "post"
    revokes = True
    typed: ClassVar[dict[str, str]] = {"shop": f"https://{SHOP}/admin"}

    def routes(self) -> Mapping[str, Any]:
        return {
            f"POST /{SHOP}/admin/oauth/access_token": self.token,
            f"GET /{SHOP}/admin/api/2026-10/shop.json": self.api,
            f"DELETE /{SHOP}/admin/api_permissions/current.json": self.revoke,
        }

    def authorize(self, url: str) -> dict[str, str]:
        answer = super().authorize(url)
        message = "&".join(f"{name}={value}" for name, value in sorted(answer.items()))
        digest = hmac.new(CLIENT_SECRET.encode(), message.encode(), hashlib.sha256)
        return answer | {"hmac": digest.hexdigest()}

    def check_authorization(self, query: dict[str, str], path: str) -> None:
        self.rule(path == f"/{SHOP}/admin/oauth/authorize", "the person goes to their shop")

    def callback_extras(self) -> dict[str, str]:
        return {"shop": SHOP, "timestamp": "1790000000"}

    def check_token_request(self, sent: dict[str, str]) -> None:
        self.rule(sent.get("expiring") == "1", "an expiring token is asked for")

    def token_answer(self) -> dict[str, Any]:
        answer = super().token_answer()
        del answer["token_type"]
        return answer | {"refresh_token_expires_in": 7_776_000, "scope": ""}

    def token_in(self, seen: Seen) -> str:
        return seen.headers.get("X-Shopify-Access-Token", "")

    def revoked_token(self, seen: Seen) -> str:
        return self.token_in(seen)

    def account(self) -> web.Response:
        return self.says(200, shop={"id": 548380009, "name": "Магазин Анны"})

    def refused(self) -> web.Response:
        return self.says(401, errors="[API] Invalid API key or access token")

    def limited(self) -> web.Response:
        return self.says(429, errors="Exceeded 2 calls per second for api client")

    def forbidden(self) -> web.Response:
        return self.says(403, errors="[API] This action requires merchant approval")

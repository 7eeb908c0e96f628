"""Stripe Connect: a token without an end; a disconnect names the account, not the token."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import CLIENT_ID, CLIENT_SECRET, OAuthService
from tests.providers.shapes.service import Seen


class Stripe(OAuthService):
    name = "stripe"
    label = "Лавка Анны"
    client_auth = "post"
    scope = "read_only"
    refreshes = False
    revokes = True

    def routes(self) -> Mapping[str, Any]:
        return {
            "POST /oauth/token": self.token,
            "POST /oauth/deauthorize": self.revoke,
            "GET /v1/account": self.api,
        }

    def token_answer(self) -> dict[str, Any]:
        answer = super().token_answer()
        del answer["expires_in"]
        return answer | {"stripe_user_id": "acct_1", "scope": "read_only", "livemode": True}

    def account(self) -> web.Response:
        profile = {"name": "Лавка Анны"}
        return self.says(200, id="acct_1", object="account", business_profile=profile)

    def refused(self) -> web.Response:
        return self.says(401, error={"message": "Invalid API Key provided"})

    def limited(self) -> web.Response:
        return self.says(429, error={"code": "rate_limit"})

    def forbidden(self) -> web.Response:
        return self.says(403, error={"message": "The provided key does not have access"})

    def revoked_token(self, seen: Seen) -> str:
        given = seen.headers.get("Authorization")
        self.rule(given == f"Bearer {CLIENT_SECRET}", "the secret key as Bearer")
        named = (seen.body.get("client_id"), seen.body.get("stripe_user_id"))
        self.rule(named == (CLIENT_ID, "acct_1"), "a disconnect names the account")
        return self.access

"""Square: `expires_at` instead of `expires_in`, a refresh token for ever, "Client" to revoke."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import CLIENT_ID, CLIENT_SECRET, OAuthService
from tests.providers.shapes.service import Seen


class Square(OAuthService):
    name = "square"
    label = "Лавка Анны"
    client_auth = "post"
    request_kind = "json"
    rotates = False
    scope = "MERCHANT_PROFILE_READ"
    revokes = True
    when_ended = ("degraded", "misconfigured")  # unclear, as nobody else is refreshed

    def routes(self) -> Mapping[str, Any]:
        return {
            "POST /oauth2/token": self.token,
            "POST /oauth2/revoke": self.revoke,
            "GET /v2/merchants/me": self.api,
        }

    def check_authorization(self, query: dict[str, str], path: str) -> None:
        self.rule(query.get("session") == "false", "the person has to sign in")

    def token_answer(self) -> dict[str, Any]:
        answer = super().token_answer()
        del answer["expires_in"]
        end = datetime.now(UTC) + timedelta(days=30)
        return answer | {"expires_at": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "merchant_id": "ML1"}

    def account(self) -> web.Response:
        return self.says(200, merchant={"id": "ML1", "business_name": "Лавка Анны"})

    def refused(self) -> web.Response:
        return self.error(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")

    def limited(self) -> web.Response:
        return self.error(429, "RATE_LIMIT_ERROR", "RATE_LIMITED")

    def forbidden(self) -> web.Response:
        return self.error(403, "AUTHENTICATION_ERROR", "INSUFFICIENT_SCOPES")

    def refuses_refresh(self) -> web.Response:
        """Not in the documentation: a refusal without a word of RFC 6749."""
        return self.error(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")

    def revoked_token(self, seen: Seen) -> str:
        given = seen.headers.get("Authorization")
        self.rule(given == f"Client {CLIENT_SECRET}", "the secret as Client")
        self.rule(seen.body.get("client_id") == CLIENT_ID, "a revocation names the client")
        return str(seen.body.get("access_token"))

    def error(self, status: int, category: str, code: str) -> web.Response:
        return self.says(status, errors=[{"category": category, "code": code}])

"""ЮKassa: no redirect URI, no refresh token, a revocation of its own."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import OAuthService


class YooKassa(OAuthService):
    name = "yookassa"
    label = "Магазин № 100500"
    wants_redirect_uri = False
    refreshes = False
    revokes = True

    def routes(self) -> Mapping[str, Any]:
        return {
            "POST /oauth/v2/token": self.token,
            "POST /oauth/v2/revoke_token": self.revoke,
            "GET /v3/me": self.api,
        }

    def token_answer(self) -> dict[str, Any]:
        return {"access_token": self.access, "expires_in": 5 * 365 * 86_400}

    def account(self) -> web.Response:
        return self.says(200, account_id="100500", status="enabled", test=False)

    def refused(self) -> web.Response:
        return self.says(401, type="error", code="invalid_credentials")

    def limited(self) -> web.Response:
        return self.says(429, type="error", code="too_many_requests")

    def forbidden(self) -> web.Response:
        return self.says(403, type="error", code="forbidden")

"""Google: a refresh token only for `access_type=offline`, and the same one for ever."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import OAuthService


class Google(OAuthService):
    name = "google"
    label = "anna@example.ru"
    client_auth = "post"
    pkce = True
    rotates = False
    scope = "openid email"
    revokes = True
    offline = False
    first = True  # the refresh token comes with the code's exchange alone

    def routes(self) -> Mapping[str, Any]:
        return {
            "POST /token": self.token,
            "POST /revoke": self.revoke,
            "GET /v1/userinfo": self.api,
        }

    def check_authorization(self, query: dict[str, str], path: str) -> None:
        asked = (query.get("access_type"), query.get("prompt"))
        self.offline = asked == ("offline", "consent")

    def check_token_request(self, sent: dict[str, str]) -> None:
        self.first = sent.get("grant_type") == "authorization_code"

    def token_answer(self) -> dict[str, Any]:
        answer = super().token_answer()
        if not (self.offline and self.first):
            del answer["refresh_token"]
        return answer

    def account(self) -> web.Response:
        return self.says(200, sub="110169484474386276334", email="anna@example.ru", name="Анна")

    def refused(self) -> web.Response:
        return self.says(401, error="invalid_request", error_description="Invalid Credentials")

    def refuses_refresh(self) -> web.Response:
        return self.says(400, error="invalid_grant", error_description="expired or revoked")

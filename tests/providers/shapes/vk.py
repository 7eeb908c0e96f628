"""VK ID: no secret but PKCE, `device_id` in every token request, errors with a 200."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import CLIENT_ID, OAuthService
from tests.providers.shapes.service import Seen


class Vk(OAuthService):
    name = "vk"
    label = "Анна Иванова"
    client_auth = "none"
    pkce = True
    revokes = True

    def routes(self) -> Mapping[str, Any]:
        return {
            "POST /oauth2/auth": self.token,
            "POST /oauth2/user_info": self.api,
            "POST /oauth2/revoke": self.revoke,
        }

    def callback_extras(self) -> dict[str, str]:
        return {"device_id": "device-1", "type": "code_v2"}

    def check_token_request(self, sent: dict[str, str]) -> None:
        self.rule(sent.get("device_id") == "device-1", "device_id in every token request")
        self.rule(len(sent.get("state", "")) >= 32, "state in every token request")

    def token_in(self, seen: Seen) -> str:
        self.rule(seen.kind == "form" and seen.body["client_id"] == CLIENT_ID, "a form of ours")
        return str(seen.body.get("access_token"))

    def account(self) -> web.Response:
        person = {"user_id": "1234567890", "first_name": "Анна", "last_name": "Иванова"}
        return self.says(200, user=person)

    def refused(self) -> web.Response:
        return self.says(200, error="invalid_token", error_description="Token is invalid")

    def refuses_refresh(self) -> web.Response:
        """A second use ends the whole session."""
        self.end()
        return self.says(200, error="invalid_token", error_description="refresh token is invalid")

    def revoked_token(self, seen: Seen) -> str:
        return str(seen.body.get("access_token"))

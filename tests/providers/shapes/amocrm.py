"""amoCRM: the account's host comes with the callback, JSON token requests, one-time refresh."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import OAuthService
from tests.support.settings import PUBLIC_URL


class AmoCrm(OAuthService):
    name = "amocrm"
    label = "Магазин Анны"
    client_auth = "post"
    request_kind = "json"
    wants_redirect_uri = False
    exchanges_with_redirect_uri = True
    when_forbidden = ("degraded", "rate_limited")  # a block of our address
    when_ended = ("degraded", "misconfigured")  # unclear, as nobody else is refreshed

    def routes(self) -> Mapping[str, Any]:
        return {
            "POST /anna.amocrm.ru/oauth2/access_token": self.token,
            "GET /anna.amocrm.ru/api/v4/account": self.api,
        }

    def callback_extras(self) -> dict[str, str]:
        return {"referer": "anna.amocrm.ru"}

    def check_token_request(self, sent: dict[str, str]) -> None:
        """Every one has the redirect URI, a refresh too."""
        expected = f"{PUBLIC_URL}/amocrm/callback"
        self.rule(sent.get("redirect_uri") == expected, "redirect_uri in every token request")

    def account(self) -> web.Response:
        return self.says(200, id=30, name="Магазин Анны", subdomain="anna", current_user_id=1)

    def refuses_refresh(self) -> web.Response:
        """Not in the documentation: a refusal without a word of RFC 6749."""
        return self.says(400, hint="Token has been revoked", title="Некорректный запрос")

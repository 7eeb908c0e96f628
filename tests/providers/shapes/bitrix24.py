"""Битрикс24: GET with the secret in the query, the portal's address in the token answer, the token
as a parameter, and a refresh only after "expired".
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.providers.shapes.oauth_service import OAuthService
from tests.providers.shapes.service import Seen


class Bitrix24(OAuthService):
    name = "bitrix24"
    label = "anna.bitrix24.ru"
    client_auth = "query"
    request_kind = "query"
    wants_redirect_uri = False
    typed: ClassVar[dict[str, str]] = {"domain": "https://Anna.bitrix24.ru/"}

    def routes(self) -> Mapping[str, Any]:
        return {"GET /oauth/token/": self.token, "POST /rest/profile": self.api}

    def check_authorization(self, query: dict[str, str], path: str) -> None:
        self.rule(path == "/anna.bitrix24.ru/oauth/authorize/", "the person goes to their portal")

    def callback_extras(self) -> dict[str, str]:
        return {"domain": "anna.bitrix24.ru", "member_id": "a223c6b3", "scope": "crm"}

    def token_answer(self) -> dict[str, Any]:
        answer = super().token_answer()
        del answer["token_type"]
        return answer | {"client_endpoint": f"{self.url}/rest/", "domain": "oauth.bitrix24.tech"}

    def token_in(self, seen: Seen) -> str:
        self.rule(seen.kind == "json", "the token travels in a JSON body")
        self.rule("Authorization" not in seen.headers, "no Bearer")
        return str(seen.body.get("auth"))

    def account(self) -> web.Response:
        return self.says(200, result={"ID": "1", "NAME": "Анна", "ADMIN": True})

    def refused(self) -> web.Response:
        return self.says(401, error="expired_token", error_description="The access token expired")

    def limited(self) -> web.Response:
        return self.says(503, error="QUERY_LIMIT_EXCEEDED", error_description="Too many requests")

    def forbidden(self) -> web.Response:
        return self.says(403, error="INVALID_CREDENTIALS", error_description="No rights")

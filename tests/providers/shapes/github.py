"""GitHub App: form answers unless JSON is asked for, errors with a 200, limits as a 403."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.oauth_service import OAuthService
from tests.providers.shapes.service import Seen


class GitHub(OAuthService):
    name = "github"
    label = "anna"
    client_auth = "post"
    pkce = True
    revokes = True

    def routes(self) -> Mapping[str, Any]:
        return {
            "POST /login/oauth/access_token": self.token,
            "GET /user": self.api,
            "DELETE /applications/our-id/token": self.revoke,
        }

    def token(self, seen: Seen) -> web.Response:
        self.rule(seen.headers.get("Accept") == "application/json", "JSON is asked for")
        return super().token(seen)

    def account(self) -> web.Response:
        return self.says(200, login="anna", id=1, name="Анна")

    def refused(self) -> web.Response:
        return self.says(401, message="Bad credentials")

    def limited(self) -> web.Response:
        return self.says(403, message="API rate limit exceeded for user ID 1.")

    def forbidden(self) -> web.Response:
        return self.says(403, message="Resource not accessible by integration")

    def refuses_refresh(self) -> web.Response:
        return self.says(200, error="bad_refresh_token", error_description="incorrect or expired")

    def revoked_token(self, seen: Seen) -> str:
        self.rule(seen.headers.get("Authorization", "").startswith("Basic "), "Basic to revoke")
        return str(seen.body.get("access_token"))

    def revoke_answer(self) -> web.Response:
        return web.Response(status=204)

"""A service with OAuth 2.0: a code is traded for tokens, and a refresh token for new ones."""

import base64
import hashlib
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from tests.providers.shapes.service import Seen, Service

CLIENT_ID, CLIENT_SECRET = "our-id", "our-secret"


class OAuthService(Service):
    client_auth: ClassVar[str] = "basic"  # basic, post, query or none
    request_kind: ClassVar[str] = "form"  # of a token request: form, json or query
    pkce: ClassVar[bool] = False
    rotates: ClassVar[bool] = True  # a refresh token is good once
    wants_redirect_uri: ClassVar[bool] = True
    exchanges_with_redirect_uri: ClassVar[bool | None] = None  # None: as it is wanted before
    typed: ClassVar[dict[str, str]] = {}  # what a person types in before they are sent there
    scope: ClassVar[str | None] = None  # what has to be asked for; None: nothing may be

    def __init__(self) -> None:
        super().__init__()
        self.refresh = ""
        self.number = 0
        self.codes: dict[str, str] = {}  # code → code challenge
        self.revoked: list[str] = []

    def authorize(self, url: str) -> dict[str, str]:
        """The person says yes; returns what the browser brings back."""
        query = dict(parse_qsl(urlsplit(url).query))
        self.rule(query.get("response_type") == "code", "response_type is code")
        self.rule(query.get("client_id") == CLIENT_ID, "client_id is ours")
        self.rule(len(query.get("state", "")) >= 32, "state has 32 characters or more")
        self.rule(query.get("scope") == self.scope, f"scope is {self.scope}")
        sent = "redirect_uri" in query
        self.rule(sent == self.wants_redirect_uri, f"redirect_uri: {self.wants_redirect_uri}")
        if self.pkce:
            self.rule(query.get("code_challenge_method") == "S256", "PKCE with S256")
        self.check_authorization(query, urlsplit(url).path)
        code = f"code-{len(self.codes) + 1}"
        self.codes[code] = query.get("code_challenge", "")
        return {"code": code, "state": query["state"]} | self.callback_extras()

    def check_authorization(self, query: dict[str, str], path: str) -> None:
        """What else its authorization request has to have."""

    def callback_extras(self) -> dict[str, str]:
        return {}

    def token(self, seen: Seen) -> web.Response:
        sent = seen.query if self.request_kind == "query" else seen.body
        if self.request_kind != "query":
            self.rule(seen.kind == self.request_kind, f"a token request is {self.request_kind}")
            self.rule(not seen.query, "a token request has nothing in its address")
        self._check_client(seen, sent)
        self.check_token_request(dict(sent))
        if sent.get("grant_type") == "refresh_token":
            return self._refreshed(str(sent.get("refresh_token")))
        return self._exchanged(dict(sent))

    def check_token_request(self, sent: dict[str, str]) -> None:
        """What else its token request has to have."""

    def token_answer(self) -> dict[str, Any]:
        return {
            "access_token": self.access,
            "refresh_token": self.refresh,
            "token_type": "Bearer",
            "expires_in": 3600,
        }

    def refuses_refresh(self) -> web.Response:
        return self.says(400, error="invalid_grant")

    def revoke(self, seen: Seen) -> web.Response:
        token = self.revoked_token(seen)
        self.revoked.append(token)
        self.rule(token in (self.access, self.refresh), "a token of ours is revoked")
        self.end()
        return self.revoke_answer()

    def revoked_token(self, seen: Seen) -> str:
        return str(seen.body.get("token", ""))

    def revoke_answer(self) -> web.Response:
        return self.says(200)

    def end(self) -> None:
        super().end()
        self.refresh = "nobody's"

    def expire(self) -> None:
        """Only the access token is over."""
        self.access = "expired"

    def _check_client(self, seen: Seen, sent: Any) -> None:
        pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        by_header = seen.headers.get("Authorization") == f"Basic {pair}"
        ours = (sent.get("client_id"), sent.get("client_secret"))
        expected: dict[str, Any] = {
            "basic": (True, (None, None)),
            "post": (False, (CLIENT_ID, CLIENT_SECRET)),
            "query": (False, (CLIENT_ID, CLIENT_SECRET)),
            "none": (False, (CLIENT_ID, None)),
        }
        self.rule(
            (by_header, ours) == expected[self.client_auth], f"the client by {self.client_auth}"
        )

    def _exchanged(self, sent: dict[str, str]) -> web.Response:
        challenge = self.codes.pop(sent.get("code", ""), None)
        self.rule(challenge is not None, "a code is known, and used once")
        if challenge:
            digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
            expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            self.rule(challenge == expected, "the verifier fits the challenge")
        wanted = self.exchanges_with_redirect_uri
        wanted = self.wants_redirect_uri if wanted is None else wanted
        self.rule(("redirect_uri" in sent) == wanted, f"redirect_uri to exchange: {wanted}")
        self.number += 1
        self.refresh = f"refresh-{self.number}"
        return self._issued()

    def _refreshed(self, refresh_token: str) -> web.Response:
        if refresh_token != self.refresh:
            return self.refuses_refresh()
        self.number += 1
        if self.rotates:
            self.refresh = f"refresh-{self.number}"
        return self._issued()

    def _issued(self) -> web.Response:
        self.access = f"access-{self.number}"
        return self.says(200, **self.token_answer())

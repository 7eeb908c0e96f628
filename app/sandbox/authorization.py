"""The authorization request (RFC 6749 4.1.1, RFC 7636 4.3): parsed and judged, no HTTP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from app.sandbox.catalogue import CLIENTS, SandboxClient
from app.sandbox.errors import OAuthError, UntrustedError

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class ReturnAddress:
    """Where an answer may go, and what must come back with it."""

    client: SandboxClient
    redirect_uri: str
    state: str | None

    @property
    def origin(self) -> str:
        """Built from checked parts only: it goes into a header."""
        parts = urlsplit(self.redirect_uri)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")

    def with_answer(self, issuer: str, **answer: str) -> str:
        """The redirect; `iss` says who answers (RFC 9207)."""
        if self.state is not None:
            answer["state"] = self.state
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        return self.redirect_uri.rstrip("?") + joint + urlencode({**answer, "iss": issuer})


@dataclass(frozen=True)
class AuthorizationRequest:
    client: SandboxClient
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str  # empty: the client does not use PKCE


def return_address(args: Mapping[str, str]) -> ReturnAddress:
    client = CLIENTS.get(args.get("client_id", ""))
    if client is None:
        raise UntrustedError("Мы не знаем приложение, которое вас сюда отправило.")
    redirect_uri = args.get("redirect_uri", "")
    if not is_loopback(redirect_uri):
        raise UntrustedError(
            "Адрес возврата не подходит: песочница отправляет людей только на этот компьютер."
        )
    return ReturnAddress(client, redirect_uri, args.get("state"))


def authorization_request(
    address: ReturnAddress, args: Mapping[str, str], repeated: bool = False
) -> AuthorizationRequest:
    if repeated:
        raise OAuthError("invalid_request", "a parameter is given twice")
    if not args.get("response_type"):
        raise OAuthError("invalid_request", "response_type is missing")
    if args["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "only response_type=code is offered")
    return AuthorizationRequest(
        address.client, address.redirect_uri, _scopes(address.client, args), _challenge(args)
    )


def is_loopback(uri: str) -> bool:
    if not uri.isascii() or re.search(r"[\s\\#@\x00-\x20\x7f]", uri):
        return False
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises when it is no port number
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


def _scopes(client: SandboxClient, args: Mapping[str, str]) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys(args.get("scope", "").split()))
    if not set(asked) <= set(client.scopes):
        raise OAuthError("invalid_scope", "known scopes: " + " ".join(client.scopes))
    return asked or client.scopes[:1]  # who asks for nothing gets the least that is of use


def _challenge(args: Mapping[str, str]) -> str:
    challenge = args.get("code_challenge", "")
    if not challenge and "code_challenge_method" not in args:
        return ""
    if args.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if not S256_CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "code_challenge is malformed")
    return challenge

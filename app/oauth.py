"""The OAuth 2.0 protocol and nothing else: no database, no web framework.

Written by hand on httpx: see docs/decisions/0003. A provider that says no is a `Refusal`, a value.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from math import nan
from time import time
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import httpx

from app.outbound import Outbound, Reply
from app.providers import Provider
from app.providers.provider import BASIC, POST

TIMEOUT = 15.0  # seconds for a whole token request
FOREVER = 10 * 365 * 86_400.0  # seconds; a longer promise is taken for this one
ERROR_CODES = frozenset(  # RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1, RFC 7009
    {
        "access_denied",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_token",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_token_type",
    }
)
CHALLENGES = ("invalid_request", "invalid_token", "insufficient_scope")  # RFC 6750 section 3.1
OURS = ("invalid_client", "unauthorized_client")  # our registration is wrong, nobody's grant is


@dataclass(frozen=True)
class Tokens:
    """A token answer (RFC 6749 section 5.1)."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: float | None = None  # seconds from now
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """A token request without tokens: an error code of RFC 6749 5.2, or a `Reply.failure`."""

    code: str  # "invalid_grant", …, "http_503", "bad_response", "timeout", "unreachable", "tls"
    reply: Reply

    @property
    def is_ours(self) -> bool:
        return self.code in OURS

    @property
    def is_lost_answer(self) -> bool:
        """The request may have arrived and been carried out, and the answer did not come."""
        return bool(self.reply.failure) and self.reply.reached and self.reply.status is None


def new_state() -> str:
    return secrets.token_urlsafe(32)


def new_code_verifier() -> str:
    return secrets.token_urlsafe(48)  # RFC 7636 section 4.1: 43 to 128 characters


def authorization_url(
    provider: Provider, redirect_uri: str, state: str, code_verifier: str | None
) -> str:
    """Where to send the person (RFC 6749 section 4.1.1, RFC 7636 section 4.3)."""
    parameters = {
        "response_type": "code",
        "client_id": provider.client.id if provider.client else "",
        "redirect_uri": redirect_uri,
        "scope": " ".join(provider.scopes),
        "state": state,
        **provider.authorization_params,
    }
    if code_verifier:
        parameters |= {
            "code_challenge": _challenge(code_verifier),
            "code_challenge_method": "S256",
        }
    separator = "&" if urlsplit(provider.authorization_endpoint).query else "?"
    given = {name: value for name, value in parameters.items() if value}
    return provider.authorization_endpoint + separator + urlencode(given)


def issuer_matches(provider: Provider, iss: str | None) -> bool:
    """RFC 9207 section 2.4: compare exactly. A provider that never sends `iss` is not refused."""
    if not provider.issuer or iss is None:
        return True
    return hmac.compare_digest(iss.encode(), provider.issuer.encode())


async def exchange(
    http: Outbound, provider: Provider, code: str, redirect_uri: str, code_verifier: str | None
) -> Tokens | Refusal:
    """Turn an authorization code into tokens (RFC 6749 section 4.1.3)."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if code_verifier:
        form["code_verifier"] = code_verifier
    return read_tokens(await _post(http, provider, provider.token_endpoint, form))


async def refresh(http: Outbound, provider: Provider, refresh_token: str) -> Tokens | Refusal:
    """RFC 6749 section 6. The answer's refresh token replaces the spent one; none means keep it."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    tokens = read_tokens(await _post(http, provider, provider.token_endpoint, form))
    if isinstance(tokens, Tokens) and tokens.refresh_token is None:
        return Tokens(tokens.access_token, refresh_token, tokens.expires_in, tokens.scopes)
    return tokens


async def revoke(http: Outbound, provider: Provider, token: str, hint: str) -> Refusal | None:
    """RFC 7009. None: done (also for a token that the provider does not know any more)."""
    form = {"token": token, "token_type_hint": hint}
    reply = await _post(http, provider, provider.revocation_endpoint, form)
    if reply.status is not None and 200 <= reply.status < 300:
        return None
    return Refusal(_error_code(_parsed(reply), reply), reply)


def read_tokens(reply: Reply) -> Tokens | Refusal:
    """Read a token answer as providers really write it: JSON or form, numbers as texts, errors
    at 200.
    """
    answer = _parsed(reply)
    access_token = answer.get("access_token")
    if reply.status is None or reply.status >= 300 or "error" in answer:
        return Refusal(_error_code(answer, reply), reply)
    refresh_token = answer.get("refresh_token") or None
    if not _is_token(access_token) or not _is_bearer(answer):
        return Refusal("bad_response", reply)
    return Tokens(
        str(access_token),
        str(refresh_token) if _is_token(refresh_token) else None,
        _number(answer.get("expires_in")),
        _scopes(answer.get("scope")),
    )


def challenge_error(headers: Mapping[str, str]) -> str:
    """Why a token was refused, by the challenge (RFC 6750 section 3); "" where it does not say."""
    found = re.search(r'\berror="?([a-z_]+)', headers.get("www-authenticate", ""))
    return found[1] if found and found[1] in CHALLENGES else ""


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait, from either form of Retry-After (RFC 9110 section 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - (time() if now is None else now))


def _challenge(code_verifier: str) -> str:
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def _post(http: Outbound, provider: Provider, url: str, form: dict[str, str]) -> Reply:
    headers = {"Accept": "application/json"}
    client = provider.client
    if client is None:
        return Reply(0, failure="unconfigured", reached=False)
    if provider.token_endpoint_auth_method == BASIC:
        # RFC 6749 section 2.3.1: both halves are form-encoded before base64.
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    else:
        form = form | {"client_id": client.id}
        if provider.token_endpoint_auth_method == POST:
            form = form | {"client_secret": client.secret}
    request = httpx.Request("POST", url, data=form, headers=headers)
    return await http.send(request, TIMEOUT, provider)


def _parsed(reply: Reply) -> dict[str, object]:
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        text = reply.body.decode("utf-8", "replace")
        answer = dict(parse_qsl(text)) if "=" in text and "<" not in text[:1] else {}
    return answer if isinstance(answer, dict) else {}


def _error_code(answer: dict[str, object], reply: Reply) -> str:
    if reply.failure:
        return reply.failure
    if answer.get("error"):
        # Only words that we know: what a provider writes here ends up in evidence and in logs.
        code = str(answer["error"])
        if code in ERROR_CODES:
            return code
    return f"http_{reply.status}" if (reply.status or 0) >= 300 else "bad_response"


def _is_token(value: object) -> bool:
    """RFC 6749 appendix A.12: visible ASCII. Anything else would break the header it travels in."""
    return isinstance(value, str) and bool(value) and all(" " < each <= "~" for each in value)


def _is_bearer(answer: dict[str, object]) -> bool:
    return str(answer.get("token_type", "bearer")).lower() == "bearer"


def _number(value: object) -> float | None:
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) else nan
    except (ValueError, OverflowError):
        seconds = nan
    return min(seconds, FOREVER) if seconds >= 0 else None  # not for nan either


def _scopes(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(each) for each in value)
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else ()

"""Token answers as providers really write them: JSON or form, numbers as texts, errors at 200.

A provider that says no is a `Refusal`, a value.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from time import time
from urllib.parse import parse_qsl

from app.oauth.token_expiry import life_of
from app.outbound.client import Reply
from app.providers.provider import Provider
from app.providers.spec_parts import TOKEN_ERRORS

LONGEST_KEPT = 500  # characters of a value that is kept beside the tokens
OURS = ("invalid_client", "unauthorized_client")  # our registration is wrong, nobody's grant is


@dataclass(frozen=True)
class Tokens:
    """A token answer (RFC 6749 section 5.1)."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: float | None = None  # seconds from now
    scopes: tuple[str, ...] = ()
    # What else the provider wants to see again, and which of it is a secret.
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)
    sealed_names: frozenset[str] = frozenset()


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
        """The request may have been carried out, and its answer did not come, or says nothing."""
        if self.code in ("bad_response", "too_large"):
            return True
        return bool(self.reply.failure) and self.reply.reached and self.reply.status is None

    @property
    def is_unclear(self) -> bool:
        """A no without a reason that we know: it says nothing about the grant."""
        return self.code.startswith("http_4") and self.code != "http_429"


def read_tokens(provider: Provider, reply: Reply, kept: Mapping[str, str]) -> Tokens | Refusal:
    """What a token endpoint answered; `kept` is what we had kept of this grant before."""
    answer = _parsed(reply)
    access_token = answer.get("access_token")
    if reply.status is None or reply.status >= 300 or "error" in answer:
        return refusal_of(provider, reply)
    refresh_token = answer.get("refresh_token") or None
    if not _is_token(access_token) or not _is_bearer(answer):
        return Refusal("bad_response", reply)
    return Tokens(
        str(access_token),
        str(refresh_token) if _is_token(refresh_token) else None,
        life_of(provider.expiry, str(access_token), answer, time()),
        _scopes(answer.get("scope")),
        {**kept, **picked(answer, provider.token_keep)},
        provider.sealed_names,
    )


def refusal_of(provider: Provider, reply: Reply) -> Refusal:
    return Refusal(_error_code(provider, _parsed(reply), reply), reply)


def picked(answer: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    """The values of these names that can be kept: short, and fit for a header or an address."""
    found = {name: answer.get(name) for name in names}
    texts = {name: str(value) for name, value in found.items() if isinstance(value, (str, int))}
    return {name: text for name, text in texts.items() if is_plain(text)}


def is_plain(text: str) -> bool:
    return 0 < len(text) <= LONGEST_KEPT and all(" " < each <= "~" for each in text)


def _parsed(reply: Reply) -> dict[str, object]:
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        text = reply.body.decode("utf-8", "replace")
        answer = dict(parse_qsl(text)) if "=" in text and "<" not in text[:1] else {}
    return answer if isinstance(answer, dict) else {}


def _error_code(provider: Provider, answer: dict[str, object], reply: Reply) -> str:
    if reply.failure:
        return reply.failure
    if answer.get("error"):
        # Only words that we know: what a provider writes here ends up in evidence and in logs.
        said = str(answer["error"])
        code = provider.token_errors.get(said, said)
        if code in TOKEN_ERRORS:
            return code
    return f"http_{reply.status}" if (reply.status or 0) >= 300 else "bad_response"


def _is_token(value: object) -> bool:
    """RFC 6749 appendix A.12: visible ASCII. Anything else would break the header it travels in."""
    return isinstance(value, str) and bool(value) and all(" " < each <= "~" for each in value)


def _is_bearer(answer: dict[str, object]) -> bool:
    return str(answer.get("token_type", "bearer")).lower() == "bearer"


def _scopes(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(each) for each in value)
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else ()

"""Token answers as providers really write them: JSON or form, numbers as texts, errors at 200.

A provider that says no is a `Refusal`, a value.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import time
from urllib.parse import parse_qsl

import httpx
import jmespath

from app.i18n.plain_text import one_line
from app.oauth.error_field import error_word, has_error, spelled
from app.oauth.token_expiry import life_of
from app.outbound.failures import Failure
from app.providers.provider import Provider
from app.providers.spec_parts import TOKEN_ERRORS, TokenError

UNKNOWN_ERROR = "unknown_error"  # an `error` at status 200 that is no word we know
NOT_SENDABLE = ("dpop", "mac", "pop")  # token types that want more than a header with the token
LONGEST_KEPT = 500  # characters of a value that is kept beside the tokens
LONGEST_SCOPE, MOST_SCOPES = 200, 500  # characters, scopes of one grant
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
    """A token request without tokens: an error code of RFC 6749 5.2, or a `Failure.code`."""

    code: str  # "invalid_grant", …, "http_503", "bad_response", "timeout", "unreachable", "tls"
    reply: httpx.Response | Failure
    # Tokens that came all the same, of a type that we cannot send or beside an error: they live.
    unusable: Tokens | None = field(default=None, repr=False)

    @property
    def is_ours(self) -> bool:
        return self.code in OURS

    @property
    def ends_grant(self) -> bool:
        """Does the provider say that this grant is over?"""
        return TOKEN_ERRORS.get(self.code) is TokenError.GRANT

    @property
    def is_lost_answer(self) -> bool:
        """The request may have been carried out, and its answer did not come, or says nothing."""
        if self.code in ("bad_response", "too_large"):
            return True
        return isinstance(self.reply, Failure) and self.reply.reached

    @property
    def is_unclear(self) -> bool:
        """A no without a reason that we know: it says nothing about the grant."""
        return self.code.startswith("http_4") and self.code != "http_429"


def read_tokens(
    provider: Provider, reply: httpx.Response | Failure, kept: Mapping[str, str]
) -> Tokens | Refusal:
    """What a token endpoint answered; `kept` is what we had kept of this grant before."""
    if isinstance(reply, Failure):
        return refusal_of(provider, reply)
    answer = _parsed(reply)
    holder = _holder(provider, answer)
    tokens = _tokens_in(provider, holder, answer, kept)
    if not reply.is_success or has_error(answer):
        return replace(refusal_of(provider, reply), unusable=tokens)
    if tokens is None:  # a token beside the place where it belongs is another one, and nobody's
        return Refusal("bad_response", reply, _tokens_in(provider, answer, answer, kept))
    if str(holder.get("token_type") or "").strip().lower() in NOT_SENDABLE:
        return Refusal("bad_response", reply, tokens)
    return tokens


def refusal_of(provider: Provider, reply: httpx.Response | Failure) -> Refusal:
    code = reply.code if isinstance(reply, Failure) else _error_code(provider, reply)
    return Refusal(code, reply)


def own_words(provider: Provider) -> dict[str, str]:
    """What this provider calls an error, spelled as `error_word` does → one of the RFC's."""
    return {spelled(word): code for word, code in provider.token_errors.items()}


def picked(answer: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    """The values of these names that can be kept: short, and fit for a header or an address."""
    found = {name: answer.get(name) for name in names}
    texts = {name: str(value) for name, value in found.items() if isinstance(value, (str, int))}
    return {name: text for name, text in texts.items() if is_plain(text)}


def is_plain(text: str) -> bool:
    return 0 < len(text) <= LONGEST_KEPT and all(" " < each <= "~" for each in text)


def _parsed(response: httpx.Response) -> dict[str, object]:
    """JSON or a form, whatever the media type says, with a byte order mark or without."""
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        text = response.content.decode("utf-8-sig", "replace").strip()
        answer = _loaded(text) if text[:1] == "{" else _read_form(text)
    return answer if isinstance(answer, dict) else {}


def _loaded(text: str) -> object:
    """JSON that is not quite UTF-8."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_form(text: str) -> dict[str, str]:
    return dict(parse_qsl(text)) if "=" in text and text[:1] != "<" else {}


def _holder(provider: Provider, answer: dict[str, object]) -> dict[str, object]:
    """The object that has the tokens: the entry's `token_path`, or the answer itself."""
    if not provider.token_path:
        return answer
    try:
        found = jmespath.search(provider.token_path, answer)
    except jmespath.exceptions.JMESPathError:
        found = None
    return found if isinstance(found, dict) else answer


def _tokens_in(
    provider: Provider,
    holder: Mapping[str, object],
    answer: Mapping[str, object],
    kept: Mapping[str, str],
) -> Tokens | None:
    """None: there is no access token that could be sent."""
    access_token = _token(holder.get("access_token"))
    if access_token is None:
        return None
    return Tokens(
        access_token,
        _token(holder.get("refresh_token")),
        life_of(provider.expiry, access_token, holder, time()),
        _scopes(holder.get("scope")),
        {**kept, **picked({**answer, **holder}, provider.token_keep)},
        provider.sealed_names,
    )


def _error_code(provider: Provider, response: httpx.Response) -> str:
    answer = _parsed(response)
    word = error_word(answer)
    code = own_words(provider).get(word, word)
    # Only words that we know: what a provider writes here ends up in evidence and in logs.
    if code in TOKEN_ERRORS:
        return code
    if not response.is_success:
        return f"http_{response.status_code}"
    return UNKNOWN_ERROR if has_error(answer) else "bad_response"


def _token(value: object) -> str | None:
    """RFC 6749 appendix A.12: visible ASCII. Anything else would break the header it travels in."""
    text = value.strip() if isinstance(value, str) else ""
    return text if text and all(" " < each <= "~" for each in text) else None


def _scopes(value: object) -> tuple[str, ...]:
    """A text or a list of scopes, without what a database or a page could not hold."""
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    given = parts[:MOST_SCOPES] if isinstance(parts, list) else []
    cleaned = [one_line(each, LONGEST_SCOPE) for each in given if isinstance(each, str)]
    return tuple(each for each in cleaned if each)

"""What an entry is made of: the probe and how a token travels in it, a form's field, a way to end
a grant. Texts may hold `{names}` of what is kept of a grant (`placeholders.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BASIC, POST, QUERY, NONE = (
    "client_secret_basic",
    "client_secret_post",
    "client_secret_query",  # not of the RFC: the secret travels in the address
    "none",
)


class TokenError(StrEnum):
    """What a refused token request is about."""

    GRANT = "grant"  # this grant is over
    PAYMENT = "payment"  # the grant is good, but its owner has to pay
    PROVIDER = "provider"  # it fails just now
    LIMIT = "limit"  # too many requests
    CLIENT = "client"  # our registration, or this grant where others are refreshed meanwhile
    UNCLEAR = "unclear"  # our registration, or this grant: providers use these for both


# RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1, RFC 7009, and words of providers' own.
# One table for reading a token answer, for the verdict, and for the entries' `token_errors`.
TOKEN_ERRORS = {
    "access_denied": TokenError.GRANT,
    "bad_refresh_token": TokenError.GRANT,  # GitHub
    "expired_token": TokenError.GRANT,  # Битрикс24
    "invalid_code": TokenError.GRANT,  # Zoho
    "invalid_grant": TokenError.GRANT,
    "invalid_refresh_token": TokenError.GRANT,  # Slack
    "invalid_token": TokenError.GRANT,  # Spring Security
    "token_expired": TokenError.GRANT,
    "token_revoked": TokenError.GRANT,  # Slack
    "payment_required": TokenError.PAYMENT,
    "server_error": TokenError.PROVIDER,
    "temporarily_unavailable": TokenError.PROVIDER,
    "rate_limit_exceeded": TokenError.LIMIT,
    "rate_limited": TokenError.LIMIT,
    "slow_down": TokenError.LIMIT,  # RFC 8628 section 3.5, and used beyond it
    "too_many_requests": TokenError.LIMIT,
    "invalid_client": TokenError.CLIENT,
    "invalid_request": TokenError.UNCLEAR,
    "invalid_scope": TokenError.UNCLEAR,
    "unauthorized_client": TokenError.CLIENT,
    "unknown_error": TokenError.UNCLEAR,  # what a provider's own word is read as
    "unsupported_grant_type": TokenError.UNCLEAR,
    "unsupported_token_type": TokenError.UNCLEAR,
}
FORM, JSON, GET = "form", "json", "get"  # how a token request is written
ACCESS_TOKEN, REFRESH_TOKEN = "access_token", "refresh_token"
OK = "ok"  # what a rule makes of an answer that only looks like a failure
CAUSES = (  # the causes that a rule may name: `models.Cause`, as far as a provider can know
    "provider_error",
    "bad_response",
    "rate_limited",
    "access_denied",
    "payment_required",
    "revoked",
)


@dataclass(frozen=True)
class TokenPlacement:
    """How a token travels: the header's name, and what it says with `{token}` in it."""

    header: str = "Authorization"
    auth: str = "Bearer {token}"


@dataclass(frozen=True)
class Rule:
    """What an answer means at this provider, before the table that holds for all of them."""

    cause: str  # one of CAUSES, or OK
    status: int | None = None  # of HTTP; None: any
    when: str = ""  # JMESPath on the body, truthy; "": any body


@dataclass(frozen=True)
class Probe:
    """The request that asks "does this still work?", and what to read in its answer (JMESPath).

    The expressions see the answer's object, and beside its own keys `kept`: what is kept of the
    grant.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Accept": "application/json"})
    # More than one: tried in turn until not 401. `carriers` in a file.
    token_placements: tuple[TokenPlacement, ...] = (TokenPlacement(),)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None  # a body; not together with `json`
    json: Mapping[str, str] | None = None
    label: str = ""
    account: str = ""
    error: str = "error"
    expect: str = ""  # truthy in every good answer; "": any of what is read here
    expires: str = ""  # when the grant ends: ISO 8601 or Unix seconds
    classify: tuple[Rule, ...] = ()  # the first that fits counts


@dataclass(frozen=True)
class Field:
    """What a person has to type before connecting. The one named `token` is the grant itself."""

    name: str
    label: str
    hint: str = ""
    secret: bool = False  # sealed, and never shown again
    pattern: str = ""  # a regular expression for the whole text
    host: bool = False  # the name of a server: what stands before and after it is cut off
    # JMESPath on the claims of a JWT → why such a key is not taken
    refuse: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Texts:
    """What an entry says of itself, in another language."""

    title: str = ""
    about: str = ""
    needs: str = ""
    by_hand: str = ""


@dataclass(frozen=True)
class Push:
    """A token that the provider delivers by itself, and how a person proves whose it is: by typing
    a code of ours at the provider, which posts it to us together with the account.

    The expressions (JMESPath) see what is posted.
    """

    where: str  # the person types the code: "на странице приложения в личном кабинете"
    account: str = "userId"
    token: str = "token"  # noqa: S105 - where it stands
    code: str = "password"
    pattern: str = "[!-~]{1,100}"  # a regular expression for the whole of an account's id
    # Of a delivered token; none: as those of the probe. `carriers` in a file.
    token_placements: tuple[TokenPlacement, ...] = ()


@dataclass(frozen=True)
class RevocationSpec:
    """A provider's own way to end a grant, where it is not RFC 7009."""

    url: str
    method: str = "POST"
    auth: str = NONE  # BASIC: our client's id and secret
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: Mapping[str, str] | None = None
    token: str = ACCESS_TOKEN  # which of the two `{token}` is

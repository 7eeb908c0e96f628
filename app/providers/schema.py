"""The tables of a providers file, and what each of their keys takes. The texts below a key are its
description in the JSON Schema; what a key is when it is not given stands in `provider.py` and
`spec_parts.py`.
"""

from collections.abc import Mapping
from typing import Annotated, Required

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from app.providers import provider, spec_parts
from app.providers.field_types import (
    Address,
    AuthorizationParams,
    Expression,
    HeaderName,
    Headers,
    HostSuffixes,
    Icon,
    OneOf,
    Pattern,
    PemFile,
    TableOfTexts,
    Texts,
    TokenParams,
    TokenText,
    list_of,
    wants,
)
from app.providers.quota import PERIODS

YEAR = 366 * 86_400  # seconds
LOWEST_RATE, HIGHEST_RATE = 1e-9, 10_000.0  # requests a second
LONGEST_INTERVAL = 86_400.0  # seconds

_table = with_config(ConfigDict(extra="forbid", strict=True))


@_table
class CarrierKeys(TypedDict, total=False):
    """A header that carries the token."""

    header: HeaderName
    auth: TokenText
    """What the header says, with `{token}` in it."""


@_table
class RuleKeys(TypedDict, total=False):
    """What an answer means at this provider, before the table of causes that holds for all."""

    status: Annotated[int, Field(ge=100, le=599), wants("a whole number from 100 to 599")]
    """Of HTTP; without it, any."""
    when: Expression
    """JMESPath on the answer, truthy; without it, any answer."""
    cause: Required[Annotated[str, OneOf(*spec_parts.CAUSES, spec_parts.OK)]]


@_table
class ProbeKeys(TypedDict, total=False):
    """The request that asks "does this grant still work?", and what to read in its answer."""

    url: Address
    method: Annotated[str, OneOf("GET", "POST", "HEAD")]
    headers: Headers
    header: HeaderName
    """The header that carries the token."""
    auth: TokenText
    """What that header says, with `{token}` in it."""
    carriers: Annotated[tuple[CarrierKeys, ...], list_of("tables")]
    """Several headers: each is tried until one is not refused, and that one is remembered."""
    query: TableOfTexts
    form: TableOfTexts
    """A body; not together with `json`."""
    json: TableOfTexts
    """A body; not together with `form`."""
    label: Expression
    """JMESPath: what the card calls the account."""
    account: Expression
    """JMESPath: the account's stable id; two connections to one account become one."""
    error: Expression
    """JMESPath: truthy means "error" although the status is 2xx."""
    expires: Expression
    """JMESPath: when the grant ends, where the answer says so."""
    classify: Annotated[tuple[RuleKeys, ...], list_of("tables")]
    """Rules before the table of causes; the first that fits counts."""


@_table
class RevocationKeys(TypedDict, total=False):
    """The provider's own way to end a grant, where it is not RFC 7009."""

    url: Address
    method: Annotated[str, OneOf("GET", "POST", "DELETE")]
    auth: Annotated[str, OneOf(spec_parts.BASIC, spec_parts.NONE)]
    """How our client proves itself."""
    headers: Headers
    form: TableOfTexts
    json: TableOfTexts
    token: Annotated[str, OneOf(spec_parts.ACCESS_TOKEN, spec_parts.REFRESH_TOKEN)]
    """Which of the two `{token}` is."""


@_table
class PushKeys(TypedDict, total=False):
    """A token that the provider delivers by itself; the expressions see what it posts."""

    where: str
    """Where the person types the code: the rest of a sentence."""
    account: Expression
    """JMESPath."""
    token: Expression
    """JMESPath."""
    code: Expression
    """JMESPath."""
    pattern: Pattern
    """A regular expression for the whole of an account's id."""
    carriers: Annotated[tuple[CarrierKeys, ...], list_of("tables")]
    """How such a token travels, where that is another way than the probe's."""


@_table
class FieldKeys(TypedDict, total=False):
    """What a person has to type before connecting. The one named `token` is the grant itself."""

    name: Required[str]
    label: Required[str]
    hint: str
    secret: bool
    """Sealed, and never shown again."""
    pattern: Pattern
    """A regular expression for the whole text."""
    host: bool
    """The name of a server: `https://` and a path are cut off."""
    refuse: Mapping[Expression, str]
    """JMESPath on the claims of a JWT → why such a key is not taken."""


@_table
class QuotaKeys(TypedDict):
    """What the provider documents for one grant."""

    requests: Annotated[int, Field(ge=1), wants("a whole number above 0")]
    period: Annotated[str, OneOf(*PERIODS)]


@_table
class TextsKeys(TypedDict, total=False):
    """What an entry says of itself, in another language."""

    title: str
    about: str
    needs: str
    by_hand: str


@_table
class ProviderKeys(TypedDict, total=False):
    """`[providers.NAME]`: how a person connects, how a code becomes tokens, the pace."""

    name: str
    """What people read."""
    kind: Annotated[str, OneOf(provider.OAUTH2, provider.API_KEY, provider.PUSHED_TOKEN)]
    """How a person connects: over OAuth, with a key, or by a token that the provider delivers."""
    group: Annotated[str, OneOf(*provider.GROUPS)]
    """The heading in the gallery."""
    icon: Icon
    about: str
    """One line about it."""
    needs: str
    """What the person has to do first, at the provider; whole sentences."""
    by_hand: str
    """Where the person ends the access, when we cannot: the end of a sentence."""
    english: TextsKeys
    docs: str
    """A link to the provider's documentation."""
    issuer: str
    """Compared exactly with `iss` in the callback when that is sent (RFC 9207)."""
    fields: Annotated[tuple[FieldKeys, ...], list_of("tables")]
    """What has to be typed in first."""
    allowed_hosts: HostSuffixes
    """Ends of host names, where `{names}` decide which host is asked."""
    authorization_endpoint: Address
    token_endpoint: Address
    revocation_endpoint: Address
    """RFC 7009."""
    revocation_format: Annotated[str, OneOf(spec_parts.FORM, spec_parts.JSON)]
    """How a request to it is written; without it, as `token_request`."""
    scopes: Texts
    scope_words: TableOfTexts
    """What each scope lets us do, in the words of a person."""
    scope_separator: str
    send_scope: bool
    """False where they are those of the registered application."""
    send_redirect_uri: bool
    """False where it is that of the registered application."""
    authorization_params: AuthorizationParams
    """More parameters of the authorization request."""
    pkce: bool
    """RFC 7636, S256."""
    callback_keep: Texts
    """Parameters of the callback that are needed later."""
    cancel_errors: Texts
    """What the provider calls it in `error` when a person says no, beside the usual words."""
    callback_hmac: bool
    """The callback is signed with our secret as Shopify signs it."""
    token_endpoint_auth_method: Annotated[
        str, OneOf(spec_parts.BASIC, spec_parts.POST, spec_parts.QUERY, spec_parts.NONE)
    ]
    token_request: Annotated[str, OneOf(spec_parts.FORM, spec_parts.JSON, spec_parts.GET)]
    """How a token request is written; `get`: all of it in the query."""
    token_params: TokenParams
    """More parameters of every token request, a refresh too."""
    token_errors: Mapping[str, Annotated[str, OneOf(*spec_parts.TOKEN_ERRORS)]]
    """The provider's words for an error → those of RFC 6749, or `payment_required`."""
    token_path: Expression
    """JMESPath: the object of the token answer that has the tokens, where it is a nested one."""
    token_keep: Texts
    """Further keys of the token answer that are needed later."""
    keep_sealed: Texts
    """Which of the kept values are secrets."""
    expiry: Annotated[
        Annotated[str, OneOf(*provider.EXPIRIES)] | Annotated[int, Field(gt=0, le=10 * YEAR)],
        wants(f"{', '.join(provider.EXPIRIES)}, or a number of seconds"),
    ]
    """Where an access token's end stands, or its seconds."""
    refresh: Annotated[str, OneOf(provider.AHEAD, provider.ON_EXPIRED, provider.NEVER)]
    """Ahead of the access token's end, or only once the provider refuses it, or never."""
    rotates: bool
    """A refresh token is good once, and a second use may end the grant."""
    ca_file: PemFile
    """A PEM file with further certificate authorities."""
    max_concurrency: Annotated[int, Field(ge=1, le=1000), wants("a whole number from 1 to 1000")]
    """Requests in flight to this provider, per process."""
    max_rate: Annotated[
        float,
        Field(ge=LOWEST_RATE, le=HIGHEST_RATE),
        wants(f"a number above 0, at most {HIGHEST_RATE:.0f}"),
    ]
    """Requests a second to this provider, from all processes together."""
    min_interval: Annotated[
        float,
        Field(ge=0, le=LONGEST_INTERVAL),
        wants(f"seconds, from 0 to {LONGEST_INTERVAL:.0f}"),
    ]
    """Seconds between two probes with one grant."""
    quota: QuotaKeys
    probe: ProbeKeys
    revocation: RevocationKeys
    push: PushKeys

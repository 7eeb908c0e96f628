"""The table of one provider in a providers file, and what each of its keys takes. The texts below a
key are its description in the JSON Schema; what a key is when it is not given stands in
`provider.py` and `spec_parts.py`.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from app.providers import provider, spec_parts
from app.providers.field_types import (
    Address,
    AuthorizationParams,
    Expression,
    HostSuffixes,
    Icon,
    OneOf,
    PemFile,
    TableOfTexts,
    Texts,
    TokenParams,
    list_of,
    wants,
)
from app.providers.schema_parts import (
    FieldKeys,
    ProbeKeys,
    PushKeys,
    QuotaKeys,
    RevocationKeys,
    TextsKeys,
    table,
)

YEAR = 366 * 86_400  # seconds
LOWEST_RATE, HIGHEST_RATE = 1e-9, 10_000.0  # requests a second
LONGEST_INTERVAL = 86_400.0  # seconds


@table
class ProviderKeys(TypedDict, total=False):
    """`[providers.NAME]`: how a person connects, how a code becomes tokens, the pace."""

    name: str
    """What people read."""
    kind: Annotated[str, OneOf(provider.OAUTH2, provider.API_KEY, provider.PUSHED_TOKEN)]
    """How a person connects: over OAuth, with a key, or by a token that the provider delivers."""
    group: Annotated[str, OneOf(*provider.GROUPS)]
    """The heading in the gallery."""
    icon: Icon
    """A symbol of `static/icons.svg`."""
    about: str
    """One line about it."""
    needs: str
    """What the person has to do first, at the provider; whole sentences."""
    key_url: Address
    """The page at the provider where the person makes the key."""
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
    """Where people are sent (RFC 6749 section 3.1)."""
    token_endpoint: Address
    """Where a code becomes tokens (RFC 6749 section 3.2)."""
    revocation_endpoint: Address
    """RFC 7009."""
    revocation_format: Annotated[str, OneOf(spec_parts.FORM, spec_parts.JSON)]
    """How a request to it is written; without it, as `token_request`."""
    scopes: Texts
    """What is asked for (RFC 6749 section 3.3)."""
    scope_words: TableOfTexts
    """What each scope lets us do, in the words of a person."""
    scope_separator: str
    """What stands between two of them."""
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
    """How our client proves itself (RFC 6749 section 2.3.1)."""
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
    refusals_told_after: Annotated[
        float, Field(ge=0, le=LONGEST_INTERVAL), wants(f"seconds, from 0 to {LONGEST_INTERVAL:.0f}")
    ]
    """Seconds of refusing everybody until people are told."""
    quota: QuotaKeys
    probe: ProbeKeys
    revocation: RevocationKeys
    push: PushKeys

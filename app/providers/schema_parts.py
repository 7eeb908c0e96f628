"""The tables inside a provider's table of a providers file, and what each of their keys takes.

The texts below a key are its description in the JSON Schema; what a key is when it is not given
stands in `spec_parts.py`.
"""

from collections.abc import Mapping
from typing import Annotated, Required

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from app.providers import spec_parts
from app.providers.field_types import (
    Address,
    Expression,
    HeaderName,
    Headers,
    OneOf,
    Pattern,
    TableOfTexts,
    TokenText,
    list_of,
    wants,
)
from app.providers.quota import PERIODS

table = with_config(ConfigDict(extra="forbid", strict=True))


@table
class TokenPlacementKeys(TypedDict, total=False):
    """A header that carries the token."""

    header: HeaderName
    """Its name."""
    auth: TokenText
    """What the header says, with `{token}` in it."""


@table
class RuleKeys(TypedDict, total=False):
    """What an answer means at this provider, before the table of causes that holds for all."""

    status: Annotated[int, Field(ge=100, le=599), wants("a whole number from 100 to 599")]
    """Of HTTP; without it, any."""
    when: Expression
    """JMESPath on the answer, truthy; without it, any answer."""
    cause: Required[Annotated[str, OneOf(*spec_parts.CAUSES, spec_parts.OK)]]
    """What it means; `ok`: that all is well."""


@table
class ProbeKeys(TypedDict, total=False):
    """The request that asks "does this grant still work?", and what to read in its answer."""

    url: Address
    """Where it goes; `{names}` of what is kept may stand in it, never `{token}`."""
    method: Annotated[str, OneOf("GET", "POST", "HEAD")]
    """`POST` where there is a body."""
    headers: Headers
    """Other headers; given, they replace `Accept: application/json`."""
    header: HeaderName
    """The header that carries the token."""
    auth: TokenText
    """What that header says, with `{token}` in it."""
    carriers: Annotated[tuple[TokenPlacementKeys, ...], list_of("tables")]
    """Several headers: each is tried until one is not refused, and that one is remembered."""
    query: TableOfTexts
    """Parameters of the address."""
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
    expect: Expression
    """JMESPath: true of every good answer; without it, any key that the entry reads will do."""
    expires: Expression
    """JMESPath: when the grant ends, where the answer says so."""
    classify: Annotated[tuple[RuleKeys, ...], list_of("tables")]
    """Rules before the table of causes; the first that fits counts."""


@table
class RevocationKeys(TypedDict, total=False):
    """The provider's own way to end a grant, where it is not RFC 7009."""

    url: Address
    """Where it goes; `{names}` of what is kept may stand in it."""
    method: Annotated[str, OneOf("GET", "POST", "DELETE")]
    """How it is asked."""
    auth: Annotated[str, OneOf(spec_parts.BASIC, spec_parts.NONE)]
    """How our client proves itself."""
    headers: Headers
    """Where the token itself is the proof: `Authorization = "Bearer {token}"`."""
    form: TableOfTexts
    """A body; not together with `json`."""
    json: TableOfTexts
    """A body; not together with `form`."""
    token: Annotated[str, OneOf(spec_parts.ACCESS_TOKEN, spec_parts.REFRESH_TOKEN)]
    """Which of the two `{token}` is."""


@table
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
    carriers: Annotated[tuple[TokenPlacementKeys, ...], list_of("tables")]
    """How such a token travels, where that is another way than the probe's."""


@table
class FieldKeys(TypedDict, total=False):
    """What a person has to type before connecting. The one named `token` is the grant itself."""

    name: Required[str]
    """Under which the text is kept, as `{name}` elsewhere."""
    label: Required[str]
    """What people read beside it."""
    hint: str
    """What people read below it."""
    secret: bool
    """Sealed, and never shown again."""
    pattern: Pattern
    """A regular expression for the whole text."""
    host: bool
    """The name of a server: `https://` and a path are cut off."""
    refuse: Mapping[Expression, str]
    """JMESPath on the claims of a JWT → why such a key is not taken."""


@table
class QuotaKeys(TypedDict):
    """What the provider documents for one grant."""

    requests: Annotated[int, Field(ge=1), wants("a whole number above 0")]
    """How many; scheduled checks take at most half of them."""
    period: Annotated[str, OneOf(*PERIODS)]
    """In which time."""


@table
class TextsKeys(TypedDict, total=False):
    """What an entry says of itself, in another language."""

    title: str
    """The name that people read."""
    about: str
    """As `about` of the entry."""
    needs: str
    """As `needs` of the entry."""
    by_hand: str
    """As `by_hand` of the entry."""

"""The types of single values in a providers file: what each takes, and what is said otherwise."""

import re
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlsplit

import jmespath
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema, core_schema

from app.config import ROOT
from app.outbound.allowed_hosts import LOOPBACK, is_special
from app.providers.placeholders import PLACEHOLDER

ALLOW_INSECURE = "allow_insecure"  # in the context of a validation: addresses may be of loopback
PUBLIC_HTTPS = "wants an https address of a public host"


class OneOf:
    """A text that is one of these words."""

    def __init__(self, *words: str) -> None:
        self._words = list(words)

    def __get_pydantic_core_schema__(self, *_: object) -> CoreSchema:
        return core_schema.literal_schema(self._words)


class NoneOf:
    """A name that is none of these, which are left to the dashboard."""

    def __init__(self, *names: str) -> None:
        self._names = list(names)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"not": {"enum": self._names}}

    def _check(self, name: str) -> str:
        if name in self._names:
            raise ValueError("is set by the dashboard itself")
        return name


def wants(expected: str) -> WrapValidator:
    """Says the same sentence whatever is wrong with a value."""

    def read(value: object, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise ValueError(f"wants {expected}") from None

    return WrapValidator(read)


def list_of(what: str) -> BeforeValidator:
    """TOML has lists, an entry has tuples."""

    def read(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"wants a list of {what}")
        return tuple(value)

    return BeforeValidator(read)


def _expression(value: str) -> str:
    try:
        jmespath.compile(value or "@")
    except jmespath.exceptions.JMESPathError:
        raise ValueError("wants a JMESPath expression") from None
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error:
        raise ValueError("wants a regular expression") from None
    return value


def _pem_file(value: str) -> str:
    try:
        if value:
            ssl.create_default_context(cafile=value)
    except OSError as error:  # ssl.SSLError is one of them
        raise ValueError(f"wants a readable PEM file ({error.strerror or error})") from None
    return value


def _address(value: str, info: ValidationInfo) -> str:
    """`https`, or `http` on loopback if that is allowed; `{names}` may stand in it, and one may be
    its whole beginning.
    """
    whole = PLACEHOLDER.match(value)
    filled = "https://tenant/" + value[whole.end() :] if whole else value
    filled = PLACEHOLDER.sub("tenant", filled)
    host = _host(filled)
    insecure = (info.context or {}).get(ALLOW_INSECURE, False)
    if host in LOOPBACK and not insecure:
        raise ValueError(f"{PUBLIC_HTTPS} (loopback needs ALLOW_INSECURE_PROVIDERS=1)")
    schemes = ("https://", "http://") if host in LOOPBACK else ("https://",)
    if not host or not filled.startswith(schemes) or (host not in LOOPBACK and is_special(host)):
        raise ValueError(PUBLIC_HTTPS)
    return value


def _host(url: str) -> str:
    """The host that an address leads to; "" where there is none, or a name and password too."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # UnicodeError is one of them
        return ""
    return host if parts.username is None else ""


@cache
def icons() -> tuple[str, ...]:
    sprite = (ROOT / "static" / "icons.svg").read_text(encoding="utf-8")
    return tuple(re.findall(r'<symbol id="([^"]+)"', sprite))


Address = Annotated[
    str,
    AfterValidator(_address),
    # What an editor can know of it: `http` is for loopback, `{name}` may be its whole beginning.
    Field(json_schema_extra={"pattern": r"^(https://|http://(localhost|127\.|\[::1\])|\{)"}),
]
Expression = Annotated[str, AfterValidator(_expression)]  # JMESPath
Pattern = Annotated[str, AfterValidator(_pattern)]  # a regular expression
PemFile = Annotated[str, AfterValidator(_pem_file)]
Icon = Annotated[
    str, OneOf(*icons()), wants("a symbol of static/icons.svg, like bi-plug or bi-shop")
]

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 section 5.6.2
HeaderName = Annotated[str, Field(pattern=f"^{TOKEN}$"), wants("the name of a header")]
_SentName = Annotated[str, Field(pattern=f"^{TOKEN}$"), wants("a name that can be sent")]
_SentValue = Annotated[str, Field(pattern="^[ -~]*$"), wants("a text of ASCII")]
Headers = Mapping[_SentName, _SentValue]
TokenText = Annotated[
    str, Field(pattern=r"^[ -~]*\{token\}[ -~]*$"), wants("a text of ASCII with {token} in it")
]

TableOfTexts = Mapping[str, str]
Texts = Annotated[tuple[str, ...], list_of("texts")]
HostSuffix = Annotated[
    str,
    Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$"),
    wants("the end of a host name, like myshopify.com"),
]
HostSuffixes = Annotated[tuple[HostSuffix, ...], list_of("ends of host names")]

_of_authorization = NoneOf(
    *("client_id", "code_challenge", "code_challenge_method", "redirect_uri", "response_type"),
    *("scope", "state"),
)
_of_tokens = NoneOf("client_id", "client_secret", "code", "code_verifier", "grant_type")
AuthorizationParams = Mapping[Annotated[str, _of_authorization], str]
TokenParams = Mapping[Annotated[str, _of_tokens], str]

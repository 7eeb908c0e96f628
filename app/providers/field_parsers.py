"""Readers of single values of a providers file: each returns what it read or raises `Unfit`."""

import re
import ssl
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jmespath

from app.config import ROOT
from app.outbound.allowed_hosts import LOOPBACK, is_special
from app.providers.placeholders import PLACEHOLDER

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.1
HEADER_VALUE = re.compile(r"[ -~]*")
HOST_SUFFIX = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")

Reader = Callable[[Any], Any]


class Unfit(Exception):  # noqa: N818 - reads as what it is
    """What was expected instead: (place below the value, sentence) for every fault."""

    def __init__(self, *faults: tuple[str, str]) -> None:
        self.faults = faults


def unfit(expected: str, below: str = "") -> Unfit:
    return Unfit((below, expected))


def table(keys: Mapping[str, Reader], of: str = "") -> Reader:
    """A table with some of these keys and no others; finds all of its faults.

    `of`: what has them, where they are too many to be listed.
    """
    unknown = f"is not a key of a {of}" if of else f"is none of {', '.join(keys)}"

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise unfit("wants a table")
        strange = sorted(set(value) - set(keys))
        faults = [(f".{key}", unknown) for key in strange]
        values: dict[str, Any] = {}
        for key, reader in keys.items():
            if key in value:
                try:
                    values[key] = reader(value[key])
                except Unfit as error:
                    faults += [(f".{key}{below}", expected) for below, expected in error.faults]
        if faults:
            raise Unfit(*faults)
        return values

    return read


def each(reader: Reader) -> Reader:
    """A list of tables."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise unfit("wants a list of tables")
        return tuple(reader(one) for one in value)

    return read


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise unfit("wants a text")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise unfit("wants true or false")
    return value


def whole(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise unfit(f"wants a whole number from {least} to {most}")
        return value

    return read


def number(least: float, most: float, expected: str) -> Reader:
    def read(value: Any) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not least <= value <= most:  # nor for nan
            raise unfit(expected)
        return float(value)

    return read


def one_of(*allowed: str) -> Reader:
    def read(value: Any) -> Any:
        if value not in allowed:
            raise unfit(f"wants {', '.join(allowed[:-1])} or {allowed[-1]}")
        return value

    return read


def texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise unfit("wants a list of texts")
    return tuple(value)


def hosts(value: Any) -> tuple[str, ...]:
    found = texts(value)
    if not all(HOST_SUFFIX.fullmatch(host) for host in found):
        raise unfit("wants ends of host names, like myshopify.com")
    return found


def table_of_texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise unfit("wants a table of texts")
    return value


def table_of(reader: Reader) -> Reader:
    """A table of texts, each of them read by `reader`."""

    def read(value: Any) -> dict[str, str]:
        found = table_of_texts(value)
        return {key: table({key: reader})({key: found[key]})[key] for key in found}

    return read


def without(reserved: frozenset[str]) -> Reader:
    """A table of texts that leaves these names to the dashboard."""

    def read(value: Any) -> dict[str, str]:
        found = table_of_texts(value)
        if taken := sorted(reserved & set(found)):
            raise Unfit(*((f".{key}", "is set by the dashboard itself") for key in taken))
        return found

    return read


def headers(value: Any) -> dict[str, str]:
    found = table_of_texts(value)
    for name, content in found.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(content):
            raise unfit("cannot be sent as a header", f".{name}")
    return found


def header_name(value: Any) -> str:
    if not HEADER_NAME.fullmatch(text(value)):
        raise unfit("wants the name of a header")
    return str(value)


def token_text(value: Any) -> str:
    if "{token}" not in text(value) or not HEADER_VALUE.fullmatch(value):
        raise unfit("wants a text of ASCII with {token} in it")
    return str(value)


def expression(value: Any) -> str:
    try:
        jmespath.compile(text(value) or "@")
    except jmespath.exceptions.JMESPathError:
        raise unfit("wants a JMESPath expression") from None
    return str(value)


def expressions(value: Any) -> dict[str, str]:
    """JMESPath → text."""
    for key in table_of_texts(value):
        expression(key)
    return dict(value)


def pattern(value: Any) -> str:
    try:
        re.compile(text(value))
    except re.error:
        raise unfit("wants a regular expression") from None
    return str(value)


def pem_file(value: Any) -> str:
    if text(value):
        try:
            ssl.create_default_context(cafile=value)
        except OSError as error:  # ssl.SSLError is one of them
            raise unfit(f"wants a readable PEM file ({error.strerror or error})") from None
    return str(value)


def icon(value: Any) -> str:
    if text(value) not in icons():
        raise unfit("wants a symbol of static/icons.svg, like bi-plug or bi-shop")
    return str(value)


@cache
def icons() -> frozenset[str]:
    sprite = (ROOT / "static" / "icons.svg").read_text(encoding="utf-8")
    return frozenset(re.findall(r'<symbol id="([^"]+)"', sprite))


def address(allow_insecure: bool) -> Reader:
    """`https`, or `http` on loopback if that is allowed; `{names}` may stand in it, and one may be
    its whole beginning.
    """

    def read(value: Any) -> str:
        whole = PLACEHOLDER.match(text(value))
        filled = "https://tenant/" + value[whole.end() :] if whole else value
        filled = PLACEHOLDER.sub("tenant", filled)
        host = _host(filled)
        secure = filled.startswith("https://") and host not in LOOPBACK and not is_special(host)
        schemes = ("http://", "https://")
        loopback = allow_insecure and filled.startswith(schemes) and host in LOOPBACK
        if not host or not (secure or loopback):
            hint = " (loopback needs ALLOW_INSECURE_PROVIDERS=1)"
            asked = host in LOOPBACK and not allow_insecure
            raise unfit("wants an https address of a public host" + (hint if asked else ""))
        return str(value)

    return read


def _host(url: str) -> str:
    """The host that an address leads to; "" where there is none, or a name and password too."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # UnicodeError is one of them
        return ""
    return host if parts.username is None else ""

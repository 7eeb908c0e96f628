"""Reads a provider's answer with the JMESPath expressions of its entry."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jmespath

from app.i18n.plain_text import one_line
from app.outbound.http1 import RawResponse
from app.providers.placeholders import is_per_tenant
from app.providers.spec_parts import Probe

# Of answers that a firewall gave in place of the API, as documented by Cloudflare ("Detect a
# Challenge Page response"), AWS ("CAPTCHA and Challenge action behavior") and Vercel.
MITIGATED = ("cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated")
REMAINS_NONE = re.compile(r"\b(?:r|remaining)\s*=\s*0+(?![\d.])", re.IGNORECASE)
ONE_BYTE = r"(windows-125[0-8]|cp125[0-8]|koi8-[ru]|iso-8859-(?:1[013-6]|[1-9]))\b"  # a character
CHARSET = re.compile(rf"""charset\s*=\s*["']?{ONE_BYTE}""", re.IGNORECASE)
BLANK = b"\xef\xbb\xbf \t\r\n"
LONGEST_ACCOUNT_LABEL = 200  # characters of a label or an account that we keep


def content_of(response: RawResponse) -> Any:
    """The JSON of an answer; None where there is none."""
    return _loaded(response.body, response.headers)


def is_sound(probe: Probe, response: RawResponse, content: Any) -> bool:
    """Is a 2xx answer what this provider answers when all is well?"""
    if probe.method == "HEAD" or (response.status == 204 and not probe.expect):
        return True
    if content is None or found(probe.error, content):
        return False
    return _is_there(found(probe.expect, content)) if probe.expect else _has_shape(probe, content)


def is_wall(status: int, headers: Mapping[str, str], body: bytes, basic: bool) -> bool:
    """Does something in front of the API refuse: a firewall, a proxy, a balancer?

    Known by what it is, whatever media type it claims: no JSON where the API speaks JSON, a page, a
    challenge for a password. `basic`: the entry itself sends Basic.
    """
    if status < 400:
        return False
    scheme = headers.get("www-authenticate", "").strip().lower()
    if "bearer" in scheme:
        return False
    if scheme.startswith(("basic", "digest", "negotiate", "ntlm")) and not basic:
        return True
    if any(name in headers for name in MITIGATED):
        return True
    return bool(body.strip()) and not isinstance(_loaded(body, headers), (dict, list, str))


def is_limited(status: int, headers: Mapping[str, str]) -> bool:
    """Is a 403 a rate limit's? Some providers say so by its headers alone (GitHub's REST API)."""
    if status != 403:
        return False
    return "retry-after" in headers or any(_is_used_up(*each) for each in headers.items())


def _is_used_up(name: str, value: str) -> bool:
    """`X-RateLimit-Remaining: 0` in any of its spellings, also of one window of several, and the
    one header of the IETF's drafts (draft-ietf-httpapi-ratelimit-headers).
    """
    flat = name.replace("-", "").lower()
    if "ratelimit" not in flat:
        return False
    if "remaining" in flat:
        return any(_is_zero(each) for each in value.split(","))
    return flat == "ratelimit" and REMAINS_NONE.search(value) is not None


def _is_zero(number: str) -> bool:
    try:
        return float(number) <= 0
    except ValueError:
        return False


def is_gone(probe: Probe, response: RawResponse) -> bool:
    """Is an account's own address (a portal, a shop's host) closed? Its owner is the one to look.

    At an address that all accounts share the same statuses are the provider's mistake.
    """
    return response.status in (404, 410, 423) and is_per_tenant(probe.url)


def classification_of(probe: Probe, response: RawResponse, content: Any) -> str:
    """The cause that the first fitting rule of the entry names, "ok", or "" where none fits."""
    for rule in probe.classify:
        fits = rule.status in (None, response.status)
        if fits and (not rule.when or found(rule.when, content)):
            return rule.cause
    return ""


def _is_there(value: Any) -> bool:
    """As JMESPath has it: a 0 is something."""
    return value is not None and value is not False and value not in ("", [], {})


def _has_shape(probe: Probe, content: Any) -> bool:
    """Is there any of what the entry reads? `{"status": "maintenance"}` names nobody.

    Any key of the answer's object that the entry's expressions begin with will do, so that an
    account without a name is still one.
    """
    names = {*_roots_of(probe.account), *_roots_of(probe.label)} - {"kept"}
    if not names:
        return True
    return isinstance(content, dict) and any(name in content for name in names)


def with_kept(content: Any, kept: Mapping[str, str]) -> Any:
    """The answer with the values kept of the grant as `kept`: some answers name no account."""
    return {**content, "kept": dict(kept)} if isinstance(content, dict) and kept else content


def label_of(expression: str, content: Any) -> str | None:
    """A name as people may have written it: it goes into pages, subjects and notifications."""
    value = text(expression, content)
    return one_line(value, LONGEST_ACCOUNT_LABEL) or None if value else None


def text(expression: str, content: Any) -> str | None:
    value = found(expression, content)
    if value is None or isinstance(value, (dict, list, bool)) or value == "":
        return None
    # NUL and lone surrogates, which the database cannot hold, must not stop a whole batch.
    clean = str(value).encode("utf-8", "replace").decode().replace("\x00", "")
    return clean[:LONGEST_ACCOUNT_LABEL] or None


def found(expression: str, content: Any) -> Any:
    if not expression:
        return None
    if expression.isascii() and expression.isidentifier():  # most are; JMESPath is slow
        return content.get(expression) if isinstance(content, dict) else None
    try:
        return _compiled(expression).search(content)
    except jmespath.exceptions.JMESPathError:  # a function got a value of the wrong type
        return None


@cache
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def _loaded(body: bytes, headers: Mapping[str, str]) -> Any:
    """JSON in UTF-8, UTF-16 or UTF-32; else in the letters that the media type names."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    if not body.lstrip(BLANK).startswith((b"{", b"[", b'"')):
        return None
    named = CHARSET.search(headers.get("content-type", ""))
    try:
        return json.loads(body.decode(named[1] if named else "utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


@cache
def _roots_of(expression: str) -> frozenset[str]:
    """The keys of the answer's own object that an expression reads."""
    return frozenset(_roots(_compiled(expression).parsed)) if expression else frozenset()


def _roots(node: Mapping[str, Any]) -> Iterator[str]:
    if node["type"] == "field":
        yield node["value"]
    within_first = node["type"] in ("subexpression", "index_expression", "projection", "flatten")
    for child in node["children"][:1] if within_first else node["children"]:
        yield from _roots(child)

"""Reads a provider's answer with the JMESPath expressions of its entry."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jmespath

from app.i18n.plain_text import one_line
from app.outbound.http1 import RawResponse
from app.providers.spec_parts import Probe

LONGEST_ACCOUNT_LABEL = 200  # characters of a label or an account that we keep


def content_of(response: RawResponse) -> Any:
    """The JSON of an answer; None where there is none."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def is_sound(probe: Probe, response: RawResponse, content: Any) -> bool:
    """Is a 2xx answer what this provider answers when all is well?"""
    if response.status == 204 or probe.method == "HEAD":
        return True
    return content is not None and not found(probe.error, content)


def classification_of(probe: Probe, response: RawResponse, content: Any) -> str:
    """The cause that the first fitting rule of the entry names, "ok", or "" where none fits."""
    for rule in probe.classify:
        fits = rule.status in (None, response.status)
        if fits and (not rule.when or found(rule.when, content)):
            return rule.cause
    return ""


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

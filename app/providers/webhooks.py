"""What a provider that delivers tokens posts to us, read by its entry: pure, and nothing is
believed that was not checked.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import jmespath

from app.providers.spec_parts import Push

TOKEN = re.compile(r"[!-~]{8,512}")  # what may stand in a header
CODE = re.compile(r"[!-~ ]{1,100}")


@dataclass(frozen=True)
class Pushed:
    """A token that is the application's, for one account."""

    account: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Proof:
    """Somebody signed in at this account there, and typed a code of ours."""

    account: str
    code: str = field(repr=False)


def read_pushed(push: Push, body: bytes) -> Pushed | None:
    """None: it is not that."""
    content = object_of(body)
    account, token = _account(push, content), text_of(TOKEN, _found(push.token, content))
    return Pushed(account, token) if account and token else None


def read_proof(push: Push, body: bytes) -> Proof | None:
    content = object_of(body)
    account, code = _account(push, content), text_of(CODE, _found(push.code, content))
    return Proof(account, code) if account and code else None


def object_of(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def text_of(pattern: re.Pattern[str], value: object) -> str:
    """The value if it is what the pattern wants, else nothing."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _account(push: Push, content: dict[str, Any]) -> str:
    return text_of(re.compile(push.pattern), _found(push.account, content))


def _found(expression: str, content: dict[str, Any]) -> object:
    try:
        return jmespath.search(expression, content)
    except jmespath.exceptions.JMESPathError:
        return None

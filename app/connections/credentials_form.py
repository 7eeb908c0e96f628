"""The form filled in before connecting: values cleaned and checked; an API key becomes a grant."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

import jmespath

from app.oauth.token_expiry import claims_of, life_of
from app.oauth.token_response import Tokens
from app.providers.provider import Provider
from app.providers.spec_parts import Field

LONGEST_FIELD = 4_000  # characters; a JWT has about a thousand
HOST_PART = re.compile(r"(?:https?://)?([^/?#]*)")
MISSING, UNFIT = "missing", "unfit"
TOKEN_FIELD = "token"  # noqa: S105 - the name of the field that is the grant


@dataclass(frozen=True)
class Credentials:
    """`faults` by field: MISSING, UNFIT, or the text of the provider's entry for such a value."""

    values: Mapping[str, str] = field(repr=False)
    faults: Mapping[str, str]

    def shown_again(self, provider: Provider) -> dict[str, str]:
        """Values that may be shown again in the form: never a secret."""
        plain = [each.name for each in provider.fields if not each.secret]
        return {name: self.values[name] for name in plain}


def read_credentials(provider: Provider, form: Mapping[str, Any]) -> Credentials:
    values = {each.name: _cleaned(each, str(form.get(each.name, ""))) for each in provider.fields}
    faults = {each.name: _fault(each, values[each.name]) for each in provider.fields}
    return Credentials(values, {name: fault for name, fault in faults.items() if fault})


def key_of(provider: Provider, values: Mapping[str, str]) -> Tokens:
    """The API key as a grant; the other fields are kept beside it."""
    kept = {name: value for name, value in values.items() if name != TOKEN_FIELD}
    return Tokens(
        values[TOKEN_FIELD],
        expires_in=life_of(provider.expiry, values[TOKEN_FIELD], {}, time()),
        kept=kept,
        sealed_names=provider.sealed_names & set(kept),
    )


def _cleaned(wanted: Field, text: str) -> str:
    text = text.strip()[: LONGEST_FIELD + 1]
    found = HOST_PART.match(text.lower()) if wanted.host else None
    return found[1] if found else text


def _fault(wanted: Field, value: str) -> str:
    if not value:
        return MISSING
    fits = len(value) <= LONGEST_FIELD and all(" " < each <= "~" for each in value)
    if not fits or (wanted.pattern and not re.fullmatch(wanted.pattern, value)):
        return UNFIT
    for expression, why in wanted.refuse.items():
        if _holds(expression, claims_of(value)):
            return why
    return ""


def _holds(expression: str, claims: dict[str, Any]) -> bool:
    try:
        return bool(jmespath.search(expression, claims))
    except jmespath.exceptions.JMESPathError:
        return False

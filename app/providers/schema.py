"""The keys of `[providers.NAME]` and what reads each of them."""

from collections.abc import Callable, Mapping
from typing import Any

from app.providers import provider, spec_parts
from app.providers.field_parsers import (
    Reader,
    address,
    each,
    expression,
    expressions,
    flag,
    header_name,
    headers,
    hosts,
    icon,
    number,
    one_of,
    pattern,
    pem_file,
    table,
    table_of,
    table_of_texts,
    text,
    texts,
    token_text,
    unfit,
    whole,
    without,
)
from app.providers.provider import GROUPS
from app.providers.quota import PERIODS, Quota
from app.providers.spec_parts import CAUSES, OK, Carrier, Field, Rule

RESERVED = frozenset(  # of the authorization request
    {
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    }
)
OF_TOKENS = frozenset({"client_id", "client_secret", "code", "code_verifier", "grant_type"})
YEAR = 366 * 86_400  # seconds
LOWEST_RATE, HIGHEST_RATE = 1e-9, 10_000.0  # requests a second
LONGEST_INTERVAL = 86_400.0  # seconds


def entry_keys(allow_insecure: bool) -> Mapping[str, Reader]:
    url = address(allow_insecure)
    return {
        "name": text,
        "kind": one_of(provider.OAUTH2, provider.API_KEY, provider.PUSHED_TOKEN),
        "group": one_of(*GROUPS),
        "icon": icon,
        "about": text,
        "needs": text,
        "by_hand": text,
        "english": table(dict.fromkeys(("title", "about", "needs", "by_hand"), text)),
        "docs": text,
        "issuer": text,
        "fields": each(_made(Field, FIELD_KEYS, ("name", "label"))),
        "allowed_hosts": hosts,
        "authorization_endpoint": url,
        "token_endpoint": url,
        "revocation_endpoint": url,
        "scopes": texts,
        "scope_words": table_of_texts,
        "scope_separator": text,
        "send_scope": flag,
        "send_redirect_uri": flag,
        "authorization_params": without(RESERVED),
        "pkce": flag,
        "callback_keep": texts,
        "callback_hmac": flag,
        "token_endpoint_auth_method": one_of(
            spec_parts.BASIC, spec_parts.POST, spec_parts.QUERY, spec_parts.NONE
        ),
        "token_request": one_of(spec_parts.FORM, spec_parts.JSON, spec_parts.GET),
        "token_params": without(OF_TOKENS),
        "token_errors": table_of(one_of(*spec_parts.TOKEN_ERRORS)),
        "token_keep": texts,
        "keep_sealed": texts,
        "expiry": _expiry,
        "refresh": one_of(provider.AHEAD, provider.ON_EXPIRED, provider.NEVER),
        "rotates": flag,
        "ca_file": pem_file,
        "max_concurrency": whole(1, 1000),
        "max_rate": number(
            LOWEST_RATE, HIGHEST_RATE, f"wants a number above 0, at most {HIGHEST_RATE:.0f}"
        ),
        "min_interval": number(
            0, LONGEST_INTERVAL, f"wants seconds, from 0 to {LONGEST_INTERVAL:.0f}"
        ),
        "quota": _quota,
        "probe": table(_probe_keys(url)),
        "revocation": table(_revocation_keys(url)),
        "push": table(PUSH_KEYS),
    }


FIELD_KEYS: Mapping[str, Reader] = {
    "name": text,
    "label": text,
    "hint": text,
    "secret": flag,
    "pattern": pattern,
    "host": flag,
    "refuse": expressions,
}
RULE_KEYS: Mapping[str, Reader] = {
    "status": whole(100, 599),
    "when": expression,
    "cause": one_of(*CAUSES, OK),
}


def _probe_keys(url: Reader) -> Mapping[str, Reader]:
    return {
        "url": url,
        "method": one_of("GET", "POST", "HEAD"),
        "headers": headers,
        "header": header_name,
        "auth": token_text,
        "carriers": each(_carrier),
        "query": table_of_texts,
        "form": table_of_texts,
        "json": table_of_texts,
        "label": expression,
        "account": expression,
        "error": expression,
        "expires": expression,
        "classify": each(_made(Rule, RULE_KEYS, ("cause",))),
    }


def _revocation_keys(url: Reader) -> Mapping[str, Reader]:
    return {
        "url": url,
        "method": one_of("GET", "POST", "DELETE"),
        "auth": one_of(spec_parts.BASIC, spec_parts.NONE),
        "headers": headers,
        "form": table_of_texts,
        "json": table_of_texts,
        "token": one_of(spec_parts.ACCESS_TOKEN, spec_parts.REFRESH_TOKEN),
    }


def _made(kind: Callable[..., Any], keys: Mapping[str, Reader], needed: tuple[str, ...]) -> Reader:
    """A table that becomes one of `kind`."""
    read_table = table(keys)

    def read(value: Any) -> Any:
        values = read_table(value)
        for key in needed:
            if key not in values:
                raise unfit("is needed", f".{key}")
        return kind(**values)

    return read


def _carrier(value: Any) -> Carrier:
    values = table({"header": header_name, "auth": token_text})(value)
    return Carrier(values.get("header", Carrier.header), values.get("auth", Carrier.value))


PUSH_KEYS: Mapping[str, Reader] = {
    "where": text,
    "account": expression,
    "token": expression,
    "code": expression,
    "pattern": pattern,
    "carriers": each(_carrier),
}


def _quota(value: Any) -> Quota:
    if not isinstance(value, dict) or set(value) != {"requests", "period"}:
        raise unfit('wants { requests = N, period = "day" }')
    requests, period = value["requests"], value["period"]
    if not isinstance(requests, int) or isinstance(requests, bool) or requests < 1:
        raise unfit("wants a whole number above 0", ".requests")
    if period not in tuple(PERIODS):
        raise unfit(f"wants one of {', '.join(PERIODS)}", ".period")
    return Quota(requests, period)


def _expiry(value: Any) -> str | int:
    choices = (provider.EXPIRES_IN, provider.EXPIRES_AT, provider.JWT, provider.NO_END)
    if isinstance(value, str) and value in choices:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 10 * YEAR:
        return value
    raise unfit(f"wants {', '.join(choices)}, or a number of seconds")

"""The rules of OAuth and of our own: what does not fit together in an entry, however it was
written, in code or in a file.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.providers.placeholders import is_per_tenant, names_in, names_in_all
from app.providers.provider import API_KEY, OAUTH2, PUSHED_TOKEN, Provider
from app.providers.spec_parts import BASIC, GET, QUERY, Probe, RevocationSpec

NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
TAKEN = frozenset(  # paths that the dashboard uses itself
    [
        "account",
        "admin",
        "alerts",
        "connections",
        "expiries",
        "healthz",
        "help",
        "journal",
        "letters",
        "login",
        "logout",
        "metrics",
        "outages",
        "privacy",
        "providers",
        "readyz",
        "reset",
        "signup",
        "static",
        "theme",
    ]
)
ALWAYS_NEEDED = ("name", "probe.url")


@dataclass(frozen=True)
class KindRules:
    """Which keys a kind of grant needs, and which have no place in it."""

    needs: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()


ENDPOINTS = ("authorization_endpoint", "token_endpoint")
KINDS: Mapping[str, KindRules] = {
    OAUTH2: KindRules(needs=ENDPOINTS),
    API_KEY: KindRules(refuses=(*ENDPOINTS, "push")),
    PUSHED_TOKEN: KindRules(needs=("push",), refuses=(*ENDPOINTS, "fields")),
}
CLIENT = frozenset({"client_id", "client_secret"})  # ours, where the kind has one
AT_START = frozenset({"client_id", "redirect_uri", "unique"})

Fault = tuple[str, str]  # path of the key, and what was expected
Place = tuple[str, set[str], frozenset[str]]  # path of a key, the `{names}` in it, the known ones


def unfit_name(name: str) -> list[Fault]:
    if NAME.fullmatch(name) and name not in TAKEN:
        return []
    return [("", "wants a name of a–z and 0–9 that is not a path of the dashboard")]


def missing_in(entry: Mapping[str, Any]) -> list[Fault]:
    """What a new entry lacks, so that it is told together with what is malformed."""

    def given(path: str) -> bool:
        table, _, key = path.rpartition(".")
        holder = entry.get(table, {}) if table else entry
        return not isinstance(holder, Mapping) or bool(holder.get(key))

    needed = [*ALWAYS_NEEDED, *(["push.where"] if "push" in entry else [])]
    faults = [(path, "is needed") for path in needed if not given(path)]
    kind = entry.get("kind", OAUTH2)
    return [*faults, *_needs_of_kind(kind if isinstance(kind, str) else "", given)]


def inconsistencies(provider: Provider) -> list[Fault]:
    return [
        *_needs_of_kind(provider.kind, lambda key: bool(getattr(provider, key))),
        *_refused_by_kind(provider),
        *_fields(provider),
        *_unknown_names(provider),
        *_tenants(provider),
        *_travel(provider.probe),
        *_requests(provider),
    ]


def _needs_of_kind(kind: str, given: Callable[[str], bool]) -> Iterator[Fault]:
    for key in KINDS[kind].needs if kind in KINDS else ():
        if not given(key):
            yield key, f"is needed for a provider of kind {kind}"


def _refused_by_kind(provider: Provider) -> Iterator[Fault]:
    for key in KINDS[provider.kind].refuses:
        if getattr(provider, key):
            yield key, f"is not for a provider of kind {provider.kind}"
    if provider.push and provider.push.token_placements and not provider.probe.token_placements:
        yield "push.carriers", "want a probe with carriers"


def _fields(provider: Provider) -> Iterator[Fault]:
    """A key is the one field named `token`; a secret elsewhere would be kept for nothing."""
    secrets = [each for each in provider.fields if each.secret or each.name == "token"]
    tokens = [each for each in secrets if each.name == "token"]
    if provider.kind != API_KEY and secrets:
        yield "fields", "want the kind api_key where one is a secret or named token"
    if provider.kind == API_KEY and [each.secret for each in tokens] != [True]:
        yield "fields", 'wants one named "token" with secret = true'


def _unknown_names(provider: Provider) -> Iterator[Fault]:
    places = [*_places(provider), *_revocation_places(provider)]
    for key, named, known in places:
        for name in sorted(named - known):
            yield key, f"names {{{name}}}, which is neither kept nor typed in"
    for name in sorted(set(provider.keep_sealed) - _kept(provider)):
        yield "keep_sealed", f"names {name}, which is not kept"


def _places(provider: Provider) -> Iterator[Place]:
    """The way to the provider, to its tokens, and the probe."""
    typed, kept, client = _typed(provider), _kept(provider), _client(provider)
    probe, at_start = provider.probe, typed | AT_START
    yield "authorization_endpoint", names_in(provider.authorization_endpoint), typed
    yield "authorization_params", names_in_all(provider.authorization_params), at_start
    yield "token_endpoint", names_in(provider.token_endpoint), kept
    yield "token_params", names_in_all(provider.token_params), kept | client
    yield "revocation_endpoint", names_in(provider.revocation_endpoint), kept
    yield "probe.url", names_in(probe.url), kept
    yield "probe", _names_in_request(probe), kept | {"token"} | (client - {"client_secret"})


def _revocation_places(provider: Provider) -> Iterator[Place]:
    if revocation := provider.revocation:
        # The outbox keeps no secret but the token.
        kept = _kept(provider) - provider.sealed_names
        yield "revocation.url", names_in(revocation.url), kept | {"client_id"}
        yield "revocation", _names_in_request(revocation), kept | _client(provider) | {"token"}


def _typed(provider: Provider) -> frozenset[str]:
    return frozenset(each.name for each in provider.fields) - {"token"}


def _kept(provider: Provider) -> frozenset[str]:
    """What is stored with a grant under a name."""
    return _typed(provider) | {*provider.callback_keep, *provider.token_keep}


def _client(provider: Provider) -> frozenset[str]:
    return CLIENT if provider.kind == OAUTH2 else frozenset()


def _names_in_request(part: Probe | RevocationSpec) -> set[str]:
    query = part.query if isinstance(part, Probe) else None
    return names_in_all(part.headers, query, part.form, part.json)


def _tenants(provider: Provider) -> Iterator[Fault]:
    addresses = [provider.authorization_endpoint, provider.token_endpoint, provider.probe.url]
    if provider.revocation:
        addresses.append(provider.revocation.url)
    if any(map(is_per_tenant, addresses)) and not provider.allowed_hosts:
        yield "allowed_hosts", "is needed, since an address has a name in its host"


def _travel(probe: Probe) -> Iterator[Fault]:
    elsewhere = "token" in _names_in_request(probe)
    body = probe.form is not None or probe.json is not None
    if elsewhere == bool(probe.token_placements):
        yield "probe", "wants {token} in one place: auth, headers, query, form or json"
    if probe.form is not None and probe.json is not None:
        yield "probe.json", "is not possible together with form"
    if body and probe.method != "POST":
        yield "probe.method", "wants POST where there is a body"
    if probe.expect and probe.method == "HEAD":
        yield "probe.expect", "is not possible with HEAD"


def _requests(provider: Provider) -> Iterator[Fault]:
    method = provider.token_endpoint_auth_method
    if provider.kind == OAUTH2 and provider.token_request == GET and method not in (BASIC, QUERY):
        yield "token_endpoint_auth_method", f"wants {BASIC} or {QUERY} where token_request is get"
    for rule in provider.probe.classify:
        if rule.status is None and not rule.when:
            yield "probe.classify", "wants a status, or an expression in when, or both"

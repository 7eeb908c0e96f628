"""What does not fit together in an entry, however it was written: in code or in a file."""

from collections.abc import Iterator

from app.providers.placeholders import is_per_tenant, names_in, names_in_all
from app.providers.provider import API_KEY, OAUTH2, PUSHED_TOKEN, Provider
from app.providers.spec_parts import BASIC, GET, QUERY, Probe

OF_OAUTH2 = ("authorization_endpoint", "token_endpoint")
OURS = frozenset({"client_id", "client_secret"})
AT_START = frozenset({"client_id", "redirect_uri", "unique"})

Fault = tuple[str, str]  # key and what was expected


def inconsistencies(provider: Provider) -> list[Fault]:
    return [
        *_kind(provider),
        *_unknown_names(provider),
        *_tenants(provider),
        *_travel(provider.probe),
        *_requests(provider),
    ]


def _kind(provider: Provider) -> Iterator[Fault]:
    for key in OF_OAUTH2:
        given = bool(getattr(provider, key))
        if provider.kind == OAUTH2 and not given:
            yield key, "is needed"
        if provider.kind != OAUTH2 and given:
            yield key, f"is not for a provider of kind {provider.kind}"
    if provider.kind == PUSHED_TOKEN and provider.push is None:
        yield "push", "is needed for a provider of kind pushed_token"
    if provider.kind == PUSHED_TOKEN and provider.fields:
        yield "fields", "are not for a provider of kind pushed_token"
    if provider.kind == API_KEY and provider.push is not None:
        yield "push", "is not for a provider of kind api_key"
    if provider.push and provider.push.carriers and not provider.probe.carriers:
        yield "push.carriers", "want a probe with carriers"
    token = [each for each in provider.fields if each.name == "token"]
    if provider.kind == API_KEY and not (len(token) == 1 and token[0].secret):
        yield "fields", 'wants one named "token" with secret = true'
    if provider.kind != API_KEY and (token or any(each.secret for each in provider.fields)):
        yield "fields", "want the kind api_key where one is a secret or named token"


def _unknown_names(provider: Provider) -> Iterator[Fault]:
    fields = {each.name for each in provider.fields} - {"token"}
    kept = fields | {*provider.callback_keep, *provider.token_keep}
    probe, revocation = provider.probe, provider.revocation
    ours = OURS if provider.kind == OAUTH2 else frozenset[str]()
    known: list[tuple[str, set[str], set[str]]] = [
        ("authorization_endpoint", names_in(provider.authorization_endpoint), fields),
        (
            "authorization_params",
            names_in_all(provider.authorization_params),
            fields | AT_START,
        ),
        ("token_endpoint", names_in(provider.token_endpoint), kept),
        ("token_params", names_in_all(provider.token_params), kept | ours),
        ("revocation_endpoint", names_in(provider.revocation_endpoint), kept),
        ("probe.url", names_in(probe.url), kept),
        (
            "probe",
            names_in_all(probe.headers, probe.query, probe.form, probe.json),
            kept | {"token"} | (ours - {"client_secret"}),
        ),
    ]
    if revocation:
        kept = kept - provider.sealed_names  # the outbox keeps no secret but the token
        known += [
            ("revocation.url", names_in(revocation.url), kept | {"client_id"}),
            (
                "revocation",
                names_in_all(revocation.headers, revocation.form, revocation.json),
                kept | ours | {"token"},
            ),
        ]
    for key, named, allowed in known:
        for name in sorted(named - allowed):
            yield key, f"names {{{name}}}, which is neither kept nor typed in"
    for name in sorted(set(provider.keep_sealed) - kept):
        yield "keep_sealed", f"names {name}, which is not kept"


def _tenants(provider: Provider) -> Iterator[Fault]:
    addresses = [provider.authorization_endpoint, provider.token_endpoint, provider.probe.url]
    if provider.revocation:
        addresses.append(provider.revocation.url)
    if any(map(is_per_tenant, addresses)) and not provider.allowed_hosts:
        yield "allowed_hosts", "is needed, since an address has a name in its host"


def _travel(probe: Probe) -> Iterator[Fault]:
    elsewhere = "token" in names_in_all(probe.headers, probe.query, probe.form, probe.json)
    if elsewhere == bool(probe.carriers):
        yield "probe", "wants {token} in one place: auth, headers, query, form or json"
    if probe.form is not None and probe.json is not None:
        yield "probe.json", "is not possible together with form"
    if (probe.form is not None or probe.json is not None) and probe.method != "POST":
        yield "probe.method", "wants POST where there is a body"


def _requests(provider: Provider) -> Iterator[Fault]:
    method = provider.token_endpoint_auth_method
    if provider.kind == OAUTH2 and provider.token_request == GET and method not in (BASIC, QUERY):
        yield "token_endpoint_auth_method", f"wants {BASIC} or {QUERY} where token_request is get"
    for rule in provider.probe.classify:
        if rule.status is None and not rule.when:
            yield "probe.classify", "wants a status, or an expression in when, or both"

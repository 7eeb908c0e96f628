"""The providers file: TOML entries, laid over the built-in ones key by key."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.config import WEBHOOK_SECRET, Client
from app.errors import ConfigurationError
from app.providers.field_parsers import Unfit, table
from app.providers.placeholders import names_in_all
from app.providers.provider import API_KEY, OAUTH2, PUSHED_TOKEN, Provider
from app.providers.schema import entry_keys
from app.providers.spec_parts import NONE, Carrier, Probe, Push, RevocationSpec
from app.providers.validation import inconsistencies

NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
TAKEN = frozenset(  # paths that the dashboard uses itself
    [
        "account",
        "admin",
        "alerts",
        "connections",
        "healthz",
        "journal",
        "login",
        "logout",
        "metrics",
        "outages",
        "providers",
        "readyz",
        "reset",
        "signup",
        "static",
        "theme",
    ]
)

NO_SECRETS: Mapping[str, str] = {}


def load_catalogue(
    built_in: Iterable[Provider],
    file: Path | None,
    clients: Mapping[str, Client],
    allow_insecure: bool,
    webhook_secrets: Mapping[str, str] = NO_SECRETS,
) -> Mapping[str, Provider]:
    """All known providers by name, each with our client at it if we have one.

    Raises ConfigurationError with entry, key and what was expected for every fault.
    """
    catalogue = {provider.name: provider for provider in built_in}
    faults: list[str] = []
    for name, entry in (_read(file) if file else {}).items():
        try:
            catalogue[name] = _provider(name, entry, catalogue.get(name), allow_insecure)
        except Unfit as unfit:
            faults += [f"providers.{name}{below} {expected}" for below, expected in unfit.faults]
    if faults:
        raise ConfigurationError(list(dict.fromkeys(faults)))
    return MappingProxyType(
        {
            name: replace(
                each,
                client=_client(each, clients),
                webhook_secret=webhook_secrets.get(name, ""),
            )
            for name, each in catalogue.items()
        }
    )


def missing_variables(provider: Provider) -> list[str]:
    """What has to be set for a provider to be offered."""
    if provider.kind == PUSHED_TOKEN:
        return [f"{provider.name.upper()}{WEBHOOK_SECRET}"]
    if provider.kind == API_KEY:
        return []
    variable = f"{provider.name.upper()}_CLIENT_"
    secret = [] if provider.token_endpoint_auth_method == NONE else [f"{variable}SECRET"]
    return [f"{variable}ID", *secret]


def _client(provider: Provider, clients: Mapping[str, Client]) -> Client | None:
    """Ours at this provider; an id without the secret that it wants is none."""
    client = clients.get(provider.name)
    wants_secret = provider.token_endpoint_auth_method != NONE
    return None if client and wants_secret and not client.secret else client


def _read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"PROVIDERS_FILE {file}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"PROVIDERS_FILE {file}: {error}"]) from error
    entries = content.get("providers", {})
    if set(content) - {"providers"} or not isinstance(entries, dict):
        raise ConfigurationError(
            [f"PROVIDERS_FILE {file}: wants tables named [providers.NAME] and nothing else"]
        )
    return entries


def _provider(name: str, entry: Any, base: Provider | None, allow_insecure: bool) -> Provider:
    """The provider that this entry makes, laid over the built-in one of that name."""
    faults = list(_needed(name, entry, base))
    values: dict[str, Any] = {}
    try:
        values = table(entry_keys(allow_insecure), "provider")(entry)
    except Unfit as unfit:
        faults += unfit.faults
    if faults:
        raise Unfit(*faults)
    provider = _laid_over(base or Provider(name, ""), values)
    if faults := [(f".{key}", expected) for key, expected in inconsistencies(provider)]:
        raise Unfit(*faults)
    return provider


def _needed(name: str, entry: Any, base: Provider | None) -> Iterator[tuple[str, str]]:
    if not NAME.fullmatch(name) or name in TAKEN:
        yield "", "wants a name of a–z and 0–9 that is not a path of the dashboard"
    if base is not None or not isinstance(entry, dict):
        return
    oauth2 = entry.get("kind", OAUTH2) == OAUTH2
    for key in ("name", *(("authorization_endpoint", "token_endpoint") if oauth2 else ())):
        if not entry.get(key):
            yield f".{key}", "is needed"
    probe = entry.get("probe", {})
    if isinstance(probe, dict) and not probe.get("url"):
        yield ".probe.url", "is needed"
    push = entry.get("push")
    if entry.get("kind") == PUSHED_TOKEN and push is None:
        yield ".push", "is needed for a provider of kind pushed_token"
    if isinstance(push, dict) and not push.get("where"):
        yield ".push.where", "is needed"


def _laid_over(base: Provider, values: dict[str, Any]) -> Provider:
    values = dict(values)
    if "name" in values:
        values["title"] = values.pop("name")
    values["probe"] = _probe(base.probe, values.get("probe", {}))
    if revocation := values.get("revocation"):
        values["revocation"] = replace(base.revocation or RevocationSpec(""), **revocation)
    if english := values.get("english"):
        values["english"] = replace(base.english, **english)
    if push := values.get("push"):
        values["push"] = replace(base.push or Push(""), **push)
    return replace(base, **values)


def _probe(base: Probe, values: dict[str, Any]) -> Probe:
    values = dict(values)
    header, value = values.pop("header", None), values.pop("auth", None)
    if header or value:
        values["carriers"] = (Carrier(header or Carrier.header, value or Carrier.value),)
    elif "token" in names_in_all(
        *(values.get(key) for key in ("headers", "query", "form", "json"))
    ):
        values["carriers"] = ()  # it travels there
    return replace(base, **values)

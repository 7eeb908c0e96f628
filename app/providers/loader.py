"""The providers file: TOML entries, laid over the built-in ones key by key."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.config import CLIENT_ID, CLIENT_SECRET, WEBHOOK_SECRET, Client
from app.errors import ConfigurationError
from app.providers.provider import API_KEY, PUSHED_TOKEN, Catalogue, Provider
from app.providers.spec_parts import NONE

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
    if file:
        catalogue |= _from_file(file, catalogue, allow_insecure)
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
    ends = (
        (CLIENT_ID,) if provider.token_endpoint_auth_method == NONE else (CLIENT_ID, CLIENT_SECRET)
    )
    return [f"{provider.name.upper()}{end}" for end in ends]


def _client(provider: Provider, clients: Mapping[str, Client]) -> Client | None:
    """Ours at this provider; an id without the secret that it wants is none."""
    client = clients.get(provider.name)
    wants_secret = provider.token_endpoint_auth_method != NONE
    return None if client and wants_secret and not client.secret else client


def _from_file(file: Path, built_in: Catalogue, allow_insecure: bool) -> dict[str, Provider]:
    # Only here, so that a process without such a file never loads pydantic.
    from app.providers.entries import provider_of

    providers: dict[str, Provider] = {}
    faults: list[str] = []
    for name, entry in _read(file).items():
        made = provider_of(name, entry, built_in.get(name), allow_insecure)
        if isinstance(made, Provider):
            providers[name] = made
        else:
            faults += [_sentence(name, *fault) for fault in made]
    if faults:
        raise ConfigurationError(list(dict.fromkeys(faults)))
    return providers


def _sentence(name: str, path: str, expected: str) -> str:
    return f"providers.{name}{path and '.'}{path} {expected}"


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

"""`app providers`: which of them are configured, and the JSON Schema of their file."""

import argparse
import json
from collections.abc import Mapping

from app.config import read_settings
from app.providers.loader import missing_variables
from app.providers.provider import API_KEY, Provider
from app.providers.registry import BUILT_IN, catalogue_of


def providers(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if arguments.action == "schema":
        print(_schema())
        return 0
    for provider in catalogue_of(read_settings(environ, ())).values():
        title = provider.english.title or provider.title
        print(f"{provider.name:<16} {title:<24} {_state(provider, environ)}")
    return 0


def _schema() -> str:
    # Only here, so that no other command loads pydantic for it.
    from app.providers.json_schema import providers_schema

    schema = providers_schema(each.name for each in BUILT_IN)
    return json.dumps(schema, indent=2, ensure_ascii=False)


def _state(provider: Provider, environ: Mapping[str, str]) -> str:
    if provider.kind == API_KEY:
        return "needs nothing set: people bring a key"
    lacks = [name for name in missing_variables(provider) if not environ.get(name)]
    if not provider.configured:
        return f"not configured: {_are_not_set(lacks)}"
    return "configured" if not lacks else f"takes delivered tokens; for OAuth {_are_not_set(lacks)}"


def _are_not_set(names: list[str]) -> str:
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set"

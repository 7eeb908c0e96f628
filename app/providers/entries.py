"""What one entry of a providers file makes: checked by the schema, laid over the built-in provider
of that name, and checked for what does not fit together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from app.providers import schema, schema_parts
from app.providers.field_types import ALLOW_INSECURE
from app.providers.placeholders import names_in_all
from app.providers.provider import Provider
from app.providers.quota import Quota
from app.providers.spec_parts import Field, Probe, Push, RevocationSpec, Rule, TokenPlacement
from app.providers.validation import Fault, inconsistencies, missing_in, unfit_name

TABLES: Mapping[str, type] = {  # by the key that they stand under
    "carriers": schema_parts.TokenPlacementKeys,
    "classify": schema_parts.RuleKeys,
    "english": schema_parts.TextsKeys,
    "fields": schema_parts.FieldKeys,
    "probe": schema_parts.ProbeKeys,
    "push": schema_parts.PushKeys,
    "quota": schema_parts.QuotaKeys,
    "revocation": schema_parts.RevocationKeys,
}
EXPECTED = {  # by the type of pydantic's error
    "bool_type": "wants true or false",
    "literal_error": "wants {expected}",
    "missing": "is needed",
    "string_type": "wants a text",
    "value_error": "{error}",  # ours, of `field_types`
}

_entry: TypeAdapter[schema.ProviderKeys] = TypeAdapter(schema.ProviderKeys)


def provider_of(
    name: str, entry: object, base: Provider | None, allow_insecure: bool
) -> Provider | list[Fault]:
    """The provider of that name, or everything that is wrong with its entry."""
    faults = unfit_name(name)
    if base is None and isinstance(entry, dict):
        faults += missing_in(entry)
    try:
        keys = _entry.validate_python(entry, context={ALLOW_INSECURE: allow_insecure})
    except ValidationError as error:
        return faults + [_fault(each) for each in error.errors(include_url=False)]
    if faults:
        return faults
    provider = _laid_over(base or Provider(name, ""), keys)
    return inconsistencies(provider) or provider


def _fault(error: ErrorDetails) -> Fault:
    place = [each for each in error["loc"] if each != "[key]"]
    path = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in place)
    names = [each for each in place if isinstance(each, str)]
    match error["type"]:
        case "extra_forbidden":
            table = names[-2:-1]
            expected = f"is none of {_keys(*table)}" if table else "is not a key of a provider"
        case "dict_type":
            expected = "wants a table" + (f" of {_keys(names[-1])}" if names else "")
        case other:
            template = EXPECTED.get(other, error["msg"])
            expected = template.format(**error.get("ctx", {})).replace("'", "")
    return path.removeprefix("."), expected


def _keys(name: str) -> str:
    return ", ".join(TABLES[name].__annotations__) if name in TABLES else "texts"


def _laid_over(base: Provider, keys: schema.ProviderKeys) -> Provider:
    changes: dict[str, Any] = dict(keys)
    if "name" in keys:
        changes["title"] = changes.pop("name")
    if "fields" in keys:
        changes["fields"] = tuple(Field(**each) for each in keys["fields"])
    if "quota" in keys:
        changes["quota"] = Quota(**keys["quota"])
    changes["english"] = replace(base.english, **keys.get("english", {}))
    changes["probe"] = _probe(base.probe, keys.get("probe", {}))
    changes["revocation"] = _revocation(base.revocation, keys.get("revocation", {}))
    if "push" in keys:
        changes["push"] = _push(base.push or Push(""), keys["push"])
    return replace(base, **changes)


def _probe(base: Probe, keys: schema_parts.ProbeKeys) -> Probe:
    changes: dict[str, Any] = dict(keys)
    carriers = changes.pop("carriers", None)
    own = {key: changes.pop(key) for key in ["header", "auth"] if key in keys}
    elsewhere = [keys.get("headers"), keys.get("query"), keys.get("form"), keys.get("json")]
    if own:
        changes["token_placements"] = _token_placements([own])
    elif "token" in names_in_all(*elsewhere):
        changes["token_placements"] = ()
    elif carriers is not None:
        changes["token_placements"] = _token_placements(carriers)
    if "classify" in keys:
        changes["classify"] = tuple(Rule(**each) for each in keys["classify"])
    return replace(base, **changes)


def _revocation(
    base: RevocationSpec | None, keys: schema_parts.RevocationKeys
) -> RevocationSpec | None:
    return replace(base or RevocationSpec(""), **keys) if keys else base


def _push(base: Push, keys: schema_parts.PushKeys) -> Push:
    changes: dict[str, Any] = dict(keys)
    if "carriers" in keys:
        changes["token_placements"] = _token_placements(changes.pop("carriers"))
    return replace(base, **changes)


def _token_placements(carriers: Iterable[dict[str, str]]) -> tuple[TokenPlacement, ...]:
    return tuple(TokenPlacement(**each) for each in carriers)

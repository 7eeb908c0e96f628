"""The providers file as a JSON Schema (2020-12), for editors that check TOML while one types."""

import ast
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from app.providers.provider import OAUTH2, Provider
from app.providers.schema import ProviderKeys
from app.providers.spec_parts import Field, Probe, Push, RevocationSpec, TokenPlacement
from app.providers.validation import KINDS, NAME, TAKEN

DEFAULTS: Mapping[str, type] = {  # where a table's defaults stand
    "FieldKeys": Field,
    "ProbeKeys": Probe,
    "ProviderKeys": Provider,
    "PushKeys": Push,
    "RevocationKeys": RevocationSpec,
    "TokenPlacementKeys": TokenPlacement,
}


def providers_schema(built_in: Iterable[str]) -> dict[str, Any]:
    """An entry named like one of `built_in` is laid over it, and needs nothing of its own."""
    entry = TypeAdapter(ProviderKeys).json_schema(
        ref_template="#/$defs/{model}", schema_generator=_Generator
    )
    tables = entry.pop("$defs")
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "PROVIDERS_FILE of Связка",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "providers": {
                "type": "object",
                "propertyNames": {"pattern": f"^{NAME.pattern}$", "not": {"enum": sorted(TAKEN)}},
                "properties": {name: {"$ref": "#/$defs/ProviderKeys"} for name in built_in},
                "additionalProperties": {"$ref": "#/$defs/NewProvider"},
            }
        },
        "$defs": tables | {"ProviderKeys": entry, "NewProvider": _new_provider()},
    }


def _new_provider() -> dict[str, Any]:
    """What an entry needs that is not laid over a built-in one; the rest is the dashboard's to say
    when it starts.
    """
    return {
        "required": ["name", "probe"],
        "properties": {"probe": {"required": ["url"]}, "push": {"required": ["where"]}},
        # Not beside the rest: before the draft of 2019, which some editors know, a reference hides
        # what stands beside it.
        "allOf": [{"$ref": "#/$defs/ProviderKeys"}, *map(_of_kind, KINDS)],
    }


def _of_kind(kind: str) -> dict[str, Any]:
    rules = KINDS[kind]
    condition: dict[str, Any] = {"properties": {"kind": {"const": kind}}}
    if kind != OAUTH2:  # the default, which holds without the key
        condition["required"] = ["kind"]
    refused = dict.fromkeys(rules.refuses, False)
    return {"if": condition, "then": {"required": list(rules.needs), "properties": refused}}


class _Generator(GenerateJsonSchema):
    """With the text below each key as its description, and its default."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        table = super().typed_dict_schema(schema)
        for key, text in _texts(schema["cls"]).items():
            table["properties"][key]["description"] = text
        for key, default in _defaults(schema["cls"]).items():
            if key in table["properties"]:
                table["properties"][key]["default"] = default
        return table


def _texts(table: type) -> dict[str, str]:
    """What stands below each key. Pydantic can look for it too, but would at every start."""
    (definition,) = ast.parse(inspect.getsource(table)).body
    return {
        key.target.id: str(text.value.value)
        for key, text in pairwise(getattr(definition, "body", []))
        if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }


def _defaults(table: type) -> dict[str, Any]:
    """Of the keys that are a word, a number or a flag."""
    part = DEFAULTS.get(table.__name__)
    given = {each.name: each.default for each in fields(part)} if part else {}
    return {
        key: value
        for key, value in given.items()
        if isinstance(value, str | int | float) and value != ""
    }

"""Texts with `{name}` in them, and what stands there: what we keep of a grant, our client."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Raises KeyError for a name without a value."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], template)


def fill_all(templates: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: fill(template, values) for name, template in templates.items()}


def fill_address(template: str, values: Mapping[str, str]) -> str:
    """A value cannot grow beyond its place, except one that is the address's whole beginning.

    Where the result leads is for the allow-list of hosts to say, before every request.
    """
    begins = PLACEHOLDER.match(template)
    head = values[begins[1]] if begins else ""
    rest = template[begins.end() :] if begins else template
    return head + fill(rest, {name: quote(value, safe="") for name, value in values.items()})


def names_in(*templates: str) -> set[str]:
    return {name for template in templates for name in PLACEHOLDER.findall(template)}


def is_per_tenant(address: str) -> bool:
    """Does what a person or a provider says decide which host this leads to?"""
    origin = "/".join(address.split("/", 3)[:3])
    return bool(PLACEHOLDER.search(origin))


def names_in_all(*tables: Mapping[str, str] | None) -> set[str]:
    return names_in(*_values(table for table in tables if table))


def _values(tables: Iterable[Mapping[str, str]]) -> Iterable[str]:
    for table in tables:
        yield from table.values()

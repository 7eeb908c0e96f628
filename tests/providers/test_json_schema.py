"""The JSON Schema of a providers file: editors take what the loader takes, and say most of what it
says.
"""

import json
import re
import tomllib
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.cli import demo
from app.cli.providers import providers
from app.config import ROOT
from app.providers.entries import TABLES
from app.providers.json_schema import providers_schema
from app.providers.provider import Provider
from app.providers.registry import BUILT_IN
from app.providers.schema import ProviderKeys
from tests.providers.test_builtin import as_toml
from tests.providers.test_loader import BAD, CONTRACT, SMALLEST, changed, faults, load

SCHEMA = providers_schema(each.name for each in BUILT_IN)
DOCS = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL)
# What an editor cannot know: names and ports in an address, JMESPath, files. JSON has no NaN.
ONLY_AT_THE_START = {
    ("max_rate", "nan"),
    ("token_endpoint", '"https://"'),
    ("token_endpoint", '"https://user:pass@acme.example"'),
    ("token_endpoint", '"https://acme.example:99999/"'),
    ("token_endpoint", '"https://[::1/"'),
    ("ca_file", '"/no/such/file.pem"'),
    ("probe.label", '"name["'),
    ("probe.expect", '"result["'),
    ("token_path", '"authed_user["'),
    ("fields", '[{ name = "x", label = "y", refuse = { "a[" = "z" } }]'),
}

every = pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.name)


def complaints(content: str) -> list[str]:
    validator = Draft202012Validator(SCHEMA)
    return [f"{each.json_path} {each.message}" for each in validator.iter_errors(read(content))]


def read(content: str) -> dict[str, Any]:
    return tomllib.loads(content)


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@every
def test_every_built_in_entry_is_taken_under_its_own_name_and_as_a_new_one(entry: Provider) -> None:
    content = as_toml(entry)
    assert complaints(content) == []
    assert complaints(content.replace(f"{entry.name} =", "acme =", 1)) == []


@pytest.mark.parametrize("content", [CONTRACT, SMALLEST, *EXAMPLES])
def test_every_example_is_taken(tmp_path: Path, content: str) -> None:
    assert complaints(content) == []
    assert load(tmp_path, content.replace('ca_file = "CA_FILE"\n', ""))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


def test_the_demos_file_is_taken(tmp_path: Path) -> None:
    file = demo.providers_file(tmp_path / "demo.toml", "http://localhost:8001")
    assert complaints(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", ["evotor", "moysklad"])
def test_what_is_laid_over_a_built_in_entry_needs_nothing(name: str) -> None:
    assert complaints(f"[providers.{name}]\nmax_rate = 5") == []


@pytest.mark.parametrize(("key", "value", "expected"), BAD)
def test_an_editor_sees_nearly_every_fault(key: str, value: str, expected: str) -> None:
    told = complaints(changed(key, value))
    assert bool(told) == ((key, value) not in ONLY_AT_THE_START), expected


@pytest.mark.parametrize(
    "content",
    [
        "[provider.acme]",
        "providers = 5",
        "[providers]\nacme = 5",
        "[providers.acme]",
        '[providers.acme]\nname = "Acme"\nprobe = { url = "https://acme.example/me" }',
        SMALLEST.replace('url = "https://acme.example/me"', ""),
        SMALLEST.replace("acme]", "login]"),
        SMALLEST.replace("acme]", "Acme]"),
        SMALLEST.replace('name = "Acme"', 'name = "Acme"\nkind = "api_key"'),
        SMALLEST.replace('name = "Acme"', 'name = "Acme"\nkind = "pushed_token"'),
        SMALLEST.replace('name = "Acme"', 'name = "Acme"\npush = {}'),
    ],
)
def test_an_editor_sees_what_is_missing_and_what_has_no_place(tmp_path: Path, content: str) -> None:
    assert complaints(content)
    assert faults(tmp_path, content)


@pytest.mark.parametrize(
    ("table", "key", "default"),
    [
        ("ProviderKeys", "pkce", True),
        ("ProviderKeys", "max_rate", 100.0),
        ("ProviderKeys", "token_endpoint_auth_method", "client_secret_basic"),
        ("ProbeKeys", "method", "GET"),
        ("PushKeys", "account", "userId"),
        ("TokenPlacementKeys", "auth", "Bearer {token}"),
    ],
)
def test_an_editor_shows_the_default_of_a_key(table: str, key: str, default: object) -> None:
    assert SCHEMA["$defs"][table]["properties"][key]["default"] == default


@pytest.mark.parametrize("table", [ProviderKeys, *TABLES.values()])
def test_an_editor_shows_what_a_key_is_for(table: type) -> None:
    shown = SCHEMA["$defs"][table.__name__]
    assert shown["description"]
    for key, value in shown["properties"].items():
        target = value.get("$ref", "").removeprefix("#/$defs/")
        assert value.get("description") or SCHEMA["$defs"][target]["description"], key


def test_every_key_is_in_the_documentation() -> None:
    text = re.sub(r"```.*?```", "", DOCS, flags=re.DOTALL)
    words = {word for code in re.findall(r"`[^`]+`", text) for word in re.findall(r"\w+", code)}
    for table in (ProviderKeys, *TABLES.values()):
        assert table.__annotations__.keys() - words == set(), table.__name__


def test_the_command_prints_it_without_any_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert providers(Namespace(action="schema"), {"PORT": "nonsense"}) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA

"""Every file that a machine reads can be read, and says only what is so."""

import configparser
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from app.config import Settings
from app.providers.provider import OAUTH2
from app.providers.registry import catalogue_of
from app.version import VERSION
from tests.__main__ import CHECKS
from tests.code.committed import ROOT, committed

# Read by people, by Python, by a browser, or by what tests/deploy asks: tests of their own.
OTHER_KINDS = {".py", ".md", ".html", ".css", ".js", ".png", ".txt", ".mako", ".gitignore"} | {
    ".ico",
    ".conf",
    ".service",
    ".target",
}
OTHER_FILES = {".ci/run", ".git-blame-ignore-revs", "Dockerfile", ".dockerignore"}
PROCESS = re.compile(r"[a-z]+: \S.*")


def processes(text: str) -> None:
    assert all(PROCESS.fullmatch(line) for line in text.splitlines())


def python_version(text: str) -> None:
    assert re.fullmatch(r"3\.\d+\n", text)


READERS: dict[str, Callable[[str], object]] = {  # by suffix, or by name where there is none
    ".json": json.loads,
    ".webmanifest": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".ini": lambda text: configparser.RawConfigParser().read_string(text),
    ".svg": ElementTree.fromstring,
    "Procfile": processes,
    ".python-version": python_version,
}


def kind(file: Path) -> str:
    return file.suffix or file.name


def test_every_file_that_a_machine_reads_can_be_read() -> None:
    for file in committed():
        if read := READERS.get(kind(file)):
            try:
                read(file.read_text(encoding="utf-8"))
            except (ValueError, SyntaxError, yaml.YAMLError, configparser.Error) as fault:
                pytest.fail(f"{file.relative_to(ROOT)}: {fault}")


def test_of_every_kind_of_file_it_is_known_who_reads_it() -> None:
    known = {*READERS, *OTHER_KINDS, "LICENSE"}
    unknown = [name for name in map(_name, committed()) if kind(Path(name)) not in known]
    assert set(unknown) <= OTHER_FILES


def test_a_commit_is_checked_by_what_the_tests_begin_with() -> None:
    read = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in read["repos"]] == ["local"]  # nothing is fetched
    hooks = [hook for repo in read["repos"] for hook in repo["hooks"]]
    assert [(hook["id"], hook["entry"]) for hook in hooks] == [
        (name, f".venv/bin/python -m {command}") for name, command in CHECKS
    ]
    # Each looks at the whole project, as there.
    assert {(hook["language"], hook["pass_filenames"]) for hook in hooks} == {("system", False)}


@pytest.fixture(scope="module")
def app_json() -> dict[str, dict[str, dict[str, object]]]:
    read: dict[str, dict[str, dict[str, object]]] = json.loads((ROOT / "app.json").read_text())
    return read


def test_the_manifest_starts_the_processes_of_the_procfile(app_json: dict[str, object]) -> None:
    named = {line.split(":")[0] for line in (ROOT / "Procfile").read_text().splitlines()}
    formation = app_json["formation"]
    assert isinstance(formation, dict)
    assert formation.keys() == named - {"release"}


def test_the_variables_of_the_manifest_are_read_by_the_settings(
    app_json: dict[str, dict[str, object]],
) -> None:
    assert app_json["env"].keys() - variables() == set()


def test_the_settings_in_the_readme_are_the_settings_that_are_read() -> None:
    table = (ROOT / "README.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)}
    assert told == own_variables() - {"SECRET_KEY_FALLBACKS"}  # stands in the row of SECRET_KEY


def test_the_version_is_told_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


def own_variables() -> set[str]:
    return {each.metadata["variable"] for each in fields(Settings) if each.metadata}


def variables() -> set[str]:
    """With those of the built-in providers."""
    names = {name for name, each in catalogue_of(Settings()).items() if each.kind == OAUTH2}
    ends = ("CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_SECRET")
    return own_variables() | {f"{name.upper()}_{end}" for name in names for end in ends}


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()

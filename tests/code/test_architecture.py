"""docs/architecture.md says what is so: its table, its three walks, its glossary."""

import ast
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import STAND_ALONE
from docs import architecture
from tests.code.committed import ROOT, syntax_of

PAGE = architecture.PAGE.read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
WALKS = {
    "check": "Follow one health check",
    "connect": "Follow a connect, from the button to the green card",
    "alert": "Follow an alert",
}
APP = ROOT / "app"
FILES = sorted(APP.rglob("*.py"))
STEP = re.compile(r"\bsteps? ([\d and]+) of (\d+) of an? (\w+)", re.IGNORECASE)
LINK = re.compile(r"\]\([./]*(app/[\w/]+\.py)\)")
MOST_TERMS = 40

Step = tuple[str, int, int, str]  # walk, number, of how many, file


def test_the_table_of_packages_is_the_codes_own() -> None:
    assert architecture.with_table(PAGE) == PAGE, "run `python -m docs.architecture`"
    assert "[`monitor`](../app/monitor)" in PAGE


def test_the_first_line_of_a_file_says_which_step_it_is() -> None:
    told = {step for file in FILES for step in steps_in(file)}
    drawn = {step for walk in WALKS for step in steps_drawn(walk, PAGE)}
    assert told == drawn
    assert {walk for walk, *_ in told} == set(WALKS)


def test_the_readme_follows_the_same_check() -> None:
    assert set(steps_drawn("check", README)) == set(steps_drawn("check", PAGE))


def test_a_term_is_carried_by_a_name_in_the_code() -> None:
    for _, _, names, _ in glossary():
        for name in re.findall(r"`(.+?)`", names):
            assert pkgutil.resolve_name(f"app.{name}") is not None


def test_the_glossary_can_be_read_at_once() -> None:
    terms = [term.strip() for row in glossary() for term in row[0].split(",")]
    assert len(terms) == len(set(terms))
    assert len(glossary()) <= MOST_TERMS


def test_a_second_word_for_a_thing_is_nowhere_a_name() -> None:
    refused = {word.strip() for row in glossary() for word in row[3].split(",")} - {""}
    assert refused
    ours = [file for file in FILES if file.relative_to(APP).parts[0] not in STAND_ALONE]
    for file in ours:
        for name in names_in(file):
            words = f"_{'_'.join(words_of(name))}_"
            wrong = [each for each in refused if f"_{each}_" in words or f"_{each}s_" in words]
            assert not wrong, f"{file}: {name}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OAuthState", ["oauth", "state"]),
        ("read_JSON", ["read", "json"]),
        ("_authUrls", ["auth", "urls"]),
        ("VAPID_KEY", ["vapid", "key"]),
    ],
)
def test_a_name_is_made_of_words(name: str, words: list[str]) -> None:
    assert words_of(name) == words


def steps_in(file: Path) -> Iterator[Step]:
    about = ast.get_docstring(syntax_of(file)) or ""
    first_line = about.partition("\n")[0]
    for numbers, total, walk in STEP.findall(first_line):
        for number in numbers.split(" and "):
            yield walk, int(number), int(total), file.relative_to(ROOT).as_posix()


def steps_drawn(walk: str, page: str) -> list[Step]:
    """The second column of a walk's table names the files of each step."""
    rows = [row for row in table(WALKS[walk], page) if row[0].isdecimal()]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    return [(walk, int(row[0]), len(rows), file) for row in rows for file in LINK.findall(row[1])]


def glossary() -> list[list[str]]:
    return table("Glossary", PAGE)[2:]


def table(heading: str, page: str) -> list[list[str]]:
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows]


def names_in(file: Path) -> set[str]:
    """What a file gives a name to: itself, functions, classes, parameters, variables."""
    names = {file.stem}
    for node in ast.walk(syntax_of(file)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.arg():
                names.add(node.arg)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(name)
    return names


def words_of(name: str) -> list[str]:
    spelled = name.replace("OAuth", "Oauth")
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", spelled)
    return [word.lower() for word in found]

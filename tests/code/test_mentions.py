"""Files and modules that a text names are there: in documents, settings, docstrings, comments."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.cli import parser
from app.web.middleware.static_files import BUNDLES
from tests.code.committed import ROOT, committed, syntax_of, texts

ENDS = "py|html|js|css|md|toml|ini|svg|mako"
# A path, or the end of one: `app/web/sse.py`, `web/sse.py`, `_card.html`.
PATH = re.compile(rf"(?<![\w/.:{{}}<>*-])((?:\.\./)*(?:[\w.-]+/)*[\w-]+\.(?:{ENDS}))(?![\w/(=])")
# The beginning of one: `docs/decisions/0007`, `app/web/accounts/`.
START = re.compile(
    r"(?<![\w/.-])((?:app|tests|templates|static|bench|docs|migrations)/[\w/-]+)(?![\w./*-])"
)
MODULE = re.compile(r"(?<![\w./])((?:app|tests|bench|docs)(?:\.(?!json\b|css\b)[a-z_]\w*)+)")
OF_ALEMBIC = {"downgrade", "server_default", "ck_connections_cause", "ck_alert_channels_kind"}
COMMAND = re.compile(r"python3? -m (app|bench) ([a-z_]+)")
# Names of other programs, and those that a convention gives to keys (`app/models/base.py`).
OF_OTHERS = {
    *("pk_connections", "uq_connections_user_id_provider_account"),
    *("pywebpush", "gzip_types", "autovacuum_vacuum_cost_limit", "Literal"),
}
PROVIDERS = re.compile(r"[A-Z0-9]+_CLIENT_(ID|SECRET)")
# Files of those who run Связка, what git ignores, and what is put together at start.
THEIRS = {"providers.toml", "var/demo-providers.toml", "bench/results/", *BUNDLES}


@pytest.mark.parametrize(
    ("text", "paths", "modules"),
    [
        ("`web/gone.py`, and [that](../app/gone.py)", ["web/gone.py", "../app/gone.py"], []),
        ("of `_gone.html`; gone.mdx is none", ["_gone.html"], []),
        ("`app.gone.py_of_ours` and python -m app.gone", [], ["app.gone.py_of_ours", "app.gone"]),
        ("https://example.org/docs/gone.md", [], []),
    ],
)
def test_a_name_is_recognised(text: str, paths: list[str], modules: list[str]) -> None:
    assert PATH.findall(text) == paths
    assert MODULE.findall(text) == modules


def names_of(files: list[Path]) -> set[str]:
    """Every file by its whole path and by each end of it."""
    paths = [file.relative_to(ROOT).parts for file in files]
    return {"/".join(parts[start:]) for parts in paths for start in range(len(parts))}


def test_a_file_that_a_text_names_is_there() -> None:
    known = names_of(committed()) | THEIRS
    missing = [
        f"{file.relative_to(ROOT)}: {path}"
        for file, text in prose()
        for path in PATH.findall(text)
        if path.replace("../", "") not in known
    ]
    assert missing == []


def test_what_the_beginning_of_a_path_stands_for_is_there() -> None:
    paths = [file.relative_to(ROOT).as_posix() for file in committed()]
    missing = [
        f"{file.relative_to(ROOT)}: {start}"
        for file, text in prose()
        for start in START.findall(text)
        if start not in THEIRS and not any(path.startswith(start) for path in paths)
    ]
    assert missing == []


def test_a_module_that_a_text_names_is_there() -> None:
    missing = [
        f"{file.relative_to(ROOT)}: {name}"
        for file, text in prose()
        for name in MODULE.findall(text)
        if not is_module(name)
    ]
    assert missing == []


def test_a_step_of_contributing_names_what_its_files_have() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = [each for each in re.split(r"\n(?=\d\. |\n)", text) if re.match(r"\d\. ", each)]
    assert len(steps) > 20
    for step in steps:
        files = [ROOT / path for path in re.findall(r"\]\(([^)#]+)\)", step)]
        known = "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
        for name in re.findall(r"`(\w{4,})(?:\(\))?`", step):
            assert re.search(rf"\b{name}\b", known) or name in OF_ALEMBIC, step


def test_a_name_that_a_document_gives_is_in_the_code() -> None:
    code = [text for file, text in texts() if file.suffix != ".md" and is_current(file)]
    words = {word for text in code for word in re.findall(r"\w+", text)}
    words |= {file.stem for file in committed()} | OF_OTHERS
    unknown = {
        f"{file.relative_to(ROOT)}: {name}"
        for file, text in prose()
        if file.suffix == ".md"
        for name in re.findall(r"`(\w+(?:\.\w+)?)(?:\(\))?`", text)
        if not set(name.split(".")) <= words and not PROVIDERS.fullmatch(name)
    }
    assert unknown == set()


def test_a_command_that_a_text_names_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    named = {found for _, text in prose() for found in COMMAND.findall(text)}
    assert {("app", "users"), ("bench", "checks")} <= named
    for program, word in named:
        if program == "app":
            with pytest.raises(SystemExit) as end:
                parser.parse([word, "--help"])
            assert end.value.code == 0, word
        else:
            assert (ROOT / program / f"{word}.py").exists(), (program, word)
    assert "usage" in capsys.readouterr().out


def is_current(file: Path) -> bool:
    """Old migrations have the names of their time."""
    return "versions" not in file.parts or file == max((ROOT / "migrations/versions").glob("*.py"))


@cache
def prose() -> list[tuple[Path, str]]:
    """Documents and settings as they are; of Python files what they say in docstrings and comments.

    A changelog speaks of the past, but for the part that is not released.
    """
    return [
        (file, said_in(file, text))
        for file, text in texts()
        if file.suffix == ".py" or "sandbox" not in file.parts
    ]


def said_in(file: Path, text: str) -> str:
    if file.name == "CHANGELOG.md":
        return text.partition("\n## [0")[0]
    return "\n".join(words_in(file, text)) if file.suffix == ".py" else text


def words_in(file: Path, source: str) -> Iterator[str]:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(syntax_of(file)):
        if isinstance(node, documented):
            yield ast.get_docstring(node) or ""
    yield from re.findall(r"(?:^|\s)# (.*)", source)


def is_module(name: str) -> bool:
    """A module, or a name that one defines."""
    parent, _, last = name.rpartition(".")
    file = ROOT / f"{name.replace('.', '/')}"
    if file.is_dir() or file.with_suffix(".py").is_file():
        return True
    above = ROOT / f"{parent.replace('.', '/')}"
    home = above / "__init__.py" if above.is_dir() else above.with_suffix(".py")
    return (
        home.is_file() and re.search(rf"\b{last}\b", home.read_text(encoding="utf-8")) is not None
    )

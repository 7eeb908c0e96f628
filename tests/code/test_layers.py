"""The import rules of the code base. The order of its packages stands in `app/__init__.py`."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app import PACKAGES, STAND_ALONE
from tests.code.committed import syntax_of

APP = Path(__file__).parents[2] / "app"
ON_ITS_OWN = (*STAND_ALONE, "__main__", "__init__")
MAY_NOT = {  # what a part must not know: another part, or a library
    "providers": {"sqlalchemy", "asyncpg", "httpx", "quart"},
    "oauth": {"sqlalchemy", "asyncpg", "quart"},
    "outbound": {"sqlalchemy", "asyncpg", "quart"},
    "alerts": {"quart", "asyncpg", "app.connections", "app.grants"},
    "monitor": {"quart"},
    "realtime": {"quart", "asyncpg", "app.monitor"},
    "web": {"asyncpg", "httpx", "alembic", "app.sandbox"},
}
KNOWS_QUART = {"web", "sandbox"}
MAY_START_SANDBOX = {"cli"}
READS_ENVIRONMENT = {"cli/parser.py", "cli/bootstrap.py", "local_postgres/binaries.py"}
CATCHES_EVERYTHING = {
    "alerts/dispatcher.py",
    "background.py",
    "realtime/listener.py",
    "monitor/checker.py",
    "monitor/loop.py",
    "web/stream/fan_out.py",
    "accounts/passkeys.py",  # a library that passes on what any reader below it raises
}

FILES = sorted(APP.rglob("*.py"))


def part_of(file: Path) -> str:
    """The module or package right under `app`."""
    return file.relative_to(APP).parts[0].removesuffix(".py")


def files_of(part: str) -> list[Path]:
    return [file for file in FILES if part_of(file) == part]


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names: `from app import grants` is app.grants."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports say their full name"
            yield from (f"{node.module}.{each.name}" for each in node.names)


@cache
def imports_of(file: Path) -> list[str]:
    return list(imports(syntax_of(file)))


def parts_in(names: list[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("app.")}


def test_every_part_has_its_place() -> None:
    placed = [package for row in PACKAGES for package in row] + list(ON_ITS_OWN)
    assert len(placed) == len(set(placed))
    assert {part_of(file) for file in FILES} - set(placed) == set()


def test_a_package_imports_only_what_is_above_it() -> None:
    rank = {package: number for number, row in enumerate(PACKAGES) for package in row}
    for file in FILES:
        own = part_of(file)
        for part in parts_in(imports_of(file)) - set(ON_ITS_OWN):
            if own in rank:
                assert rank[part] <= rank[own], f"{file} imports {part}"


@pytest.mark.parametrize("part", MAY_NOT)
def test_a_part_does_not_know_what_is_none_of_its_business(part: str) -> None:
    for file in files_of(part):
        for name in imports_of(file):
            forbidden = [each for each in MAY_NOT[part] if f"{name}.".startswith(f"{each}.")]
            assert not forbidden, f"{file} imports {name}"


def test_of_alerts_the_monitor_knows_only_the_triggers() -> None:
    for file in files_of("monitor"):
        known = [name for name in imports_of(file) if name.startswith("app.alerts")]
        assert all(name.startswith("app.alerts.triggers") for name in known), f"{file}: {known}"


def test_only_the_web_knows_requests() -> None:
    for file in FILES:
        if part_of(file) not in KNOWS_QUART:
            known = [name for name in imports_of(file) if name.startswith(("quart", "werkzeug"))]
            assert not known, file


def test_the_sandbox_stands_alone() -> None:
    for file in FILES:
        known = parts_in(imports_of(file))
        if part_of(file) == "sandbox":
            assert known <= {"sandbox", "http_server"}, file  # a server of ours, and nothing else
        elif "sandbox" in known:
            assert part_of(file) in MAY_START_SANDBOX, file


def test_production_never_loads_the_sandbox() -> None:
    """It is imported inside the function that starts it, not at the top of a file."""
    for part in MAY_START_SANDBOX:
        for file in files_of(part):
            body = syntax_of(file).body
            top = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
            assert "sandbox" not in parts_in([name for node in top for name in imports(node)])


@pytest.mark.parametrize(
    "name",
    [
        "__init__.py",
        "__main__.py",
        "cli/__init__.py",
        "cli/bootstrap.py",
        "cli/parser.py",
        "cli/shown_process.py",
        "cli/virtual_environment.py",
        "version.py",
    ],
)
def test_what_runs_before_the_installation_needs_only_python(name: str) -> None:
    for imported in imports_of(APP / name):
        top = imported.split(".")[0]
        assert top in sys.stdlib_module_names or top == "app", f"{name} imports {imported}"
    assert parts_in(imports_of(APP / name)) <= {"cli", "errors", "version"}, name


def test_the_embedded_database_needs_nothing_of_the_rest() -> None:
    for file in files_of("local_postgres"):
        assert parts_in(imports_of(file)) <= {"local_postgres", "errors"}, file


def test_settings_have_one_reader() -> None:
    for file in FILES:
        reads = "os.environ" in file.read_text(encoding="utf-8")
        assert not reads or file.relative_to(APP).as_posix() in READS_ENVIRONMENT, file


def test_nothing_is_caught_wholesale_but_where_one_fault_must_not_stop_the_rest() -> None:
    for file in FILES:
        caught = any(
            isinstance(node, ast.ExceptHandler)
            and (node.type is None or getattr(node.type, "id", "") == "Exception")
            for node in ast.walk(syntax_of(file))
        )
        assert not caught or file.relative_to(APP).as_posix() in CATCHES_EVERYTHING, file


def test_every_module_says_what_it_is_for() -> None:
    for file in FILES:
        assert ast.get_docstring(syntax_of(file)), file

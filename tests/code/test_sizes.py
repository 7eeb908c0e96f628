"""A function fits on a screen, a file is read in one go, a public name has one home."""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from tests.code.committed import ROOT, syntax_of

APP = ROOT / "app"
LONGEST_FUNCTION = 40  # lines
LONGEST_FILE = 250
MOST_COMPLEX = 12  # ways through a function, as ruff counts them
ON_ITS_OWN = "sandbox/"  # a program that shares no names with the rest
HANDLES = ("get", "post", "route")  # what a blueprint decorates a handler with

FILES = [file.relative_to(APP).as_posix() for file in sorted(APP.rglob("*.py"))]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_a_function_fits_on_a_screen() -> None:
    too_long = {
        f"{file} {node.name}"
        for file, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, Function) and lines_of(node) > LONGEST_FUNCTION
    }
    assert too_long == set()


def test_a_file_is_read_in_one_go() -> None:
    lengths = {file: len((APP / file).read_text(encoding="utf-8").splitlines()) for file in FILES}
    too_long = {file for file, length in lengths.items() if length > LONGEST_FILE}
    assert too_long == set()


def test_ruff_counts_the_ways_through_a_function() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lint = project["tool"]["ruff"]["lint"]
    assert "C901" in lint["select"]
    assert lint["mccabe"]["max-complexity"] <= MOST_COMPLEX
    ignored = [*lint["ignore"], *chain.from_iterable(lint["per-file-ignores"].values())]
    assert not {"C", "C9", "C90", "C901"} & set(ignored)
    for file in FILES:
        assert "noqa: C901" not in (APP / file).read_text(encoding="utf-8"), file


def test_a_public_class_name_lives_in_one_module() -> None:
    assert in_two_modules(ast.ClassDef) == {}


def test_a_function_whose_name_two_modules_have_is_called_with_its_module() -> None:
    """`sessions.of_user` and `queries.of_user` tell what they are of; `of_user` does not."""
    shared = in_two_modules(ast.FunctionDef, ast.AsyncFunctionDef)
    for file, tree in trees():
        for module, name in imported(tree):
            alone = module in shared.get(name, ())
            assert not alone, f"{file} imports {name}, which is in {shared[name]}"


def trees() -> Iterator[tuple[str, ast.Module]]:
    return ((file, syntax_of(APP / file)) for file in FILES)


def lines_of(function: Function) -> int:
    """With its docstring, without its decorators."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def in_two_modules(*kinds: type[Function | ast.ClassDef]) -> dict[str, list[str]]:
    """Public names at the top of a module that two modules give to something of this kind.

    Handlers of requests do not count: their name is an endpoint's, said with its blueprint.
    """
    homes: dict[str, list[str]] = defaultdict(list)
    for file, tree in trees():
        for node in tree.body:
            if isinstance(node, kinds) and is_public(node) and not file.startswith(ON_ITS_OWN):
                homes[node.name].append(file)
    return {name: files for name, files in homes.items() if len(files) > 1}


def is_public(node: Function | ast.ClassDef) -> bool:
    calls = [each.func for each in node.decorator_list if isinstance(each, ast.Call)]
    handles = any(isinstance(each, ast.Attribute) and each.attr in HANDLES for each in calls)
    return not handles and not node.name.startswith("_")


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What a module takes out of another of ours: that one's file, and the name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app."):
            file = "/".join(str(node.module).split(".")[1:]) + ".py"
            yield from ((file, each.name) for each in node.names)

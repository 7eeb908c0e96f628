"""Every slip of the hand that could be made in the verdict, and whether its tests notice."""

import ast
import asyncio
import contextlib
import importlib
import importlib.util
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import Any

import pytest

from bench._mutants import Mutant, mutants

MODULES = ("app.monitor.answer", "app.monitor.causes", "app.monitor.verdict")
TESTS = ("test_answer", "test_verdict", "test_verdict_table", "test_witnesses")
LONGEST = 30  # seconds; a mutant that does not end is noticed, too


async def measure() -> dict[str, object]:
    """Prints the survivors, and returns the figures."""
    return await asyncio.to_thread(_measure)


def _measure() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        written = _written(Path(folder))
        originals, every = written[: len(MODULES)], written[len(MODULES) :]
        # Each in a process of its own, which has never seen the module, only what it imports.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, *_imports(originals)])
        with context.Pool(maxtasksperchild=1) as processes:
            files = [(each.module, f"{folder}/{number}.py") for number, each in enumerate(written)]
            alive = processes.starmap(survives, files, chunksize=1)
    if not all(alive[: len(MODULES)]):
        raise SystemExit("bench: the tests fail without any mutant")
    left = [each for each, lives in zip(every, alive[len(MODULES) :], strict=True) if lives]
    survivors = [f"{each.module}:{each.line}: {each.change}" for each in left]
    print(f"{len(every)} mutants, {len(survivors)} survived")
    print(*survivors, sep="\n")
    return {"mutants": len(every), "survivors": survivors}


def survives(module: str, file: str) -> bool:
    """Do the tests pass with this file in the module's place?"""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LONGEST)
    sys.dont_write_bytecode = True
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        try:
            _put_in_place(module, file)
            for each in TESTS:
                _run(f"tests.monitor.{each}")
        except (Exception, pytest.fail.Exception):  # whatever a slip of the hand can raise
            return False
        return True


def _written(folder: Path) -> list[Mutant]:
    """The modules as they are, then each mutant of them, in a file each, by number."""
    originals, changed = [], []
    for name in MODULES:
        module = importlib.import_module(name)
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        originals.append(Mutant(name, 0, "", source))
        changed += [replace(each, module=name) for each in mutants(source, vars(module))]
    written = [*originals, *changed]
    for number, each in enumerate(written):
        (folder / f"{number}.py").write_text(each.source, encoding="utf-8")
    return written


def _imports(originals: Iterable[Mutant]) -> list[str]:
    """What the modules import, but for each other."""
    nodes = chain.from_iterable(ast.parse(each.source).body for each in originals)
    names = {each.module for each in nodes if isinstance(each, ast.ImportFrom) and each.module}
    return sorted(names - set(MODULES))


def _put_in_place(name: str, file: str) -> None:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    package, _, last = name.rpartition(".")
    setattr(importlib.import_module(package), last, module)
    spec.loader.exec_module(module)


def _run(name: str) -> None:
    """Call each test of a module with each of its rows. They want no fixtures; pytest would take
    ten times as long to collect them.
    """
    for test_name, test in vars(importlib.import_module(name)).items():
        if test_name.startswith("test_"):
            for row in _rows(getattr(test, "pytestmark", [])):
                if test(**row) is not None:
                    raise TypeError(f"{test_name} is not a plain function")


def _rows(marks: Iterable[pytest.Mark]) -> Iterator[dict[str, object]]:
    """The arguments of every call: each row of each `parametrize` with each of the others."""
    for rows in product(*(_named(*mark.args) for mark in marks)):
        yield dict(chain.from_iterable(rows))


def _named(names: str | Sequence[str], rows: Iterable[Any]) -> list[list[tuple[str, object]]]:
    if isinstance(names, str):
        return [[(names, row)] for row in rows]
    return [list(zip(names, row, strict=True)) for row in rows]


def _too_long(*_: object) -> None:
    raise TimeoutError

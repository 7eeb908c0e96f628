"""`python3 -m tests` that is interrupted leaves no process and no folder behind."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from app.config import ROOT
from tests.support.processes import Program, environment
from tests.support.waiting import until

PROC = Path("/proc")
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not PROC.exists(), reason="looks at processes as Linux shows them"),
]

# What hangs with a PostgreSQL and a program of ours.
HANGING = """
from tests.support.processes import APP, Program, environment, free_port

async def test_it_hangs(database_url: str) -> None:
    program = Program([*APP, "worker"], environment(database_url, free_port())).start()
    try:
        await program.ended(3600)
    finally:
        await program.close()
"""
# As `python3 -m tests` runs the whole, and as an editor runs a file.
SIDE_BY_SIDE = """
import sys
from tests.__main__ import run_side_by_side
raise SystemExit(run_side_by_side(["-n1", *sys.argv[1:]]))
"""
IN_TURNS = "import pytest; raise SystemExit(pytest.main())"
FOLDER = re.compile(r"/tmp/svyazka-[\w-]+")


def command_of(pid: int) -> str:
    """Empty when it is gone, or a zombie."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def children_of(pid: int) -> list[int]:
    try:
        files = list((PROC / str(pid) / "task").glob("*/children"))
        return [int(child) for file in files for child in file.read_text().split()]
    except OSError:  # gone meanwhile
        return []


def descendants(pid: int) -> dict[int, str]:
    """Their command lines, by process; the first one's too."""
    found = {pid: command_of(pid)}
    for child in children_of(pid):
        found |= descendants(child)
    return found


def exists(folder: str) -> bool:
    return Path(folder).exists()


@pytest.mark.parametrize(
    ("suite", "number", "status"),
    [
        (IN_TURNS, signal.SIGTERM, 2),
        (SIDE_BY_SIDE, signal.SIGINT, 130),
        (SIDE_BY_SIDE, signal.SIGTERM, 130),
    ],
    ids=["pytest, SIGTERM", "tests, SIGINT", "tests, SIGTERM"],
)
async def test_an_interrupted_run_leaves_nothing_behind(
    tmp_path: Path, suite: str, number: signal.Signals, status: int
) -> None:
    file = tmp_path / "test_hanging.py"
    file.write_text(HANGING)
    chosen = [f"--rootdir={ROOT}", f"-c{ROOT}/pyproject.toml", "-ptests.conftest", str(file)]
    environ = {"PATH": environment("", 0)["PATH"]}
    run = Program([sys.executable, "-c", suite, *chosen], environ).start()

    async def everything_runs() -> dict[int, str]:
        assert run.runs, run.said()
        found = descendants(run.pid)
        commands = " ".join(found.values())
        return found if "app worker" in commands and "postgres:" in commands else {}

    try:
        processes = await until(everything_runs)
        named = {each for text in processes.values() for each in FOLDER.findall(text)}
        folders = named - set(FOLDER.findall(str(file)))  # the file lies in the run around this one
        expected = {"pg", "tests"} if suite == SIDE_BY_SIDE else {"pg"}
        assert {name.split("-")[1] for name in folders} == expected
        os.kill(run.pid, number)  # this process alone: the others hear of it from there
        assert await run.ended() == status, run.said()
    finally:
        await run.close()

    async def nothing_is_left() -> bool:
        left = [pid for pid, command in processes.items() if command_of(pid) == command]
        return not left and not any(map(exists, folders))

    await until(nothing_is_left)

"""`python3 -m tests` that is interrupted leaves no process and no folder behind."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes import Program, environment
from tests.support.waiting import until

PROC = Path("/proc")
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not PROC.exists(), reason="looks at processes as Linux shows them"),
]

# A test with a PostgreSQL and two programs of ours, in a process of its own as in the whole run.
SUITE = """
from tests.__main__ import run_side_by_side
chosen = ["-n1", "-k", "killed_in_the_middle", "tests/database/test_resilience.py"]
raise SystemExit(run_side_by_side(chosen))
"""
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_run_leaves_nothing_behind(number: signal.Signals) -> None:
    environ = environment("", 0)
    suite = Program([sys.executable, "-c", SUITE], {"PATH": environ["PATH"]}).start()

    async def everything_runs() -> dict[int, str]:
        assert suite.runs, suite.said()
        found = descendants(suite.pid)
        commands = " ".join(found.values())
        complete = "app worker" in commands and "app web" in commands and "postgres" in commands
        return found if complete else {}

    try:
        processes = await until(everything_runs)
        folders = {each for text in processes.values() for each in FOLDER.findall(text)}
        assert {name.split("-")[1] for name in folders} == {"pg", "tests"}
        os.kill(suite.pid, number)  # pytest has a process group of its own, and hears it from there
        assert await suite.ended() == 130, suite.said()
    finally:
        await suite.close()

    async def nothing_is_left() -> bool:
        left = [pid for pid, command in processes.items() if command_of(pid) == command]
        return not left and not any(map(exists, folders))

    await until(nothing_is_left)

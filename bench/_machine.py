"""Cores, processes and programs: who runs where, what they cost, and what is missing."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")  # of CPU time in /proc, a second


@dataclass(frozen=True)
class Usage:
    """Of one process: CPU seconds so far, and resident MB now."""

    cpu: float
    rss: float


def stay_on(core: int) -> None:
    """This process and all that it starts from now on, PostgreSQL included."""
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


def on(core: int, *command: str) -> tuple[str, ...]:
    """The command, kept to one core."""
    return ("taskset", "-c", str(core % (os.cpu_count() or 1)), *command)


def usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    return Usage((int(fields[11]) + int(fields[12])) / TICK, int(status[0]) / 1024)


def need(program: str, package: str) -> str:
    """Its path. As root on Debian it is installed when it is missing; else SystemExit says what to
    do.
    """
    if not shutil.which(program) and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-q", package], check=False)
    if found := shutil.which(program):
        return found
    raise SystemExit(f"bench: wants {program}: apt-get install {package}")


def show(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """A table for people, in the form that bench/README.md keeps."""
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |")
    print(f"\nmachine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")

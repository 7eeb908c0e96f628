"""Makes `.venv` with nothing but Python and pip, and goes on inside it. Standard library only."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from app.cli.shown_process import run_shown
from app.cli.virtual_environment import (
    PYTHON,
    ROOT,
    VENV,
    clear,
    installed,
    is_borrowed,
    is_inside,
    is_installed,
    is_made_by_hand,
    mark_installed,
    missing,
    number_of_packages,
)

OLDEST = (3, 11)

PIP_FAILURES = (  # what pip, venv or the system says → what to do about it; the first match counts
    (
        rf"Errno ({errno.ENOSPC}|{errno.EDQUOT})\]",
        f"No space left: about 500 MB are needed in {ROOT} and {tempfile.gettempdir()}. "
        "Free some and start again.",
    ),
    (
        rf"Errno ({errno.EROFS}|{errno.EACCES}|{errno.EPERM})\]",
        f"{VENV} cannot be written: use a copy of the project in a folder that is yours, "
        "or remove .venv if another user made it.",
    ),
    (
        r"No module named '?pip\b",
        "Python has no pip here: install it (Debian, Ubuntu: apt-get install python3-pip) "
        "and start again.",
    ),
    (
        r"no such option: --python",
        "This pip is too old: version 22.3 or newer is needed (python3 -m pip install -U pip).",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "A downloaded package is not the one this project was tested with, so nothing was "
        "installed: check which package index pip uses, and start again.",
    ),
    (
        r"connection broken by|Could not fetch URL|ConnectionError|Connection(Reset|Refused)"
        r"|[Rr]ead ?[Tt]imed? ?out|Max retries exceeded|HTTP error|[345]\d\d (Client|Server) Error",
        "The package index cannot be reached: check the network (or pip's proxy and index "
        "settings) and start again.",
    ),
    (
        r"No matching distribution found|from versions:",
        "No ready-made package fits this machine, and nothing is compiled here: Linux with glibc "
        "or macOS on x86-64 or arm64, Python 3.11 to 3.14 and a complete package index are needed.",
    ),
)


class PreparationError(Exception):
    """Its text goes to standard error: what is wrong and what to do."""


def ensure(module: str, requirements: str) -> None:
    """Return when inside an up-to-date `.venv`; else make it so and run `-m module` again there.

    A virtual environment that was made by hand is used as it is, and never changed.
    """
    if os.environ.get("DYNO"):
        return  # the platform has installed everything
    try:
        _check_python(module)
        if _is_prepared(requirements):
            return
        if is_made_by_hand():
            _refuse_inside(requirements)
        elif not is_installed(requirements):
            _install_alone(requirements)
        _enter(module)
    except PreparationError as failure:
        print(failure, file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("Stopped. The next start goes on from here.", file=sys.stderr)
        raise SystemExit(130) from None


def explain(output: str) -> str:
    """One plain sentence for the output of pip or venv that failed."""
    for pattern, sentence in PIP_FAILURES:
        if re.search(pattern, output):
            return sentence
    last = "\n".join(f"    {line}" for line in output.strip().splitlines()[-8:])
    return f"Preparing .venv failed. The last that was said:\n{last}"


def _check_python(module: str) -> None:
    if os.name == "nt":
        raise PreparationError("Windows itself is not supported: start this inside WSL.")
    if sys.version_info < OLDEST:
        this = ".".join(map(str, sys.version_info[:3]))
        raise PreparationError(
            f"Python 3.11 or newer is needed, this is {this}: try python3.11 -m {module}"
        )


def _is_prepared(requirements: str) -> bool:
    if is_borrowed():
        return not missing(requirements)
    return is_inside() and is_installed(requirements)


def _refuse_inside(requirements: str) -> None:
    """Of what was made by hand and is not complete."""
    if is_inside():
        lacks = missing(requirements)
        named = ", ".join(lacks[:3]) + (f" and {len(lacks) - 3} more" if len(lacks) > 3 else "")
        raise PreparationError(
            f"{VENV} was made by hand, so it is left alone, and it lacks {named}: "
            f"install {requirements} there, or remove it and start again."
        )


def _install_alone(requirements: str) -> None:
    with _interruptible(), _locked() as lock:
        if not is_installed(requirements):  # else another start has just done it
            _install(requirements, lock)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Turn SIGTERM and a closed terminal into an orderly end, as Ctrl-C already is."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    ours = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _locked() -> Iterator[int]:
    import fcntl  # not on Windows, where we only want to say so

    # The folder itself is the lock file. Children hold it too: an orphaned pip keeps others out.
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another start is preparing .venv, waiting for it …", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def _install(requirements: str, lock: int) -> None:
    usable = PYTHON.exists() and bool(installed())
    python = _outer_python()
    steps = [] if usable else [("Making .venv", _venv_command(python))]
    packages = number_of_packages(requirements)
    steps.append((f"Installing {packages} packages", _pip_command(python, requirements)))
    _begin(usable)
    for number, (label, command) in enumerate(steps, 1):
        _step(f"[{number}/{len(steps)}] {label}", command, lock)
    mark_installed(requirements)


def _begin(usable: bool) -> None:
    try:
        if usable:
            mark_installed(None)
        else:
            clear()
    except OSError as error:
        raise PreparationError(explain(str(error))) from None


def _outer_python() -> str:
    """The Python that `.venv` is made with: it has pip, `.venv` itself has none."""
    started_inside = Path(sys.executable).parent == PYTHON.parent
    return str(getattr(sys, "_base_executable", "")) if started_inside else sys.executable


def _venv_command(python: str) -> list[str]:
    return [python, "-m", "venv", "--without-pip", str(VENV)]  # Debian has no ensurepip


def _pip_command(python: str, requirements: str) -> list[str]:
    options = "--require-hashes --only-binary=:all: --no-input --disable-pip-version-check"
    pip = [python, "-m", "pip", "--python", str(PYTHON), "install"]
    return [*pip, *options.split(), "-r", str(ROOT / requirements)]


def _step(label: str, command: list[str], lock: int) -> None:
    environment = _environment() | {"PIP_USER": "0"}
    try:
        status, output = run_shown(label, command, env=environment, cwd=ROOT, pass_fds=(lock,))
    except OSError as error:
        raise PreparationError(explain(str(error))) from None
    if status:
        raise PreparationError(explain(output))


def _enter(module: str) -> NoReturn:
    os.chdir(ROOT)
    sys.stderr.flush()
    os.execve(PYTHON, [str(PYTHON), "-m", module, *sys.argv[1:]], _environment())  # noqa: S606


def _environment() -> dict[str, str]:
    misleading = ("PYTHONHOME", "__PYVENV_LAUNCHER__")  # they would lead back out of .venv
    return {name: value for name, value in os.environ.items() if name not in misleading}

"""Every check in turn: `python3 -m tests`. Standard library only until `.venv` is there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

from app.cli.bootstrap import ensure
from app.cli.shown_process import run_shown
from app.cli.virtual_environment import ROOT
from tests.known_vulnerabilities import look_up, pins

CHECKS = (
    ("format", "ruff format --check"),
    ("lint", "ruff check"),
    ("types", "mypy"),
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# One process more than there are cores, as many tests wait for programs to start; each with a
# PostgreSQL of its own. Whoever is done early helps the others.
PROCESSES = min(8, (os.cpu_count() or 1) + 1)
SIDE_BY_SIDE = [f"--numprocesses={PROCESSES}", "--dist=worksteal"]
FAST = ["-m", "not database and not processes and not browser", "--ignore=tests/browser"]
APT_GET = "apt-get -qq -o DPkg::Lock::Timeout=60"
INTERRUPTED = 130  # exit status, as a shell says it


def main(arguments: list[str]) -> int:
    """`fast`: the tests that need nothing but Python. With other arguments only pytest runs, with
    these; else everything, and all failures are named.
    """
    if arguments[:1] == ["fast"]:
        return run_side_by_side([*FAST, *arguments[1:]])
    failed = [] if arguments else [*_failed_checks(), *_known_vulnerabilities()]
    chromium = _find_chromium() or _install_chromium()
    chosen = [*([] if chromium else ["-m", "not browser"]), *arguments]
    status = _run_alone(chosen, chromium) if arguments else run_side_by_side(chosen, chromium)
    if status == INTERRUPTED:
        return status
    if status:
        failed.append("tests")
    elif not chromium and os.environ.get("CI"):
        failed.append("browser checks")
    if not chromium:
        print("Browser checks were NOT run: no Chromium (Debian: apt-get install chromium).")
    if failed:
        print("Failed:", ", ".join(failed))
    return 1 if failed else 0


def _failed_checks() -> list[str]:
    return [name for name, command in CHECKS if not _passes(f"{name}: {command}", command)]


def _known_vulnerabilities() -> list[str]:
    """A failure only where something is known: the database may be out of reach."""
    files = [ROOT / f"requirements{part}.txt" for part in ("", "-demo", "-dev")]
    wanted = pins(*files)
    found = look_up(wanted)
    if found is None:
        print("Known vulnerabilities were NOT looked up: api.osv.dev cannot be reached.")
        return []
    for (name, version), ids in found.items():
        print(f"{name} {version}: {', '.join(ids)}")
    print(f"known vulnerabilities: {len(found)} of {len(wanted)} requirements have some")
    return ["known vulnerabilities"] if found else []


def _passes(label: str, command: str) -> bool:
    status, output = run_shown(label, [sys.executable, "-m", *command.split()], cwd=ROOT)
    if status:
        print(output, flush=True)
    return status == 0


def _find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _install_chromium() -> str | None:
    """Debian's package, where we may; None where it cannot be had."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = "install -y --no-install-recommends chromium fonts-dejavu-core"
    for label, command in (
        ("browser: reading Debian's package lists", f"{APT_GET} update"),
        ("browser: installing chromium", f"{APT_GET} {packages}"),
    ):
        status, output = run_shown(label, command.split(), env=quiet)
        if status:
            print(output, flush=True)
    return _find_chromium()


def _run_alone(arguments: list[str], chromium: str | None) -> int:
    """In one process that has the terminal, for a debugger; Ctrl-C reaches it by itself."""
    pytest = _start(arguments, chromium)
    with _passed_on(signal.SIGTERM, lambda: pytest.send_signal(signal.SIGINT)):
        return _status_of(pytest)


def run_side_by_side(arguments: list[str], chromium: str | None = None) -> int:
    """What its processes leave in the folder for temporary files goes with the run."""
    with tempfile.TemporaryDirectory(prefix="svyazka-tests-", ignore_cleanup_errors=True) as place:
        chosen = [*SIDE_BY_SIDE, f"--basetemp={place}/pytest", *arguments]
        pytest = _start(chosen, chromium, process_group=0, TMPDIR=place)

        def interrupt() -> None:
            """Each process cleans up itself; pytest alone would give the others 15 seconds."""
            os.killpg(pytest.pid, signal.SIGINT)

        with _passed_on(signal.SIGINT, interrupt), _passed_on(signal.SIGTERM, interrupt):
            return _status_of(pytest)


def _start(
    arguments: list[str], chromium: str | None, process_group: int | None = None, **more: str
) -> subprocess.Popen[bytes]:
    print("tests: pytest", *arguments, file=sys.stderr, flush=True)
    # Set first, for a shell's background job hands on that Ctrl-C is ignored, and tests of Ctrl-C
    # would wait for nothing.
    signal.signal(signal.SIGINT, lambda *_: None)
    environ = {**os.environ, "CHROMIUM": chromium or "", **more}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process compiles everything anew
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environ, process_group=process_group)


@contextlib.contextmanager
def _passed_on(number: signal.Signals, interrupt: Callable[[], None]) -> Iterator[None]:
    """Once: a second signal would cut off the cleaning up."""

    def first(*_: object) -> None:
        signal.signal(number, lambda *_: None)
        interrupt()

    before = signal.signal(number, first)
    try:
        yield
    finally:
        signal.signal(number, before)


def _status_of(pytest: subprocess.Popen[bytes]) -> int:
    interrupted = 2  # pytest's exit status
    status = pytest.wait()
    return INTERRUPTED if status == interrupted else status


if __name__ == "__main__":
    ensure("tests", "requirements-dev.txt")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an orderly end, as Ctrl-C is
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None

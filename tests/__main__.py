"""Every check in turn: `python3 -m tests`. Standard library only until `.venv` is there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

from app.cli.bootstrap import ensure
from app.cli.shown_process import run_shown
from app.cli.virtual_environment import ROOT

CHECKS = (
    ("format", "ruff format --check"),
    ("lint", "ruff check"),
    ("types", "mypy"),
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A process per core, each with a PostgreSQL of its own; files stay whole for what they share.
SIDE_BY_SIDE = ["--numprocesses=auto", "--maxprocesses=8", "--dist=loadfile"]
APT_GET = "apt-get -qq -o DPkg::Lock::Timeout=60"


def main(arguments: list[str]) -> int:
    """With arguments only pytest runs, with these; else everything, and all failures are named."""
    failed = [] if arguments else _failed_checks()
    chromium = _find_chromium() or _install_chromium()
    if _pytest(arguments, chromium) != 0:
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


def _pytest(arguments: list[str], chromium: str | None) -> int:
    chosen = [] if chromium else ["-m", "not browser"]
    chosen += [] if arguments else SIDE_BY_SIDE
    print("tests: pytest", *arguments, file=sys.stderr, flush=True)
    # The terminal tells pytest too: let it clean up. Set first, for a shell's background job hands
    # on that Ctrl-C is ignored, and tests of Ctrl-C would wait for nothing.
    signal.signal(signal.SIGINT, lambda *_: None)
    pytest = subprocess.Popen(
        [sys.executable, "-m", "pytest", *chosen, *arguments],
        cwd=ROOT,
        env={**os.environ, "CHROMIUM": chromium or ""},
    )
    signal.signal(signal.SIGTERM, lambda *_: pytest.send_signal(signal.SIGINT))
    return pytest.wait()


if __name__ == "__main__":
    ensure("tests", "requirements-dev.txt")
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit(130) from None

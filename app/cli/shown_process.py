"""Runs a program and shows one line with the time it takes. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

PROGRESS_INTERVAL = 1.0  # seconds between two updates on a terminal


def run_shown(label: str, command: list[str], **options: object) -> tuple[int, str]:
    """Run `command`, show one line, `label … 9.8 s`, and return its exit status and output.

    When we are interrupted, the command and its children end too.
    """
    with tempfile.TemporaryFile() as output:
        child: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            **options,
        )
        try:
            _wait_shown(label, child)
        finally:
            _end(child)
        output.seek(0)
        return child.returncode, output.read().decode(errors="replace")


def _wait_shown(label: str, child: subprocess.Popen[bytes]) -> None:
    started, terminal = time.monotonic(), sys.stderr.isatty()
    print(f"{label} …", end="", file=sys.stderr, flush=True)
    while child.returncode is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PROGRESS_INTERVAL)
        if terminal:
            seconds = time.monotonic() - started
            print(f"\r{label} … {seconds:.0f} s", end="", file=sys.stderr, flush=True)
    head = f"\r{label} …" if terminal else ""
    print(f"{head} {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        print(file=sys.stderr)
        os.killpg(child.pid, signal.SIGTERM)
        child.wait()

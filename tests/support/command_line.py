"""`python -m app …` as people type it: what is printed where, and the exit status."""

import asyncio
import logging
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from unittest.mock import patch

from app.cli import parser
from app.config import ROOT

OURS = re.compile(
    r"DATABASE_URL|SECRET_KEY|TOKEN_ENCRYPTION_KEYS|PUBLIC_URL|PROVIDERS_FILE|DYNO|.*_CLIENT_"
)


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


Run = Callable[..., Awaitable[Ended]]


async def app(*words: str, stdin: str = "", **variables: str) -> Ended:
    """`python -m app …` with these variables of ours and no others; here, to save the start."""
    return await asyncio.to_thread(_run, words, stdin, variables)


async def process(*words: str) -> Ended:
    """`python -m app …` for real."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


def _run(words: tuple[str, ...], stdin: str, variables: dict[str, str]) -> Ended:
    environment = {name: text for name, text in os.environ.items() if not OURS.fullmatch(name)}
    out, err = StringIO(), StringIO()
    with (
        patch.dict(os.environ, environment | variables, clear=True),
        patch.object(sys, "stdin", StringIO(stdin)),
        redirect_stdout(out),
        redirect_stderr(err),
        _logging_as_before(),
    ):
        try:
            status = parser.run(parser.parse(list(words)))
        except SystemExit as end:  # argparse
            status = int(end.code or 0)
    return Ended(status, out.getvalue(), err.getvalue())


@contextmanager
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)

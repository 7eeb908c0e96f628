"""`python -m app`: everything starts, and one signal stops everything."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.cli import demo
from app.config import ROOT
from app.errors import CommandError
from tests.support.processes import APP, Program, answers, free_port
from tests.support.servers import local_client

pytestmark = pytest.mark.processes

NEEDED = ("app", "migrations", "static", "templates", "alembic.ini", "requirements-demo.txt")


@pytest.fixture
def copy() -> Iterator[Path]:
    """The project in a place of its own: what the demo prepares and keeps must not be ours."""
    # Not tmp_path: its parents are closed to the account that root runs PostgreSQL as.
    with tempfile.TemporaryDirectory(prefix="svyazka-test-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        for name in NEEDED:
            copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copied(ROOT / name, Path(place) / name)
        yield Path(place)


async def test_the_demo_is_up_with_its_sandbox_and_one_signal_stops_it_all(copy: Path) -> None:
    port, sandbox_port = free_port(), free_port()
    command = (*APP, "--port", str(port), "--sandbox-port", str(sandbox_port))
    environ = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    untouchable = {"DATABASE_URL": "postgres://must-not-be-touched/x"}
    program = Program(command, environ | untouchable, cwd=copy)
    try:
        await answers(program.start(), f"http://127.0.0.1:{port}/readyz")
        await answers(program, f"http://localhost:{sandbox_port}/control")
        assert f"http://127.0.0.1:{port}" in program.said()
        program.signal(signal.SIGINT)
        assert await program.ended() == 0
    finally:
        await program.close()
    async with local_client() as client:
        for gone in (port, sandbox_port):
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.1:{gone}/")
    assert (copy / "var" / "postgres" / "data").exists()
    assert not (copy / ".venv").exists(), "the one that the tests run in has all that it needs"


def test_it_does_not_run_on_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="on a server start"):
        demo.demo(None, {"DYNO": "web.1"})  # type: ignore[arg-type]

"""`python -m app`: everything starts, and one signal stops everything."""

import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from app.cli import demo
from app.errors import CommandError
from tests.support.processes import APP, Program, answers, free_port

pytestmark = pytest.mark.processes


async def test_the_demo_is_up_with_its_sandbox_and_one_signal_stops_it_all() -> None:
    port, sandbox_port = free_port(), free_port()
    command = (*APP, "--port", str(port), "--sandbox-port", str(sandbox_port))
    environ = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    program = Program(command, environ | {"DATABASE_URL": "postgres://must-not-be-touched/x"})
    try:
        await answers(program.start(), f"http://127.0.0.1:{port}/readyz")
        await answers(program, f"http://localhost:{sandbox_port}/control")
        assert f"http://127.0.0.1:{port}" in program.said()
        program.signal(signal.SIGINT)
        assert await program.ended() == 0
    finally:
        await program.close()
    async with httpx.AsyncClient(trust_env=False) as client:
        for gone in (port, sandbox_port):
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.1:{gone}/")


def test_it_does_not_run_on_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="on a server start"):
        demo.demo(None, {"DYNO": "web.1"})  # type: ignore[arg-type]

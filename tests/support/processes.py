"""Our own program in processes of its own: started, waited for, stopped."""

import asyncio
import base64
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from app.config import ROOT
from tests.support.servers import local_client
from tests.support.settings import TOKEN_KEYS
from tests.support.waiting import PATIENCE, until

APP = (sys.executable, "-m", "app")
PORTS = range(20_000, 32_000)  # below the ephemeral ones of every system


class Program:
    """One command in a process group of its own, as a platform starts it."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], cwd: Path = ROOT
    ) -> None:
        self._command, self.environ, self._cwd = command, environ, cwd
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the program lives
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Program":
        self._process = subprocess.Popen(
            self._command,
            env=self.environ,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def ended(self, seconds: float = PATIENCE) -> int:
        """The exit status; subprocess.TimeoutExpired when it goes on for longer."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, seconds)

    async def stop(self) -> int:
        """SIGTERM to the whole group, as platforms do; returns the exit status."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ended()

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.runs:
            os.killpg(self._process.pid, number)

    async def close(self) -> None:
        """Gone, however the test went."""
        if self._process is not None:
            await self.kill()
        self._output.close()

    def said(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")


def environment(database_url: str, port: int, **more: str) -> dict[str, str]:
    """The least that `web` and `worker` need; `python` is the one that runs the tests."""
    key_id, key = TOKEN_KEYS[0]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {
        "PATH": path,
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a secret that only the tests know",
        "TOKEN_ENCRYPTION_KEYS": f"{key_id}:{base64.b64encode(key).decode()}",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "CANARY_HOSTS": "",  # nothing of the tests leaves this machine
        **more,
    }


def free_port() -> int:
    """Not one of those that the system hands to outgoing connections: it would be somebody else's
    before the program listens.
    """
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def answers(program: Program, url: str) -> None:
    """Wait until `url` says 200."""
    async with local_client() as client:

        async def look() -> bool:
            assert program.runs, program.said()
            try:
                return (await client.get(url)).status_code == 200
            except httpx.TransportError:
                return False

        await until(look)

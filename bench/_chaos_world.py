"""The world of the chaos run: database, providers, programs, people with open pages."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.local_postgres.binaries import unprivileged_account
from app.local_postgres.cluster import Cluster
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.replication import copy_primary, hosts_of, wait_for_standby
from tests.support.settings import PASSWORD, PROVIDERS_TOML

SETTINGS = {  # what is committed, stays
    "max_connections": "200",
    "shared_buffers": "64MB",
    "wal_keep_size": "128MB",
}
DISK = "700m"  # of the small file system under the database
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
INTERVAL, TIMEOUT = 3, 2  # seconds
TOKENS_LIVE = 20  # seconds
START = 60.0  # seconds

WILD = """
[providers.wild]
name = "Wild"
icon = "bi-plug"
authorization_endpoint = "{url}/auth"
token_endpoint = "{url}/token"
refresh = "never"
[providers.wild.probe]
url = "{url}/me"
label = "name"
account = "sub"
"""
CARD = re.compile(r'id="connection-([0-9a-f-]{36})"[^>]*data-status="(\w+)" data-version="(\d+)"')


class Postgres(Cluster):
    """A cluster on a small disk, whose clock can be moved, and which comes back at its port."""

    def __init__(self, home: Path) -> None:
        self.clock = home.parent / "clock"  # of both servers
        self.clock.write_text("+0\n")
        super().__init__(home, unprivileged_account(), SETTINGS | {"port": str(free_port())})

    def _circumstances(self) -> dict[str, Any]:
        options = super()._circumstances()
        if FAKETIME.exists():
            options["env"] |= {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        return options

    def processes(self) -> list[int]:
        found = subprocess.run(
            ["pgrep", "-P", str(self.pid())], capture_output=True, text=True, check=False
        )
        return [self.pid(), *map(int, found.stdout.split())]


@contextmanager
def postgres() -> Iterator[tuple[Postgres, Postgres]]:
    """A primary and its standby, which has what is committed; each on a tmpfs of DISK where we may
    mount one.
    """
    folder = Path(tempfile.mkdtemp(prefix="svyazka-chaos-", dir="/tmp"))
    folder.chmod(0o755)
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        primary, standby = (_on_a_small_disk(folder / name, undo) for name in ("one", "two"))
        primary.initialise()
        primary.launch()
        follow(primary, standby)
        yield primary, standby


def follow(primary: Postgres, standby: Postgres) -> None:
    """Copy the primary, and let every commit wait for the copy."""
    shutil.rmtree(standby.data, ignore_errors=True)
    copy_primary(primary, standby, unprivileged_account())
    standby.launch()
    wait_for_standby(primary)


def _on_a_small_disk(home: Path, undo: ExitStack) -> Postgres:
    home.mkdir()
    if os.geteuid() == 0 and _done("mount", "-t", "tmpfs", "-o", f"size={DISK}", "x", home):
        undo.callback(_done, "umount", home)
    cluster = Postgres(home)
    undo.callback(_end, cluster)
    return cluster


def _end(cluster: Postgres) -> None:
    with suppress(OSError, ValueError, IndexError):
        cluster.stop(signal.SIGQUIT)


class Wild:
    """A provider without manners; `mode` says which."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while await reader.readuntil(b"\r\n\r\n"):
                await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"sub": "%b", "name": "Wild"}' % (b"other" if self.mode == "other" else b"shop-w")
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        match self.mode:
            case "drip":
                for byte in whole:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.2)
            case "reset":
                writer.write(whole[:20])
                await writer.drain()
                writer.transport.abort()
            case "flood":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
                for _ in range(1600):
                    writer.write(b"x" * 65536)
                    await writer.drain()
            case "silent":
                await reader.read()
            case _:
                writer.write(whole)
                await writer.drain()


@asynccontextmanager
async def wild_provider() -> AsyncIterator[Wild]:
    wild = Wild()
    server = await asyncio.start_server(wild.serve, "127.0.0.1", 0)
    wild.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wild
    finally:
        server.close()


class HostileReceiver:
    """Of webhooks: a trailer without an end, or a body that comes a byte a second."""

    def __init__(self) -> None:
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await (self._trailer(writer) if self.asked % 2 else self._slow(writer))
        writer.close()

    async def _trailer(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: ")
        while True:
            writer.write(b"a" * 65536)
            await writer.drain()

    async def _slow(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(1)


@asynccontextmanager
async def hostile_receiver() -> AsyncIterator[str]:
    receiver = HostileReceiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


@dataclass
class Page:
    """What one person's open page shows, kept as a browser keeps it; it comes back by itself."""

    url: str
    cookies: httpx.Cookies
    shown: dict[str, tuple[str, int]] = field(default_factory=dict)  # id → status, version
    came_back: int = 0

    async def look(self) -> None:
        """For ever."""
        while True:
            with suppress(httpx.HTTPError):
                await self._look()
            self.came_back += 1
            await asyncio.sleep(1)

    async def _look(self) -> None:
        patience = httpx.Timeout(10, read=60)
        async with (
            httpx.AsyncClient(cookies=self.cookies, timeout=patience, trust_env=False) as browser,
            browser.stream("GET", f"{self.url}/connections/stream") as answer,
        ):
            if answer.status_code != 200:
                return
            event: list[str] = []
            async for line in answer.aiter_lines():
                if line:
                    event.append(line)
                    continue
                self._take("\n".join(event))
                event = []

    def _take(self, event: str) -> None:
        cards = {id: (status, int(version)) for id, status, version in CARD.findall(event)}
        if '"#cards"' in event:
            self.shown = cards
        else:
            self.shown |= cards


@dataclass
class Ready:
    """What `/readyz` said, each with its time."""

    url: str
    said: list[tuple[float, int]] = field(default_factory=list)  # monotonic, status; 0: nothing

    async def listen(self) -> None:
        """For ever."""
        while True:
            status = await self.ask()
            self.said.append((time.monotonic(), status))
            await asyncio.sleep(0.25)

    async def ask(self) -> int:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=7) as client:
                return (await client.get(f"{self.url}/readyz")).status_code
        except httpx.HTTPError:
            return 0


@dataclass
class World:
    postgres: Postgres  # the primary
    standby: Postgres
    wild: Wild
    hostile_url: str  # of a receiver of webhooks
    web: Program
    workers: list[Program]
    sandbox: Program
    url: str
    sandbox_url: str
    environ: dict[str, str]
    targets: dict[str, str]  # where /metrics are, by the name of the instance
    pages: list[Page] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)  # what faults found broken themselves

    @property
    def programs(self) -> list[Program]:
        return [self.web, *self.workers]

    async def sign_up(self, email: str) -> httpx.AsyncClient:
        browser = httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30)
        await browser.post("/signup", data={"email": email, "password": PASSWORD})
        return browser


@asynccontextmanager
async def open_world(primary: Postgres, standby: Postgres, folder: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        wild = await stack.enter_async_context(wild_provider())
        hostile_url = await stack.enter_async_context(hostile_receiver())
        port, sandbox_port = free_port(), free_port()
        url, sandbox_url = f"http://127.0.0.1:{port}", f"http://localhost:{sandbox_port}"
        file = folder / "providers.toml"
        file.write_text(PROVIDERS_TOML.format(sandbox=sandbox_url) + WILD.format(url=wild.url))
        secrets = {f"{name}_CLIENT_SECRET": f"{name.lower()}-secret" for name in ("EVOTOR", "WILD")}
        environ = environment(
            f"{hosts_of(primary, standby)}?target_session_attrs=read-write&connect_timeout=2",
            port,
            PROVIDERS_FILE=str(file),
            ALLOW_INSECURE_PROVIDERS="1",
            ALLOW_LOOPBACK_TARGETS="1",
            EVOTOR_CLIENT_ID="evotor",
            WILD_CLIENT_ID="wild",
            HEALTH_CHECK_INTERVAL_SECONDS=str(INTERVAL),
            HEALTH_CHECK_TIMEOUT_SECONDS=str(TIMEOUT),
            RUN_MONITOR="0",
            **secrets,
        )

        def start(*words: str, **more: str) -> Program:
            program = Program([*APP, *words], environ | more).start()
            stack.push_async_callback(program.close)
            return program

        lifetime = ("--access-token-lifetime", str(TOKENS_LIVE))
        sandbox = start("sandbox", "--port", str(sandbox_port), *lifetime)
        ports = [free_port(), free_port()]
        web, workers = start("web"), [start("worker", METRICS_PORT=str(each)) for each in ports]
        targets = {"web": url}
        targets |= {f"worker-{each}": f"http://127.0.0.1:{each}" for each in ports}
        await answers(sandbox, f"{sandbox_url}/control")
        await answers(web, f"{url}/readyz")
        servers = (primary, standby, wild, hostile_url)
        yield World(*servers, web, workers, sandbox, url, sandbox_url, environ, targets)


def _done(*command: str | Path) -> bool:
    return subprocess.run([*map(str, command)], capture_output=True, check=False).returncode == 0

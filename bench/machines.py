"""A web and two workers on machines of their own, a cable that is pulled: who notices, and when.

Linux, as root: each machine is a network namespace with an address of its own. BENCH_ROWS (2,000).
"""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.cli.commands import migrate_database
from app.database.encryption import Keys
from app.local_postgres import CARELESS
from app.local_postgres.binaries import unprivileged_account
from app.local_postgres.cluster import Cluster
from bench._crowd import fill
from bench._machine import show
from bench._origin import Origin, origin
from bench.checks import ENTRY
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.settings import TOKEN_KEYS
from tests.support.waiting import until

ROWS = int(os.environ.get("BENCH_ROWS", "2000"))
INTERVAL = 10  # seconds between two checks of one connection
PATIENCE = 180.0  # seconds
BRIDGE, NETWORK = "svyazka0", "10.213.7"
DATABASE, WEB, WORKERS = 1, 2, (3, 4)  # the last number of each one's address
LATE = "SELECT extract(epoch FROM now() - min(next_check_at))::float8 FROM connections"
SETTLED = 1.0  # seconds that a check may be late, and everything counts as on time
WATCHED = 60.0  # seconds after a cable was pulled or plugged in


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures, in seconds."""
    if os.geteuid() != 0:
        raise SystemExit("bench: machines wants root, for network namespaces")
    with ExitStack() as stack:
        stack.enter_context(_bridge())
        for number in (WEB, *WORKERS):
            stack.enter_context(_machine(number))
        url = stack.enter_context(_postgres())
        await asyncio.to_thread(migrate_database, url)
        await fill(url, Keys(TOKEN_KEYS), "bench", ROWS)
        ports = free_port(), free_port()
        for number in WORKERS:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
            provider = stack.enter_context(origin(folder, ports, _inside(number)))
        return await _started(url, provider, folder)


async def _started(url: str, provider: Origin, folder: Path) -> dict[str, object]:
    entries = folder / "providers.toml"
    entries.write_text(ENTRY.format(url=provider.http, ca_file=provider.ca_file))
    environ = environment(
        url,
        free_port(),
        PROVIDERS_FILE=str(entries),
        ALLOW_INSECURE_PROVIDERS="1",
        BENCH_CLIENT_ID="bench",
        BENCH_CLIENT_SECRET="bench-secret",
        HEALTH_CHECK_INTERVAL_SECONDS=str(INTERVAL),
        HOST=f"{NETWORK}.{WEB}",
        RUN_MONITOR="0",
    )
    web = Program([*_inside(WEB), *APP, "web"], environ).start()
    workers = [Program([*_inside(number), *APP, "worker"], environ).start() for number in WORKERS]
    database = await asyncpg.connect(url)
    try:
        ready = f"http://{NETWORK}.{WEB}:{environ['PORT']}/readyz"
        await answers(web, ready)
        return await _story(database, ready)
    finally:
        await database.close()
        for each in (*workers, web):
            await each.close()


async def _story(database: "asyncpg.Connection[Any]", ready: str) -> dict[str, object]:
    async def late() -> float:
        return float(await database.fetchval(LATE))

    async def on_time() -> bool:
        return await late() < SETTLED

    async def well() -> bool:
        return await _is_well(ready)

    async def unwell() -> bool:
        return not await _is_well(ready)

    figures: dict[str, object] = {}
    await _seconds_until(on_time)
    figures["both work: the latest check, s late"] = await _latest(late)
    _plug(WORKERS[0], "down")
    figures["one worker's cable pulled: the latest check, s late"] = await _latest(late)
    _plug(WORKERS[0], "up")
    figures["plugged in again: the latest check, s late"] = await _latest(late)
    for number in WORKERS:
        _plug(number, "down")
    figures["both pulled: /readyz says so after, s"] = await _seconds_until(unwell)
    for number in WORKERS:
        _plug(number, "up")
    figures["plugged in again: /readyz is well after, s"] = await _seconds_until(well)
    figures["and everything is on time after another, s"] = await _seconds_until(on_time)
    _plug(WEB, "down")
    await asyncio.sleep(WATCHED)
    _plug(WEB, "up")
    figures["the web's cable out for a minute: well again after, s"] = await _seconds_until(well)
    show(("what", "seconds"), [(what, f"{each:.1f}") for what, each in figures.items()])
    return figures


async def _latest(late: Callable[[], Awaitable[float]]) -> float:
    """The latest that a check was in the time that we watch."""
    end, latest = time.monotonic() + WATCHED, 0.0
    while time.monotonic() < end:
        latest = max(latest, await late())
        await asyncio.sleep(0.25)
    return latest


async def _seconds_until(look: Callable[[], Awaitable[bool]]) -> float:
    began = time.monotonic()
    await until(look, PATIENCE)
    return time.monotonic() - began


async def _is_well(ready: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=8) as http:
        try:
            return (await http.get(ready)).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def _bridge() -> Iterator[None]:
    _do("ip", "link", "add", BRIDGE, "type", "bridge")
    try:
        _do("ip", "addr", "add", f"{NETWORK}.{DATABASE}/24", "dev", BRIDGE)
        _do("ip", "link", "set", BRIDGE, "up")
        yield
    finally:
        _do("ip", "link", "del", BRIDGE)


@contextmanager
def _machine(number: int) -> Iterator[None]:
    """A namespace with a cable to the bridge."""
    name = f"svyazka{number}"
    _do("ip", "netns", "add", name)
    try:
        _do("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _do("ip", "link", "set", name, "master", BRIDGE, "up")
        for words in (
            ("addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            _do("ip", "-n", name, *words)
        yield
    finally:
        _do("ip", "netns", "del", name)


@contextmanager
def _postgres() -> Iterator[str]:
    """Reached by the bridge's address too."""
    with tempfile.TemporaryDirectory(prefix="svyazka-pg-", dir="/tmp") as name:
        address = f"{NETWORK}.{DATABASE}"
        listening = {"listen_addresses": f"127.0.0.1,{address}"}
        cluster = Cluster(Path(name), unprivileged_account(), CARELESS | listening)
        cluster.initialise()
        with (cluster.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK}.0/24 scram-sha-256\n")
        cluster.launch()
        try:
            yield cluster.url().replace("127.0.0.1", address)
        finally:
            cluster.stop(signal.SIGQUIT)


def _inside(number: int) -> tuple[str, ...]:
    return ("ip", "netns", "exec", f"svyazka{number}")


def _plug(number: int, state: str) -> None:
    _do("ip", "link", "set", f"svyazka{number}", state)


def _do(*words: str) -> None:
    subprocess.run(words, check=True)

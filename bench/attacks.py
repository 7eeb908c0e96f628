"""What a stranger, a hostile receiver and a person with 2,300 streams cost everybody else.

BENCH_TREE: another checkout to attack instead of this one, to compare. BENCH_SECONDS (8): of each.
"""

import asyncio
import contextlib
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

from app import local_postgres
from bench._machine import show, usage
from bench._readers import many_files
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.servers import local_client
from tests.support.settings import PASSWORD

TREE = Path(os.environ.get("BENCH_TREE", Path(__file__).parent.parent))
SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))  # of each attack
LOOKS = 0.05  # seconds between two looks at /healthz, and at /readyz
SILENT = 300  # connections that say nothing, or half a head
STREAMS = 2_300  # of one session
LOGINS = 192  # at once
FLOODS = 8  # connections that send without end
EMAIL, OWN_ADDRESS = "anna@example.ru", "203.0.113.1"

# Runs in the tree that is attacked: nine answers whose trailer never ends, beside a clock.
HOSTILE = """
import asyncio, resource, time
import httpx
from app.outbound.allowed_hosts import Destination, LOOPBACK
from app.outbound.client import client_of
from app.outbound.pool import open_pool
from app.outbound.transport import bounds
from tests.support.outbound import ask
from app.providers.provider import Provider
from app.providers.spec_parts import Probe

async def flood(reader, writer):
    try:
        await reader.readuntil(b"\\r\\n\\r\\n")
        writer.write(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\nX: ")
        while True:
            writer.write(b"a" * 65536)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()

async def main():
    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    where = Provider("acme", "Acme", url + "a", url + "t", Probe(url + "me")).destination
    late = 0.0
    async def clock():
        nonlocal late
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            late = max(late, time.monotonic() - before - 0.01)
    ticking = asyncio.create_task(clock())
    async with open_pool(loopback=True) as pool, client_of(pool) as http:
        began = time.monotonic()
        request = httpx.Request("GET", url + "me")
        await asyncio.gather(*(ask(http, request, 5, where) for _ in range(9)))
        took = time.monotonic() - began
    print(late * 1000, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    import os; os._exit(0)

asyncio.run(main())
"""


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures."""
    many_files()
    figures: dict[str, object] = {"tree": TREE.name}
    rows: list[tuple[object, ...]] = []
    late, took, peak = await asyncio.to_thread(_hostile_receiver)
    rows.append(
        (
            "nine receivers with an endless trailer",
            f"loop {late:.0f}",
            "",
            f"{peak:.0f}",
            f"done in {took:.1f} s",
        )
    )
    for name, attack in ATTACKS.items():
        with local_postgres.throwaway() as server:
            async with _web(server.url) as web:
                figures[name] = await _under(web, attack)
                rows.append((name, *figures[name].values()))  # type: ignore[attr-defined]
                print(*rows[-1], sep=", ", flush=True)
    show(("attack", "/healthz p99, ms", "/readyz p99, ms", "RSS MB, most", "what else"), rows)
    return figures | {"receivers": [late, took, peak]}


def _hostile_receiver() -> tuple[float, float, float]:
    ran = subprocess.run(
        [sys.executable, "-c", HOSTILE],
        cwd=TREE,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    late, took, peak = (float(each) for each in ran.stdout.split())
    return late, took, peak


class Web:
    def __init__(self, program: Program, port: int) -> None:
        self.program, self.port = program, port
        self.url = f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _web(database_url: str) -> AsyncIterator[Web]:
    port = free_port()
    environ = environment(database_url, port, TRUSTED_HOPS="1", RUN_MONITOR="0")
    migrated = Program([*APP, "migrate"], environ, TREE).start()
    if await migrated.ended():
        raise SystemExit(migrated.said())
    program = Program([*APP, "web"], environ, TREE).start()
    try:
        await answers(program, f"http://127.0.0.1:{port}/healthz")
        yield Web(program, port)
    finally:
        await program.close()


async def _under(web: Web, attack: "Attack") -> dict[str, object]:
    """What others see while `attack` runs."""
    ours, theirs = multiprocessing.Pipe()
    prober = multiprocessing.Process(target=_probe, args=(web.url, theirs), daemon=True)
    prober.start()
    await asyncio.to_thread(ours.recv)  # it has looked once
    most = [0.0]
    watching = asyncio.create_task(_watch(web.program.pid, most))
    told = await attack(web)
    ours.send("enough")
    looks: dict[str, list[float]] = await asyncio.to_thread(ours.recv)
    watching.cancel()
    prober.join(10)
    p99 = {path: round(_p99(times)) for path, times in looks.items()}
    return {
        "healthz": p99["/healthz"],
        "readyz": p99["/readyz"],
        "rss": round(most[0]),
        "else": told,
    }


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98] * 1000 if len(times) > 1 else times[0] * 1000


async def _watch(pid: int, most: list[float]) -> None:
    while True:
        most[0] = max(most[0], usage(pid).rss)
        await asyncio.sleep(0.1)


def _probe(url: str, pipe: Connection) -> None:
    """In a process of its own: new connections, one after the other, until told to stop."""
    looks: dict[str, list[float]] = {"/healthz": [], "/readyz": []}
    said = False
    while not pipe.poll():
        for path, times in looks.items():
            before = time.monotonic()
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(url + path, timeout=60, trust_env=False)
            times.append(time.monotonic() - before)
            time.sleep(LOOKS)
        if not said:
            said = True
            pipe.send("looking")
            for times in looks.values():
                times.clear()
    pipe.send(looks)


Attack = Callable[[Web], Awaitable[str]]


async def _flood(web: Web, head: bytes, *, until: float) -> None:
    """One connection after the other that sends `head` and then never stops."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + SECONDS):
                _, writer = await asyncio.open_connection("127.0.0.1", web.port)
                writer.write(head)
                try:
                    while time.monotonic() < until:
                        writer.write(b"a" * 65_536)
                        await writer.drain()
                finally:
                    writer.transport.abort()


def _floods(head: bytes) -> Attack:
    async def attack(web: Web) -> str:
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(_flood(web, head, until=until) for _ in range(FLOODS)))
        return ""

    return attack


async def _silent(web: Web) -> str:
    """Half of them have said 400 KB of a header."""
    opened = [await asyncio.open_connection("127.0.0.1", web.port) for _ in range(SILENT)]
    for _, writer in opened[::2]:
        writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * 400_000)
    left = await _left(opened, 25)
    return f"{left} of {SILENT} connections are still open after 25 s"


async def _logins(web: Web) -> str:
    limits = httpx.Limits(max_connections=None)
    async with _person(web) as person, local_client(base_url=web.url, limits=limits) as crowd:
        await person.post("/logout")
        tried = [asyncio.create_task(_wrong_login(crowd, number)) for number in range(LOGINS)]
        await asyncio.sleep(2.0)  # they are all on their way
        began = time.monotonic()
        form = {"email": EMAIL, "password": PASSWORD}
        answer = await person.post("/login", data=form, headers={"X-Forwarded-For": OWN_ADDRESS})
        took = time.monotonic() - began
        statuses = await asyncio.gather(*tried)
    told = ", ".join(f"{statuses.count(each)} × {each}" for each in sorted(set(statuses)))
    return f"a real log-in: {answer.status_code} in {took:.1f} s; of {LOGINS}: {told}"


async def _wrong_login(crowd: httpx.AsyncClient, number: int) -> int:
    """From eight addresses, as many people: no rate limit is in the way."""
    form = {"email": f"nobody-{number}@example.ru", "password": "not the password"}
    address = {"X-Forwarded-For": f"198.51.100.{number % 8}"}
    return (await crowd.post("/login", data=form, headers=address)).status_code


async def _streams(web: Web) -> str:
    async with _person(web) as person:
        cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    head = f"GET /connections/stream HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\n\r\n".encode()
    opened = [await asyncio.open_connection("127.0.0.1", web.port) for _ in range(STREAMS)]
    for _, writer in opened:
        writer.write(head)
    return f"{await _left(opened, SECONDS)} of {STREAMS} are open"


async def _left(
    opened: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]], seconds: float
) -> int:
    """How many of these connections the server still holds after so many seconds."""
    reading = [asyncio.create_task(_read(reader)) for reader, _ in opened]
    await asyncio.sleep(seconds)
    left = sum(not task.done() for task in reading)
    for task, (_, writer) in zip(reading, opened, strict=True):
        task.cancel()
        writer.transport.abort()
    return left


async def _read(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(65_536):
            pass


@asynccontextmanager
async def _person(web: Web) -> AsyncIterator[httpx.AsyncClient]:
    async with local_client(base_url=web.url) as client:
        form = {"email": EMAIL, "password": PASSWORD}
        answer = await client.post("/signup", data=form, headers={"X-Forwarded-For": OWN_ADDRESS})
        if answer.status_code != 303:
            raise SystemExit(answer.text)
        yield client


async def _quiet(web: Web) -> str:
    await asyncio.sleep(SECONDS)
    return ""


ATTACKS: dict[str, Attack] = {
    "none": _quiet,
    "an endless header": _floods(b"GET / HTTP/1.1\r\nX: "),
    "an endless request line": _floods(b"GET /"),
    "an endless trailer": _floods(
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
    ),
    "an endless body": _floods(
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n"
    ),
    f"{SILENT} silent connections, half with 400 KB of a header": _silent,
    f"{LOGINS} log-ins at once": _logins,
    f"{STREAMS:,} streams of one session": _streams,
}

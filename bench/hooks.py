"""What a provider posts to us: 10,000 posts, 20 at once, and how long each answer takes."""

import asyncio
import random
import statistics
import time
from typing import Any

import aiohttp

from app import local_postgres
from app.cli.commands import migrate_database
from bench._machine import show, usage
from tests.support.processes import APP, Program, answers, environment, free_port

POSTS, AT_ONCE, ACCOUNTS = 10_000, 20, 5_000
SECRET = "5f0c2ad6-56f0-4a5e-9d6b-0c1d2e3f4a5b"
KINDS = ("first token", "new token", "repeated token", "installed")


async def measure() -> dict[str, object]:
    """Prints the figures, and returns them; times are milliseconds."""
    with local_postgres.throwaway() as server:
        await asyncio.to_thread(migrate_database, server.url)
        port = free_port()
        environ = environment(server.url, port, RUN_MONITOR="0", EVOTOR_WEBHOOK_SECRET=SECRET)
        program = Program([*APP, "web"], environ).start()
        try:
            await answers(program, f"http://127.0.0.1:{port}/healthz")
            before = usage(program.pid).cpu
            began = time.monotonic()
            times = await _post_all(f"http://127.0.0.1:{port}/evotor/hooks")
            took = time.monotonic() - began
            cpu = (usage(program.pid).cpu - before) / POSTS * 1e6
        finally:
            await program.close()
    rows: list[tuple[object, ...]] = [(kind, len(ms), *_figures(ms)) for kind, ms in times.items()]
    everything = [ms for kind in times.values() for ms in kind]
    rows.append(("all", POSTS, *_figures(everything)))
    show(("what", "posts", "median ms", "p99 ms", "longest ms"), rows)
    print(f"{POSTS / took:.0f} a second, {cpu:.0f} µs of CPU each")
    median, p99, longest = _figures(everything)
    rate = {"per_second": round(POSTS / took), "cpu_us": round(cpu)}
    return rate | {"median_ms": median, "p99_ms": p99, "longest_ms": longest}


async def _post_all(base: str) -> dict[str, list[float]]:
    """All of them, by what they were; raises AssertionError where one was not taken."""
    posts = iter(_posts())
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    headers = {"Authorization": f"Bearer {SECRET}"}
    async with aiohttp.ClientSession(headers=headers) as http:

        async def worker() -> None:
            for kind, path, content in posts:
                began = time.monotonic()
                async with http.post(base + path, json=content) as answer:
                    assert answer.status == 200, answer.status
                times[kind].append((time.monotonic() - began) * 1000)

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return times


def _posts() -> list[tuple[str, str, dict[str, Any]]]:
    """A token for every account, then the other kinds, mixed."""
    first = [_token("first token", n, f"token-{n:08d}") for n in range(ACCOUNTS)]
    rest = [_later(random.randrange(ACCOUNTS), n) for n in range(POSTS - ACCOUNTS)]
    return first + rest


def _later(account: int, number: int) -> tuple[str, str, dict[str, Any]]:
    match number % 3:
        case 0:
            return _token("new token", account, f"later-{number:08d}")
        case 1:
            return _token("repeated token", account, f"token-{account:08d}")
    data = {"productId": "p", "userId": _name(account)}
    event = {"id": str(number), "version": 2, "type": "ApplicationInstalled", "data": data}
    return "installed", "/installation/event", event | {"timestamp": int(time.time() * 1000)}


def _token(kind: str, account: int, token: str) -> tuple[str, str, dict[str, Any]]:
    return kind, "/user/token", {"userId": _name(account), "token": token}


def _name(account: int) -> str:
    return f"01-{account:015d}"


def _figures(times: list[float]) -> tuple[float, float, float]:
    ordered = sorted(times)
    p99 = ordered[int(len(ordered) * 0.99) - 1]
    return round(statistics.median(ordered), 1), round(p99, 1), round(ordered[-1], 1)

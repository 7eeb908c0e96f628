"""Everything is a day overdue when a worker starts: is anybody rushed, and when is all on time?

BENCH_ROWS (1,000,000): nine in ten at one provider, the rest at another.
"""

import asyncio
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.encryption import Keys
from app.monitor.rate_limiter import BUCKET_REFILL
from bench._crowd import fill
from bench._lookers import Looker, lookers
from bench._machine import on, show, stay_on
from bench._origin import Origin, origin
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.settings import TOKEN_KEYS

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
INTERVAL = 600  # seconds
RATES = {"big": (ROWS * 9 // 10, 2000), "small": (ROWS // 10, 250)}  # connections, checks/s at most
STOPPED = "1 day"
ON_TIME = INTERVAL * 0.1  # seconds
AFTERWARDS = 60.0  # seconds that it has to stay on time
PATIENCE = 3.0  # times what the bounds allow
PAUSE = 0.5  # seconds between two looks at a page
OURS, THEIRS = 1, 0  # cores

DUE = f"now() - interval '{STOPPED}' + interval '{INTERVAL} seconds' * random()"
LOOKED = f"now() - interval '{STOPPED}' - interval '1 second'"
WATCHED = f"now() - interval '{STOPPED}' + interval '{2 * INTERVAL} seconds'"

LATEST = """
SELECT extract(epoch FROM now() - min(next_check_at))::float8
FROM connections WHERE provider = $1
"""

ENTRY = """
[providers.{name}]
name = "{name}"
icon = "bi-box-seam"
authorization_endpoint = "{url}/auth"
token_endpoint = "{url}/token"
refresh = "never"
max_rate = {rate}
max_concurrency = 200
[providers.{name}.probe]
url = "{url}/me"
label = "name"
"""


@dataclass
class Seen:
    """Of one provider: (moment, requests so far), and (moment, seconds that the latest is late)."""

    requests: list[tuple[float, int]] = field(default_factory=list)
    late: list[tuple[float, float]] = field(default_factory=list)

    def most(self, seconds: int) -> float:
        """Requests a second, in the busiest stretch of so many samples."""
        pairs = zip(self.requests, self.requests[seconds:], strict=False)
        return max((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs)

    def on_time(self) -> float:
        """The last moment that something was late at."""
        return max(at for at, late in self.late if late > ON_TIME)


async def measure() -> dict[str, object]:
    """Prints the tables; returns their figures."""
    stay_on(THEIRS)
    with ExitStack() as stack:
        server = stack.enter_context(local_postgres.throwaway())
        folders = {name: stack.enter_context(tempfile.TemporaryDirectory()) for name in RATES}
        origins = {
            name: stack.enter_context(origin(Path(folder))) for name, folder in folders.items()
        }
        await asyncio.to_thread(migrate_database, server.url)
        after = 0
        for name, (count, _) in RATES.items():
            await fill(server.url, Keys(TOKEN_KEYS), name, count, DUE, after, LOOKED, WATCHED)
            after += count
        return await _started(server.url, origins, Path(folders["big"]))


async def _started(
    database_url: str, origins: dict[str, Origin], folder: Path
) -> dict[str, object]:
    environ = _environ(database_url, origins, folder)
    looker = (await lookers(database_url, environ["SECRET_KEY"], 1, 5))[0]
    web = Program([*APP, "web"], environ).start()
    worker = Program(on(OURS, *APP, "worker"), environ)
    url = f"http://127.0.0.1:{environ['PORT']}"
    database = await asyncpg.connect(database_url)
    try:
        await answers(web, f"{url}/healthz")
        seen, pages = {name: Seen() for name in RATES}, list[float]()
        looking = asyncio.create_task(_look(url, looker, pages))
        worker.start()
        began = time.monotonic()
        await _watch(database, origins, seen)
        looking.cancel()
        assert worker.runs, worker.said()
        return _told(seen, pages, began)
    finally:
        await database.close()
        for each in (worker, web):
            if each.runs:
                await each.stop()
            await each.close()


async def _watch(
    database: asyncpg.Connection, origins: dict[str, Origin], seen: dict[str, Seen]
) -> None:
    """Until all have been on time for a while; TimeoutError when that takes far too long."""
    allowed = max(_allowed(*each) for each in RATES.values())
    quiet_since = None
    async with asyncio.timeout(allowed * PATIENCE + AFTERWARDS), httpx.AsyncClient() as http:
        while quiet_since is None or time.monotonic() - quiet_since < AFTERWARDS:
            for name, each in seen.items():
                count = await _requests(http, origins[name])
                each.requests.append((time.monotonic(), count))
                each.late.append((time.monotonic(), await database.fetchval(LATEST, name)))
            late = max(each.late[-1][1] for each in seen.values())
            quiet_since = (quiet_since or time.monotonic()) if late < ON_TIME else None
            await asyncio.sleep(1.0)


async def _requests(http: httpx.AsyncClient, provider: Origin) -> int:
    """nginx's own count; ours is one of them."""
    said = await http.get(f"{provider.http}/status")
    return int(said.text.splitlines()[2].split()[2])


async def _look(url: str, looker: Looker, pages: list[float]) -> None:
    """Somebody who reloads the page again and again; seconds that each took."""
    cookie = looker.request.decode().rpartition("Cookie: ")[2].strip()
    async with httpx.AsyncClient(base_url=url, headers={"Cookie": cookie}) as browser:
        while True:
            began = time.monotonic()
            answer = await browser.get("/connections")
            assert answer.status_code == 200
            pages.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE)


def _told(seen: dict[str, Seen], pages: list[float], began: float) -> dict[str, object]:
    figures: dict[str, object] = {}
    for name, each in seen.items():
        count, rate = RATES[name]
        figures[name] = {
            "connections": count,
            "bound": rate,
            "most_in_1_s": round(each.most(1)),
            "most_in_10_s": round(each.most(10)),
            "allowed_s": round(_allowed(count, rate)),
            "on_time_s": round(each.on_time() - began),
        }
    head = ("provider", "connections", "requests/s at most", "most in 1 s", "in 10 s",
            "s that the pace allows", "s until on time")  # fmt: skip
    show(head, [(name, *each.values()) for name, each in figures.items()])  # type: ignore[attr-defined]
    ordered = sorted(pages)
    page = {
        "check_count": len(pages),
        "median_ms": round(statistics.median(ordered) * 1000),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000),
        "longest_ms": round(ordered[-1] * 1000),
    }
    print("GET /connections meanwhile:", page)
    return {"rows": ROWS, "interval": INTERVAL, **figures, "page": page}


def _allowed(count: int, rate: float) -> float:
    """Seconds: our pace stays below what the provider allows."""
    return count / (rate * BUCKET_REFILL)


def _environ(database_url: str, origins: dict[str, Origin], folder: Path) -> dict[str, str]:
    file = folder / "providers.toml"
    file.write_text(
        "".join(
            ENTRY.format(name=name, url=each.http, rate=RATES[name][1])
            for name, each in origins.items()
        )
    )
    return environment(
        database_url,
        free_port(),
        RUN_MONITOR="0",
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        HEALTH_CHECK_INTERVAL_SECONDS=str(INTERVAL),
        **{
            f"{name.upper()}_CLIENT_{word}": f"{name}-{word}".lower()
            for name in origins
            for word in ("ID", "SECRET")
        },
    )

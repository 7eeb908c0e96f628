"""The page of connections, 5 and 200 cards on one core, beside Flask, psycopg and gunicorn.

BENCH_SECONDS of each measurement (10), BENCH_THREADS of gunicorn (4).
"""

import asyncio
import hashlib
import os
import re
import subprocess
import tempfile
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
from itsdangerous import TimestampSigner

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.engine import open_database
from app.history import uptime
from bench._machine import need, on, show, stay_on, usage
from bench._slowest import watched
from bench.history_pages import EACH, EMAIL, seed, signed_in, started
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.settings import PASSWORD

SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
THREADS = os.environ.get("BENCH_THREADS", "4")
CLIENTS, FEW = 64, 5
WARM_UP = 2  # seconds
OURS, THEIRS = 1, 0  # the core that is measured, and the one for PostgreSQL, wrk and us
PEER = ("flask==3.1.3", "gunicorn==27.0.1", "psycopg[binary]==3.3.9")
TOKEN = "session-of-the-peer"
HERE = Path(__file__).parent

ONLY_FEW = "DELETE FROM connections WHERE user_id = $1 AND split_part(label, ' ', 3)::int > $2"
ALL_FRESH = """
UPDATE connections SET last_checked_at = now() - interval '5 minutes',
    next_check_at = now() + interval '1 day', watched_until = now() + interval '2 days'
"""
PEERS_SESSION = (
    "INSERT INTO sessions (id_hash, user_id, expires_at) VALUES ($1, $2, now() + interval '1 day')"
)
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}  # of wrk, in milliseconds


@dataclass(frozen=True)
class Site:
    """A server that shows the page, and the cookies of two people, by their number of cards."""

    name: str
    url: str
    pid: int  # of the process that does the work
    cookies: dict[int, str]


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures."""
    wrk = need("wrk", "wrk")
    stay_on(THEIRS)
    figures: dict[str, object] = {"seconds": SECONDS, "threads": THREADS}
    with local_postgres.throwaway() as server, tempfile.TemporaryDirectory() as name:
        python = await asyncio.to_thread(_peer_python, Path(name))
        await asyncio.to_thread(migrate_database, server.url)
        people = await _seeded(server.url)
        figures["queries"] = await _queries(server.url)
        rows: list[tuple[object, ...]] = []
        for cards in people:
            for encoding in ("identity", "gzip"):
                async with _ours(server.url, people) as ours:
                    one = await _measured(wrk, ours, cards, encoding)
                async with _peer(python, server.url, people) as peer:
                    other = await _measured(wrk, peer, cards, encoding)
                figures[f"{cards} cards, {encoding}"] = {"ours": one, "flask": other}
                rows += [_row(cards, encoding, "связка", one, other)]
                rows += [_row(cards, encoding, "Flask", other, other)]
    print("queries:", figures["queries"])
    head = ("cards", "encoding", "what", "bytes", "requests/s", "p99 ms", "CPU ms", "× Flask")
    show(head, rows)
    return figures


def _peer_python(folder: Path) -> str:
    """An environment with the peer's packages: the one step that wants a package index."""
    venv.create(folder / "peer", with_pip=True)
    python = str(folder / "peer" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", *PEER], check=True)
    return python


async def _seeded(database_url: str) -> dict[int, int]:
    """Two people by their number of cards."""
    async with open_database(database_url, patience=None) as database:
        await seed(database, people=2)
    raw = await asyncpg.connect(database_url)
    many, few = (row["id"] for row in await raw.fetch("SELECT id FROM users ORDER BY id"))
    await raw.execute(ONLY_FEW, few, FEW)
    await raw.execute(ALL_FRESH)
    for user in (many, few):
        await raw.execute(PEERS_SESSION, _hash(user), user)
    await raw.execute("VACUUM ANALYZE")
    await raw.close()
    return {FEW: few, EACH: many}


async def _queries(database_url: str) -> dict[int, int]:
    """How many statements our page runs, by the number of cards."""
    found = {}
    async with started(database_url) as app:
        for cards, number in ((EACH, 1), (FEW, 2)):
            client = await signed_in(app, number)
            with watched(app.database.engine) as watch:
                assert (await client.get("/connections")).status_code == 200
            found[cards] = sum(len(times) for times in watch.times.values())
    return found


@asynccontextmanager
async def _ours(database_url: str, people: dict[int, int]) -> AsyncIterator[Site]:
    port = free_port()
    client = {"EVOTOR_CLIENT_ID": "bench", "EVOTOR_CLIENT_SECRET": "bench-secret"}
    environ = environment(database_url, port, RUN_MONITOR="0", **client)
    url = f"http://127.0.0.1:{port}"
    web = Program(on(OURS, *APP, "web"), environ)
    try:
        await answers(web.start(), f"{url}/healthz")
        cookies = {EACH: await _log_in(url, 1), FEW: await _log_in(url, 2)}
        yield Site("связка", url, web.pid, cookies)
    finally:
        await web.close()


@asynccontextmanager
async def _peer(python: str, database_url: str, people: dict[int, int]) -> AsyncIterator[Site]:
    port, secret = free_port(), "only for this benchmark"
    command = (
        *(python, "-m", "gunicorn", "--workers", "1", "--worker-class", "gthread"),
        *("--threads", THREADS, "--keep-alive", "75", "--worker-connections", "1000"),
        *("--bind", f"127.0.0.1:{port}", "--chdir", str(HERE), "_flask_page:app"),
    )
    environ = {
        "PATH": os.defpath,
        "DATABASE_URL": database_url,
        "SECRET_KEY": secret,
        "PAGE_SPENT": re.sub(r"(?<!:):([a-z]+)", r"%(\1)s", uptime.TIME_SPENT.text),
    }
    web = Program(on(OURS, *command), environ)
    signer = TimestampSigner(secret)
    cookies = {
        cards: f"session={signer.sign(_token(user)).decode()}" for cards, user in people.items()
    }
    url = f"http://127.0.0.1:{port}"
    try:
        await answers(web.start(), f"{url}/healthz")
        yield Site("Flask", url, _worker_of(web.pid), cookies)
    finally:
        await web.close()


async def _measured(wrk: str, site: Site, cards: int, encoding: str) -> dict[str, float]:
    headers = {"Cookie": site.cookies[cards], "Accept-Encoding": encoding}
    async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=60) as client:
        page = await client.get("/connections")
        assert page.text.count('class="card ') == cards + 3, (site.name, page.status_code)
        size = page.num_bytes_downloaded
        await _load(wrk, site, headers, WARM_UP)
        await client.get("/connections")  # whatever was left in the queue has been served
    before = usage(site.pid).cpu
    said = await _load(wrk, site, headers, SECONDS)
    spent = usage(site.pid).cpu - before
    requests = int(_found(r"(\d+) requests in", said))
    figures = {
        "bytes": size,
        "requests_per_second": float(_found(r"Requests/sec: +([\d.]+)", said)),
        "p99_ms": round(_milliseconds(_found(r"99% +(\S+)", said))),
        "cpu_ms": round(spent * 1000 / requests, 2),
        "rss_mb": round(usage(site.pid).rss),
    }
    print(cards, "cards", encoding, site.name, figures, flush=True)
    return figures


async def _load(wrk: str, site: Site, headers: dict[str, str], seconds: int) -> str:
    """What wrk said; SystemExit when the page failed."""
    given = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = [wrk, "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "60s", "--latency"]
    process = await asyncio.create_subprocess_exec(
        *command, *given, f"{site.url}/connections", stdout=subprocess.PIPE
    )
    said = (await process.communicate())[0].decode()
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"bench: {site.name}: {said}")
    return said


async def _log_in(url: str, number: int) -> str:
    async with httpx.AsyncClient(base_url=url) as client:
        form = {"email": EMAIL.format(number), "password": PASSWORD}
        answer = await client.post("/login", data=form)
        return f"session={answer.cookies['session']}"


def _token(user: int) -> str:
    return f"{TOKEN}-{user}"


def _hash(user: int) -> bytes:
    return hashlib.sha256(_token(user).encode()).digest()


def _worker_of(master: int) -> int:
    return int(Path(f"/proc/{master}/task/{master}/children").read_text().split()[0])


def _milliseconds(said: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", said).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def _found(pattern: str, said: str) -> str:
    match = re.search(pattern, said)
    assert match, said
    return match[1]


def _row(
    cards: int, encoding: str, name: str, own: dict[str, float], peer: dict[str, float]
) -> tuple[object, ...]:
    ratio = f"{peer['cpu_ms'] / own['cpu_ms']:.2f}"
    per_second = f"{own['requests_per_second']:.0f}"
    return (cards, encoding, name, own["bytes"], per_second, own["p99_ms"], own["cpu_ms"], ratio)

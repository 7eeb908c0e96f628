"""10,000 open pages in one process, beside nchan: memory, connecting, an outage, stalled readers.

BENCH_STREAMS (10,000), BENCH_SECONDS of the part with stalled readers (60; 0 leaves it out).
"""

import asyncio
import os
import random
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import text

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.engine import Database, open_database
from app.history import outages
from app.realtime.events import announce_cards
from bench._lookers import Looker, lookers
from bench._machine import on, show, stay_on, usage
from bench._nchan import Nchan, open_nchan
from bench._readers import Readers, many_files, open_readers
from tests.support.processes import APP, Program, answers, environment, free_port

STREAMS = int(os.environ.get("BENCH_STREAMS", "10000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
PAGES = (5, 1)  # open pages of one person: several windows of few, one of many
ROUNDS = 5  # changes of all cards; the first one is not counted
OURS, THEIRS = 1, 0  # the core that is measured, and the one for PostgreSQL, the readers and us
SETTLED = 3.0  # seconds after connecting, until memory is read

OVERHEAD = 60  # bytes that nchan adds to a message, about

STALLED = 100  # readers that never read
STALLED_CARDS = 10  # of each of their people: enough to fill every buffer on the way
CHANGED = 50  # people whose cards change at once while readers stall
PAUSE = 1.0  # seconds between two such changes

TURN = text(
    """
    UPDATE connections SET version = :version, strikes = 2, last_checked_at = now(),
           status = CASE status WHEN 'online' THEN 'offline' ELSE 'online' END,
           cause = CASE status WHEN 'online' THEN 'provider_error' END,
           evidence = CASE status WHEN 'online' THEN 'GET api.evotor.ru/stores → 503 за 412 мс' END,
           since = now()
    WHERE user_id = ANY(CAST(:people AS bigint[])) RETURNING user_id, id
    """
)


@dataclass
class Change:
    """What a change of all cards cost."""

    last: float  # milliseconds from the COMMIT to the last page's last card
    median: float  # the same to the middle page's
    cpu: float  # seconds of the process that pushes
    bytes: float  # that came to all pages


async def measure() -> dict[str, object]:
    """Prints the tables; returns their figures."""
    many_files()
    stay_on(THEIRS)
    figures: dict[str, object] = {"streams": STREAMS, "load": os.getloadavg()[0]}
    with local_postgres.throwaway() as server, tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(migrate_database, server.url)
        async with open_database(server.url) as database:
            for pages in PAGES:
                figures[f"{pages}_pages"] = await _beside(database, server.url, pages, Path(folder))
            if SECONDS:
                stalled = await _with_stalled(database, server.url)
                print(f"\n{STALLED} pages beside the {STREAMS:,}: {stalled}")
                figures["stalled"] = stalled
    return figures


async def _beside(database: Database, url: str, pages: int, folder: Path) -> dict[str, object]:
    """Ours and the peer's with the same crowd, and the same bytes for each page."""
    async with opened_web(url) as (web, port, secret), open_readers(THEIRS) as readers:
        crowd = await lookers(url, secret, STREAMS // pages, 1)
        requests = _requests(crowd, pages)
        ours = await _opened(web.pid, lambda: readers.open(port, requests, b"#banner"))
        changes = [await _change(database, web.pid, readers, crowd, pages) for _ in range(ROUNDS)]
        ours |= _told(changes[1:])
    size = round(statistics.mean(change.bytes for change in changes[1:]) / STREAMS)
    async with open_nchan(folder, OURS) as nchan, open_readers(THEIRS) as readers:
        requests = [nchan.request(each) for each in range(len(crowd)) for _ in range(pages)]
        theirs = await _opened(
            nchan.worker, lambda: readers.open(nchan.port, requests, b"\r\n\r\n")
        )
        published = [
            await _published(nchan, readers, len(crowd), pages, size) for _ in range(ROUNDS)
        ]
        theirs |= _told(published[1:])
    _table(pages, ours, theirs)
    return {"bytes_a_page": size, "ours": ours, "nchan": theirs}


@asynccontextmanager
async def opened_web(database_url: str) -> AsyncIterator[tuple[Program, int, str]]:
    """Our web process, its port, and what it signs cookies with."""
    port = free_port()
    environ = environment(
        database_url, port, RUN_MONITOR="0", EVOTOR_CLIENT_ID="bench", EVOTOR_CLIENT_SECRET="bench"
    )
    web = Program(on(OURS, *APP, "web"), environ).start()
    try:
        await answers(web, f"http://127.0.0.1:{port}/healthz")
        yield web, port, environ["SECRET_KEY"]
    finally:
        await web.stop()
        await web.close()


async def _opened(pid: int, connect: Callable[[], Awaitable[float]]) -> dict[str, float]:
    before = usage(pid)
    seconds = await connect()
    await asyncio.sleep(SETTLED)
    after = usage(pid)
    return {
        "kb_a_stream": round((after.rss - before.rss) * 1024 / STREAMS, 1),
        "connect_seconds": round(seconds, 2),
        "streams_per_second": round(STREAMS / seconds),
        "connect_cpu": round(after.cpu - before.cpu, 2),
        "rss_open": round(after.rss, 1),
    }


async def _change(
    database: Database, pid: int, readers: Readers, crowd: Sequence[Looker], pages: int
) -> Change:
    """Every card of every page changes in one transaction."""
    version = time.monotonic_ns()

    async def commit() -> float:
        return await turn(database, crowd, version)

    mark = f'data-version="{version}"'.encode()
    return await _timed(pid, readers, mark, len(crowd) * pages, commit)


async def turn(database: Database, people: Sequence[Looker], version: int) -> float:
    """Returns when it was committed."""
    given = {"people": [looker.user_id for looker in people], "version": version}
    async with database.sessions() as session:
        changed = [(row.user_id, row.id) for row in await session.execute(TURN, given)]
        await outages.follow(session, [id_ for _, id_ in changed])
        await announce_cards(session, sorted(changed))
        await session.commit()
        return time.monotonic()


async def _published(nchan: Nchan, readers: Readers, people: int, pages: int, size: int) -> Change:
    mark = f"{time.monotonic_ns()}".encode()
    body = b"x" * (size - OVERHEAD) + mark

    async def publish() -> float:
        began = time.monotonic()
        await asyncio.to_thread(nchan.publish, [(each, body) for each in range(people)])
        return began

    return await _timed(nchan.worker, readers, mark, people * pages, publish)


async def _timed(
    pid: int, readers: Readers, mark: bytes, streams: int, act: Callable[[], Awaitable[float]]
) -> Change:
    """`act` returns when it began to count."""
    cpu, read = usage(pid).cpu, await readers.bytes_read()
    await readers.watch(mark, dict.fromkeys(range(streams), 1))
    began = await act()
    times = sorted(await readers.seen())
    assert len(times) == streams, f"{streams - len(times)} pages did not get their card"
    return Change(
        (times[-1] - began) * 1000,
        (statistics.median(times) - began) * 1000,
        usage(pid).cpu - cpu,
        await readers.bytes_read() - read,
    )


def _told(changes: Sequence[Change]) -> dict[str, float]:
    return {
        "last_page_ms": round(statistics.median(each.last for each in changes)),
        "worst_last_page_ms": round(max(each.last for each in changes)),
        "middle_page_ms": round(statistics.median(each.median for each in changes)),
        "change_cpu": round(statistics.median(each.cpu for each in changes), 2),
        "megabytes": round(statistics.mean(each.bytes for each in changes) / 1e6, 1),
    }


async def _with_stalled(database: Database, url: str) -> dict[str, object]:
    """Some change again and again: first everybody reads, then some of them do not."""
    figures: dict[str, object] = {}
    async with opened_web(url) as (web, port, secret), open_readers(THEIRS) as readers:
        crowd = await lookers(url, secret, STREAMS // PAGES[0], 1)
        await readers.open(port, _requests(crowd, PAGES[0]), b"#banner")
        some = await lookers(url, secret, STALLED // PAGES[0], STALLED_CARDS)
        for way in ("reading", "stalled"):
            act = readers.open if way == "reading" else readers.stall
            await act(port, _requests(some, PAGES[0]), b"#banner")
            await asyncio.sleep(SETTLED)
            before = await _memory(web.pid, port)
            times = await _latencies(database, readers, crowd, some)
            after = await _memory(web.pid, port)
            figures[way] = {"p50_ms": _quantile(times, 0.5), "p99_ms": _quantile(times, 0.99)} | {
                name: [before[name], after[name]] for name in before
            }
            if way == "reading":
                await readers.close_last(STALLED)
    return figures


async def _latencies(
    database: Database, readers: Readers, crowd: Sequence[Looker], also: Sequence[Looker]
) -> list[float]:
    """Seconds from each COMMIT to each page of the crowd that it concerned."""
    times: list[float] = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        places = random.sample(range(len(crowd)), CHANGED)
        version = time.monotonic_ns()
        pages = [place * PAGES[0] + each for place in places for each in range(PAGES[0])]
        await readers.watch(f'data-version="{version}"'.encode(), dict.fromkeys(pages, 1))
        committed = await turn(database, [*also, *(crowd[place] for place in places)], version)
        times += [seen - committed for seen in await readers.seen()]
        await asyncio.sleep(PAUSE)
    return times


async def _memory(pid: int, port: int) -> dict[str, float]:
    """Of the process and of the kernel's sockets in MB, and how many streams are open."""
    async with httpx.AsyncClient(trust_env=False) as client:
        said = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return {
        "rss": round(usage(pid).rss, 1),
        "kernel": _kernel(),
        "open": float(said.partition("\nsvyazka_open_pages ")[2].split()[0]),
    }


def _kernel() -> float:
    """MB in the buffers of all TCP sockets of this machine."""
    line = Path("/proc/net/sockstat").read_text().partition("TCP:")[2].splitlines()[0].split()
    return round(int(line[line.index("mem") + 1]) * resource.getpagesize() / 1024**2, 1)


def _requests(crowd: Sequence[Looker], pages: int) -> list[bytes]:
    return [looker.request for looker in crowd for _ in range(pages)]


def _quantile(times: Sequence[float], part: float) -> float:
    return round(sorted(times)[int(len(times) * part)] * 1000, 1)


def _table(pages: int, ours: dict[str, float], theirs: dict[str, float]) -> None:
    head = ("what", "KB a stream", "streams/s", "last page ms", "middle page ms", "CPU s", "MB")
    rows: list[tuple[object, ...]] = []
    for name, each in (("nchan", theirs), ("связка", ours)):
        times = (each["last_page_ms"], each["middle_page_ms"], each["change_cpu"])
        rows.append(
            (name, each["kb_a_stream"], each["streams_per_second"], *times, each["megabytes"])
        )
    print(f"\n{STREAMS // pages:,} people with {pages} open pages each")
    show(head, rows)

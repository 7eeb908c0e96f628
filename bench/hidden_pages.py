"""What a hidden page costs the web process: its stream kept open, or a question a minute.

BENCH_STREAMS (2,000), BENCH_SECONDS that the streams are open with nothing to say (30).
"""

import asyncio
import os
import time
from collections.abc import Awaitable

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.engine import Database, open_database
from bench._lookers import Looker, lookers
from bench._machine import show, stay_on, usage
from bench._readers import Readers, many_files, open_readers
from bench.streams import SETTLED, THEIRS, opened_web, turn

STREAMS = int(os.environ.get("BENCH_STREAMS", "2000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "30"))
CLIENTS = 8
QUESTION = 75.0  # seconds between two of one page, at the middle (static/waiting.js)
INTERVAL = 600.0  # seconds between two checks of a connection, as it is without a setting
CARDS = 5  # connections of one person
PAGES = 10_000  # that the table is about


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures."""
    many_files()
    stay_on(THEIRS)
    with local_postgres.throwaway() as server:
        await asyncio.to_thread(migrate_database, server.url)
        async with (
            open_database(server.url) as database,
            opened_web(server.url) as (web, port, secret),
            open_readers(THEIRS) as readers,
        ):
            crowd = await lookers(server.url, secret, STREAMS, 1)
            await _ask(port, crowd[:100])  # warm
            asking = await _during(web.pid, _ask(port, crowd)) / STREAMS
            before = usage(web.pid)
            await readers.open(port, [looker.request for looker in crowd], b"#banner")
            await asyncio.sleep(SETTLED)
            memory = (usage(web.pid).rss - before.rss) * 1024 / STREAMS
            beating = await _during(web.pid, asyncio.sleep(SECONDS)) / STREAMS / SECONDS
            sending = await _during(web.pid, _change(database, readers, crowd)) / STREAMS
    checks = sending * CARDS / INTERVAL
    _table(asking / QUESTION, beating, checks, memory)
    return {
        "streams": STREAMS,
        "load": os.getloadavg()[0],
        "question_ms": round(asking * 1000, 3),
        "card_ms": round(sending * 1000, 3),
        "silent_us_a_second": round(beating * 1e6, 1),
        "kb_a_stream": round(memory, 1),
    }


async def _during(pid: int, work: Awaitable[object]) -> float:
    """Seconds of the process's CPU."""
    before = usage(pid)
    await work
    return usage(pid).cpu - before.cpu


async def _change(database: Database, readers: Readers, crowd: list[Looker]) -> None:
    """One card of every page changes."""
    version = time.monotonic_ns()
    mark = f'data-version="{version}"'.encode()
    await readers.watch(mark, dict.fromkeys(range(len(crowd)), 1))
    await turn(database, crowd, version)
    await readers.seen()


async def _ask(port: int, crowd: list[Looker]) -> None:
    """Everybody asks once, over connections that are kept."""
    left = iter(crowd)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for looker in left:
            writer.write(looker.request.replace(b"connections/stream", b"connections/waiting"))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head, head
            length = head.lower().partition(b"content-length: ")[2].split()[0]
            await reader.readexactly(int(length))
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


def _table(asking: float, beating: float, checks: float, memory: float) -> None:
    rows: list[tuple[object, ...]] = [
        ("a question a minute", f"{asking * PAGES:.2f}", "0"),
        ("stream", f"{(beating + checks) * PAGES:.2f}", f"{memory * PAGES / 1024:.0f}"),
        ("  its heartbeats", f"{beating * PAGES:.2f}", ""),
        ("  its cards", f"{checks * PAGES:.2f}", ""),
    ]
    show((f"{PAGES:,} hidden pages", "cores", "MB"), rows)

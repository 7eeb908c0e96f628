"""Checks a second on one core, from lease to announced result, beside prometheus-blackbox-exporter.

BENCH_ROWS (1,000,000), BENCH_SECONDS of each measurement (60). For memory: 600, and 3,000,000 rows.
"""

import asyncio
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import aiohttp
import asyncpg

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.encryption import Keys
from app.realtime.events import CHANNEL, read_announcement
from bench._crowd import fill
from bench._machine import need, on, show, stay_on, usage
from bench._origin import origin
from tests.support.processes import APP, Program, environment, free_port
from tests.support.settings import TOKEN_KEYS

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
WARM_UP = 8.0  # seconds
AT_ONCE = 50  # probes of the peer
PEER_SECONDS = 8.0
OURS, THEIRS = 1, 0  # the core that is measured, and the one for PostgreSQL, the provider and us

STORED = """
SELECT 'hot_share' AS name, round(n_tup_hot_upd::numeric / greatest(n_tup_upd, 1), 3) AS value
FROM pg_stat_user_tables WHERE relname = 'connections'
UNION ALL SELECT relname, round(pg_relation_size(oid) / 1048576.0, 1) FROM pg_class
WHERE oid = 'connections'::regclass
   OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'connections'::regclass)
"""

MODULE = """
modules:
  me:
    prober: http
    http:
      preferred_ip_protocol: ip4
      headers: {{Authorization: Bearer access-1}}
      tls_config: {{ca_file: "{ca_file}"}}
"""
ENTRY = """
[providers.bench]
name = "Bench"
icon = "bi-box-seam"
authorization_endpoint = "{url}/auth"
token_endpoint = "{url}/token"
refresh = "never"
max_rate = 10000
max_concurrency = 200
ca_file = "{ca_file}"
[providers.bench.probe]
url = "{url}/me"
label = "name"
"""


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures."""
    stay_on(THEIRS)
    with (
        local_postgres.throwaway() as server,
        tempfile.TemporaryDirectory() as name,
        origin(Path(name)) as provider,
    ):
        await asyncio.to_thread(migrate_database, server.url)
        began = time.monotonic()
        await fill(server.url, Keys(TOKEN_KEYS), "bench", ROWS)
        print(f"{ROWS:,} connections made in {time.monotonic() - began:.0f} s")
        figures = {}
        for way, url in (("http", provider.http), ("tls", provider.tls)):
            peer = await _blackbox(url, provider.ca_file)
            ours = await _ours(server.url, url, provider.ca_file, Path(name))
            figures[way] = ours | {"blackbox_us": peer}
        stored = await _stored(server.url)
    _table(figures)
    print("connections:", stored)
    return {"rows": ROWS, "seconds": SECONDS, "stored": stored} | figures


async def _ours(database_url: str, url: str, ca_file: str, folder: Path) -> dict[str, float]:
    file = folder / "providers.toml"
    file.write_text(ENTRY.format(url=url, ca_file=ca_file), encoding="utf-8")
    environ = environment(
        database_url,
        free_port(),
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        HEALTH_CHECK_INTERVAL_SECONDS="600",
        BENCH_CLIENT_ID="bench",
        BENCH_CLIENT_SECRET="bench-secret",
    )
    worker = Program(on(OURS, *APP, "worker"), environ).start()
    listener = await asyncpg.connect(database_url)
    try:
        return await _watched(worker, listener)
    finally:
        await listener.close()
        await worker.stop()
        await worker.close()


async def _watched(worker: Program, listener: asyncpg.Connection) -> dict[str, float]:
    """Only what was announced counts, and so what was written."""
    announced = 0

    def hear(_: object, __: int, ___: str, payload: str) -> None:
        nonlocal announced
        announced += sum(map(len, read_announcement(payload).cards.values()))

    await listener.add_listener(CHANNEL, hear)
    await asyncio.sleep(WARM_UP)
    assert worker.runs, worker.said()
    before, count, began = usage(worker.pid), announced, time.monotonic()
    await asyncio.sleep(SECONDS)
    after, checks = usage(worker.pid), announced - count
    assert checks, worker.said()
    return {
        "checks": checks,
        "checks_per_second": round(checks / (time.monotonic() - began)),
        "us_per_check": round((after.cpu - before.cpu) / checks * 1e6),
        "busy": round((after.cpu - before.cpu) / (time.monotonic() - began), 2),
        "rss_before_mb": round(before.rss, 1),
        "rss_after_mb": round(after.rss, 1),
    }


async def _blackbox(url: str, ca_file: str) -> float:
    """CPU microseconds of the same probe: the same address, authority and kind of token."""
    program = need("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
    port = free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(MODULE.format(ca_file=ca_file))
        file.flush()
        command = on(
            OURS, program, f"--web.listen-address=127.0.0.1:{port}", f"--config.file={file.name}"
        )
        peer = Program(command, dict(os.environ)).start()
        try:
            await asyncio.sleep(1.0)
            ask = f"http://127.0.0.1:{port}/probe?module=me&target={url}/me"
            before = usage(peer.pid).cpu
            probes = await _asked(ask)
            return round((usage(peer.pid).cpu - before) / probes * 1e6)
        finally:
            await peer.close()


async def _asked(url: str) -> int:
    """How many probes it made in PEER_SECONDS, AT_ONCE at a time."""
    done = 0

    async def ask(session: aiohttp.ClientSession) -> None:
        nonlocal done
        while True:
            async with session.get(url) as answer:
                assert "probe_success 1" in await answer.text()
            done += 1

    async with aiohttp.ClientSession() as session:
        with suppress(TimeoutError):
            async with asyncio.timeout(PEER_SECONDS), asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(ask(session))
    return done


async def _stored(database_url: str) -> dict[str, object]:
    """What the load made of the hot table: share of HOT updates, and sizes in MB."""
    database = await asyncpg.connect(database_url)
    try:
        return {each["name"]: float(each["value"]) for each in await database.fetch(STORED)}
    finally:
        await database.close()


def _table(figures: dict[str, dict[str, float]]) -> None:
    rows: list[tuple[object, ...]] = []
    for way, each in figures.items():
        peer, own = each["blackbox_us"], each["us_per_check"]
        memory = f"{each['rss_before_mb']} → {each['rss_after_mb']}"
        rows.append((f"blackbox_exporter, {way}, probe alone", "–", peer, "1.0", "–"))
        rows.append((f"связка, {way}", each["checks_per_second"], own, f"{peer / own:.1f}", memory))
    show(("what", "checks/s on one core", "CPU µs a check", "× blackbox", "RSS MB"), rows)

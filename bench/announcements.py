"""How many commits a second PostgreSQL takes with an announcement in each, and without.

Each commit changes a row of its own and, or not, announces one card (NOTIFY), by pgbench and to a
disk that is waited for (fsync). BENCH_SECONDS of each (5). BENCH_LISTENERS (4): web processes.
"""

import asyncio
import os
import re
import shutil
import tempfile
from pathlib import Path
from uuid import UUID

import asyncpg

from app import local_postgres
from app.local_postgres.binaries import binaries, unprivileged_account
from app.realtime.events import CHANNEL
from bench._machine import show

SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
LISTENERS = int(os.environ.get("BENCH_LISTENERS", "4"))
CLIENTS = (1, 4, 16, 64)
ROWS = 10_000
TABLE = f"CREATE TABLE hot AS SELECT id, 0 AS n FROM generate_series(1, {ROWS}) id"
INDEX = "ALTER TABLE hot ADD PRIMARY KEY (id)"
PAYLOAD = f'{{"cards":{{"123456":["{UUID(int=0).hex}"]}}}}'
CHANGE = f"\\set id random(1, {ROWS})\nBEGIN;\nUPDATE hot SET n = n + 1 WHERE id = :id;\n"
SCRIPTS = {
    "without": f"{CHANGE}COMMIT;\n",
    "announced": f"{CHANGE}SELECT pg_notify('{CHANNEL}', '{PAYLOAD}');\nCOMMIT;\n",
}
FIGURES = re.compile(r"latency average = ([\d.]+) ms.*tps = ([\d.]+)", re.DOTALL)


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures: commits/s and ms by clients and script."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="svyazka-bench-", dir="/tmp") as name:
        server = local_postgres.start(Path(name))
        listening = [await asyncpg.connect(server.url) for _ in range(LISTENERS)]
        try:
            await listening[0].execute(f"{TABLE}; {INDEX}")
            for each in listening:
                await each.add_listener(CHANNEL, lambda *_: None)
            for clients in CLIENTS:
                found[str(clients)] = {
                    what: await _commits(server.url, clients, script, Path(name))
                    for what, script in SCRIPTS.items()
                }
        finally:
            for each in listening:
                await each.close()
            server.stop()
    rows = [_row(clients, of) for clients, of in found.items()]
    show(("clients", "commits/s", "announced", "of it", "ms a commit", "announced ms"), rows)
    return {"listeners": LISTENERS, "seconds": SECONDS, "commits": found}


def _row(clients: str, found: dict[str, tuple[float, float]]) -> tuple[object, ...]:
    (plain, plain_ms), (announced, announced_ms) = found["without"], found["announced"]
    share = f"{announced / plain:.2f}"
    return clients, f"{plain:,.0f}", f"{announced:,.0f}", share, plain_ms, announced_ms


async def _commits(url: str, clients: int, script: str, home: Path) -> tuple[float, float]:
    """Commits a second, and milliseconds of one."""
    pgbench = shutil.which("pgbench", path=str(binaries(unprivileged_account())))
    assert pgbench, "pgbench is not among PostgreSQL's programs"
    file = home / "script.sql"
    file.write_text(script)
    running = await asyncio.create_subprocess_exec(
        pgbench,
        *("-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", f"{SECONDS:.0f}"),
        *("-f", str(file), url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await running.communicate()
    figures = FIGURES.search(said.decode())
    assert figures, said.decode()
    return float(figures[2]), float(figures[1])

"""What goes wrong in the chaos run. Each fault begins, lasts, and is over when it returns."""

import asyncio
import os
import random
import re
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx

from app.local_postgres.binaries import LocalPostgresError
from bench._chaos_world import FAKETIME, Page, World, follow
from tests.support.people import Sandbox
from tests.support.processes import Program
from tests.support.waiting import every

HOUR = 3600
BACKENDS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
LISTENERS = BACKENDS + " AND query ILIKE 'listen%'"

REPLACED = 18.0  # seconds; a silence, a look, a claim, and the longest check
STARTED = 30.0  # seconds, on a busy machine
DEAF = 3.0  # seconds; another fault may keep the machine busy
# Claimed before the kill; whatever is younger belongs to the other one.
LEFT = f"""
SELECT count(*) FROM connections c JOIN grants g ON g.connection_id = c.id
WHERE c.lease_until > now() AND c.lease_until < now() + interval '{90 - REPLACED + 1} seconds'
AND g.refresh_sent_at IS NULL
"""
CHANNEL = re.compile(r"/alerts/channels/[0-9a-f-]{36}/tests")

Fault = Callable[[World, Sandbox, float], Awaitable[None]]  # seconds that it lasts


async def kill_web(world: World, _: Sandbox, seconds: float) -> None:
    await world.web.kill()
    await asyncio.sleep(min(seconds, 5))
    world.web.start()


async def kill_worker(world: World, _: Sandbox, seconds: float) -> None:
    worker = random.choice(world.workers)
    await worker.kill()
    await asyncio.sleep(min(seconds, 5))
    await _start(world, worker)


async def kill_worker_for_long(world: World, _: Sandbox, seconds: float) -> None:
    """The other one has its leases soon, but for those with a refresh on its way."""
    worker = random.choice(world.workers)
    await worker.kill()
    await asyncio.sleep(REPLACED)
    left = await _value(world, LEFT)
    if left:
        world.noted.append(f"{left} leases of a killed worker after {REPLACED} s")
    await asyncio.sleep(max(0.0, seconds - REPLACED))
    await _start(world, worker)


async def fail_over(world: World, _: Sandbox, seconds: float) -> None:
    """The standby becomes the primary; the old one comes back as its standby."""
    old, new = world.postgres, world.standby
    await asyncio.to_thread(old.stop, signal.SIGQUIT)
    await asyncio.to_thread(new.run, "pg_ctl", "promote", "-D", str(new.data), "-w")
    world.postgres, world.standby = new, old
    await asyncio.sleep(seconds)
    await asyncio.to_thread(follow, new, old)


async def press_hostile_webhooks(world: World, _: Sandbox, seconds: float) -> None:
    """«Проверить» of everybody at once, while others ask whether the web process lives."""
    async with httpx.AsyncClient(base_url=world.url, trust_env=False, timeout=60) as client:
        pressed = [asyncio.create_task(_press(page)) for page in world.pages]
        slowest, end = 0.0, time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            with suppress(httpx.HTTPError):
                await client.get("/healthz")
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.1)
        await asyncio.gather(*pressed)
    if slowest > DEAF:
        world.noted.append(f"/healthz took {slowest:.1f} s during hostile webhooks")


async def end_everything_politely(world: World, _: Sandbox, __: float) -> None:
    codes = await asyncio.gather(*(each.stop() for each in world.programs))
    for each in world.programs:
        each.start()
    assert set(codes) == {0}, codes


async def end_backends(world: World, _: Sandbox, __: float) -> None:
    await _say(world, BACKENDS)


async def cut_listener(world: World, _: Sandbox, seconds: float) -> None:
    for _look in range(int(seconds * 2)):
        await _say(world, LISTENERS)
        await asyncio.sleep(0.5)


async def freeze_database(world: World, _: Sandbox, seconds: float) -> None:
    frozen = world.postgres.processes()
    for each in frozen:
        _signal(each, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    for each in frozen:
        _signal(each, signal.SIGCONT)


async def restart_database(world: World, _: Sandbox, seconds: float) -> None:
    await asyncio.to_thread(world.postgres.stop, signal.SIGQUIT)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(world.postgres.launch)


async def exhaust_pool(world: World, _: Sandbox, seconds: float) -> None:
    taken: list[asyncpg.Connection] = []
    with suppress(asyncpg.PostgresError, OSError):
        while True:
            taken.append(await asyncpg.connect(world.postgres.url(), timeout=5))
    await asyncio.sleep(seconds)
    for each in taken:
        each.terminate()


async def fill_disk(world: World, _: Sandbox, seconds: float) -> None:
    """PostgreSQL may give up over it; whoever runs it makes room and starts it again."""
    filler = world.postgres.home / "filler"
    await asyncio.to_thread(_fill, filler)
    await asyncio.sleep(seconds)
    filler.unlink()
    if not await asyncio.to_thread(world.postgres.answers):
        await asyncio.sleep(2)
        with suppress(LocalPostgresError, OSError, ValueError):
            await asyncio.to_thread(world.postgres.stop, signal.SIGQUIT)
        await asyncio.to_thread(world.postgres.launch)


async def jump_forward(world: World, _: Sandbox, seconds: float) -> None:
    await _jump(world, HOUR, seconds)


async def jump_back(world: World, _: Sandbox, seconds: float) -> None:
    await _jump(world, -HOUR, seconds)


async def break_provider(_: World, sandbox: Sandbox, seconds: float) -> None:
    await sandbox.set(random.choice(["error", "timeout", "garbage", "rate_limited", "slow"]))
    await asyncio.sleep(seconds)
    await sandbox.set("ok")


async def break_token_endpoint(_: World, sandbox: Sandbox, seconds: float) -> None:
    await sandbox.set(random.choice(["error", "rate_limited"]), endpoint="token")
    await asyncio.sleep(seconds)
    await sandbox.set("ok", endpoint="token")


async def run_wild(world: World, _: Sandbox, seconds: float) -> None:
    for world.wild.mode in random.sample(["drip", "reset", "flood", "silent", "other"], 3):
        await asyncio.sleep(seconds / 3)
    world.wild.mode = "ok"


FAULTS: tuple[Fault, ...] = (
    kill_web,
    kill_worker,
    kill_worker_for_long,
    fail_over,
    press_hostile_webhooks,
    end_everything_politely,
    end_backends,
    cut_listener,
    freeze_database,
    restart_database,
    exhaust_pool,
    fill_disk,
    jump_forward,
    jump_back,
    break_provider,
    break_token_endpoint,
    run_wild,
)
# While one of these lasts, `/readyz` may not say that all is well.
DATABASE_AWAY = frozenset({"freeze_database", "restart_database"})


def possible(fault: Fault, world: World) -> bool:
    if fault in (jump_forward, jump_back):
        return FAKETIME.exists()
    return fault is not fill_disk or os.path.ismount(world.postgres.home)


async def _jump(world: World, by: int, seconds: float) -> None:
    world.postgres.clock.write_text(f"{by:+d}\n")
    await asyncio.sleep(seconds)
    world.postgres.clock.write_text("+0\n")


async def _start(world: World, worker: Program) -> None:
    """Until its first heartbeat: a program that only just loads has no answer to SIGTERM yet."""
    query = f"SELECT count(*) FROM monitors WHERE started_at > to_timestamp({time.time()})"
    worker.start()
    async for _ in every(0.2, STARTED):
        if await _value(world, query):
            return


async def _press(page: Page) -> None:
    """Of the hostile receiver the person has a channel for."""
    browser = httpx.AsyncClient(
        base_url=page.url, cookies=page.cookies, trust_env=False, timeout=60
    )
    async with browser:
        with suppress(httpx.HTTPError):
            for path in set(CHANNEL.findall((await browser.get("/alerts")).text)):
                await browser.post(path)


async def _value(world: World, query: str) -> int:
    with suppress(asyncpg.PostgresError, OSError, TimeoutError):
        database = await asyncpg.connect(world.postgres.url(), timeout=2)
        try:
            return int(await database.fetchval(query))
        finally:
            database.terminate()
    return 0


async def _say(world: World, statement: str) -> None:
    with suppress(asyncpg.PostgresError, OSError, TimeoutError):
        database = await asyncpg.connect(world.postgres.url(), timeout=2)
        try:
            await database.execute(statement)
        finally:
            database.terminate()


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as out:
        while True:
            out.write(b"\0" * 65536)

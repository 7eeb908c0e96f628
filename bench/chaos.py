"""Everything breaks at random; afterwards everything must be true again.

BENCH_SEED (the time), BENCH_SECONDS of faults (240). Exits with 1 where something stays broken.
"""

import asyncio
import contextlib
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import asyncpg
import httpx

from app.accounts import users
from app.cli.commands import migrate_database
from app.config import NEEDED_BY_CHECKS, read_settings
from app.database.engine import Database, open_database
from app.monitor.checker import Checker
from app.monitor.setup import open_checker
from app.oauth.token_response import Tokens
from bench._chaos_faults import FAULTS, Fault, possible
from bench._chaos_truth import Event, Truth, lies, now
from bench._chaos_world import INTERVAL, Page, Ready, World, open_world, postgres
from bench._machine import show
from tests.support import rows
from tests.support.people import MAIN_SHOP, NO_SHOP, Sandbox
from tests.support.race import tokens_of

SEED = int(os.environ.get("BENCH_SEED", str(int(time.time()))))
SECONDS = float(os.environ.get("BENCH_SECONDS", "240"))
PEOPLE, EACH, WILD_EACH = 6, 8, 2
LONGEST = 30.0  # seconds of one fault
CALM = 240.0  # seconds after which all must be well: a lease with a refresh on its way lasts for 90
STAYS = 30.0  # seconds that it must stay well: longer than a token lives
LANES = 2  # faults at a time


async def measure() -> dict[str, object]:
    """Prints what was done and what is still broken; returns it."""
    random.seed(SEED)
    print(f"BENCH_SEED={SEED}", flush=True)
    with postgres() as (primary, standby), tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(migrate_database, primary.url())
        async with open_world(primary, standby, Path(folder)) as world:
            figures = await _lived_through(world)
    show(("fault", "times"), sorted(figures["faults"].items()))  # type: ignore[attr-defined]
    for name in ("refreshes", "reuses", "in doubt", "came back", "calm after", "lies", "broken"):
        print(f"{name:<12} {figures[name]}")
    if figures["broken"] or figures["lies"]:
        raise SystemExit(1)
    return figures


async def _lived_through(world: World) -> dict[str, object]:
    settings = read_settings(world.environ, NEEDED_BY_CHECKS)
    async with (
        open_database(settings.database_url) as database,
        open_checker(settings) as checker,
        contextlib.AsyncExitStack() as stack,
    ):
        sandbox = Sandbox(world.sandbox_url, checker.http)
        await move_in(world, database, checker, sandbox)
        ready = Ready(world.url)
        background = [each.look() for each in world.pages] + [ready.listen(), busy(world, sandbox)]
        for each in background:
            stack.callback(asyncio.create_task(each).cancel)
        await asyncio.sleep(INTERVAL * 2)
        events: list[Event] = []
        doubts: set[object] = set()
        await _break(world, sandbox, events, doubts)
        began = now()
        truth = Truth(world, await asyncpg.connect(world.postgres.url()), sandbox)
        truth.in_doubt |= doubts  # type: ignore[arg-type]
        broken = await _settled(truth)
        state = await sandbox.state()
        return {
            "seed": SEED,
            "seconds": SECONDS,
            "faults": dict(Counter(each.name for each in events)),
            "refreshes": state["refreshes"],
            "reuses": state["reuses"],
            "in doubt": len(truth.in_doubt),
            "came back": sum(each.came_back for each in world.pages),
            "calm after": round(now() - began, 1),
            "lies": lies(ready, events),
            "broken": broken,
        }


async def move_in(world: World, database: Database, checker: Checker, sandbox: Sandbox) -> None:
    """People sign up as people do; their grants are real ones of the sandbox."""
    evotor = checker.catalogue["evotor"]
    for number in range(PEOPLE):
        email = f"person-{number}@example.ru"
        browser = await world.sign_up(email)
        await browser.post("/alerts/webhooks", data={"url": world.hostile_url})
        world.pages.append(Page(world.url, browser.cookies))
        await browser.aclose()
        user_id = await _id_of(database, email)
        for _ in range(EACH):
            tokens = await tokens_of(checker, sandbox, evotor, NO_SHOP)
            await rows.add_connection(database, checker.keys, user_id, tokens)
        for _ in range(WILD_EACH):
            await rows.add_connection(
                database, checker.keys, user_id, Tokens("wild", None, None), provider="wild"
            )


async def _id_of(database: Database, email: str) -> int:
    async with database.sessions() as session:
        user = await users.with_email(session, email)
    assert user is not None
    return user.id


async def busy(world: World, sandbox: Sandbox) -> None:
    """Somebody who connects and disconnects all the time, whatever happens."""
    browser = None
    while True:
        with contextlib.suppress(httpx.HTTPError, KeyError, AssertionError, IndexError, ValueError):
            browser = browser or await world.sign_up("busy@example.ru")
            away = await browser.post("/evotor/connect")
            query = await sandbox.consent(away.headers["Location"], MAIN_SHOP)
            await browser.get("/evotor/callback", params=query)
            await asyncio.sleep(1)
            answer = await browser.get("/connections", headers={"Accept": "application/json"})
            for card in answer.json()["connections"]:
                if card["connected"]:
                    await browser.post("/evotor/disconnect", data={"connection": card["id"]})
        await asyncio.sleep(1)


async def _break(world: World, sandbox: Sandbox, events: list[Event], doubts: set[object]) -> None:
    end = now() + SECONDS
    bag: list[Fault] = []
    one_at_a_time = asyncio.Lock()  # two faults of the database are one muddle

    async def lane() -> None:
        while now() < end:
            if not bag:
                bag.extend(each for each in FAULTS if possible(each, world))
                random.shuffle(bag)
            fault = bag.pop()
            if fault.__name__ in ALONE:
                async with one_at_a_time:
                    await strike(fault)
            else:
                await strike(fault)
            await asyncio.sleep(random.uniform(0, 3))

    async def strike(fault: Fault) -> None:
        began = now()
        print(f"{SECONDS - (end - began):6.1f}  {fault.__name__}", flush=True)
        await fault(world, sandbox, random.uniform(3, LONGEST))
        if fault.__name__.startswith("kill"):
            with contextlib.suppress(OSError, asyncpg.PostgresError, TimeoutError):
                database = await asyncpg.connect(world.postgres.url(), timeout=5)
                truth = Truth(world, database, sandbox)
                await truth.note_doubts()
                doubts.update(truth.in_doubt)
                database.terminate()
        events.append(Event(fault.__name__, began, now()))

    await asyncio.gather(*(lane() for _ in range(LANES)))
    world.wild.mode = "ok"
    for endpoint in ("api", "token", "revoke"):
        await sandbox.set("ok", endpoint=endpoint)


# These touch the whole database or all programs.
ALONE = {
    "freeze_database",
    "restart_database",
    "exhaust_pool",
    "fill_disk",
    "jump_forward",
    "jump_back",
    "end_everything_politely",
    "kill_web",
    "kill_worker",
    "kill_worker_for_long",
    "fail_over",
    "press_hostile_webhooks",
}


async def _settled(truth: Truth) -> dict[str, object]:
    """What is still broken when all should be well, and stay so."""
    end, well_since = now() + CALM, None
    while True:
        broken = await truth.broken()
        well_since = None if broken else well_since or now()
        if now() > end or (well_since and now() - well_since > STAYS):
            return broken
        await asyncio.sleep(2)

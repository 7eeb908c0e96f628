"""The rules of deploy/prometheus over the metrics of a run in which one thing after another breaks.

A quiet hour first, in which no rule may fire; then each fault alone, which must fire its rules. The
world is that of `chaos`, with a check every 3 s, so a second of it stands for STRETCH. Exits with 1
where a rule is silent or speaks without reason. Wants promtool.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.cli.commands import migrate_database
from app.config import NEEDED_BY_CHECKS, ROOT, read_settings
from app.database.engine import open_database
from app.monitor.setup import open_checker
from bench import _chaos_faults as faults
from bench._chaos_world import INTERVAL, World, open_world, postgres
from bench._machine import show
from bench._scraper import Scraper
from bench.chaos import busy, move_in
from tests.support.people import Sandbox

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
STRETCH = 40
WARM_UP, QUIET = INTERVAL * 10, 90  # seconds; the second is an hour
CALM = 35.0  # seconds between a fault and the next
REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE OF status ON connections EXECUTE FUNCTION refuse()
"""
TAIL = 20  # seconds after its end in which a fault may still be told


@dataclass(frozen=True)
class Step:
    name: str
    fault: Callable[[World, Sandbox, float], Awaitable[None]]
    seconds: float
    fires: frozenset[str]
    silent: frozenset[str]  # what would be misleading beside them


async def provider_fails(_: World, sandbox: Sandbox, seconds: float) -> None:
    await sandbox.set("error")
    await asyncio.sleep(seconds)
    await sandbox.set("ok")


async def token_endpoint_refuses(_: World, sandbox: Sandbox, seconds: float) -> None:
    await sandbox.set("error", endpoint="token")
    await asyncio.sleep(seconds)
    await sandbox.set("ok", endpoint="token")


async def workers_are_dead(world: World, _: Sandbox, seconds: float) -> None:
    for worker in world.workers:
        await worker.kill()
    await asyncio.sleep(seconds)
    for worker in world.workers:
        worker.start()


async def verdicts_are_refused(world: World, _: Sandbox, seconds: float) -> None:
    """As by a full disk, of which nothing else feels anything: `fill_disk` alone lets a small run
    write on for minutes, in place.
    """
    connection = await asyncpg.connect(world.postgres.url())
    await connection.execute(REFUSE)
    await asyncio.sleep(seconds)
    await connection.execute("DROP FUNCTION refuse() CASCADE")
    await connection.close()


def _step(
    name: str, fault: faults.Fault, seconds: float, *fires: str, silent: tuple[str, ...] = ()
) -> Step:
    return Step(name, fault, seconds, _rules(fires), _rules(silent))


def _rules(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(f"Svyazka{name}" for name in names)


STEPS = (
    _step(
        "provider fails",
        provider_fails,
        50,
        "ProviderFails",
        silent=("ChecksLate",),
    ),
    _step("token endpoint fails", token_endpoint_refuses, 50, "ClientRefused"),
    _step("database hangs", faults.freeze_database, 40, "DatabaseAway"),  # pages hang with it
    _step("database is shut", faults.restart_database, 40, "DatabaseAway", "Errors"),
    _step("disk is full", faults.fill_disk, 40, "Errors"),
    _step("verdicts are refused", verdicts_are_refused, 30, "VerdictsNotWritten"),
    _step("workers are dead", workers_are_dead, 75, "Down", "NobodyChecks", "ChecksLate"),
)


async def measure() -> dict[str, object]:
    promtool = shutil.which("promtool")
    if promtool is None:
        raise SystemExit("bench alert_rules wants promtool (Debian: prometheus)")
    with postgres() as (primary, standby), tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(migrate_database, primary.url())
        shutil.copy(RULES, folder)
        async with open_world(primary, standby, Path(folder)) as world:
            scraper = Scraper(world.targets, Path(folder) / RULES.name, STRETCH)
            windows = await _live_through(world, scraper)
            fired = await scraper.fired(promtool, windows)
    return _judged(fired, scraper.scrapes)


def _judged(fired: list[set[str]], scrapes: int) -> dict[str, object]:
    wanted = [frozenset[str](), *(step.fires for step in STEPS)]
    names = ["a quiet hour", *(step.name for step in STEPS)]
    told = list(zip(names, wanted, fired, strict=True))
    silent = [fired[0], *(step.silent for step in STEPS)]
    wrong = {
        name: sorted((had_to - found) | (found & not_to))
        for (name, had_to, found), not_to in zip(told, silent, strict=True)
        if had_to - found or found & not_to
    }
    rows: list[tuple[object, ...]] = [
        (name, _words(had_to), _words(found)) for name, had_to, found in told
    ]
    show(("what broke", "has to fire", "fired"), rows)
    print(f"wrong: {wrong or 'nothing'} ({scrapes} scrapes)")
    if wrong:
        raise SystemExit(1)
    return {name: sorted(found) for name, _, found in told}


async def _live_through(world: World, scraper: Scraper) -> list[tuple[int, int]]:
    """Ticks in which nothing broke, and those of each step."""
    settings = read_settings(world.environ, NEEDED_BY_CHECKS)
    async with (
        open_database(settings.database_url) as database,
        open_checker(settings) as checker,
        contextlib.AsyncExitStack() as stack,
    ):
        sandbox = Sandbox(world.sandbox_url, checker.http)
        await move_in(world, database, checker, sandbox)
        for each in (*(page.look() for page in world.pages), busy(world, sandbox)):
            stack.callback(asyncio.create_task(each).cancel)
        await asyncio.sleep(WARM_UP)
        stack.callback(asyncio.create_task(scraper.scrape()).cancel)
        await asyncio.sleep(QUIET)
        windows = [(1, scraper.tick)]
        for step in STEPS:
            began = scraper.tick
            print(f"{began:4}  {step.name}", flush=True)
            await step.fault(world, sandbox, step.seconds)
            windows.append((began, scraper.tick + TAIL))
            await asyncio.sleep(TAIL if step is STEPS[-1] else CALM)
        return windows


def _words(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(name.removeprefix("Svyazka") for name in names))

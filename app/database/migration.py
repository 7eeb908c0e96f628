"""Migrations: from which revision to which, what other code runs on it, patience with locks.

`migrations/env.py` does a single run of Alembic; this is what stands around it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.config import ROOT
from app.database.engine import open_database
from app.errors import CommandError

if TYPE_CHECKING:  # it takes 8 MB of memory, and nothing but a migration needs it
    from alembic.config import Config
    from alembic.script import ScriptDirectory

LOCK_TIMEOUT = 2.0  # seconds that others wait behind a migration which waits for a lock
LOCK_TRIES = 30
LOCK_PAUSE = 2.0  # seconds in which others have their turn before the next try
IN_THE_WAY = ("55P03", "40P01")  # SQLSTATE: a lock that did not come in time, a deadlock
OLDEST_CODE = "oldest code: "  # the comment of alembic_version begins so
STATE = text(
    "SELECT (SELECT version_num FROM alembic_version LIMIT 1),"
    " obj_description('alembic_version'::regclass)"
)
TABLE = text("SELECT to_regclass('alembic_version')")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class SchemaState:
    """`oldest_code`: the revision of the oldest code that runs on it; "" where nothing says so."""

    revision: str = ""  # "": an empty database
    oldest_code: str = ""


def migrate_database(
    database_url: str,
    to: str = "",
    tell: Tell = lambda _: None,
    scripts: Path = ROOT / "migrations",
) -> None:
    """To the newest revision, or to `to`, up or down. `tell` hears a line for each step.

    Raises CommandError for a revision that does not exist, for a newer schema on which this code
    does not run, and when another transaction keeps a lock for too long.
    """
    config = _config(database_url, tell, scripts)
    known = _known_revisions(config)
    state = asyncio.run(read_state(database_url))
    if state.revision not in known:
        if to:
            raise CommandError(f"only code that knows {state.revision} can go from it to {to}")
        tell(_said_of_newer(state, known[-1]))
        return
    target = to or known[-1]
    if target not in known[1:]:
        raise CommandError(f"there is no revision {target}: they go from {known[1]} to {known[-1]}")
    if target == state.revision:
        tell(f"the database is at {target}, nothing to do")
    else:
        tell(f"from {state.revision or 'an empty database'} to {target}")
    _run_patiently(config, target, known.index(target) < known.index(state.revision), tell)


async def goes_down(database_url: str, to: str) -> bool:
    """Revisions are numbers of four digits."""
    return to < (await read_state(database_url)).revision


async def read_state(database_url: str) -> SchemaState:
    async with (
        open_database(database_url, role="migrate") as database,
        database.reading() as reader,
    ):
        if (await reader.execute(TABLE)).scalar() is None:
            return SchemaState()
        revision, comment = (await reader.execute(STATE)).one()
    said = str(comment or "")
    oldest = said.removeprefix(OLDEST_CODE) if said.startswith(OLDEST_CODE) else ""
    return SchemaState(revision or "", oldest)


def newest_revision(scripts: Path = ROOT / "migrations") -> str:
    """This code's, by the numbers of the files."""
    return max(file.name.partition("_")[0] for file in (scripts / "versions").glob("*.py"))


def oldest_code_of(scripts: "ScriptDirectory", revision: str) -> str:
    """The oldest code that runs on the schema of `revision`: the newest of what is said by the
    revisions up to it (`runs_with`). One that says nothing runs with its own code and newer.
    """
    passed = scripts.walk_revisions("base", revision)
    return max(getattr(each.module, "runs_with", each.revision) for each in passed)


def _config(database_url: str, tell: Tell, scripts: Path) -> "Config":
    from alembic.config import Config

    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    config.attributes["tell"] = tell
    return config


def _known_revisions(config: "Config") -> list[str]:
    """ "" for an empty database, then from the first to the newest."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(config)
    return ["", *sorted(each.revision for each in scripts.walk_revisions())]


def _said_of_newer(state: SchemaState, newest: str) -> str:
    """CommandError where this code does not run on it."""
    newer = f"the database is at {state.revision}, newer than this code ({newest})"
    if state.oldest_code and state.oldest_code <= newest:
        return f"{newer}, which runs on it: nothing to do"
    raise CommandError(
        f"{newer}, which does not run on it: start the newer code again, or go back with it first "
        f"(python -m app migrate --to {newest})"
    )


def _run_patiently(config: "Config", target: str, down: bool, tell: Tell) -> None:
    """Each revision is a transaction of its own, so that the next try goes on where this ended."""
    from alembic import command

    for tries in range(1, LOCK_TRIES + 1):
        try:
            (command.downgrade if down else command.upgrade)(config, target)
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in IN_THE_WAY:
                raise
            tell(f"another transaction holds a lock: once more, {tries} of {LOCK_TRIES}")
            time.sleep(LOCK_PAUSE)
    raise CommandError(
        "another transaction holds a lock, and the migration stopped before it: look for the "
        "oldest xact_start in pg_stat_activity, then start it again"
    )

"""`python -m app migrate`: up and down, what it says, other people's locks, newer schemas."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url

from app.config import ROOT
from app.database.migration import SchemaState, migrate_database, read_state
from app.errors import CommandError
from tests.support.command_line import Ended, app
from tests.support.waiting import until

MIGRATIONS = ROOT / "migrations"
REVISIONS = sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("0*.py"))
NEWEST, BEFORE = REVISIONS[-1], REVISIONS[-2]
NEXT = f"{int(NEWEST) + 1:04}"
FIRST_THAT_SAYS = "0018"  # older ones run with their own code and newer
REVISION = '''
"""{about}"""

from alembic import op

revision, down_revision = "{revision}", "{down}"
runs_with = "{runs_with}"


def upgrade() -> None:
    op.execute("{up}")


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS notes")
'''


@pytest.fixture
async def empty_url(database_url: str) -> AsyncIterator[str]:
    name = f"migrated_{uuid4().hex}"
    server = await asyncpg.connect(database_url)
    await server.execute(f"CREATE DATABASE {name}")
    yield make_url(database_url).set(database=name).render_as_string(hide_password=False)
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The migrations of a release that comes after this one, without its own yet."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def add(folder: Path, revision: str, down: str, runs_with: str, up: str) -> None:
    text = REVISION.format(about="notes", revision=revision, down=down, runs_with=runs_with, up=up)
    (folder / "versions" / f"{revision}_notes.py").write_text(text.lstrip(), encoding="utf-8")


async def migrate(url: str, *words: str) -> Ended:
    return await app("migrate", *words, DATABASE_URL=url)


async def in_thread(url: str, folder: Path, to: str = "") -> list[str]:
    """What it says; Alembic runs an event loop of its own."""
    said: list[str] = []
    await asyncio.to_thread(migrate_database, url, to, said.append, folder)
    return said


async def test_it_says_from_where_to_where_and_each_step(empty_url: str) -> None:
    end = await migrate(empty_url)
    assert end.status == 0
    assert len(re.findall('"message": "migration step=', end.err)) == len(REVISIONS)  # the log
    first, *steps = end.out.splitlines()
    assert first == f"from an empty database to {NEWEST}"
    ways = [step.split("  ")[0] for step in steps]
    assert ways == [f"{a} → {b}" for a, b in zip(["empty", *REVISIONS], REVISIONS, strict=False)]
    assert all(re.search(r"  \d+\.\d s$", step) for step in steps)
    again = await migrate(empty_url)
    assert again.out == f"the database is at {NEWEST}, nothing to do\n"


async def test_it_goes_down_and_up_to_a_revision(empty_url: str) -> None:
    assert (await migrate(empty_url, "--to", REVISIONS[2])).status == 0
    assert (await read_state(empty_url)).revision == REVISIONS[2]
    refused = await migrate(empty_url, "--to", REVISIONS[0])
    assert refused.status == 2
    assert "add --yes" in refused.err
    assert (await read_state(empty_url)).revision == REVISIONS[2]
    down = await migrate(empty_url, "--to", REVISIONS[0], "--yes")
    assert down.out.splitlines()[0] == f"from {REVISIONS[2]} to {REVISIONS[0]}"
    assert down.out.splitlines()[1].startswith(f"{REVISIONS[2]} → {REVISIONS[1]}  ")
    assert (await read_state(empty_url)).revision == REVISIONS[0]


@pytest.mark.parametrize("revision", ["9999", "base", "head", "17"])
async def test_a_revision_that_is_none_is_told(empty_url: str, revision: str) -> None:
    end = await migrate(empty_url, "--to", revision)
    assert end.status == 2
    assert f"there is no revision {revision}: they go from 0001 to {NEWEST}" in end.err
    assert await read_state(empty_url) == SchemaState()


async def test_what_failed_leaves_the_revisions_before_it(empty_url: str, newer: Path) -> None:
    add(newer, NEXT, NEWEST, NEWEST, "SELECT 1 / 0")
    with pytest.raises(Exception, match="division by zero"):
        await in_thread(empty_url, newer)
    assert (await read_state(empty_url)).revision == NEWEST


async def test_older_code_that_runs_on_a_newer_schema_lets_it_be(
    empty_url: str, newer: Path
) -> None:
    """The release phase of a rollback: it must not fail."""
    add(newer, NEXT, NEWEST, NEWEST, "CREATE TABLE notes (id int)")
    await in_thread(empty_url, newer)
    end = await migrate(empty_url)
    assert (end.status, end.err) == (0, "")
    newer_than = f"the database is at {NEXT}, newer than this code ({NEWEST})"
    assert end.out == f"{newer_than}, which runs on it: nothing to do\n"


async def test_older_code_cannot_go_down_from_a_revision_that_it_does_not_know(
    empty_url: str, newer: Path
) -> None:
    add(newer, NEXT, NEWEST, NEWEST, "CREATE TABLE notes (id int)")
    await in_thread(empty_url, newer)
    end = await migrate(empty_url, "--to", BEFORE, "--yes")
    assert end.status == 2
    assert f"only code that knows {NEXT} can go from it to {BEFORE}" in end.err
    assert (await read_state(empty_url)).revision == NEXT


async def test_older_code_that_does_not_run_on_it_says_what_to_do(
    empty_url: str, newer: Path
) -> None:
    add(newer, NEXT, NEWEST, NEXT, "CREATE TABLE notes (id int)")
    later = f"{int(NEXT) + 1:04}"
    add(newer, later, NEXT, NEWEST, "SELECT 1")  # what is broken once stays so
    await in_thread(empty_url, newer)
    assert await read_state(empty_url) == SchemaState(later, NEXT)
    end = await migrate(empty_url)
    assert end.status == 2
    assert f"python -m app migrate --to {NEWEST}" in end.err
    await in_thread(empty_url, newer, NEWEST)
    assert (await migrate(empty_url)).status == 0


async def test_a_newer_schema_of_which_nothing_is_said_is_refused(empty_url: str) -> None:
    await in_thread(empty_url, MIGRATIONS)
    server = await asyncpg.connect(empty_url)
    await server.execute("UPDATE alembic_version SET version_num = '9999'")
    await server.execute("COMMENT ON TABLE alembic_version IS NULL")
    await server.close()
    with pytest.raises(CommandError, match="does not run on it"):
        await in_thread(empty_url, MIGRATIONS)


async def test_it_waits_for_a_lock_in_short_turns_that_others_get_between(
    empty_url: str, newer: Path
) -> None:
    await in_thread(empty_url, MIGRATIONS)
    add(newer, NEXT, NEWEST, NEWEST, "ALTER TABLE users ADD COLUMN note text")
    holder, other = await asyncpg.connect(empty_url), await asyncpg.connect(empty_url)
    said: list[str] = []

    async def refused() -> bool:
        return any("another transaction holds a lock" in line for line in said)

    long = holder.transaction()
    await long.start()
    await holder.fetch("SELECT 1 FROM users")
    run = asyncio.create_task(
        asyncio.to_thread(migrate_database, empty_url, "", said.append, newer)
    )
    await until(refused)
    async with asyncio.timeout(5):  # a migration that waits on and on would keep it out
        await other.fetch("SELECT 1 FROM users")
    await long.rollback()
    await run
    assert said[0] == f"from {NEWEST} to {NEXT}"
    assert said[-1].startswith(f"{NEWEST} → {NEXT}  notes  ")
    await asyncio.gather(holder.close(), other.close())


def test_every_new_revision_says_which_code_runs_with_it() -> None:
    for file in (MIGRATIONS / "versions").glob("0*.py"):
        said = re.search(r'^runs_with = "(\d{4})"', file.read_text(encoding="utf-8"), re.MULTILINE)
        revision = file.name[:4]
        assert said or revision < FIRST_THAT_SAYS, f"{file.name} wants runs_with"
        assert said is None or said[1] <= revision

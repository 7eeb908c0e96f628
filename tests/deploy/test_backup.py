"""The rehearsal of docs/operate.md, by its own commands: everything is there, opens, is on time."""

import asyncio
import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import local_postgres
from app.config import ROOT
from app.database.engine import Database, open_database
from app.local_postgres.binaries import binaries, unprivileged_account
from app.monitor.checker import Checker
from app.monitor.loop import monitoring
from app.oauth.token_response import Tokens
from tests.support import rows
from tests.support.command_line import Run
from tests.support.processes import environment
from tests.support.servers import Acme
from tests.support.waiting import until

pytestmark = pytest.mark.processes

SECTION = "## The back-up, rehearsed"
CONNECTIONS = 3
LATER = timedelta(minutes=5)  # when one of them is due
OTHER = b64encode(b"o" * 32).decode()
FOR_PROCESSES = {"PUBLIC_URL": "http://127.0.0.1:8000", "SECRET_KEY": "a secret of the tests"}


def commands() -> str:
    section = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8").partition(SECTION)[2]
    return section.split("```")[1]


async def rehearse(database_url: str, drill_url: str, folder: Path) -> str:
    """The commands as they stand, one after the other; what they said."""
    environ = environment(database_url, 1, DRILL_URL=drill_url, PYTHONPATH=str(ROOT))
    programs = binaries(unprivileged_account())
    if not (programs / "pg_dump").exists():
        pytest.skip(f"no pg_dump in {programs}")
    environ["PATH"] = f"{programs}{os.pathsep}{environ['PATH']}"
    shell = await asyncio.create_subprocess_exec(
        *("sh", "-ec", commands()),
        env=environ,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await shell.communicate()
    assert shell.returncode == 0, said.decode()
    return said.decode()


@pytest.fixture
async def restored_url(database: Database) -> AsyncIterator[str]:
    """Elsewhere: an empty database of another server."""
    with local_postgres.throwaway() as server:
        yield server.url


async def test_a_back_up_restored_elsewhere_opens_with_its_keys_and_goes_on_in_time(
    database: Database,
    database_url: str,
    restored_url: str,
    checker: Checker,
    acme: Acme,
    run: Run,
    tmp_path: Path,
) -> None:
    user = await rows.add_person(database)
    due = [
        await rows.add_connection(
            database, checker.keys, user, Tokens(f"access-{number}"), provider="acme"
        )
        for number in range(CONNECTIONS)
    ]
    at = datetime.now(UTC) + LATER
    later = await rows.add_connection(
        database, checker.keys, user, Tokens("later"), provider="acme", next_check_at=at
    )
    said = await rehearse(database_url, restored_url, tmp_path)
    assert f"{CONNECTIONS + 1} stored values open" in said
    assert re.search(rf"{CONNECTIONS + 1} \|\s+{CONNECTIONS} \|", said)  # of all, so many are due
    assert acme.shown == []  # a rehearsal asks no provider

    await wrong_keys_are_told(run, restored_url)
    async with open_database(restored_url) as restored:
        there = replace(checker, sessions=restored.sessions)

        async def all_are_checked() -> bool:
            found = [await rows.found(restored, each) for each in due]
            return all(each.is_online and each.next_check_at > datetime.now(UTC) for each in found)

        async with monitoring(there):
            await until(all_are_checked)
        assert sorted(acme.shown) == [f"access-{number}" for number in range(CONNECTIONS)]
        assert (await rows.found(restored, later)).next_check_at == at


async def wrong_keys_are_told(run: Run, url: str) -> None:
    for ring, words, refusal in (
        (f"k9:{OTHER}", "has no key 'k1'", "lacks the key 'k1', which 4 stored tokens need"),
        (f"k1:{OTHER}", "was changed or moved", "has other bytes for the key 'k1'"),
    ):
        wrong = {"DATABASE_URL": url, "TOKEN_ENCRYPTION_KEYS": ring} | FOR_PROCESSES
        end = await run("keys", "verify", **wrong)
        assert (end.status, end.out.splitlines()[0]) == (1, "0 stored values open")
        assert f"{CONNECTIONS + 1} do not: grants.access_token: " in end.out
        assert words in end.out
        for command in ("web", "worker"):
            end = await run(command, **wrong)
            assert end.status == 2
            assert refusal in end.err

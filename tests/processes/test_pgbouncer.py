"""PgBouncer in between: sessions pass, transactions want LISTEN_DATABASE_URL, and never half."""

import asyncio
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from app.database.engine import open_database
from app.database.poolers import notifications_pass
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.waiting import until

PGBOUNCER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not Path(PGBOUNCER).exists(), reason="no pgbouncer here"),
]
INI = """
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
auth_type = any
pool_mode = {mode}
default_pool_size = 5
unix_socket_dir =
"""
READERS, TIMES = 30, 20


@pytest.fixture
async def programs() -> AsyncIterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        await program.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where PgBouncer, which is never root, reads its settings."""
    with tempfile.TemporaryDirectory(prefix="svyazka-bouncer-", dir="/tmp") as name:
        yield Path(name)


async def pooler(database_url: str, mode: str, folder: Path, programs: list[Program]) -> str:
    """The address of the same database through PgBouncer."""
    url, listen = make_url(database_url), free_port()
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    file = folder / "pgbouncer.ini"
    file.write_text(INI.format(**named, listen=listen, mode=mode), encoding="utf-8")
    command = [PGBOUNCER, "-q", str(file)]
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        for path in (folder, file):
            os.chown(path, user.pw_uid, user.pw_gid)
        command[1:1] = ["-u", "nobody"]
    program = Program(command, {"PATH": os.defpath}).start()
    programs.append(program)

    async def listens() -> bool:
        assert program.runs, program.said()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", listen)) == 0

    await until(listens)
    return url.set(port=listen).render_as_string(hide_password=False) + "?sslmode=disable"


@pytest.mark.parametrize(("mode", "pass_it"), [("session", True), ("transaction", False)])
async def test_it_is_found_out_whether_notifications_pass(
    database_url: str, folder: Path, programs: list[Program], mode: str, pass_it: bool
) -> None:
    async with open_database(await pooler(database_url, mode, folder, programs)) as database:
        assert await notifications_pass(database) is pass_it
    async with open_database(database_url) as direct:
        assert await notifications_pass(direct)


async def test_transactions_without_an_address_to_listen_at_are_refused_at_the_start(
    database_url: str, folder: Path, programs: list[Program]
) -> None:
    environ = environment(await pooler(database_url, "transaction", folder, programs), free_port())
    for name in ("web", "worker", "migrate"):
        programs.append(Program([*APP, name], environ).start())
        assert await programs[-1].ended() == 2, name
        said = programs[-1].said()
        assert "DATABASE_URL leads to a pooler" in said
        assert "set LISTEN_DATABASE_URL" in said


async def test_transactions_with_an_address_to_listen_at_do_everything(
    database_url: str, folder: Path, programs: list[Program]
) -> None:
    pooled, port = await pooler(database_url, "transaction", folder, programs), free_port()
    environ = environment(pooled, port, LISTEN_DATABASE_URL=database_url)
    for name in ("web", "worker"):
        programs.append(Program([*APP, name], environ).start())
    await answers(programs[-2], f"http://127.0.0.1:{port}/readyz")

    async def read(number: int) -> None:
        for _ in range(TIMES):
            async with database.reading() as reader:
                found = await reader.execute(text("SELECT CAST(:n AS int)"), {"n": number})
                assert found.scalar() == number

    async with open_database(pooled, listen_url=database_url) as database:
        await asyncio.gather(*map(read, range(READERS)))
    assert all(program.runs for program in programs)
    for program in programs[-2:]:
        assert await program.stop() == 0
        assert "prepared statement" not in program.said()
        assert "Traceback" not in program.said()

"""The embedded PostgreSQL: one server per directory, gone with its last user."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.local_postgres import LocalPostgresError, start, throwaway
from app.local_postgres.binaries import reachable_directory, unprivileged_account
from app.local_postgres.cluster import why_not
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.processes

THROWAWAY = re.compile(r"^/tmp/svyazka-pg-[\w-]+")
HOLD = """
import sys
from pathlib import Path
from app.local_postgres import start, throwaway
def hold(server):
    print(server.url, server.started_here, flush=True)
    sys.stdin.readline()
    server.stop()
if sys.argv[1] == "throwaway":
    with throwaway() as server:
        hold(server)
else:
    hold(start(Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """Made once: every test leaves its server stopped, and the next one starts it in no time."""
    with open_directory() as parent:
        yield parent / "with space" / "postgres"


@pytest.fixture
def fresh() -> Iterator[Path]:
    with open_directory() as parent:
        yield parent / "postgres"


async def test_the_server_serves_its_database(directory: Path) -> None:
    server = start(directory)
    try:
        assert server.started_here
        assert await ask(server.url, "SELECT current_database() || lower('Ж')") == "svyazkaж"
        assert await ask(server.url, "SELECT setting FROM pg_settings WHERE name = 'fsync'") == "on"
    finally:
        server.stop()
    assert not listens(server.url)


async def test_nobody_gets_in_without_the_password(directory: Path) -> None:
    server = start(directory)
    try:
        wrong = server.url.replace(urlsplit(server.url).password or "", "guess")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(wrong, "SELECT 1")
        assert (directory / "password").stat().st_mode & 0o777 == 0o600
    finally:
        server.stop()


async def test_what_was_written_is_there_after_a_restart(directory: Path) -> None:
    with running(directory) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    with running(directory) as url:
        assert await ask(url, "SELECT n FROM kept") == 7


def test_two_starts_at_once_share_one_server_and_the_last_out_stops_it(directory: Path) -> None:
    with holder(directory) as one, holder(directory) as other:
        (url, first), (same, second) = said(one), said(other)
        assert url == same
        assert {first, second} == {"True", "False"}
        release(one)
        assert listens(url)
        release(other)
        assert not listens(url)


def test_a_killed_holder_leaves_a_server_that_the_next_start_takes_over(directory: Path) -> None:
    with holder(directory) as killed:
        url, _ = said(killed)
        killed.kill()
        killed.wait()
    server = start(directory)
    assert (server.url, server.started_here) == (url, False)
    server.stop()
    assert not listens(url)


def test_a_killed_postmaster_is_replaced(directory: Path) -> None:
    with holder(directory) as first:
        said(first)
        os.kill(int((directory / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        with holder(directory) as second:
            url, started_here = said(second)
            assert started_here == "True"
            assert listens(url)
            release(first)
            release(second)
    assert not listens(url)


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(directory: Path) -> None:
    with holder(directory) as process:
        url, _ = said(process)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
    assert listens(url)
    start(directory).stop()
    assert not listens(url)


def test_a_half_made_cluster_is_made_anew_in_a_closed_home_too(fresh: Path) -> None:
    fresh.parent.chmod(0o700)
    kept = reachable_directory(fresh, unprivileged_account())
    assert (kept == fresh) == (os.geteuid() != 0)  # only root steps down and is locked out
    (kept / "data.new").mkdir(parents=True)
    (kept / "data.new" / "PG_VERSION").write_text("18\n")
    try:
        with running(fresh) as url:
            assert listens(url)
    finally:
        shutil.rmtree(kept)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_a_throwaway_is_gone_whatever_ends_its_owner(number: signal.Signals) -> None:
    with holder("throwaway") as process:
        url, _ = said(process)
        (home,) = THROWAWAY.findall(str(await ask(url, "SHOW data_directory")))
        process.send_signal(number)
        process.wait(PATIENCE)
    wait_until(lambda: not listens(url) and not Path(home).exists())


def test_a_throwaway_leaves_nothing_after_a_normal_end() -> None:
    with throwaway() as server:
        assert listens(server.url)
    assert not listens(server.url)


def test_a_directory_that_cannot_be_made_is_one_plain_sentence(fresh: Path) -> None:
    fresh.write_text("")
    with pytest.raises(LocalPostgresError, match="PostgreSQL does not start"):
        start(fresh)


def test_missing_programs_are_one_plain_sentence(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.local_postgres.binaries.WHEEL", "no_such_wheel")
    monkeypatch.setattr("app.local_postgres.binaries.SYSTEM", Path("/nonexistent"))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(LocalPostgresError, match="apt-get install postgresql"):
        start(fresh)


def test_a_full_disk_is_named() -> None:
    said = "FATAL: could not write to file: No space left on device"
    assert why_not(said, Path("/x")).startswith("No space left for PostgreSQL's data in /x")


@contextmanager
def open_directory() -> Iterator[Path]:
    # Not tmp_path: its parents are closed to the account that root runs PostgreSQL as.
    with tempfile.TemporaryDirectory(prefix="svyazka-test-", dir="/tmp") as parent:
        Path(parent).chmod(0o755)
        yield Path(parent)


@contextmanager
def running(directory: Path) -> Iterator[str]:
    server = start(directory)
    try:
        yield server.url
    finally:
        server.stop()


@contextmanager
def holder(directory: Path | str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the server until it is released or killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    return process.stdout.readline().split()


def release(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", PATIENCE)


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def listens(url: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), 1):
            return True
    except OSError:
        return False


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)

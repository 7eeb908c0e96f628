"""The embedded PostgreSQL of the demo and the tests: started, attached to, stopped."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.local_postgres.binaries import (
    LocalPostgresError,
    reachable_directory,
    unprivileged_account,
)
from app.local_postgres.cluster import Cluster, open_here, why_not

__all__ = ["LocalPostgresError", "Server", "guarded", "start", "throwaway"]

KEPT = {"max_connections": "100"}
CARELESS = {  # for data that nobody will miss
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}

# Waits until its owner is gone, however it went; "done" means that the owner cleaned up itself.
GUARD = """
read -r word; [ "$word" = done ] && exit
kill -QUIT "$1"; tries=0
while kill -0 "$1" && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf "$2"
"""


@dataclass(frozen=True)
class Server:
    url: str
    started_here: bool  # else it ran already
    _stop: Callable[[], None] = field(repr=False, compare=False)

    def stop(self) -> None:
        """Shut down and wait for it; while another process uses it, leave it running."""
        self._stop()


def start(directory: Path) -> Server:
    """Start the cluster kept in `directory`, or attach to it where it already runs.

    Raises LocalPostgresError.
    """
    with _plain_errors(directory):
        account = unprivileged_account()
        cluster = Cluster(reachable_directory(directory, account), account, KEPT)
        with _locked(cluster.home / "lock"):
            return _join(cluster)


@contextlib.contextmanager
def throwaway() -> Iterator[Server]:
    """A private cluster that is gone afterwards, whatever ends this process."""
    home = Path(tempfile.mkdtemp(prefix="svyazka-pg-", dir="/tmp"))
    try:
        with _plain_errors(home):
            cluster = Cluster(home, unprivileged_account(), CARELESS)
            cluster.initialise()
        try:
            with _plain_errors(home):
                cluster.launch()
            with guarded(cluster.pid(), home):
                yield Server(cluster.url(), True, cluster.stop)
        finally:
            cluster.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _join(cluster: Cluster) -> Server:
    users = open_here(cluster.home / "users")
    try:
        fcntl.flock(users, fcntl.LOCK_SH)  # the kernel takes it back even after kill -9
        cluster.initialise()
        if started_here := not cluster.answers():
            cluster.launch()
        leaving = contextlib.ExitStack()
        leaving.callback(_leave, cluster, users)
        return Server(cluster.url(), started_here, leaving.close)  # closing twice does no harm
    except BaseException:
        os.close(users)
        raise


def _leave(cluster: Cluster, users: int) -> None:
    with _locked(cluster.home / "lock"):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            cluster.stop()
        except BlockingIOError:
            pass  # another process still uses it: the last one out stops it
        finally:
            os.close(users)


@contextlib.contextmanager
def guarded(postmaster: int, home: Path) -> Iterator[None]:
    """Stops that postmaster and removes its home if we are killed: a shell that outlives us."""
    with subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", GUARD, "guard", str(postmaster), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    ) as shell:
        try:
            yield
        finally:
            shell.communicate(b"done\n")


@contextlib.contextmanager
def _plain_errors(home: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise LocalPostgresError(
            f"{home} belongs to another user: remove it, or start this as that user."
        ) from error
    except OSError as error:
        raise LocalPostgresError(why_not(str(error), home)) from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = open_here(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)

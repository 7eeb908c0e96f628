"""A primary and its streaming standby, both real and on this machine; gone afterwards."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.local_postgres import CARELESS, guarded
from app.local_postgres.binaries import Account, unprivileged_account
from app.local_postgres.cluster import Cluster

REPLICATING = CARELESS | {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}


@dataclass(frozen=True)
class Pair:
    primary: Cluster
    standby: Cluster

    def hosts(self) -> str:
        """Both, in libpq's form for several hosts; the primary first."""
        return hosts_of(self.primary, self.standby)

    def kill_primary(self) -> None:
        """The whole of it, at once, with whatever was not written."""
        self.primary.stop(signal.SIGQUIT)

    def promote(self) -> None:
        """Asks the standby to become a primary; it takes a moment (`pg_is_in_recovery`)."""
        self.standby.run("pg_ctl", "promote", "-D", str(self.standby.data), "-W")


def hosts_of(primary: Cluster, standby: Cluster) -> str:
    """The address of both."""
    first, second = primary.url(), standby.url()
    who, _, rest = first.rpartition("@")
    address, _, name = rest.partition("/")
    other = second.rpartition("@")[2].partition("/")[0]
    return f"{who}@{address},{other}/{name}"


@contextmanager
def replicated(*, synchronous: bool = False) -> Iterator[Pair]:
    """`synchronous`: a commit is over when the standby has it too."""
    account = unprivileged_account()
    with ExitStack() as undo:
        settings = REPLICATING | ({"synchronous_commit": "on"} if synchronous else {})
        primary = Cluster(_home(undo), account, settings)
        primary.initialise()
        _launch(primary, undo)
        standby = Cluster(_home(undo), account, REPLICATING)
        copy_primary(primary, standby, account)
        _launch(standby, undo)
        if synchronous:
            wait_for_standby(primary)
        yield Pair(primary, standby)


def _home(undo: ExitStack) -> Path:
    home = Path(tempfile.mkdtemp(prefix="svyazka-pg-", dir="/tmp"))
    undo.callback(shutil.rmtree, home, ignore_errors=True)
    return home


def _launch(cluster: Cluster, undo: ExitStack) -> None:
    undo.callback(cluster.stop, signal.SIGQUIT)
    cluster.launch()
    undo.enter_context(guarded(cluster.pid(), cluster.home))


def copy_primary(primary: Cluster, standby: Cluster, account: Account | None) -> None:
    """With `-R` it knows whom to follow."""
    password = shutil.copy(primary.home / "password", standby.home / "password")
    if account:
        os.chown(password, *account)
    source = ("-d", primary.url(), "-X", "stream", "-c", "fast", "-R", "--no-sync")
    standby.run("pg_basebackup", "-D", str(standby.data), *source)


def wait_for_standby(primary: Cluster) -> None:
    """With every commit. What is promoted waits for nobody: this is not copied any more."""
    statements = ("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
    primary.run("psql", primary.url(), *(word for each in statements for word in ("-c", each)))

"""A PostgreSQL on a small disk of its own, which can be filled to the last byte."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from app.local_postgres.binaries import unprivileged_account
from app.local_postgres.cluster import Cluster

SIZE = "96m"  # an empty cluster takes half of it
CAREFUL = {  # a commit is on the disk, as it is in production
    "max_connections": "20",
    "shared_buffers": "16MB",
    "min_wal_size": "32MB",
    "max_wal_size": "32MB",
}
# Waits until its owner is gone, however it went.
UNMOUNT = 'read -r _; umount --lazy "$1"; rmdir "$1"'


class SmallDisk:
    def __init__(self, home: Path, cluster: Cluster) -> None:
        self._filler = home / "filler"
        self.url = cluster.url()

    def fill(self) -> None:
        with open(self._filler, "wb", buffering=0) as file, suppress(OSError):
            for size in (65536, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def free(self) -> None:
        self._filler.unlink()


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """Skips where nothing can be mounted."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only root on Linux can make a small disk")
    with ExitStack() as undo:
        home = Path(tempfile.mkdtemp(prefix="svyazka-pg-", dir="/tmp"))
        _mount(home, undo)
        account = unprivileged_account()
        cluster = Cluster(home, account, CAREFUL)
        cluster.initialise()
        undo.callback(cluster.stop, signal.SIGQUIT)
        cluster.launch()
        yield SmallDisk(home, cluster)


def _mount(home: Path, undo: ExitStack) -> None:
    options = ["-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(home)]
    ended = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if ended.returncode:
        home.rmdir()
        pytest.skip(f"nothing can be mounted here: {ended.stderr.strip()}")
    guard = subprocess.Popen(
        ["/bin/sh", "-c", UNMOUNT, "guard", str(home)],
        stdin=subprocess.PIPE,
        cwd="/",
        start_new_session=True,
    )
    undo.callback(guard.communicate)

"""One data directory and its postmaster, made and driven by PostgreSQL's own programs."""

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from app.local_postgres.binaries import Account, LocalPostgresError, binaries

NAME = "svyazka"  # of the role and of the database
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
SERVER_TIMEOUT = 60.0  # seconds for a start (after a crash the log is replayed) or a stop
LOOK_AGAIN = 0.02  # seconds
SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # any PostgreSQL answers it with one letter
PASSING = re.compile("already exists|still in use|could not create any TCP/IP sockets")


class Cluster:
    """A data directory and its postmaster; `home` also holds the password and the log."""

    def __init__(self, home: Path, account: Account | None, settings: dict[str, str]) -> None:
        self.home, self.data = home, home / "data"
        self._settings = settings
        self._account = _owner(self.data) if account and self.data.exists() else account
        if account and not self.data.exists():
            os.chown(home, *account)
        self._binaries = binaries(self._account)
        self._child: subprocess.Popen[bytes] | None = None

    def initialise(self) -> None:
        """Make the cluster once; it gets its name when it is complete."""
        if self.data.exists():
            return
        half = self.home / "data.new"
        shutil.rmtree(half, ignore_errors=True)
        password = self._new_password()
        self.run(
            *("initdb", "-D", str(half), "-U", NAME, "-E", "UTF8", f"--locale={LOCALE}"),
            *("-A", "scram-sha-256", f"--pwfile={password}", "--no-instructions"),
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
        )
        statement = f"CREATE DATABASE {NAME}\n"
        self.run("postgres", "--single", "-D", str(half), "postgres", said=statement)
        half.rename(self.data)

    def launch(self) -> None:
        """Start the postmaster; patient with the remains of one that was killed."""
        deadline = time.monotonic() + SERVER_TIMEOUT
        self._remove_dead_pid_file()
        try:
            while not self._launched(deadline):
                words = self._last_words()
                if time.monotonic() > deadline or not PASSING.search(words):
                    raise LocalPostgresError(why_not(words, self.home))
                time.sleep(LOOK_AGAIN)
        except BaseException:  # Ctrl-C: nobody would know about the half-started one
            self._forget_child()
            raise

    def answers(self) -> bool:
        """Asked by talking to it: a postmaster that was killed leaves its pid file behind."""
        try:
            os.kill(self.pid(), 0)
            with socket.create_connection(("127.0.0.1", self._port()), 1) as talk:
                talk.sendall(SSL_REQUEST)
                return self._line(7) == "ready" and talk.recv(1) in (b"N", b"S")
        except (OSError, ValueError, IndexError):
            return False

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is PostgreSQL's fast shutdown, SIGQUIT the immediate one."""
        if self._child:
            self._child.send_signal(how)
            self._child.wait(SERVER_TIMEOUT)
        elif self.answers():
            os.kill(self.pid(), how)
            self._wait_until_gone()

    def run(self, program: str, *arguments: str, said: str = "") -> None:
        """One of PostgreSQL's programs, to its end. Raises LocalPostgresError with what it said."""
        done = subprocess.run(  # noqa: S603
            [self._binaries / program, *arguments],
            input=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self._circumstances(),
        )
        if done.returncode or "ERROR: " in done.stdout:  # the single-user mode exits 0 all the same
            raise LocalPostgresError(why_not(_telling_line(done.stdout), self.home))

    def url(self) -> str:
        password = (self.home / "password").read_text().strip()
        return f"postgresql://{NAME}:{password}@127.0.0.1:{self._port()}/{NAME}"

    def pid(self) -> int:
        return int(self._line(0))

    def _port(self) -> int:
        return int(self._line(3))

    def _line(self, number: int) -> str:
        return (self.data / "postmaster.pid").read_text().splitlines()[number].strip()

    def _new_password(self) -> Path:
        path = self.home / "password"
        path.unlink(missing_ok=True)
        with open(open_here(path), "w") as file:
            file.write(secrets.token_urlsafe(24))
        if self._account:
            os.chown(path, *self._account)
        return path

    def _remove_dead_pid_file(self) -> None:
        """PostgreSQL honours it while any process has that number, be it a zombie or a stranger."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            command = Path(f"/proc/{self.pid()}/cmdline").read_bytes()
            if os.fsencode(self.data) not in command:
                (self.data / "postmaster.pid").unlink()

    def _launched(self, deadline: float) -> bool:
        child = self._child = self._spawn()
        while child.poll() is None and time.monotonic() < deadline:
            if self.answers() and self.pid() == child.pid:
                return True
            time.sleep(LOOK_AGAIN)
        self._forget_child()
        return self.answers()  # one that was still starting has finished

    def _forget_child(self) -> None:
        if self._child:
            self.stop(signal.SIGQUIT)
        self._child = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(_free_port()),
            "unix_socket_directories": "",
            "log_min_messages": "warning",
            **self._settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        log = open_here(self.home / "log", os.O_TRUNC)
        try:
            return subprocess.Popen(  # noqa: S603
                [self._binaries / "postgres", "-D", str(self.data), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is not for it
                **self._circumstances(),
            )
        finally:
            os.close(log)

    def _circumstances(self) -> dict[str, Any]:
        path = f"{self._binaries}:/usr/bin:/bin"
        options: dict[str, Any] = {"cwd": self.home}
        options["env"] = {"PATH": path, "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.home)}
        if os.geteuid() == 0 and self._account:
            user, group = self._account
            options |= {"user": user, "group": group, "extra_groups": []}
        return options

    def _last_words(self) -> str:
        return _telling_line((self.home / "log").read_text(errors="replace"))

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + SERVER_TIMEOUT
        while (self.data / "postmaster.pid").exists():
            if time.monotonic() > deadline:
                raise LocalPostgresError(f"PostgreSQL (process {self.pid()}) does not stop.")
            time.sleep(LOOK_AGAIN)


def open_here(path: Path, flags: int = 0) -> int:
    """For writing, made when missing; never through a link that somebody put there."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)


def why_not(words: str, home: Path) -> str:
    if "No space left" in words:
        return f"No space left for PostgreSQL's data in {home}: free some and start again."
    return f"PostgreSQL does not start: {words} (its log: {home / 'log'})"


def _owner(path: Path) -> Account:
    found = path.stat()
    return found.st_uid, found.st_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _telling_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    telling = [line for line in lines if re.search("FATAL|PANIC|error:|ERROR", line)]
    return (telling or lines)[-1]

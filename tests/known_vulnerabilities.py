"""Are there known vulnerabilities in what the hashed requirements name? Standard library only.

Asks OSV (https://google.github.io/osv.dev/post-v1-querybatch/), which has the advisories of PyPA
and GitHub. Where it cannot be reached nothing is known, and nothing fails: a fresh machine without
a network has to be able to run the tests.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

DATABASE = "https://api.osv.dev/v1/querybatch"
PATIENCE = 8.0  # seconds for the whole look-up, the name's included
LARGEST = 4 * 2**20  # bytes of an answer
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)

Pin = tuple[str, str]  # name, version


def pins(*files: Path) -> list[Pin]:
    """What the files pin, each once."""
    found = {pin for file in files for pin in PINNED.findall(file.read_text(encoding="utf-8"))}
    return sorted(found)


def look_up(
    wanted: list[Pin], database: str = DATABASE, patience: float = PATIENCE
) -> dict[Pin, list[str]] | None:
    """The ids of advisories for what has some; None: the database cannot be reached.

    In a thread, for a look-up of a name knows no deadline.
    """
    said: list[dict[Pin, list[str]]] = []

    def ask() -> None:
        try:
            said.append(_asked(wanted, database, patience))
        except (OSError, ValueError, KeyError, TypeError):
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    return said[0] if said else None


def _asked(wanted: list[Pin], database: str, patience: float) -> dict[Pin, list[str]]:
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in wanted
    ]
    body = json.dumps({"queries": queries}).encode()
    request = Request(database, body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=patience) as answer:
        results: list[dict[str, Any]] = json.loads(answer.read(LARGEST))["results"]
    if len(results) != len(wanted):
        raise ValueError("an answer to something else")
    found = {
        pin: [str(each["id"]) for each in result.get("vulns") or []]
        for pin, result in zip(wanted, results, strict=True)
    }
    return {pin: ids for pin, ids in found.items() if ids}

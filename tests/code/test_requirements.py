"""What we build on: under which licences, and whether something is known to be wrong with it."""

import asyncio
import re
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.config import ROOT
from tests.known_vulnerabilities import look_up, pins
from tests.support.servers import serving

# Each allows what we do: to use it unchanged, in a program under another licence.
ALLOWED = {
    *("MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "MPL-2.0"),
    *("BSD", "MIT License", "BSD License", "Apache Software License"),
    *("Python Software Foundation License", "Mozilla Public License 2.0 (MPL 2.0)"),
}
RUN_TIME = [name for name, _ in pins(ROOT / "requirements.txt")]


def licences_of(name: str) -> set[str]:
    """As its metadata say: an SPDX expression, or classifiers, or a text."""
    said = metadata(name)
    if "License-Expression" in said:
        return set(re.split(r" (?:AND|OR) ", re.sub(r"[()]", "", said["License-Expression"])))
    marks = [each for each in said.get_all("Classifier") or [] if each.startswith("License ::")]
    return {each.rpartition(" :: ")[2] for each in marks} or {said["License"]}


@pytest.mark.parametrize("name", RUN_TIME)
def test_what_runs_with_us_is_under_a_licence_that_we_may_use(name: str) -> None:
    assert licences_of(name) <= ALLOWED


def test_every_pin_of_the_requirements_is_read() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert len(RUN_TIME) == text.count("==") > 20


PINS = [("jinja2", "2.0"), ("quart", "0.22.0")]


async def asked(says: Any) -> Any:
    """What is found in a database that answers this."""
    queries: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        queries.append(await request.json())
        return web.json_response(says)

    async with serving({"v1": answer}) as url:
        found = await asyncio.to_thread(look_up, PINS, f"{url}/v1", 5.0)
    assert [each["package"]["name"] for each in queries[0]["queries"]] == ["jinja2", "quart"]
    return found


async def test_what_is_known_of_a_requirement_is_named() -> None:
    says = {"results": [{"vulns": [{"id": "PYSEC-1"}, {"id": "GHSA-2"}]}, {}]}
    assert await asked(says) == {("jinja2", "2.0"): ["PYSEC-1", "GHSA-2"]}
    assert await asked({"results": [{}, {}]}) == {}


@pytest.mark.parametrize("says", [{}, [], None, {"results": [{}]}, {"results": 5}])
async def test_an_answer_that_is_none_says_nothing(says: object) -> None:
    assert await asked(says) is None


def test_without_the_database_nothing_is_known_and_nothing_waits() -> None:
    assert look_up(PINS, "http://127.0.0.1:1/", 5.0) is None


def test_a_pin_is_a_name_with_a_version(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("# a==1\na==1 \\\n    --hash=sha256:x\nb[c]==2; python_version > '3'\nd>=1\n")
    assert pins(file) == [("a", "1"), ("b", "2")]

"""Heroku's way: the manifest, the slug, the release phase, a dyno's memory, the end of a dyno."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import jsonschema
import pytest

from app.cli.bootstrap import explain
from app.config import ROOT
from tests.code.committed import committed
from tests.support.processes import Program, answers, environment, free_port
from tests.support.servers import local_client
from tests.support.settings import PASSWORD

# As https://devcenter.heroku.com/articles/app-json-schema says, what we use of it and the rest.
TEXT = {"type": "string"}
SHORT = {"type": "string", "minLength": 1, "maxLength": 140}
SCRIPTS = {
    "type": "object",
    "properties": {"postdeploy": {}, "pr-predestroy": {}, "test": TEXT, "test-setup": TEXT},
    "additionalProperties": False,
}
VARIABLE = {
    "type": "object",
    "properties": {
        "description": {"type": "string", "minLength": 1},
        "value": TEXT,
        "required": {"type": "boolean"},
        "generator": {"const": "secret"},
    },
    "required": ["description"],
    "additionalProperties": False,
}
ADDON = {
    "type": "object",
    "properties": {"plan": TEXT, "as": TEXT, "options": {"type": "object"}},
    "required": ["plan"],
    "additionalProperties": False,
}
DYNOS = {
    "type": "object",
    "properties": {"quantity": {"type": "integer", "minimum": 0}, "size": TEXT},
    "required": ["quantity"],
    "additionalProperties": False,
}
BUILDPACK = {
    "type": "object",
    "properties": {"url": TEXT},
    "required": ["url"],
    "additionalProperties": False,
}
MANIFEST = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Za-z][A-Za-z .-]{2,29}$"},
        "description": SHORT,
        "keywords": {"type": "array", "items": TEXT},
        **dict.fromkeys(("website", "repository", "logo", "success_url", "image"), TEXT),
        "stack": {"type": "string", "pattern": r"^(heroku-\d\d|container)$"},
        "scripts": SCRIPTS,
        "env": {
            "type": "object",
            "patternProperties": {"^[A-Z][A-Z0-9_]*$": VARIABLE},
            "additionalProperties": False,
        },
        "formation": {"type": "object", "additionalProperties": DYNOS},
        "addons": {"type": "array", "items": {"anyOf": [TEXT, ADDON]}},
        "buildpacks": {"type": "array", "items": BUILDPACK},
        "environments": {"type": "object"},
    },
    "additionalProperties": False,
}
DYNO = 512 * 1024  # KB, of the smallest dynos
STOPS_WITHIN = 30.0  # seconds from SIGTERM to SIGKILL
PAGES = 5  # open when the dynos are stopped
LINES = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
)
BASE = getattr(sys, "_base_executable", sys.executable)  # has pip; ours may not
NOTHING_TO_INSTALL_WITH = ("The package index cannot be reached", "Python has no pip")


def manifest() -> Any:
    return json.loads((ROOT / "app.json").read_text(encoding="utf-8"))


def test_heroku_takes_the_manifest() -> None:
    jsonschema.Draft202012Validator(MANIFEST).validate(manifest())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "Связка"),
        ("Name", "Svyazka"),
        ("formation", {"web": {"size": "basic"}}),
        ("formation", {"web": {"quantity": "1"}}),
        ("env", {"SIGNUP": {"description": "open or closed", "value": 1}}),
        ("env", {"SECRET_KEY": {"description": "", "generator": "secret"}}),
        ("buildpacks", ["heroku/python"]),
        ("addons", [{"as": "DATABASE"}]),
    ],
)
def test_a_manifest_that_heroku_refuses_is_found(key: str, value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(MANIFEST).validate(manifest() | {key: value})


def test_a_variable_without_a_value_is_asked_for_or_made() -> None:
    """Without one of them the form says that it is needed (`required` is true by itself)."""
    for name, variable in manifest()["env"].items():
        assert {"value", "generator", "required"} & variable.keys(), name


@pytest.fixture(scope="module")
def slug(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed, and beside it a Python with the run-time requirements and no others."""
    folder = tmp_path_factory.mktemp("slug")
    for file in committed():
        place = folder / file.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    subprocess.run([BASE, "-m", "venv", "--without-pip", folder / ".heroku"], check=True)
    python = folder / ".heroku" / "bin" / "python"
    options = "--require-hashes --only-binary=:all: --no-input --disable-pip-version-check -q"
    pip = [BASE, "-m", "pip", "--python", python, "install", *options.split(), "--no-compile"]
    ended = subprocess.run(
        [*pip, "-r", "requirements.txt"], cwd=folder, capture_output=True, text=True, check=False
    )
    why = explain(ended.stdout + ended.stderr) if ended.returncode else ""
    if why.startswith(NOTHING_TO_INSTALL_WITH):
        pytest.skip(why)
    assert not why, why
    return folder


@pytest.fixture(scope="module")
async def empty_database(database_url: str) -> AsyncIterator[str]:
    server = await asyncpg.connect(database_url)
    await server.execute("CREATE DATABASE heroku")
    yield f"{database_url.rpartition('/')[0]}/heroku".replace("postgresql://", "postgres://")
    await server.execute("DROP DATABASE heroku WITH (FORCE)")
    await server.close()


class Dynos:
    """Lines of the Procfile with Heroku's variables, each in the memory of the smallest dyno."""

    def __init__(self, slug: Path, database_url: str) -> None:
        self._slug, self.port = slug, free_port()
        given = environment(database_url, self.port, RUN_MONITOR="0", WEB_CONCURRENCY="2")
        del given["HOST"]
        path = f"{slug}/.heroku/bin:/usr/bin:/bin"
        self._environ = given | {"PATH": path, "HOME": str(slug), "PYTHONUNBUFFERED": "true"}
        self.programs: list[Program] = []

    def start(self, name: str) -> Program:
        line = f"ulimit -d {DYNO}; {LINES[name]}"
        environ = self._environ | {"DYNO": f"{name}.1"}
        self.programs.append(Program(["sh", "-c", line], environ, self._slug).start())
        return self.programs[-1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def dynos(slug: Path, empty_database: str) -> AsyncIterator[Dynos]:
    dynos = Dynos(slug, empty_database)
    yield dynos
    for program in dynos.programs:
        await program.close()


@pytest.mark.processes
async def test_a_slug_is_released_serves_in_a_small_dyno_and_ends_in_time_with_pages_open(
    dynos: Dynos,
) -> None:
    release = dynos.start("release")
    assert await release.ended() == 0, release.said()
    web, worker = dynos.start("web"), dynos.start("worker")
    await answers(web, f"{dynos.url}/readyz")
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(local_client(base_url=dynos.url))
        form = {"email": "anna@example.ru", "password": PASSWORD}
        assert (await client.post("/signup", data=form)).status_code == 303
        pages = []
        for _ in range(PAGES):
            stream = await stack.enter_async_context(client.stream("GET", "/connections/stream"))
            pages.append(stream.aiter_text())
            assert "event: heartbeat" in await anext(pages[-1])
        for each in (web, worker):
            assert peak(each) < DYNO
            print(f"{peak(each) // 1024} MB of 512")
        clock = asyncio.get_running_loop().time
        asked = clock()
        async with asyncio.timeout(STOPS_WITHIN):
            ends = [asyncio.create_task(each.stop()) for each in (web, worker)]
            for page in pages:
                async for _ in page:  # one that was cut off raises RemoteProtocolError
                    pass
            assert [await end for end in ends] == [0, 0], (web.said(), worker.said())
        print(f"ended {clock() - asked:.1f} s after SIGTERM, {PAGES} pages open")


def peak(program: Program) -> int:
    """KB of memory that were the most so far."""
    status = Path(f"/proc/{program.pid}/status")
    if not status.exists():
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert found
    return int(found[1])

"""The release before this one on our tables: during a deployment, and for days after a rollback.

Which release that is comes from git, and whether it has to run is said by the newest `runs_with`.
So a migration that takes away what older code needs, and does not say so, fails here.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from app.database.encryption import Keys
from app.database.engine import Database
from app.database.migration import newest_revision, read_state
from app.oauth.token_response import Tokens
from tests.support import rows
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.releases import unpack_release_before
from tests.support.servers import Acme, open_acme, saying
from tests.support.waiting import until

pytestmark = pytest.mark.processes

PROVIDER = """
[providers.acme]
name = "Acme"
authorization_endpoint = "{0.authorization_endpoint}"
token_endpoint = "{0.token_endpoint}"
[providers.acme.probe]
url = "{0.probe.url}"
account = "sub"
"""


@dataclass
class Older:
    folder: Path
    newest: str  # the newest revision that it knows
    may_run: bool  # on our tables, as our migrations say
    programs: list[Program] = field(default_factory=list)

    def start(self, *words: str, **environ: str) -> Program:
        self.programs.append(Program([*APP, *words], environ, self.folder).start())
        return self.programs[-1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("older")
    return folder, unpack_release_before(folder)


@pytest.fixture
async def older(unpacked: tuple[Path, str], database_url: str) -> AsyncIterator[Older]:
    folder, newest = unpacked
    state = await read_state(database_url)
    assert state.revision == newest_revision()
    older = Older(folder, newest, state.oldest_code <= newest)
    yield older
    for program in older.programs:
        await program.close()


async def test_its_release_phase_lets_newer_tables_be_where_it_runs_on_them(
    older: Older, database_url: str
) -> None:
    """Where it does not, it stops the rollback and says how to go down."""
    migrate = older.start("migrate", **environment(database_url, 1))
    assert await migrate.ended() == (0 if older.may_run else 2), migrate.said()
    if older.newest != newest_revision():
        way = "nothing to do" if older.may_run else f"python -m app migrate --to {older.newest}"
        assert way in migrate.said()
    assert (await read_state(database_url)).revision == newest_revision()


async def test_its_web_serves_and_its_worker_writes_checks_and_outages(
    older: Older, database: Database, database_url: str, keys: Keys, tmp_path: Path
) -> None:
    if not older.may_run:
        pytest.skip(f"code of {older.newest} does not run on our tables, as a migration says")
    user = await rows.add_person(database)
    good, bad = [
        await rows.add_connection(
            database, keys, user, Tokens(f"access-{each}"), provider="acme", account=each
        )
        for each in ("good", "bad")
    ]
    async with open_acme() as acme:
        fails = True

        async def says(request: web.Request) -> web.StreamResponse:
            name = acme.shown[-1].removeprefix("access-")
            return await saying(503 if fails and name == "bad" else 200, sub=name)(request)

        acme.api_says = says
        environ = of_provider(acme, database_url, tmp_path)
        site, _ = older.start("web", **environ), older.start("worker", **environ)
        await answers(site, f"{environ['PUBLIC_URL']}/readyz")

        async def is_written() -> bool:
            assert all(program.runs for program in older.programs), older.programs[-1].said()
            found = await rows.found(database, bad)
            outages = await rows.outages(database, bad)
            return found.status == "offline" and [each.closed_at for each in outages] == [None]

        async def is_over() -> bool:
            (outage,) = await rows.outages(database, bad)
            return (await rows.found(database, bad)).is_online and outage.closed_at is not None

        await until(is_written)
        assert (await rows.found(database, good)).is_online
        fails = False
        await until(is_over)
        assert [await program.stop() for program in older.programs] == [0, 0]


def of_provider(acme: Acme, database_url: str, folder: Path) -> dict[str, str]:
    file = folder / "providers.toml"
    file.write_text(PROVIDER.format(acme.provider), encoding="utf-8")
    return environment(
        database_url,
        free_port(),
        RUN_MONITOR="0",
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        ACME_CLIENT_ID="id",
        ACME_CLIENT_SECRET="s",
        HEALTH_CHECK_INTERVAL_SECONDS="1",
    )

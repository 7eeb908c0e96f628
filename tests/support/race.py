"""Three programs and a fourth place check the same fifty connections at once, and refresh them."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from app.config import NEEDED_BY_WEB, read_settings
from app.database.engine import Database, open_database
from app.models.connection import Connection, Grant, Status
from app.models.history import Outage
from app.monitor.checker import Checker
from app.monitor.setup import open_checker
from app.oauth import client
from app.oauth.token_response import Tokens
from app.providers.provider import Provider
from tests.support import rows
from tests.support.people import MAIN_SHOP, NO_SHOP, OTHER_SHOP, Sandbox
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.settings import PROVIDERS_TOML, PUBLIC_URL
from tests.support.waiting import PATIENCE, every, until

PEOPLE = 10
ACCOUNTS = (  # each person connects all of them
    ("evotor", MAIN_SHOP),
    ("evotor", OTHER_SHOP),
    ("evotor", NO_SHOP),
    ("sklad", "wh-02"),
    ("sklad", "wh-05"),
)
LIFETIME = 3  # seconds of an access token
INTERVAL = 1  # seconds between two scheduled checks
REDIRECT_URI = f"{PUBLIC_URL}/race/callback"
HANDS = 4  # each checks a connection chosen blindly, twice at once
PAUSE = 0.2  # seconds between two checks by one hand: the scheduled ones must have their turn


@dataclass(frozen=True)
class Outcome:
    """What became of it; the sandbox's own count of its grants and of tokens sent twice."""

    connections: int
    online: int  # at a last look at each
    grants_alive: int
    ever_revoked: int  # outages of that status, over and closed ones too
    outages: int  # of any status
    in_doubt: int  # refreshes whose answer did not come for longer than a token lives
    refreshes: int
    reuses: int
    checks: int  # recorded ones
    checks_by_hand: int

    @property
    def nothing_lost(self) -> bool:
        whole = {self.connections, self.online, self.grants_alive}
        return len(whole) == 1 and not (self.ever_revoked or self.reuses or self.in_doubt)

    def figures(self) -> dict[str, object]:
        return asdict(self)


@dataclass
class Race:
    database: Database
    checker: Checker  # the fourth place
    sandbox: Sandbox
    programs: list[Program]
    ids: list[UUID]
    by_hand: int = 0

    async def is_on(self) -> bool:
        """Every connection was seen green, by one program or another."""
        async with self.database.sessions() as session:
            statuses = list(await session.scalars(select(Connection.status)))
        return statuses == ["online"] * len(self.ids)

    async def run(self, seconds: float) -> None:
        """Scheduled checks go on by themselves; these come on top of them."""
        await asyncio.gather(*(self._check_by_hand(seconds) for _ in range(HANDS)))

    async def run_until_refreshed(self, times: int) -> None:
        """The same until so many refreshes were made, for each connection on average."""

        async def refreshed() -> bool:
            return int((await self.sandbox.state())["refreshes"]) >= times * len(self.ids)

        done = asyncio.Event()
        async with asyncio.TaskGroup() as hands:
            for _ in range(HANDS):
                hands.create_task(self._check_by_hand(2 * PATIENCE, done))
            await until(refreshed, 2 * PATIENCE)
            done.set()

    async def stop(self) -> None:
        """Every program ends what it has begun."""
        ends = await asyncio.gather(*(program.stop() for program in self.programs))
        assert set(ends) == {0}, [program.said() for program in self.programs]

    async def _check_by_hand(self, seconds: float, done: asyncio.Event | None = None) -> None:
        async for _ in every(PAUSE, seconds):
            if done and done.is_set():
                return
            chosen = random.choice(self.ids)
            await asyncio.gather(*(self.checker.check_now(chosen) for _ in range(2)))
            self.by_hand += 2

    async def outcome(self) -> Outcome:
        online = [await self._last_look(each) is Status.ONLINE for each in self.ids]
        state = await self.sandbox.state()
        async with self.database.sessions() as session:
            outages = list(await session.scalars(select(Outage.status)))
            checks = await session.scalar(select(func.sum(Connection.version - 1)))
        return Outcome(
            connections=len(self.ids),
            online=sum(online),
            grants_alive=len(state["grants"]),
            ever_revoked=outages.count("revoked"),
            outages=len(outages),
            in_doubt=len(await self.in_doubt(LIFETIME)),
            refreshes=state["refreshes"],
            reuses=state["reuses"],
            checks=int(checks or 0),
            checks_by_hand=self.by_hand,
        )

    async def _last_look(self, each: UUID) -> Status:
        """Again when it says nothing: on a busy machine an answer may find us late ourselves."""

        async def look() -> Status | None:
            found = await self.checker.check_now(each)
            return found if isinstance(found, Status) else None

        status = await until(look)
        assert status is not None
        return status

    async def in_doubt(self, seconds: float = 0) -> list[UUID]:
        """Whose refresh was sent so long ago, and has no answer."""
        waiting = func.extract("epoch", func.now() - Grant.refresh_sent_at) >= seconds
        async with self.database.sessions() as session:
            return list(await session.scalars(select(Grant.connection_id).where(waiting)))


@asynccontextmanager
async def open_race(database_url: str, folder: Path) -> AsyncIterator[Race]:
    """Two workers and a web process that checks too, on fifty grants, all of them green once.

    The database is empty before, and is not emptied afterwards.
    """
    port, sandbox_port = free_port(), free_port()
    url = f"http://localhost:{sandbox_port}"
    environ = sandbox_environment(
        database_url, port, url, folder, HEALTH_CHECK_INTERVAL_SECONDS=str(INTERVAL)
    )
    settings = read_settings(environ, NEEDED_BY_WEB)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(database_url))
        checker = await stack.enter_async_context(open_checker(settings))

        def start(*words: str) -> Program:
            program = Program([*APP, *words], environ).start()
            stack.push_async_callback(program.close)
            return program

        lifetime = ("--access-token-lifetime", str(LIFETIME))
        provider = start("sandbox", "--port", str(sandbox_port), *lifetime)
        await answers(provider, f"{url}/control")
        sandbox = Sandbox(url, checker.http)
        ids = await _connect_everything(database, checker, sandbox)
        programs = [start("worker"), start("worker"), start("web")]
        await answers(programs[-1], f"http://127.0.0.1:{port}/readyz")
        race = Race(database, checker, sandbox, programs, ids)
        await until(race.is_on)
        yield race


def sandbox_environment(
    database_url: str, port: int, sandbox: str, folder: Path, **more: str
) -> dict[str, str]:
    """What programs need whose providers are all played by the sandbox."""
    file = folder / "providers.toml"
    file.write_text(PROVIDERS_TOML.format(sandbox=sandbox), encoding="utf-8")
    return environment(
        database_url,
        port,
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        EVOTOR_CLIENT_ID="evotor",
        EVOTOR_CLIENT_SECRET="evotor-secret",
        SKLAD_CLIENT_ID="sklad",
        SKLAD_CLIENT_SECRET="sklad-secret",
        **more,
    )


async def _connect_everything(database: Database, checker: Checker, sandbox: Sandbox) -> list[UUID]:
    ids = []
    for number in range(PEOPLE):
        user_id = await rows.add_person(database, f"person-{number}@example.ru")
        for name, account in ACCOUNTS:
            tokens = await tokens_of(checker, sandbox, checker.catalogue[name], account)
            ids.append(
                await rows.add_connection(database, checker.keys, user_id, tokens, provider=name)
            )
    return ids


async def tokens_of(checker: Checker, sandbox: Sandbox, provider: Provider, account: str) -> Tokens:
    """A grant as a person gives it; only our own callback is left out."""
    verifier = client.new_code_verifier() if provider.pkce else None
    url = client.authorization_url(provider, REDIRECT_URI, client.new_state(), verifier)
    code = (await sandbox.consent(url, account))["code"]
    tokens = await client.exchange(checker.http, provider, code, REDIRECT_URI, verifier)
    assert isinstance(tokens, Tokens), tokens.code
    return tokens

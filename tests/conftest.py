"""What tests stand on: a real PostgreSQL, the sandbox as a real provider, the whole application."""

import contextlib
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import text

from app import local_postgres
from app.accounts import passwords
from app.cli.commands import migrate_database
from app.config import Client, Settings
from app.database.encryption import Keys
from app.database.engine import Database, open_database
from app.monitor.checker import Checker
from app.outbound.client import Outbound, open_outbound
from app.process import bind
from app.sandbox import create_sandbox
from app.sandbox.settings import SandboxSettings
from app.web.app import create_app
from app.web.context import Dashboard
from tests.support.command_line import Ended, Run, app
from tests.support.people import Person, Sandbox
from tests.support.postbox import Postbox, open_postbox
from tests.support.servers import Acme, open_acme, served
from tests.support.settings import PROVIDERS_TOML, PUBLIC_URL, TOKEN_KEYS


class Compiled(BytecodeCache):
    """Templates are compiled once, not once a test; not on disk, where they outlive a change of a
    filter.
    """

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()
# Ten times quicker than TRUNCATE for tables of a few rows; the rest goes with its person.
OWNERLESS = (
    *(
        "one_time_tokens",
        "attempts",
        "revocations",
        "monitors",
        "provider_outages",
        "pushed_tokens",
    ),
)
EMPTY = [text(f"DELETE FROM {name}") for name in ("users", *OWNERLESS)]


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """An empty database with our tables."""
    with local_postgres.throwaway() as server:
        migrate_database(server.url)
        yield server.url


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real algorithm at its lowest cost: 0.2 ms instead of 40."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database, with nobody in it."""
    async with open_database(database_url) as database:
        async with database.engine.begin() as connection:
            for statement in EMPTY:
                await connection.execute(statement)
        yield database


@pytest.fixture
def keys() -> Keys:
    return Keys(TOKEN_KEYS)


@pytest.fixture
async def http() -> AsyncIterator[Outbound]:
    async with open_outbound(loopback=True) as outbound:
        yield outbound


@pytest.fixture(scope="session")
async def sandbox_server() -> AsyncIterator[str]:
    """The sandbox provider on a port of its own; yields its address."""
    listening = bind("127.0.0.1", 0)
    issuer = f"http://localhost:{listening.getsockname()[1]}"
    app = create_sandbox(SandboxSettings(issuer=issuer, slow_seconds=0.5, hang_seconds=20))
    async with served(app, listening):
        yield issuer


@pytest.fixture
async def sandbox(sandbox_server: str, http: Outbound) -> Sandbox:
    """The sandbox, all well and nobody's grant in it."""
    sandbox = Sandbox(sandbox_server, http)
    await sandbox.reset()
    return sandbox


@pytest.fixture
def settings(
    database_url: str, sandbox_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    file = tmp_path_factory.mktemp("providers") / "providers.toml"
    file.write_text(PROVIDERS_TOML.format(sandbox=sandbox_server), encoding="utf-8")
    return Settings(
        database_url=database_url,
        secret_key="a secret that only the tests know",
        token_keys=TOKEN_KEYS,
        public_url=PUBLIC_URL,
        interval=600,
        timeout=2,
        run_monitor=False,
        providers_file=file,
        allow_insecure_providers=True,
        clients={name: Client(name, f"{name}-secret") for name in ("evotor", "sklad")},
    )


@pytest.fixture
async def dashboard(
    database: Database, sandbox: Sandbox, settings: Settings
) -> AsyncIterator[Dashboard]:
    """The whole application, started, without a monitor."""
    async with _started(settings) as app:
        yield app


@pytest.fixture
async def postbox() -> AsyncIterator[Postbox]:
    """A real SMTP server, and what came there."""
    async with open_postbox() as postbox:
        yield postbox


@pytest.fixture
async def mailing(
    database: Database, sandbox: Sandbox, settings: Settings, postbox: Postbox
) -> AsyncIterator[Dashboard]:
    """The application with a mail server."""
    async with _started(replace(settings, smtp=postbox.smtp, mail_from="mail@example.ru")) as app:
        yield app


@pytest.fixture
async def acme() -> AsyncIterator[Acme]:
    """A provider that answers as a test tells it."""
    async with open_acme() as acme:
        yield acme


@pytest.fixture
async def checker(
    database: Database, http: Outbound, keys: Keys, acme: Acme
) -> AsyncIterator[Checker]:
    """Checks of connections to acme."""
    checker = Checker(database.sessions, http, keys, {"acme": acme.provider}, 600, 2)
    yield checker
    await checker.unfinished.drain(5)


@pytest.fixture
async def person(dashboard: Dashboard, sandbox: Sandbox) -> Person:
    """Somebody who has just signed up."""
    return await Person.signed_up(dashboard, sandbox, "anna@example.ru")


@pytest.fixture
async def other_person(dashboard: Dashboard, sandbox: Sandbox) -> Person:
    return await Person.signed_up(dashboard, sandbox, "boris@example.ru")


@pytest.fixture
def run(database: Database, database_url: str) -> Run:
    """With a database and a key."""
    (name, key), *_ = TOKEN_KEYS
    keys = f"{name}:{b64encode(key).decode()}"

    async def run(*words: str, stdin: str = "", **variables: str) -> Ended:
        needed = {"DATABASE_URL": database_url, "TOKEN_ENCRYPTION_KEYS": keys}
        return await app(*words, stdin=stdin, **needed | variables)

    return run


@contextlib.asynccontextmanager
async def _started(settings: Settings) -> AsyncIterator[Dashboard]:
    app = create_app(settings)
    app.jinja_env.bytecode_cache = COMPILED
    async with app.test_app():
        yield app

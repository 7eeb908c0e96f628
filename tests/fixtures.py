"""What tests stand on: a real PostgreSQL, the sandbox as a real provider, the whole application."""

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from app import local_postgres
from app.accounts import passwords
from app.cli.commands import migrate_database
from app.config import Client, Settings
from app.database.encryption import Keys
from app.database.engine import POOL_SIZE, Database, open_database
from app.monitor.checker import Checker
from app.outbound.client import HttpClient, client_of
from app.outbound.pool import HttpPool, open_pool
from app.process import bind
from app.sandbox import create_sandbox
from app.sandbox.settings import SandboxSettings
from app.web.context import Dashboard
from tests.support.applications import Applications
from tests.support.certificates import self_signed
from tests.support.command_line import Ended, Run, app
from tests.support.people import Person, Sandbox
from tests.support.postbox import Postbox, open_postbox
from tests.support.servers import Acme, open_acme, served
from tests.support.settings import PROVIDERS_TOML, PUBLIC_URL, TOKEN_KEYS

# Ten times quicker than TRUNCATE for tables of a few rows; the rest goes with its person.
OWNERLESS = (
    "one_time_tokens",
    "account_letters",
    "attempts",
    "revocations",
    "monitors",
    "provider_outages",
    "refusal_counts",
    "pushed_tokens",
    "token_keys",
    "live_processes",
)
TIMEOUT = 30.0  # seconds that a provider may take: a busy machine must not look like an outage
EMPTY = ";".join(f"DELETE FROM {name}" for name in ("users", *OWNERLESS))


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """An empty database with our tables."""
    with local_postgres.throwaway() as server:
        migrate_database(server.url)
        yield server.url


@pytest.fixture(scope="session", autouse=True)
def _one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Instead of the world's, which take longer to load than most tests, and are not met here."""
    certificate, _ = self_signed(tmp_path_factory.mktemp("authority"), "nobody.example")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """The real algorithm at its lowest cost: 0.2 ms instead of 40."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
        yield


@pytest.fixture(scope="session")
async def open_engine(database_url: str) -> AsyncIterator[Database]:
    """Open throughout: a new one costs more than most tests, and compiles every query anew."""
    async with open_database(database_url) as database:
        await _connect_all(database)
        yield database


async def _connect_all(database: Database) -> None:
    """An application that a test stops at once would leave a connection half made."""
    async with AsyncExitStack() as all_of_them:
        for _ in range(POOL_SIZE):
            await all_of_them.enter_async_context(database.engine.connect())


@pytest.fixture
async def database(open_engine: Database) -> Database:
    """The database, with nobody in it."""
    async with open_engine.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute(EMPTY)  # in one transaction and one round trip
    return open_engine


@pytest.fixture(scope="session")
def applications(database_url: str, open_engine: Database) -> Applications:
    return Applications(database_url, open_engine)


@pytest.fixture
def keys() -> Keys:
    return Keys(TOKEN_KEYS)


@pytest.fixture
async def http_pool() -> AsyncIterator[HttpPool]:
    async with open_pool(loopback=True) as pool:
        yield pool


@pytest.fixture
async def http(http_pool: HttpPool) -> AsyncIterator[HttpClient]:
    async with client_of(http_pool) as client:
        yield client


@pytest.fixture(scope="session")
async def sandbox_server() -> AsyncIterator[str]:
    """The sandbox provider on a port of its own; yields its address."""
    listening = bind("127.0.0.1", 0)
    issuer = f"http://localhost:{listening.getsockname()[1]}"
    app = create_sandbox(SandboxSettings(issuer=issuer, slow_seconds=0.5, hang_seconds=4 * TIMEOUT))
    async with served(app, listening):
        yield issuer


@pytest.fixture
async def sandbox(sandbox_server: str, http: HttpClient) -> Sandbox:
    """The sandbox, all well and nobody's grant in it."""
    sandbox = Sandbox(sandbox_server, http)
    await sandbox.reset()
    return sandbox


@pytest.fixture(scope="session")
def providers_file(sandbox_server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("providers") / "providers.toml"
    file.write_text(PROVIDERS_TOML.format(sandbox=sandbox_server), encoding="utf-8")
    return file


@pytest.fixture
def settings(database_url: str, providers_file: Path) -> Settings:
    return Settings(
        database_url=database_url,
        secret_key="a secret that only the tests know",
        token_keys=TOKEN_KEYS,
        public_url=PUBLIC_URL,
        interval=600,
        timeout=TIMEOUT,
        run_monitor=False,
        providers_file=providers_file,
        allow_insecure_providers=True,
        allow_loopback_targets=True,
        clients={name: Client(name, f"{name}-secret") for name in ("evotor", "sklad")},
    )


@pytest.fixture
async def dashboard(
    applications: Applications, database: Database, sandbox: Sandbox, settings: Settings
) -> AsyncIterator[Dashboard]:
    """The whole application, started, without a monitor."""
    async with applications.started(settings) as app:
        yield app


@pytest.fixture(scope="session")
async def post_office() -> AsyncIterator[Postbox]:
    """A real SMTP server."""
    async with open_postbox() as postbox:
        yield postbox


@pytest.fixture
def postbox(post_office: Postbox) -> Postbox:
    """A real SMTP server that takes every letter, and what came there."""
    post_office.letters, post_office.says = [], ""
    return post_office


@pytest.fixture
async def mailing(
    applications: Applications,
    database: Database,
    sandbox: Sandbox,
    settings: Settings,
    postbox: Postbox,
) -> AsyncIterator[Dashboard]:
    """The application with a mail server."""
    with_mail = replace(settings, smtp=postbox.smtp, mail_from="mail@example.ru")
    async with applications.started(with_mail) as app:
        yield app


@pytest.fixture
async def acme() -> AsyncIterator[Acme]:
    """A provider that answers as a test tells it."""
    async with open_acme() as acme:
        yield acme


@pytest.fixture
async def checker(
    database: Database, http: HttpClient, http_pool: HttpPool, keys: Keys, acme: Acme
) -> AsyncIterator[Checker]:
    """Checks of connections to acme."""
    checker = Checker(
        database.sessions, http, http_pool, keys, {"acme": acme.provider}, 600, TIMEOUT
    )
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

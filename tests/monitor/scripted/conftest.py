"""A database whose clock moves, for all scripted worlds of a run, and their providers."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from app.cli.commands import migrate_database
from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Database, open_database
from app.outbound.client import client_of
from app.outbound.pool import open_pool
from tests.alerts.clock import open_shifted
from tests.database.test_migrations import in_thread
from tests.monitor.scripted.provider import open_raw_providers
from tests.monitor.scripted.world import World, open_world
from tests.support.settings import PUBLIC_URL, TOKEN_KEYS

OpenWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture(scope="session")
async def moved_database(database_url: str) -> AsyncIterator[Database]:
    async with open_shifted(database_url) as url:
        await in_thread(migrate_database, url)
        async with open_database(url) as database:
            yield database


@pytest.fixture
async def open_scripted(moved_database: Database, keys: Keys) -> AsyncIterator[OpenWorld]:
    """Opens a world; `interval` in seconds may be given."""
    settings = Settings(
        database_url="",
        secret_key="a secret that only the tests know",
        token_keys=TOKEN_KEYS,
        public_url=PUBLIC_URL,
    )
    async with (
        open_raw_providers() as providers,
        open_pool(loopback=True) as pool,
        client_of(pool) as http,
    ):
        yield partial(open_world, moved_database, providers, http, pool, keys, settings)

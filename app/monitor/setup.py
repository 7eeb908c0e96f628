"""What a check needs without a web server: for the worker, the command line and the web process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.background import Unfinished
from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Database, open_configured
from app.monitor.checker import Checker
from app.monitor.connectivity import connectivity_of
from app.outbound.client import HttpClient, client_of
from app.outbound.pool import HttpPool, open_pool
from app.providers.provider import Catalogue
from app.providers.registry import catalogue_of


@asynccontextmanager
async def open_checker(settings: Settings, role: str = "app") -> AsyncIterator[Checker]:
    """What a check needs without a web server: for the worker and for the command line."""
    catalogue = catalogue_of(settings)
    keys = Keys(settings.token_keys)
    async with (
        open_configured(settings, role, settings.worker_pool_size) as database,
        open_pool(settings.asks_loopback) as pool,
        client_of(pool) as http,
    ):
        yield checker_of(settings, database, http, pool, keys, catalogue, Unfinished())


def checker_of(
    settings: Settings,
    database: Database,
    http: HttpClient,
    http_pool: HttpPool,
    keys: Keys,
    catalogue: Catalogue,
    unfinished: Unfinished,
) -> Checker:
    return Checker(
        database.sessions,
        http,
        http_pool,
        keys,
        catalogue,
        settings.interval,
        settings.timeout,
        settings.zone,
        unfinished=unfinished,
        connectivity=connectivity_of(settings.canary_hosts, catalogue),
    )

"""The SQLAlchemy engine and its sessions, and the asyncpg connection for LISTEN."""

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import URL, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only

Sessions = async_sessionmaker[AsyncSession]
Reader = AsyncSession | AsyncConnection  # what a query takes

CONNECT_PATIENCE = 10.0  # seconds
STATEMENT_PATIENCE = 30.0  # seconds; a database that hangs must not block us
IDLE_BEFORE_PING = 0.05  # seconds unused after which a connection is tested before use
# Of what is no web and no worker. None beyond the pool: such a connection is closed after each use,
# with its prepared statements.
POOL_SIZE, POOL_OVERFLOW = 4, 0
UNDERSTOOD_ELSEWHERE = (  # libpq's parameters that asyncpg does not take in a URL
    "channel_binding",
    "gssencmode",
    "target_session_attrs",
    "connect_timeout",
    "options",
)


class Database:
    """A PostgreSQL database: SQLAlchemy sessions, and asyncpg connections for LISTEN."""

    def __init__(
        self,
        database_url: str,
        patience: float | None = STATEMENT_PATIENCE,
        pool_size: int = POOL_SIZE,
    ) -> None:
        self._url, self._connect_args = parse_database_url(database_url)
        bounds = {"timeout": CONNECT_PATIENCE, "command_timeout": patience}
        self.engine: AsyncEngine = create_async_engine(
            self._url,
            connect_args=self._connect_args | bounds,
            hide_parameters=True,  # a logged error must not contain a sealed token or a hash
            pool_size=pool_size,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=10,
            pool_use_lifo=True,  # the one used last needs no test
        )
        event.listen(self.engine.sync_engine, "checkin", _note_use)
        event.listen(self.engine.sync_engine, "checkout", _only_alive)
        self.sessions: Sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def reading(self) -> AsyncConnection:
        """A context for a page's queries: autocommit, so each statement takes one round trip."""
        return self._alone.connect()

    async def listener(self, patience: float = CONNECT_PATIENCE) -> "asyncpg.Connection[Any]":
        """A connection of its own for LISTEN, with `patience` seconds for each command."""
        arguments = {k: v for k, v in self._connect_args.items() if k != "server_settings"}
        return await asyncpg.connect(
            host=self._url.host,
            port=self._url.port or 5432,
            user=self._url.username,
            password=self._url.password,
            database=self._url.database,
            server_settings={"application_name": "svyazka-listener"},
            timeout=patience,
            command_timeout=patience,
            **arguments,
        )

    async def close(self) -> None:
        await self.engine.dispose()


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _only_alive(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Test connections that were idle, so that a restart of PostgreSQL fails no request.

    SQLAlchemy's `pool_pre_ping` tests before every use, in a transaction: three round trips each.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError
    if time.monotonic() - record.info.get("used_at", time.monotonic()) > IDLE_BEFORE_PING:
        try:
            await_only(connection.driver_connection.fetchrow(";"))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise InvalidatePoolError from error


@asynccontextmanager
async def open_database(
    database_url: str, patience: float | None = STATEMENT_PATIENCE, pool_size: int = POOL_SIZE
) -> AsyncIterator[Database]:
    """`patience`: seconds that one statement may take; None for migrations. `pool_size`: the most
    connections that sessions take; a listener has its own beside them.
    """
    database = Database(database_url, patience, pool_size)
    try:
        yield database
    finally:
        await database.close()


def parse_database_url(raw: str) -> tuple[URL, dict[str, Any]]:
    """DATABASE_URL as Heroku and others write it → (SQLAlchemy URL, asyncpg arguments)."""
    url = make_url(raw.replace("postgres://", "postgresql://", 1))
    query = {name: str(value) for name, value in url.query.items()}
    arguments: dict[str, Any] = {}
    mode, authorities = query.pop("sslmode", ""), query.pop("sslrootcert", "")
    if authorities and mode in ("verify-ca", "verify-full"):
        context = ssl.create_default_context(cafile=authorities)
        context.check_hostname = mode == "verify-full"
        arguments["ssl"] = context
    elif mode:
        arguments["ssl"] = mode  # asyncpg takes libpq's values
    if query.pop("pgbouncer", "") == "true":
        arguments["statement_cache_size"] = 0
    if name := query.pop("application_name", ""):
        arguments["server_settings"] = {"application_name": name}
    for word in UNDERSTOOD_ELSEWHERE:
        query.pop(word, None)
    return url.set(drivername="postgresql+asyncpg", query=query), arguments

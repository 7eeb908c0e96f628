"""The SQLAlchemy engine and its sessions, and the asyncpg connection for LISTEN."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util import await_only

from app import metrics
from app.config import Settings
from app.database.connector import CONNECT_PATIENCE, Connector
from app.database.lost_connections import repeat_once

Sessions = async_sessionmaker[AsyncSession]
Reader = AsyncSession | AsyncConnection  # what a query takes

STATEMENT_PATIENCE = 30.0  # seconds; a database that hangs must not block us
# A process that stands still in the middle of a transaction would keep its rows locked for ever.
END_IDLE = f"SET idle_in_transaction_session_timeout = '{STATEMENT_PATIENCE:.0f}s'"
IDLE_BEFORE_PING = 0.05  # seconds unused after which a connection is tested before use
# Of what is no web and no worker. None beyond the pool: such a connection is closed after each use,
# with its prepared statements.
POOL_SIZE, POOL_OVERFLOW = 4, 0
# For a pooler that may give each transaction another connection: a statement without a name lives
# until the next one, which is long enough, for it is made in the transaction that uses it.
WITHOUT_STATEMENTS: dict[str, Any] = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": str,  # ""
}


class Database:
    """A PostgreSQL database: SQLAlchemy sessions, and asyncpg connections for LISTEN."""

    def __init__(
        self,
        database_url: str,
        patience: float | None = STATEMENT_PATIENCE,
        pool_size: int = POOL_SIZE,
        role: str = "app",
        listen_url: str = "",
    ) -> None:
        self._connector = Connector(database_url, role)
        self._listens = Connector(listen_url or database_url, f"{role} listener")
        self.pooled = self._connector.url.pooled or bool(listen_url)
        self._ends_idle_transactions = patience is not None and not self.pooled
        connect_args = {
            "async_creator_fn": self._connect,
            "command_timeout": patience,
            **(WITHOUT_STATEMENTS if self.pooled else {}),
        }
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            connect_args=connect_args,
            hide_parameters=True,  # a logged error must not contain a sealed token or a hash
            pool_size=pool_size,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=10,
            pool_use_lifo=True,  # the one used last needs no test
        )
        event.listen(self.engine.sync_engine, "checkin", _note_use)
        event.listen(self.engine.sync_engine, "checkout", _only_alive)
        repeat_once(self.engine, connect_args)
        self.sessions: Sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        # Behind a pooler what belongs together must be in a transaction, its statement too.
        self._alone = (
            self.engine
            if self.pooled
            else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        )

    def reading(self) -> AsyncConnection:
        """A context for a page's queries: autocommit, so each statement takes one round trip."""
        return self._alone.connect()

    async def listener(self, patience: float = CONNECT_PATIENCE) -> "asyncpg.Connection[Any]":
        """A connection of its own for LISTEN, with `patience` seconds for each command."""
        return await self._listens.connect(
            patience, command_timeout=patience, statement_cache_size=0
        )

    async def _connect(self, **options: Any) -> "asyncpg.Connection[Any]":
        connection = await self._connector.connect(**options)
        try:
            if self._ends_idle_transactions:
                await connection.execute(END_IDLE)
        except BaseException:  # nobody has it yet, so nobody else would close it
            connection.terminate()
            raise
        return connection

    def connections_in_use(self) -> int:
        return cast(QueuePool, self.engine.pool).checkedout()

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
            await_only(connection.driver_connection.execute("SELECT"))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise InvalidatePoolError from error


@asynccontextmanager
async def open_database(
    database_url: str,
    patience: float | None = STATEMENT_PATIENCE,
    pool_size: int = POOL_SIZE,
    role: str = "app",
    listen_url: str = "",
) -> AsyncIterator[Database]:
    """`patience`: seconds that one statement may take; None for migrations. `pool_size`: the most
    connections that sessions take; a listener has its own beside them, by `listen_url` where
    `database_url` leads to a pooler. `role`: what the server is told of us.
    """
    database = Database(database_url, patience, pool_size, role, listen_url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_configured(
    settings: Settings, role: str, pool_size: int = POOL_SIZE
) -> AsyncIterator[Database]:
    """The database of the settings. `role`: web, worker or a command, as the server shows it."""
    opening = open_database(
        settings.database_url,
        pool_size=pool_size,
        role=role,
        listen_url=settings.listen_database_url,
    )
    async with opening as database:
        metrics.POOL_SIZE.set(pool_size)
        metrics.POOL_IN_USE.set_function(database.connections_in_use)
        yield database

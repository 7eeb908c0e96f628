"""The engine, its sessions, and the raw connection that listens."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

Sessions = async_sessionmaker[AsyncSession]

CONNECT_PATIENCE = 10.0  # seconds
STATEMENT_PATIENCE = 30.0  # seconds; a database that hangs must not hang us
POOL, OVERFLOW = 5, 3  # connections a process keeps, and more under load; small plans allow 20
UNDERSTOOD_ELSEWHERE = (  # libpq's words that asyncpg does not take in a URL
    "channel_binding",
    "gssencmode",
    "target_session_attrs",
    "connect_timeout",
    "options",
)


class Database:
    """One PostgreSQL, as SQLAlchemy sessions and as plain asyncpg for LISTEN."""

    def __init__(self, database_url: str, patience: float | None = STATEMENT_PATIENCE) -> None:
        self._url, self._connect_args = parse_database_url(database_url)
        bounds = {"timeout": CONNECT_PATIENCE, "command_timeout": patience}
        self.engine: AsyncEngine = create_async_engine(
            self._url,
            connect_args=self._connect_args | bounds,
            hide_parameters=True,  # a logged error must not show a sealed token or a hash
            pool_size=POOL,
            max_overflow=OVERFLOW,
            pool_pre_ping=True,  # a restarted PostgreSQL costs no failed request
            pool_timeout=10,
        )
        self.sessions: Sessions = async_sessionmaker(self.engine, expire_on_commit=False)

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


@asynccontextmanager
async def open_database(
    database_url: str, patience: float | None = STATEMENT_PATIENCE
) -> AsyncIterator[Database]:
    """`patience`: seconds that one statement may take; None for migrations."""
    database = Database(database_url, patience)
    try:
        yield database
    finally:
        await database.close()


def parse_database_url(raw: str) -> tuple[URL, dict[str, Any]]:
    """DATABASE_URL as Heroku and its relatives write it → (SQLAlchemy URL, asyncpg arguments)."""
    url = make_url(raw.replace("postgres://", "postgresql://", 1))
    query = {name: str(value) for name, value in url.query.items()}
    arguments: dict[str, Any] = {}
    mode, authorities = query.pop("sslmode", ""), query.pop("sslrootcert", "")
    if authorities and mode in ("verify-ca", "verify-full"):
        context = ssl.create_default_context(cafile=authorities)
        context.check_hostname = mode == "verify-full"
        arguments["ssl"] = context
    elif mode:
        arguments["ssl"] = mode  # asyncpg takes libpq's words
    if query.pop("pgbouncer", "") == "true":
        arguments["statement_cache_size"] = 0
    if name := query.pop("application_name", ""):
        arguments["server_settings"] = {"application_name": name}
    for word in UNDERSTOOD_ELSEWHERE:
        query.pop(word, None)
    return url.set(drivername="postgresql+asyncpg", query=query), arguments

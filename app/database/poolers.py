"""A pooler between us and PostgreSQL: does LISTEN pass it, and with it all that a session keeps?"""

import asyncio

import asyncpg

from app.config import Settings
from app.database.engine import Database
from app.errors import ConfigurationError

CHANNEL = "svyazka_probe"
HEARD_WITHIN = 3.0  # seconds

REFUSAL = (
    "{variable} leads to a pooler that gives each transaction another connection (PgBouncer: "
    "pool_mode=transaction), where LISTEN does not work: {remedy}"
)
SET_IT = "set LISTEN_DATABASE_URL to an address of PostgreSQL itself, or pool sessions"
CHANGE_IT = "it has to be an address of PostgreSQL itself"


async def want_sessions(database: Database, settings: Settings) -> None:
    """Raises ConfigurationError where the address for LISTEN leads to such a pooler."""
    if not await notifications_pass(database):
        variable = "LISTEN_DATABASE_URL" if settings.listen_database_url else "DATABASE_URL"
        remedy = CHANGE_IT if settings.listen_database_url else SET_IT
        raise ConfigurationError([REFUSAL.format(variable=variable, remedy=remedy)])


async def notifications_pass(database: Database) -> bool:
    """PostgreSQL says the same number of its process in the protocol and in SQL. A pooler says a
    number of its own: then it is tried. OSError where the database cannot be used.
    """
    try:
        return await _pass(database)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError(type(error).__name__) from error


async def _pass(database: Database) -> bool:
    listener = await database.listener()
    try:
        async with listener.transaction():  # so that it is one server that answers
            if await listener.fetchval("SELECT pg_backend_pid()") == listener.get_server_pid():
                return True
        heard = asyncio.Event()
        await listener.add_listener(CHANNEL, lambda *_: heard.set())
        return await _is_heard(database, heard)
    finally:
        listener.terminate()


async def _is_heard(database: Database, heard: asyncio.Event) -> bool:
    other = await database.listener()
    try:
        await other.execute(f"NOTIFY {CHANNEL}")
        async with asyncio.timeout(HEARD_WITHIN):
            await heard.wait()
        return True
    except TimeoutError:
        return False
    finally:
        other.terminate()

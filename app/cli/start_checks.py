"""What would make every check or page fail stops the start instead, with a sentence."""

import logging

from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from app.config import Settings
from app.database import key_checks, key_rotation, poolers
from app.database.encryption import Keys
from app.database.engine import Database, open_configured
from app.errors import ConfigurationError

log = logging.getLogger(__name__)


async def look_at_the_database(settings: Settings, role: str) -> None:
    """Refuse to start behind a pooler that LISTEN does not pass, and with keys that do not open
    the stored tokens. A database that is away stops nobody: /readyz says so.
    """
    try:
        await want_sessions_of(settings, role)
        await want_the_keys(settings, role)
    except ProgrammingError:
        log.warning("the schema is missing or old: run `python -m app migrate`")
    except (SQLAlchemyError, OSError) as error:
        log.warning("the database could not be looked at: %s", type(error).__name__)


async def want_sessions_of(settings: Settings, role: str) -> None:
    async with open_configured(settings, role) as database:
        await poolers.want_sessions(database, settings)


async def want_the_keys(settings: Settings, role: str) -> None:
    """Raises ConfigurationError with every key that is missing or has other bytes than before."""
    async with open_configured(settings, role) as database:
        if faults := await faults_of_keys(database, Keys(settings.token_keys)):
            raise ConfigurationError(faults)


async def faults_of_keys(database: Database, keys: Keys) -> list[str]:
    async with database.sessions() as session:
        missing = await key_rotation.missing_keys(session, keys)
    return [
        f"TOKEN_ENCRYPTION_KEYS lacks the key {key_id!r}, which {rows} stored tokens need"
        for key_id, rows in sorted(missing.items())
    ] or await faults_of_bytes(database, keys)


async def faults_of_bytes(database: Database, keys: Keys) -> list[str]:
    async with database.sessions.begin() as session:
        wrong = await key_checks.keys_with_other_bytes(session, keys)
    return [
        f"TOKEN_ENCRYPTION_KEYS has other bytes for the key {key_id!r} than stored tokens were "
        "sealed with: put the former ones back, and give a new key an id of its own"
        for key_id in wrong
    ]

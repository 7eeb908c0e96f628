"""What `doctor` asks of the database, one thing after the other."""

import time

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.cli import start_checks
from app.cli.findings import Finding
from app.config import Settings
from app.database import migration, poolers
from app.database.availability import name_of
from app.database.encryption import Keys
from app.database.engine import Database, open_configured, open_database
from app.database.standby import Standby
from app.errors import ConfigurationError
from app.monitor import heartbeats

CLOCK_SLACK = 2.0  # seconds
ONE_MORE = 8  # connections of a web and a worker, as a deployment starts beside the old ones
STANDBY_LOOKS = 10  # a busy primary writes between two questions
NOW = text("SELECT extract(epoch FROM clock_timestamp())")
READ_ONLY = text("SELECT current_setting('transaction_read_only') = 'on'")
FREE = text(
    """
    SELECT least(
        current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int
            - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        (SELECT CASE WHEN rolconnlimit >= 0 THEN rolconnlimit
                - (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user) END
         FROM pg_roles WHERE rolname = current_user),
        (SELECT CASE WHEN datconnlimit >= 0 THEN datconnlimit
                - (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) END
         FROM pg_database WHERE datname = current_database()))
    """
)


async def of_database(settings: Settings) -> list[Finding]:
    """The first of them that fails for want of a database ends it."""
    async with open_configured(settings, "doctor") as database:
        found: list[Finding] = []
        try:
            found.append(await _of_answer(database))
            if found[0].name == "database" and found[0].remedy:
                return found
            found.append(await _of_pooler(database, settings))
            found.append(await _of_connections(database))
            schema = await _of_schema(settings)
            found.append(schema)
            if schema.remedy:
                return found
            found += await _of_keys(database, settings)
            found.append(await _of_monitors(database))
            found += await _of_standby(database, settings)
        except (SQLAlchemyError, OSError) as error:
            found.append(
                Finding.wrong("database", _words(error), "look at DATABASE_URL, and there")
            )
        return found


async def _of_answer(database: Database) -> Finding:
    """The clock too: tokens end by ours, checks are due by the database's."""
    async with database.sessions() as session:
        await session.scalar(READ_ONLY)  # connects
        before = time.time()
        theirs = float(await session.scalar(NOW) or 0)
        after = time.time()
        read_only = await session.scalar(READ_ONLY)
    if read_only:
        said, remedy = "it takes no writes", "make DATABASE_URL lead to the primary"
        return Finding.wrong("database", said, f"{remedy} (target_session_attrs=read-write)")
    apart = theirs - (before + after) / 2
    if abs(apart) > CLOCK_SLACK:
        said = f"its clock is {apart:+.1f} s from ours"
        return Finding.wrong("clock", said, "let NTP set both clocks")
    milliseconds = (after - before) * 1000
    return Finding.ok("database", f"answers in {milliseconds:.1f} ms, clocks {apart:+.1f} s apart")


async def _of_pooler(database: Database, settings: Settings) -> Finding:
    try:
        await poolers.want_sessions(database, settings)
    except ConfigurationError as error:
        return Finding.wrong("listen", error.faults[0], "docs/deploy.md, More processes")
    return Finding.ok("listen", "changes reach pages")


async def _of_connections(database: Database) -> Finding:
    async with database.sessions() as session:
        free = int(await session.scalar(FREE) or 0)
    said = f"{free} connections to PostgreSQL are free"
    if free < ONE_MORE:
        remedy = "smaller pools or a larger plan: docs/deploy.md, More processes"
        return Finding.wrong("connections", said, remedy)
    return Finding.ok("connections", said)


async def _of_schema(settings: Settings) -> Finding:
    url = settings.listen_database_url or settings.database_url
    state, newest = await migration.read_state(url), migration.newest_revision()
    if state.revision == newest:
        return Finding.ok("schema", f"at {newest}")
    if state.revision > newest:
        runs = "which this code runs on" if state.oldest_code <= newest else "too new for this code"
        said = f"at {state.revision}, newer than this code ({newest}), {runs}"
        make = Finding.note if state.oldest_code and state.oldest_code <= newest else Finding.wrong
        return make("schema", said, "deploy the newer code")
    at = f"at {state.revision}" if state.revision else "there are no tables"
    return Finding.wrong("schema", f"{at}, this code needs {newest}", "python -m app migrate")


async def _of_keys(database: Database, settings: Settings) -> list[Finding]:
    faults = await start_checks.faults_of_keys(database, Keys(settings.token_keys))
    remedy = "put the key back; without it these connections have to be made anew"
    if faults:
        return [Finding.wrong("keys", fault, remedy) for fault in faults]
    return [Finding.ok("keys", "they open what is stored")]


async def _of_monitors(database: Database) -> Finding:
    async with database.sessions() as session:
        alive, offline = (
            await heartbeats.count_alive(session),
            await heartbeats.all_offline(session),
        )
    if not alive:
        return Finding.note("monitors", "nobody checks", "start a worker, or set RUN_MONITOR=1")
    if offline:
        return Finding.wrong("monitors", f"{alive} live and reach nothing", "look at their network")
    return Finding.ok("monitors", f"{alive} live")


async def _of_standby(primary: Database, settings: Settings) -> list[Finding]:
    if not settings.read_database_url:
        return []
    remedy = "look at READ_DATABASE_URL, and there; until then all is read from the primary"
    async with open_database(settings.read_database_url, role="doctor") as database:
        standby = Standby(primary, database)
        try:
            for _ in range(STANDBY_LOOKS):
                await standby.look()
                if standby.is_fresh:
                    return [Finding.ok("standby", "it follows the primary")]
        except (SQLAlchemyError, OSError) as error:
            return [Finding.wrong("standby", _words(error), remedy)]
    return [Finding.wrong("standby", "it does not follow the primary", remedy)]


def _words(error: Exception) -> str:
    """A name, or what the system says: a driver's text may quote an address."""
    if isinstance(error, DBAPIError) or not isinstance(error, OSError):
        return f"cannot be used ({name_of(error)})"
    return f"cannot be reached ({error.strerror or type(error).__name__})"

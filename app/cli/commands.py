"""What the commands do: each takes its arguments and the environment, and returns a status."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import uvloop
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.alerts import preview
from app.alerts.worker import alerting, alerting_of
from app.cli import start_checks
from app.cli.confirmation import ask_first
from app.cli.doctor import doctor
from app.cli.garbage_collector import collect_seldom
from app.cli.keys import keys
from app.cli.providers import providers
from app.cli.users import person_of, users
from app.config import (
    NEEDED_BY_CHECKS,
    NEEDED_BY_DATABASE,
    NEEDED_BY_WEB,
    NEEDED_BY_WORKER,
    Settings,
    read_settings,
)
from app.connections import queries
from app.database.migration import goes_down, migrate_database
from app.error_reports import report_errors
from app.errors import CommandError
from app.logging import set_up_logging
from app.models.connection import Connection, Status
from app.monitor.gauges import Gauges
from app.monitor.loop import monitoring
from app.monitor.metrics_server import serving_metrics
from app.monitor.presence import present
from app.monitor.setup import open_checker
from app.process import bind, on_stop_signals, open_many_files
from app.tracing import start_tracing

__all__ = [
    "alerts",
    "check",
    "doctor",
    "keys",
    "migrate",
    "migrate_database",
    "providers",
    "sandbox",
    "users",
    "web",
    "worker",
]

log = logging.getLogger(__name__)

Environ = Mapping[str, str]


def web(_: argparse.Namespace, environ: Environ) -> int:
    # Imported here, so that the worker and the other commands do not load a web framework.
    from app.web.server import serve

    settings = _settings(environ, NEEDED_BY_WEB, "web")
    asyncio.run(start_checks.look_at_the_database(settings, "web"))
    collect_seldom()
    open_many_files()
    uvloop.run(serve(settings, bind(settings.host, settings.port)))
    return 0


def worker(_: argparse.Namespace, environ: Environ) -> int:
    settings = _settings(environ, NEEDED_BY_WORKER, "worker")
    asyncio.run(start_checks.look_at_the_database(settings, "worker"))
    collect_seldom()
    uvloop.run(_work(settings))
    return 0


def migrate(arguments: argparse.Namespace, environ: Environ) -> int:
    settings = read_settings(environ, NEEDED_BY_DATABASE)
    if not sys.stderr.isatty():  # a person reads the printed lines
        set_up_logging(settings.log_level, settings.log_format, "migrate")
    asyncio.run(start_checks.want_sessions_of(settings, "migrate"))
    url = settings.listen_database_url or settings.database_url  # its lock is of a session
    if arguments.to and asyncio.run(goes_down(url, arguments.to)):
        ask_first(arguments, f"Going down to {arguments.to} loses what newer revisions keep.")
    migrate_database(url, arguments.to, tell=lambda line: print(line, flush=True))
    return 0


def check(arguments: argparse.Namespace, environ: Environ) -> int:
    return asyncio.run(_check(arguments, _settings(environ, NEEDED_BY_CHECKS, "check")))


def alerts(arguments: argparse.Namespace, environ: Environ) -> int:
    settings = read_settings(environ, ())
    url = settings.public_url or "https://links.example.ru"
    files = preview.write(Path(arguments.to), settings.zone, url)
    print(f"{len(files) - 1} messages: open {files[-1]}")
    return 0


def sandbox(arguments: argparse.Namespace, _: Environ) -> int:
    # Imported here, so that no process in production loads it.
    from app.sandbox.server import serve as serve_sandbox
    from app.sandbox.settings import SandboxSettings

    port = arguments.sandbox_port
    settings = SandboxSettings(arguments.access_token_lifetime, issuer=f"http://localhost:{port}")
    asyncio.run(serve_sandbox(port, settings, exit_with_parent=arguments.exit_with_parent))
    return 0


def _settings(environ: Environ, needed: tuple[str, ...], role: str) -> Settings:
    settings = read_settings(environ, needed)
    handler = set_up_logging(settings.log_level, settings.log_format, role)
    report_errors(settings, role, handler)
    start_tracing(settings, role)
    return settings


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    on_stop_signals(stop.set)
    log.info("at most %d connections to PostgreSQL", settings.worker_pool_size)
    async with (
        open_checker(settings, "worker") as checker,
        present(checker.sessions, "worker", checker.keys),
        serving_metrics(settings, Gauges(checker.sessions, checker.catalogue)),
        alerting(alerting_of(settings, checker)),
        monitoring(checker),
    ):
        await stop.wait()


async def _check(arguments: argparse.Namespace, settings: Settings) -> int:
    failed = 0
    async with open_checker(settings, "check") as checker:
        async with checker.sessions() as session:
            ids = await _chosen(session, arguments)
        for connection_id in ids:
            status = await checker.check_now(connection_id)
            async with checker.sessions() as session:
                for row in await queries.by_id(session, [connection_id]):
                    failed += status is not Status.ONLINE
                    is_checked = isinstance(status, Status)
                    print(_line(row) if is_checked else f"{row.id}  {row.provider}  not checked")
    return 1 if failed else 0


async def _chosen(session: AsyncSession, arguments: argparse.Namespace) -> list[UUID]:
    query = select(Connection.id).where(Connection.replaces_connection_id.is_(None))
    query = query.order_by(Connection.connected_at)
    if arguments.connection:
        query = query.where(Connection.id == _uuid(arguments.connection))
    if arguments.provider:
        query = query.where(Connection.provider == arguments.provider)
    if arguments.user:
        query = query.where(Connection.user_id == (await person_of(session, arguments.user)).id)
    ids = list(await session.scalars(query))
    if not ids and not arguments.all:
        raise CommandError("there is no such connection")
    return ids


def _line(row: object) -> str:
    fields = ("id", "provider", "status", "label", "cause", "evidence")
    return "  ".join(str(getattr(row, name)) for name in fields if getattr(row, name))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise CommandError(f"{text} is not a connection's id") from None

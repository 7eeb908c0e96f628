"""The web application: its parts, its pages, and the order in which it starts and stops."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from app import metrics
from app.alerts.worker import alerting, alerting_of
from app.background import Unfinished, forever, running
from app.config import ROOT, Settings
from app.database.encryption import Keys
from app.database.engine import Database, open_configured, open_database
from app.database.standby import LOOK_PAUSE, Standby
from app.monitor.gauges import Gauges
from app.monitor.loop import DRAIN_PATIENCE, monitoring
from app.monitor.presence import present
from app.monitor.setup import checker_of
from app.outbound.client import client_of
from app.outbound.mail_server import MailServer
from app.outbound.pool import open_pool
from app.providers.registry import catalogue_of
from app.realtime.hub import Hub
from app.realtime.listener import Listener
from app.web import health, theme, welcome
from app.web.accounts import (
    audit_log,
    deletion,
    email_change,
    letters,
    passkeys,
    password_reset,
    sign_in,
    sign_up,
    two_factor,
)
from app.web.accounts import settings as account_settings
from app.web.alerts import channels, preferences_form, unsubscribe
from app.web.alerts import index as alerts
from app.web.burst_limit import Burst
from app.web.connections import (
    bulk_checks,
    calendar,
    catalogue,
    expiries,
    index,
    kept_history,
    naming,
    pausing,
    provider_routes,
    reconnect_choice,
    show,
    webhooks,
)
from app.web.context import Dashboard
from app.web.history import exports, outages, report
from app.web.middleware.authentication import guard
from app.web.middleware.compression import compress_answers
from app.web.middleware.error_pages import handle_errors
from app.web.middleware.rate_limits import limit_changes
from app.web.middleware.request_log import log_requests
from app.web.middleware.request_metrics import count_requests
from app.web.middleware.security_headers import add_headers
from app.web.middleware.standby_reads import remember_changes
from app.web.provider_rules import provider_converters
from app.web.readiness import Readiness
from app.web.stream import routes as stream
from app.web.stream import waiting
from app.web.stream.banner import watch_monitors
from app.web.stream.fan_out import fan_out
from app.web.stream.handover import Streams
from app.web.stream.open_page import send_heartbeats
from app.web.template_globals import equip_templates

log = logging.getLogger(__name__)

PAGES = (  # the modules whose blueprints are the application's routes
    *(sign_in, sign_up, password_reset, email_change, letters, two_factor, passkeys),
    *(account_settings, deletion, audit_log),
    *(alerts, preferences_form, channels, unsubscribe),
    *(
        index,
        show,
        naming,
        pausing,
        kept_history,
        expiries,
        calendar,
        stream,
        waiting,
        bulk_checks,
        reconnect_choice,
        catalogue,
        provider_routes,
        webhooks,
    ),
    *(outages, report, exports),
    *(welcome, theme, health),
)
LARGEST_FORM = 64 * 1024  # bytes
POSTS_A_MINUTE = 60, 60.0  # webhooks for one account of a provider; their sender is authenticated


def create_app(settings: Settings, database: Database | None = None) -> Dashboard:
    """Raises ConfigurationError when the providers file is wrong.

    It can be started again after it was stopped, and then keeps nothing of before. A `database`
    that is handed in is not closed.
    """
    app = Dashboard("app", template_folder=str(ROOT / "templates"), static_folder=None)
    app.settings = settings
    app.catalogue = catalogue_of(settings)
    app.keys = Keys(settings.token_keys)
    _configure(app)
    equip_templates(app)
    log_requests(app)
    guard(app)
    limit_changes(app)
    add_headers(app)
    count_requests(app)
    remember_changes(app)
    compress_answers(app)
    handle_errors(app)
    app.url_map.converters.update(provider_converters(app.catalogue))
    for page in PAGES:
        app.register_blueprint(page.blueprint)
    _serve(app, database)
    app.asgi_app = Streams(app.asgi_app, lambda: app.hub)  # type: ignore[assignment, method-assign]
    return app


def _serve(app: Dashboard, database: Database | None) -> None:
    """Registers what runs from the start of the application to its stop."""
    _forget(app)  # a signal may stop it before it has started, which needs them
    serving = AsyncExitStack()

    @app.before_serving
    async def start() -> None:
        _forget(app)
        await serving.enter_async_context(_parts(app, database))

    @app.after_serving
    async def stop() -> None:
        await serving.aclose()


def _forget(app: Dashboard) -> None:
    app.hub = Hub()
    app.unfinished = Unfinished()
    app.bursts = Burst(*POSTS_A_MINUTE)
    app.readiness = Readiness()
    app.mail_server = MailServer()


@asynccontextmanager
async def _parts(app: Dashboard, database: Database | None) -> AsyncIterator[None]:
    settings = app.settings
    async with AsyncExitStack() as parts:
        if database is None:
            database = await parts.enter_async_context(_own_database(settings))
        app.database = database
        app.standby = await parts.enter_async_context(_standby(settings, database))
        app.http_pool = await parts.enter_async_context(open_pool(settings.asks_loopback))
        app.http = await parts.enter_async_context(client_of(app.http_pool))
        app.checker = checker_of(
            settings,
            app.database,
            app.http,
            app.http_pool,
            app.keys,
            app.catalogue,
            app.unfinished,
        )
        await parts.enter_async_context(present(app.database.sessions, "web", app.keys))
        app.gauges = Gauges(app.database.sessions, app.catalogue)
        app.alerting = alerting_of(settings, app.checker)
        parts.push_async_callback(app.unfinished.drain, DRAIN_PATIENCE)
        app.listener = Listener(app.database, app.hub)
        heartbeats = send_heartbeats(app.hub)
        for work in (app.listener.run(), fan_out(app), watch_monitors(app), heartbeats):
            await parts.enter_async_context(running(work))
        if settings.run_monitor:
            await parts.enter_async_context(alerting(app.alerting))
            await parts.enter_async_context(monitoring(app.checker))
        yield
        app.stop()


@asynccontextmanager
async def _standby(settings: Settings, primary: Database) -> AsyncIterator[Standby | None]:
    if not settings.read_database_url:
        yield None
        return
    opening = open_database(
        settings.read_database_url, pool_size=settings.web_pool_size, role="web standby"
    )
    async with opening as database:
        standby = Standby(primary, database)
        metrics.STANDBY_BEHIND.set_function(lambda: standby.behind)
        async with running(forever(standby.look, LOOK_PAUSE)):
            yield standby


def _own_database(settings: Settings) -> AbstractAsyncContextManager[Database]:
    size = settings.pool_size_of_web
    log.info("at most %d connections to PostgreSQL: %d in the pool, 1 that listens", size + 1, size)
    return open_configured(settings, "web", size)


def _configure(app: Dashboard) -> None:
    app.secret_key = app.settings.secret_key
    app.config.update(
        SECRET_KEY_FALLBACKS=list(app.settings.secret_key_fallbacks),
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        SESSION_COOKIE_NAME="flash",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app.settings.secure_cookies,
    )

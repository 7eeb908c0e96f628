"""The program's table of contents: what it is made of, and in which order it starts and stops."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import time

from app.alerts.worker import alerting, alerting_of
from app.background import Unfinished, running
from app.config import ROOT, Settings
from app.database.encryption import Keys
from app.database.engine import Database, open_database
from app.history.flapping import FLAPPING_TRANSITIONS
from app.monitor.loop import DRAIN_PATIENCE, monitoring
from app.monitor.setup import checker_of
from app.outbound.client import open_outbound
from app.providers.registry import catalogue_of
from app.realtime.hub import Hub
from app.realtime.listener import Listener
from app.web import health, theme
from app.web.accounts import (
    audit_log,
    deletion,
    email_change,
    passkeys,
    password_reset,
    sign_in,
    sign_up,
    two_factor,
)
from app.web.accounts import settings as account
from app.web.accounts.audit_labels import deed_is_bad
from app.web.alerts import labels as alert_labels
from app.web.alerts import views as alerts
from app.web.burst_limit import Burst
from app.web.connections import (
    bulk_check_labels,
    bulk_checks,
    catalogue,
    index,
    provider_routes,
    reconnect_choice,
    show,
    webhooks,
)
from app.web.context import Dashboard, own_zone, person_or_none
from app.web.history import exports, outages, report
from app.web.icons import icon_of
from app.web.middleware.authentication import guard
from app.web.middleware.compression import compress_answers
from app.web.middleware.error_pages import handle_errors
from app.web.middleware.rate_limits import limit_changes
from app.web.middleware.security_headers import add_headers
from app.web.middleware.static_files import StaticFiles
from app.web.provider_rules import provider_converters
from app.web.reader_times import relative_time
from app.web.stream import routes as stream
from app.web.stream.connection import Streams
from app.web.template_filters import add_filters

LARGEST_FORM = 64 * 1024  # bytes
POSTS_A_MINUTE = 60, 60.0  # of one account: who knows the secret is no stranger


def create_app(settings: Settings, database: Database | None = None) -> Dashboard:
    """Raises ConfigurationError when the providers file is wrong.

    It can be started again after it was stopped, and knows nothing then of its former life. A
    `database` that is handed in stays open.
    """
    app = Dashboard("app", template_folder=str(ROOT / "templates"), static_folder=None)
    app.settings = settings
    app.catalogue = catalogue_of(settings)
    app.keys = Keys(settings.token_keys)
    app.url_map.converters.update(provider_converters(app.catalogue))
    _configure(app)
    _dress(app)
    guard(app)
    limit_changes(app)
    add_headers(app)
    compress_answers(app)
    handle_errors(app)
    for part in (
        index,
        bulk_checks,
        show,
        reconnect_choice,
        catalogue,
        outages,
        exports,
        report,
        stream,
    ):
        app.register_blueprint(part.blueprint)
    for part in (theme, health, alerts, audit_log):
        app.register_blueprint(part.blueprint)
    for part in (
        sign_in,
        sign_up,
        password_reset,
        account,
        email_change,
        two_factor,
        passkeys,
        deletion,
    ):
        app.register_blueprint(part.blueprint)
    for part in (provider_routes, webhooks):
        app.register_blueprint(part.blueprint)
    _serve(app, database)
    app.asgi_app = Streams(app.asgi_app, lambda: app.hub)  # type: ignore[assignment, method-assign]
    return app


def _serve(app: Dashboard, database: Database | None) -> None:
    """What lives from a start of the application to its stop."""
    _forget(app)  # a signal may stop it before it has started
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


@asynccontextmanager
async def _parts(app: Dashboard, database: Database | None) -> AsyncIterator[None]:
    settings = app.settings
    async with AsyncExitStack() as parts:
        if database is None:
            database = await parts.enter_async_context(open_database(settings.database_url))
        app.database = database
        loopback = settings.allow_insecure_providers
        app.http = await parts.enter_async_context(open_outbound(loopback))
        app.checker = checker_of(
            settings, app.database, app.http, app.keys, app.catalogue, app.unfinished
        )
        app.alerting = alerting_of(settings, app.checker)
        parts.push_async_callback(app.unfinished.drain, DRAIN_PATIENCE)
        app.listener = Listener(app.database, app.hub)
        for work in (
            *(app.listener.run(), stream.fan_out(app)),
            *(stream.watch_monitors(app), stream.beat(app)),
        ):
            await parts.enter_async_context(running(work))
        if settings.run_monitor:
            await parts.enter_async_context(alerting(app.alerting))
            await parts.enter_async_context(monitoring(app.checker))
        yield
        app.stop()


def _configure(app: Dashboard) -> None:
    app.secret_key = app.settings.secret_key
    app.config.update(
        SECRET_KEY_FALLBACKS=list(app.settings.secret_key_fallbacks),
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        SESSION_COOKIE_NAME="flash",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app.settings.secure_cookies,
    )


def _dress(app: Dashboard) -> None:
    """What every template may use."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["alert_words"] = alert_labels
    static = StaticFiles(ROOT / "static")
    app.add_url_rule("/static/<path:filename>", "static", static.serve)
    app.jinja_env.globals["static_url"] = static.url
    app.jinja_env.globals["icon"] = icon_of(static.url("icons.svg"))
    app.jinja_env.globals["round_words"] = bulk_check_labels
    app.jinja_env.globals["flaps"] = FLAPPING_TRANSITIONS
    add_filters(app.jinja_env)
    app.jinja_env.globals["moment"] = relative_time(app.jinja_env.filters["clock"])
    app.jinja_env.tests["bad_deed"] = deed_is_bad

    @app.context_processor
    async def everywhere() -> dict[str, object]:
        known = person_or_none()
        return {
            "email": known.email if known else None,
            "theme": theme.current_theme(),
            "now": int(time()),  # a page without a stream learns from it how far its clock is off
            "own_zone": own_zone(),
        }

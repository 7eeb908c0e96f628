"""The typed application and the signed-in user, for every view."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any, cast
from zoneinfo import ZoneInfo

from markupsafe import Markup
from quart import Quart, current_app, g, request

from app.accounts.passkeys import Site
from app.accounts.sessions import CurrentUser
from app.alerts.worker import AlertWorker
from app.background import Unfinished
from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Database
from app.database.standby import Standby
from app.i18n.plain_text import one_line
from app.i18n.timezones import zone_named
from app.monitor.checker import Checker
from app.monitor.gauges import Gauges
from app.outbound.client import HttpClient
from app.outbound.mail_server import MailServer
from app.outbound.pool import HttpPool
from app.providers.provider import Catalogue
from app.realtime.hub import Hub
from app.realtime.listener import Listener
from app.web.burst_limit import Burst
from app.web.readiness import Readiness
from app.web.request_text import TextRequest
from app.web.templating import PlainEnvironment

LONGEST_USER_AGENT = 200  # characters


class Dashboard(Quart):
    """The application and its parts, which `web/app.py` creates."""

    jinja_environment = PlainEnvironment
    request_class = TextRequest

    settings: Settings
    catalogue: Catalogue
    keys: Keys
    database: Database
    standby: Standby | None = None  # that pages of the past are read from
    http: HttpClient
    http_pool: HttpPool  # for probes
    checker: Checker
    alerting: AlertWorker
    hub: Hub
    listener: Listener
    unfinished: Unfinished
    gauges: Gauges
    bursts: Burst  # of webhooks, by account
    readiness: Readiness
    mail_server: MailServer
    sample_board: tuple[int, Markup] = (0, Markup())  # the minute, and the board as rendered then
    checks_run: bool = True  # as last read by this process
    is_offline: bool = False  # the same: monitors live, and none of them reaches the network

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """Quart runs functions that are not async in a thread. The only ones here are two quick
        ones of QuartAuth, and their threads took a quarter of the time of a small page: they are
        called directly.
        """
        if iscoroutinefunction(func):
            return func

        async def at_once(*args: Any, **options: Any) -> Any:
            return func(*args, **options)

        return at_once

    def stop(self) -> None:
        """The process has to stop: ends all streams and lets no long work begin."""
        self.hub.close()
        self.unfinished.stopping = True

    def zone_of(self, name: str | None) -> ZoneInfo:
        """The time zone that a user has chosen, or else the server's."""
        return zone_named(name) or self.settings.zone

    @property
    def site(self) -> Site:
        """The relying party of passkeys (WebAuthn)."""
        return Site(self.settings.public_url, "Связка")

    def redirect_uri(self, provider: str) -> str:
        """Built from PUBLIC_URL, never from the Host header, which a client can set."""
        return f"{self.settings.public_url}/{provider}/callback"


def dashboard() -> Dashboard:
    """The application itself, not Quart's proxy for it, which is bound to the request."""
    return cast(Dashboard, current_app._get_current_object())  # type: ignore[attr-defined]


def person() -> CurrentUser:
    """The signed-in user. RuntimeError on a public page without one."""
    signed_in = person_or_none()
    if signed_in is None:
        raise RuntimeError("nobody is signed in, and this page is not public")
    return signed_in


def own_zone() -> ZoneInfo:
    """The time zone of the reader; the server's if nobody is signed in or none is chosen."""
    known = person_or_none()
    return dashboard().zone_of(known.zone if known else None)


def person_or_none() -> CurrentUser | None:
    return cast("CurrentUser | None", g.get("person"))


def user_agent() -> str:
    """What the browser calls itself, as it may be stored and shown."""
    return one_line(request.headers.get("User-Agent", ""), LONGEST_USER_AGENT)


def titles(app: Dashboard) -> dict[str, str]:
    """The titles of all providers by their names."""
    return {name: provider.title for name, provider in app.catalogue.items()}

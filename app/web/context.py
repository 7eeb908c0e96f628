"""What every route may reach for: the typed application, and the person who is signed in."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any, cast
from zoneinfo import ZoneInfo

from quart import Quart, current_app, g

from app.accounts.passkeys import Site
from app.accounts.sessions import CurrentUser
from app.alerts.worker import AlertWorker
from app.background import Unfinished
from app.config import Settings
from app.database.encryption import Keys
from app.database.engine import Database
from app.i18n.timezones import zone_named
from app.monitor.checker import Checker
from app.outbound.client import HttpClient
from app.outbound.pool import HttpPool
from app.providers.provider import Catalogue
from app.realtime.hub import Hub
from app.realtime.listener import Listener
from app.web.burst_limit import Burst
from app.web.templating import PlainEnvironment


class Dashboard(Quart):
    """The application with its parts; `web/app.py` puts them in."""

    jinja_environment = PlainEnvironment

    settings: Settings
    catalogue: Catalogue
    keys: Keys
    database: Database
    http: HttpClient
    http_pool: HttpPool  # for probes
    checker: Checker
    alerting: AlertWorker
    hub: Hub
    listener: Listener
    unfinished: Unfinished
    bursts: Burst  # of what providers post, by account
    checks_run: bool = True  # as this process last saw it
    is_offline: bool = False  # the same: monitors live, and none of them reaches the network

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """Quart gives a function that is not async a thread. Ours all are; QuartAuth's two, which
        look up a name, cost a quarter of a small page in threads.
        """
        if iscoroutinefunction(func):
            return func

        async def at_once(*args: Any, **options: Any) -> Any:
            return func(*args, **options)

        return at_once

    def stop(self) -> None:
        """The process is told to go: streams end now, and nothing long begins any more."""
        self.hub.close()
        self.unfinished.stopping = True

    def zone_of(self, name: str | None) -> ZoneInfo:
        """The zone that a person has chosen, or else the server's."""
        return zone_named(name) or self.settings.zone

    @property
    def site(self) -> Site:
        """Who a passkey is for."""
        return Site(self.settings.public_url, "Связка")

    def redirect_uri(self, provider: str) -> str:
        """Built from PUBLIC_URL alone: the Host header is the visitor's word."""
        return f"{self.settings.public_url}/{provider}/callback"


def dashboard() -> Dashboard:
    """The application itself, not Quart's stand-in for it: a stream outlives its request."""
    return cast(Dashboard, current_app._get_current_object())  # type: ignore[attr-defined]


def person() -> CurrentUser:
    """Who is signed in; on a page that is not public there always is somebody."""
    signed_in = person_or_none()
    if signed_in is None:
        raise RuntimeError("nobody is signed in, and this page is not public")
    return signed_in


def own_zone() -> ZoneInfo:
    """The zone of the person who reads this; a stranger is shown the server's."""
    known = person_or_none()
    return dashboard().zone_of(known.zone if known else None)


def person_or_none() -> CurrentUser | None:
    return cast("CurrentUser | None", g.get("person"))


def titles(app: Dashboard) -> dict[str, str]:
    """What people call the providers."""
    return {name: provider.title for name, provider in app.catalogue.items()}

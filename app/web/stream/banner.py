"""The banner on open pages that says that no monitor runs, or that none reaches the network."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from app.background import forever
from app.monitor import heartbeats
from app.web.connections.fragments import partial
from app.web.context import Dashboard
from app.web.sse import ServerSentEvent

BANNER_PATIENCE = 5.0  # seconds for the database to say whether anybody checks
BANNER_PAUSE = 5.0  # seconds between two looks
MONITOR_STARTS = 30.0  # seconds after our own start in which a monitor may be starting, too


async def watch_monitors(app: Dashboard, clock: Callable[[], float] = time.monotonic) -> None:
    """Until cancelled: tell all open pages when checks stop or pause, and when they go on."""
    started = clock()
    await forever(
        lambda: update_banner(app, just_started=clock() - started < MONITOR_STARTS), BANNER_PAUSE
    )


async def banner_event(app: Dashboard) -> bytes:
    template = app.jinja_env.get_template("connections/_checks_paused.html")
    html = await template.render_async(checks_run=app.checks_run, is_offline=app.is_offline)
    return ServerSentEvent("", partial("#banner", "innerHTML", html)).encode()


async def update_banner(app: Dashboard, *, just_started: bool = False) -> None:
    """Pages are told only of a change."""
    try:
        async with asyncio.timeout(BANNER_PATIENCE), app.database.sessions() as session:
            checks_run = await heartbeats.monitor_alive(session) or just_started
            is_offline = await heartbeats.all_offline(session)
    except (SQLAlchemyError, OSError, TimeoutError):
        checks_run, is_offline = False, False  # without the database no result can be stored
    if (checks_run, is_offline) != (app.checks_run, app.is_offline):
        app.checks_run, app.is_offline = checks_run, is_offline
        app.hub.broadcast("banner", await banner_event(app))

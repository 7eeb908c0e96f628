"""The web server: uvicorn in this process, with signal handlers that end open streams first."""

import socket

from app.config import Settings
from app.http_server import http_server
from app.process import on_stop_signals
from app.web.app import create_app
from app.web.middleware.trusted_proxies import TrustedProxies

GRACE = 8  # seconds for requests under way; the monitor's checks get their own time after that
KEEP_ALIVE = 100  # seconds; longer than any router in front keeps an idle connection


async def serve(settings: Settings, listening: socket.socket) -> None:
    """Runs until SIGTERM or SIGINT; then streams end, and requests and checks under way finish."""
    app = create_app(settings)
    server = http_server(
        TrustedProxies(app, settings.trusted_hops),
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )

    def stop() -> None:
        app.stop()
        server.should_exit = True

    on_stop_signals(stop)
    await server.serve(sockets=[listening])

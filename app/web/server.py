"""The web server: uvicorn in this process, with signal handlers that end open streams first."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from app.config import Settings
from app.process import on_stop_signals
from app.web.app import create_app
from app.web.middleware.trusted_proxies import TrustedProxies

GRACE = 8  # seconds for requests under way; the monitor's checks get their own time after that
KEEP_ALIVE = 100  # seconds; longer than any router in front keeps an idle connection


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Replaces uvicorn's signal handlers: it would wait for streams, which only our hub can
        end.
        """
        yield


async def serve(settings: Settings, listening: socket.socket) -> None:
    """Runs until SIGTERM or SIGINT; then streams end, and requests and checks under way finish."""
    app = create_app(settings)
    server = _Server(
        uvicorn.Config(
            TrustedProxies(app, settings.trusted_hops),
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )
    )

    def stop() -> None:
        app.stop()
        server.should_exit = True

    on_stop_signals(stop)
    await server.serve(sockets=[listening])

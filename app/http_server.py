"""uvicorn in this process, with bounds on what comes in."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import uvicorn

from app.http_bounds import BoundedHttp, Bounds, Door


class HttpServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the caller's: uvicorn would wait for streams, which only their sender can
        end.
        """
        yield


def http_server(app: Any, bounds: Bounds | None = None, **options: Any) -> HttpServer:
    """`options` are those of uvicorn.Config."""
    door = Door(bounds or Bounds())
    silent: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False}
    protocol: Any = partial(BoundedHttp, door)
    config = uvicorn.Config(
        app, http=protocol, ws="none", proxy_headers=False, **(silent | options)
    )
    return HttpServer(config)

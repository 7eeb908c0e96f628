"""Makes connections to PostgreSQL from an address in libpq's forms, and names them."""

import os
import socket
from typing import Any

import asyncpg
from asyncpg.exceptions import CannotConnectNowError, TargetServerAttributeNotMatched

from app.postgres_url import PostgresUrl, parse_postgres_url

CONNECT_PATIENCE = 10.0  # seconds, for one host
OUR_NAME = "svyazka"
# Of libpq's parameters the options of a socket (Linux, tcp(7)); macOS has not all of them.
SOCKET_OPTIONS = {
    "keepalives_idle": "TCP_KEEPIDLE",
    "keepalives_interval": "TCP_KEEPINTVL",
    "keepalives_count": "TCP_KEEPCNT",
    "tcp_user_timeout": "TCP_USER_TIMEOUT",
}


class Connector:
    """`role`: web, worker or a command; with our pid it is what pg_stat_activity shows."""

    def __init__(self, database_url: str, role: str) -> None:
        self.url: PostgresUrl = parse_postgres_url(database_url)
        self.name = f"{self.url.name or OUR_NAME} {role} {os.getpid()}"

    async def connect(
        self, patience: float | None = None, **options: Any
    ) -> "asyncpg.Connection[Any]":
        """The first host that answers and is what is wanted. OSError when there is none."""
        failure: OSError = ConnectionError("no host")
        for wanted in ("standby", "any") if self._prefers_standby else (self.url.wanted,):
            for dsn in self.url.dsns:
                try:
                    return await self._connect(dsn, wanted, patience, options)
                except TargetServerAttributeNotMatched:
                    failure = ConnectionError(f"no host is {wanted} (target_session_attrs)")
                except CannotConnectNowError:
                    failure = ConnectionError("the database is starting up or shutting down")
                except OSError as error:
                    failure = error
        raise failure

    @property
    def _prefers_standby(self) -> bool:
        return self.url.wanted == "prefer-standby"

    async def _connect(
        self, dsn: str, wanted: str, patience: float | None, options: dict[str, Any]
    ) -> "asyncpg.Connection[Any]":
        settings = {"application_name": self.name}
        if self.url.options:
            settings["options"] = self.url.options
        connection = await asyncpg.connect(
            dsn,
            target_session_attrs=wanted,
            server_settings=settings,
            timeout=patience or self.url.connect_timeout or CONNECT_PATIENCE,
            **options,
        )
        self._keep_alive(connection)
        return connection

    def _keep_alive(self, connection: "asyncpg.Connection[Any]") -> None:
        """asyncpg has no parameter for this, and leaves its connections without keepalives."""
        wanted = self.url.keepalives
        used = connection._transport.get_extra_info("socket") if wanted else None
        if used is None or used.family == socket.AF_UNIX:
            return
        used.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, wanted.get("keepalives", 1))
        for name, option in SOCKET_OPTIONS.items():
            if wanted.get(name) and hasattr(socket, option):  # 0: as the system has it
                used.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), wanted[name])

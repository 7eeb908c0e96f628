"""The sandbox as a process: loopback only, gone at the first signal."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import threading

from app.http_server import HttpServer, http_server
from app.sandbox.factory import create_sandbox
from app.sandbox.settings import SandboxSettings

GRACE = 2  # seconds that an answer on its way may still take

FAMILIES = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class PortTakenError(Exception):
    """Somebody else listens there."""


async def serve(
    port: int = 8001,
    settings: SandboxSettings | None = None,
    *,
    exit_with_parent: bool = False,
    port_option: str = "--port",
) -> None:
    """Until SIGTERM or SIGINT, or, with `exit_with_parent`, until standard input closes.

    A taken port is told on standard error, naming `port_option`, and raises SystemExit(2).
    """
    try:
        sockets = listen(port)
    except PortTakenError:
        print(f"Port {port} is taken; choose another with {port_option}.", file=sys.stderr)
        raise SystemExit(2) from None
    port = sockets[0].getsockname()[1]
    app = create_sandbox(settings or SandboxSettings(issuer=f"http://localhost:{port}"))
    server = http_server(app, timeout_graceful_shutdown=GRACE)
    _stop_on_signals(app.stopping)
    if exit_with_parent:
        _stop_with_parent(app.stopping)
    await _run(server, sockets, app.stopping)


def listen(port: int) -> list[socket.socket]:
    """Both loopback addresses, because browsers take either for `localhost`.

    Port 0 means any free one. Raises PortTakenError.
    """
    sockets: list[socket.socket] = []
    for family, address in FAMILIES.items():
        listener = _bind(family, address, sockets[0].getsockname()[1] if sockets else port)
        if listener:
            sockets.append(listener)
    return sockets


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    try:
        # The protocol is named because asyncio sets TCP_NODELAY on such sockets only; without it
        # every second answer on a connection waits 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError:
        return None  # a system without IPv6
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(port) from error
        if family is socket.AF_INET6:
            return None  # IPv6 is there, but switched off on the loopback interface
        raise
    return listener


async def _run(server: HttpServer, sockets: list[socket.socket], stopping: asyncio.Event) -> None:
    serving = asyncio.create_task(server.serve(sockets))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    server.should_exit = True
    await serving
    await stopped


def _stop_on_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)


def _stop_with_parent(stopping: asyncio.Event) -> None:
    """The parent holds the other end of standard input; when it dies, however, this closes."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        with contextlib.suppress(OSError):  # closed from the start: nobody is there either
            while os.read(0, 1024):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(stopping.set)

    threading.Thread(target=watch, daemon=True).start()

"""What a process asks of its operating system: signals, open files, a listening socket."""

import asyncio
import errno
import resource
import signal
import socket
from collections.abc import Callable

from app.errors import CommandError

BACKLOG = 2048
UNREAD = 30  # seconds that a reader may take nothing of what waits for it; then it is gone
WAITING = 128 * 1024  # bytes that the kernel takes for a reader; it would take 4 MB of each


def bind(host: str, port: int, option: str = "PORT", unread: float = UNREAD) -> socket.socket:
    """A listening socket, or CommandError naming what to change.

    `unread`: seconds after which a connection whose other end takes nothing is ended.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: only then does asyncio turn off Nagle, which costs 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _bound_slow_readers(listening, unread)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        reason = "is taken" if taken else f"cannot be used ({error.strerror})"
        raise CommandError(f"port {port} {reason}: choose another with {option}") from None
    listening.setblocking(False)
    return listening


def _bound_slow_readers(listening: socket.socket, unread: float) -> None:
    """A stalled or vanished reader costs little and not for ever; connections inherit both. The
    kernel sees what we cannot: whether a reader takes anything at all (Linux, tcp(7)).
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = int(unread * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, WAITING)


def open_many_files() -> None:
    """An open page is an open file, and most systems start a program with room for 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:  # macOS says so, and refuses it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def on_stop_signals(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and SIGINT; a second signal does no harm."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)

"""The peer of streams: nginx with nchan, a channel for every person, EventSource subscribers."""

import os
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench._machine import need, on, usage
from tests.support.processes import Program, free_port
from tests.support.waiting import until

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
PUBLISHERS = 64  # connections, each with one message on the way
PIECE = 65_536  # bytes; an answer is a tenth of it
SETTINGS = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
{user} load_module {module};
events {{ worker_connections 19000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  client_body_buffer_size 1m; client_max_body_size 8m; nchan_shared_memory_size 1024m;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location ~ /sub/(\\w+)$ {{ nchan_subscriber eventsource; nchan_channel_id $1; }}
    location ~ /pub/(\\w+)$ {{
      nchan_publisher; nchan_channel_id $1;
      nchan_message_buffer_length 1; nchan_message_timeout 60s;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Nchan:
    port: int
    worker: int  # its process id

    def request(self, channel: int) -> bytes:
        return (
            f"GET /sub/{channel} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
        ).encode()

    def publish(self, messages: Sequence[tuple[int, bytes]]) -> None:
        """To each of these channels its message; nchan does not take several on one connection at
        once.
        """
        with ExitStack() as opened:
            sockets = [
                opened.enter_context(socket.create_connection(("127.0.0.1", self.port), 30))
                for _ in range(PUBLISHERS)
            ]
            for first in range(0, len(messages), PUBLISHERS):
                some = messages[first : first + PUBLISHERS]
                for each, (channel, body) in zip(sockets, some, strict=False):
                    each.sendall(_post(channel, body))
                for each, _ in zip(sockets, some, strict=False):
                    assert each.recv(PIECE).startswith(b"HTTP/1.1 20")


def _post(channel: int, body: bytes) -> bytes:
    head = f"POST /pub/{channel} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def open_nchan(folder: Path, core: int) -> AsyncIterator[Nchan]:
    program = _installed()
    port = free_port()
    settings = folder / "nchan.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    text = SETTINGS.format(folder=folder, port=port, module=MODULE, user=user)
    settings.write_text(text, encoding="utf-8")
    command = on(core, program, "-p", str(folder), "-c", str(settings))
    nginx = Program(command, dict(os.environ)).start()
    try:
        yield Nchan(port, await until(lambda: _worker(nginx)))
    finally:
        await nginx.close()


def _installed() -> str:
    program = need("nginx", "nginx-light")
    if not MODULE.exists():
        subprocess.run(["apt-get", "install", "-y", "-q", "libnginx-mod-nchan"], check=False)
    if not MODULE.exists():
        raise SystemExit("bench: wants nchan: apt-get install libnginx-mod-nchan")
    return program


async def _worker(nginx: Program) -> int:
    assert nginx.runs, nginx.said()
    return max(_children(nginx.pid), key=lambda pid: usage(pid).rss, default=0)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

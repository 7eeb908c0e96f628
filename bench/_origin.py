"""A provider that costs next to nothing: nginx with one small answer, over HTTP and over TLS."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench._machine import need
from tests.support.certificates import self_signed
from tests.support.processes import free_port

SETTINGS = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit; {user}
events {{ worker_connections 4000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    listen 127.0.0.1:{tls_port} ssl backlog=4096;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location = /status {{ stub_status; }}
    location = /me {{ default_type application/json; return 200 '{{"name": "Shop"}}'; }}
  }}
}}
"""


@dataclass(frozen=True)
class Origin:
    http: str
    tls: str
    ca_file: str


@contextmanager
def origin(
    folder: Path, ports: tuple[int, int] | None = None, prefix: tuple[str, ...] = ()
) -> Iterator[Origin]:
    """Runs while the block runs. `ports`: for HTTP and TLS; `prefix`: what starts nginx."""
    port, tls_port = ports or (free_port(), free_port())
    certificate, key = self_signed(folder)
    settings = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    text = SETTINGS.format(
        folder=folder, port=port, tls_port=tls_port, certificate=certificate, key=key, user=user
    )
    settings.write_text(text, encoding="utf-8")
    program = need("nginx", "nginx-light")
    with subprocess.Popen([*prefix, program, "-p", str(folder), "-c", str(settings)]) as nginx:
        try:
            yield Origin(
                f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}", str(certificate)
            )
        finally:
            nginx.terminate()

"""May a person's own address be asked at all? The one place that says so.

A webhook or a push service names a host that somebody typed in: it must not be a way to what only
this server can reach (SSRF).
"""

import asyncio
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
NOT_HTTPS = "нужен адрес, который начинается с https://"
NOT_FOUND = "адрес не найден"
PRIVATE = "этот адрес ведёт во внутреннюю сеть"


async def refusal(url: str, *, loopback: bool) -> str | None:
    """Why `url` is not asked, or None. `loopback`: this machine is fine, and http there."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return NOT_HTTPS
    if loopback and host in LOOPBACK and parts.scheme in ("http", "https"):
        return None
    if parts.scheme != "https" or not host or parts.username or parts.password:
        return NOT_HTTPS
    addresses = await _addresses(host, port or 443)
    if not addresses:
        return NOT_FOUND
    return None if all(ip_address(each).is_global for each in addresses) else PRIVATE


async def _addresses(host: str, port: int) -> set[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return set()
    return {str(each[4][0]).partition("%")[0] for each in found}

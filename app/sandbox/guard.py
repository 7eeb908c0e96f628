"""Forms of the sandbox are pressed on its own pages, or by programs; not from other sites."""

from quart import request

HERE = ("localhost", "127.0.0.1", "[::1]")


def is_misdirected() -> bool:
    """It listens on loopback only, but a stranger's name may be made to lead there while its page
    is open in a browser here (DNS rebinding); the browser would take us for the same site.
    """
    host = request.host.lower()
    name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return name not in HERE


def is_foreign() -> bool:
    """Browsers say where a request comes from; a client that says nothing is no browser."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and origin.partition("://")[2] != request.host

"""Forms of the sandbox are pressed on its own pages, or by programs; not from other sites."""

from quart import request


def is_foreign() -> bool:
    """Browsers say where a request comes from; a client that says nothing is no browser."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and origin.partition("://")[2] != request.host

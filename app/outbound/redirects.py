"""The one kind of redirect that a probe follows: the same request, to another path of the same
scheme, host and port. A token never goes to another host because of an answer.
"""

import httpx

from app.outbound.http1 import RawResponse
from app.outbound.pool import REPEATABLE
from app.outbound.request import RequestTarget, WrittenRequest

UNSENDABLE = frozenset(b" \r\n\0\t\\")  # in a path; the last is a slash to some readers
TEMPORARY, PERMANENT = 307, 308  # method and body stay: RFC 9110 sections 15.4.8 and 15.4.9


def redirected(request: WrittenRequest, response: RawResponse) -> WrittenRequest | None:
    """What is to be sent instead; None: this is an answer like any other."""
    if response.status != PERMANENT and not (
        response.status == TEMPORARY and request.method in REPEATABLE
    ):
        return None
    target = _target(request.target.address, response.headers.get("location", ""))
    if target is None or target.has_userinfo or target.origin != request.target.origin:
        return None
    _, _, rest = request.text.partition(b"\r\n")  # the other lines name the same host
    first = b"%b %b HTTP/1.1" % (request.method.encode(), target.path)
    return WrittenRequest(request.method, target, first + b"\r\n" + rest)


def _target(address: str, location: str) -> RequestTarget | None:
    """Where it leads, from there (RFC 3986 section 5.2); None: nowhere."""
    if not location:
        return None
    try:
        target = RequestTarget.of(httpx.URL(address).join(location))
    except (httpx.InvalidURL, ValueError):
        return None
    return target if target.path.isascii() and UNSENDABLE.isdisjoint(target.path) else None

"""HTTP requests as they go over the wire (RFC 9112)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from app.outbound.allowed_hosts import LOOPBACK, Origin, origin_of

USER_AGENT = "svyazka/0.1 (+connection dashboard)"
DEFAULT_HEADERS = {  # what a request says unless it says otherwise
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": USER_AGENT,
}
_DEFAULTS = {
    name.lower().encode(): (name.encode(), value.encode())
    for name, value in DEFAULT_HEADERS.items()
}
# How a message is framed and what becomes of its connection: RFC 9112 sections 6 and 9.
FRAMING = frozenset({b"connection", b"content-length", b"keep-alive", b"transfer-encoding"})


@dataclass(frozen=True)
class RequestTarget:
    """Where a request goes, parsed once: that takes longer than all the rest of writing it."""

    address: str
    origin: Origin
    host: bytes  # as its header has it
    path: bytes  # with the query
    has_userinfo: bool

    @classmethod
    def of(cls, url: httpx.URL) -> "RequestTarget":
        return cls(str(url), origin_of(url), url.netloc, url.raw_path, bool(url.userinfo))

    @property
    def is_loopback(self) -> bool:
        return self.origin[1] in LOOPBACK


@dataclass(frozen=True)
class WrittenRequest:
    """The bytes of a request, head and body; made by `written` or `written_request`."""

    method: str
    target: RequestTarget
    text: bytes = field(repr=False)  # with a token in it


def written(method: str, target: RequestTarget, headers: Mapping[str, str]) -> WrittenRequest:
    """A request without a body. Raises ValueError for a header that would be two."""
    given = [(name.encode("ascii"), value.encode()) for name, value in headers.items()]
    return WrittenRequest(method, target, _head(method, target, given))


def written_request(request: httpx.Request) -> WrittenRequest:
    """A request whose body has been read, framed by its length whatever its own headers say.

    Raises ValueError for a header that would be two.
    """
    target, body = RequestTarget.of(request.url), request.content
    given = [each for each in request.headers.raw if each[0].lower() not in FRAMING]
    if body or "content-length" in request.headers:
        given.append((b"Content-Length", b"%d" % len(body)))
    return WrittenRequest(request.method, target, _head(request.method, target, given) + body)


def _head(method: str, target: RequestTarget, given: list[tuple[bytes, bytes]]) -> bytes:
    said = {name.lower() for name, _ in given}
    headers = [] if b"host" in said else [(b"Host", target.host)]
    headers += given
    headers += [default for name, default in _DEFAULTS.items() if name not in said]
    return head(method, target.path, headers)


def head(method: str, path: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The first lines of a request (RFC 9112 section 3).

    Raises ValueError where a value would make lines of its own (RFC 9110 section 5.5).
    """
    lines = [b"%b %b HTTP/1.1" % (method.encode(), path), *(b"%b: %b" % each for each in headers)]
    text = b"\r\n".join(lines)
    breaks = len(headers)
    if not breaks == text.count(b"\r\n") == text.count(b"\r") == text.count(b"\n") or b"\0" in text:
        raise ValueError("a line break in a header")
    return text + b"\r\n\r\n"

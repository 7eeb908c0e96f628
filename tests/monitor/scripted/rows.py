"""Failures of providers, as bytes, and what is to be said of each connection that meets one."""

import gzip
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.providers.spec_parts import TokenPlacement
from tests.monitor.scripted.provider import HANG, Asked, Hang, Script, renewed, reply, well

BEGINS = 700.0  # seconds; by then everybody was checked
ENDS = BEGINS + 2_000.0
TOLD = BEGINS + 1_500.0  # by then somebody who is offline for ten minutes has had a letter

Said = bytes | Hang | Script
BEARER = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
UNAUTHORIZED = reply(401, headers=BEARER)
OVER = reply(400, error="invalid_grant")
DEAD_TOKENS: dict[str, Any] = {  # bodies of APIs that say so there
    "plain": "invalid_token",
    "upper": "INVALID_TOKEN",
    "expired": "token_expired",
    "nested": {"code": "expired_token"},
}
PAGE = "<!DOCTYPE html><html><body>Access denied</body></html>"


@dataclass(frozen=True)
class Row:
    """`api` and `token` answer from BEGINS on; None: there is nothing to refresh with."""

    name: str
    api: Said
    status: str
    cause: str | None = None
    token: Said | None = field(default=renewed)
    letters: tuple[str, ...] = ()  # kinds, to its owner, until ENDS
    others: str = "well"  # other people's grants: "well", "same" (answered alike), "none"
    life: float = 86_400.0  # seconds that the access token is said to be good for
    within: float | None = None  # seconds until this status is seen
    probe: Mapping[str, Any] = field(default_factory=dict)
    entry: Mapping[str, Any] = field(default_factory=dict)


def script(said: Said) -> Script:
    return said if callable(said) else lambda _: said


def turns(*said: Said) -> Script:
    """One after the other, and from the start again."""
    asked = -1

    def answer(request: Asked) -> bytes | Hang:
        nonlocal asked
        asked += 1
        return script(said[asked % len(said)])(request)

    return answer


def until(seconds: float, said: Said, then: Said = well) -> Script:
    """This for so long after BEGINS, then that."""
    return lambda asked: script(said if asked.at < BEGINS + seconds else then)(asked)


def fresh_only(said: Said = UNAUTHORIZED) -> Script:
    """Tokens that were issued before are refused, new ones are served."""
    return lambda asked: well(asked) if asked.generation else script(said)(asked)


def raw(head: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + body


def framed(head: str, **more: Any) -> Script:
    """A good answer under this head, whose length is right."""

    def answer(asked: Asked) -> bytes:
        body = well(asked).partition(b"\r\n\r\n")[2]
        body = more["packed"](body) if "packed" in more else body
        fields = head.replace("{length}", str(len(body)))
        return raw(fields, body)

    return answer


def chunked(head: str) -> Script:
    def answer(asked: Asked) -> bytes:
        body = well(asked).partition(b"\r\n\r\n")[2]
        return raw(head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    return answer


ONLINE, OFFLINE, DEGRADED = "online", "offline", "degraded"
REVOKED, BLOCKED = "revoked", "blocked"
JSON = "Content-Type: application/json"
OUTAGE_LETTER, REVOKED_LETTER, BLOCKED_LETTER = ("offline",), ("revoked",), ("blocked",)
INTERVAL_AND = 660.0 + 45.0  # seconds: an interval with its jitter, a second look, a step


def failing() -> Iterator[Row]:
    """The provider's own trouble: red after two looks, nobody's move."""
    for status in (500, 501, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 530, 599, 408, 425):
        yield _offline(f"status-{status}", reply(status, content=PAGE), "provider_error")
    for status in (300, 301, 302, 303, 304, 307, 400, 404, 405, 406, 409, 410, 418, 422, 423, 451):
        yield _offline(f"status-{status}", reply(status, error="x"), "bad_response")
    yield _offline("hangs", HANG, "timeout")
    yield _offline("closes", b"", "unreachable")
    yield _offline("garbage", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "bad_response")
    yield _offline("http-0.9", b"hello", "bad_response")
    yield _offline("no-json", reply(content="all is well"), "bad_response")
    yield _offline("html-200", reply(content=PAGE), "bad_response")
    yield _offline("empty-200", reply(content=b""), "bad_response")
    yield _offline("a-list", reply(content=b"[]"), "bad_response")
    yield _offline("a-number", reply(content=b"7"), "bad_response")
    yield _offline("null", reply(content=b"null"), "bad_response")
    yield _offline("maintenance", reply(content={"status": "maintenance"}), "bad_response")
    yield _offline("error-200", reply(error="internal"), "bad_response")
    yield _offline("deep-json", reply(content=b"[" * 60_000), "bad_response")
    wanted = {"probe": {"expect": "name && sub"}}
    yield _offline("not-what-must-be-there", reply(name="Shop", sub=""), "bad_response", **wanted)
    yield _offline("204-must-be-there", reply(204, content=b""), "bad_response", **wanted)
    yield _offline("101", raw("Upgrade: x", status="101 Switching"), "bad_response")
    yield _offline("503-then-500", turns(reply(503), reply(500)), "provider_error")
    yield _offline("429-500", turns(reply(429), reply(500)), "provider_error", within=2_000)
    yield _offline("403-500", turns(reply(403, error="x"), reply(500)), "provider_error")
    yield _offline("401-500", turns(UNAUTHORIZED, reply(500)), "provider_error", token=None)
    yield _offline(
        "500-maintenance", turns(reply(500), reply(content={"status": "maintenance"})), None
    )


def redirects() -> Iterator[Row]:
    """One on the same host is followed once; a token never goes elsewhere."""
    for status in (307, 308):
        moved = _moved(status, "/{name}/v2/me")
        yield Row(f"{status}-same-host", moved, ONLINE)
        yield _offline(f"{status}-other-host", _moved(status, "{other}/v2/me"), "bad_response")
        yield _offline(f"{status}-loop", _moved(status, "/{name}/me"), "bad_response")
        longer = _moved(status, "/{name}/v2", then=_moved(status, "/{name}/v3", "v2"))
        yield _offline(f"{status}-twice", longer, "bad_response")
    yield Row("308-whole-address", _moved(308, "http://{host}/{name}/v2/me"), ONLINE)
    yield _offline("308-to-https", _moved(308, "https://{host}/{name}/v2/me"), "bad_response")
    yield _offline("308-nonsense", _moved(308, "http://[::1/"), "bad_response")
    for status in (301, 302, 303):
        yield _offline(f"{status}-same-host", _moved(status, "/{name}/v2/me"), "bad_response")
    yield Row("308-post", _moved(308, "/{name}/v2/me"), ONLINE, probe={"method": "POST"})
    posted = _moved(307, "/{name}/v2/me")
    yield _offline("307-post", posted, "bad_response", probe={"method": "POST"})
    yield _offline("308-then-503", _moved(308, "/{name}/v2", then=reply(503)), "provider_error")
    refused = _moved(308, "/{name}/v2", then=fresh_only())
    yield Row("308-then-401", refused, ONLINE)
    token = _moved(308, "/{name}/token-2", "token")
    yield _offline("308-of-the-token-endpoint", UNAUTHORIZED, "bad_response", token=token)


def walls() -> Iterator[Row]:
    """Something in front of the API refuses: never the owner's fault."""
    for number, status in enumerate((401, 402, 403)):
        yield _offline(f"page-{status}", reply(status, content=PAGE), "bad_response")
        html = {"Content-Type": ("text/html", "application/xhtml+xml", "TEXT/HTML")[number]}
        yield _offline(f"html-{status}", reply(status, content=PAGE, headers=html), "bad_response")
    for name, text in {
        "1010": "error code: 1010",
        "1020": "error code: 1020",
        "plain": "Forbidden",
        "rbac": "RBAC: access denied",
        "xml": "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        "json-as-html": PAGE,
    }.items():
        media = {"Content-Type": "application/json"} if name == "json-as-html" else {}
        wall = reply(403, content=text, headers=media)
        yield _offline(f"403-{name}", wall, "bad_response")
    basic = {"WWW-Authenticate": 'Basic realm="proxy"'}
    yield _offline("basic-401", reply(401, content=b"", headers=basic), "bad_response")
    yield _offline("basic-407", reply(407, content=PAGE, headers=basic), "bad_response")
    ntlm = {"WWW-Authenticate": "NTLM"}
    yield _offline("ntlm-401", reply(401, content=b"", headers=ntlm), "bad_response")
    yield _offline("basic-401-bare", reply(401, headers=basic), "bad_response", token=None)
    for header in ("cf-mitigated", "x-amzn-waf-action", "X-Vercel-Mitigated"):
        marked = reply(403, error="x", headers={header: "challenge"})
        yield _offline(f"wall-{header}", marked, "bad_response")
    figure = reply(403, content="1010", headers={"Content-Type": "application/json"})
    yield _offline("wall-number", figure, "bad_response")
    yield Row(
        "entry-uses-basic",
        reply(401, headers=basic),
        REVOKED,
        "revoked",
        None,
        REVOKED_LETTER,
        probe={"token_placements": (_basic(),)},
    )


def limits() -> Iterator[Row]:
    """Too many requests: amber, no strike, never the owner's fault."""
    for name, headers in {
        "429": {},
        "429-after": {"Retry-After": "120"},
        "429-fraction": {"Retry-After": "40.5"},
        "429-unit": {"Retry-After": "40s"},
        "429-date": {"Retry-After": "Thu, 01 Jan 2026 00:02:00 GMT"},
        "429-nonsense": {"Retry-After": "soon"},
    }.items():
        yield Row(name, reply(429, headers=headers), DEGRADED, "rate_limited")
    for name, headers in {
        "403-remaining": {"x-ratelimit-remaining": "0"},
        "403-remaining-2": {"X-RateLimit-Remaining": " 0 "},
        "403-remaining-3": {"RateLimit-Remaining": "0"},
        "403-retry-after": {"Retry-After": "60"},
        "403-remaining-4": {"Rate-Limit-Remaining": "0.0"},
        "403-remaining-twice": {"X-RateLimit-Remaining": "0, 0"},
        "403-remaining-negative": {"X-RateLimit-Remaining": "-1"},
        "403-of-a-minute": {"X-RateLimit-Remaining-Minute": "0", "X-RateLimit-Remaining-Day": "9"},
        "403-combined": {"RateLimit": "limit=100, remaining=0, reset=50"},
        "403-draft": {"RateLimit": '"default";r=0;t=50'},
    }.items():
        yield Row(name, reply(403, message="rate limit", headers=headers), DEGRADED, "rate_limited")
    page = reply(429, content=PAGE)
    yield Row("429-page", page, DEGRADED, "rate_limited")
    left = {"x-ratelimit-remaining": "57"}
    yield _blocked("403-with-requests-left", reply(403, message="no", headers=left))
    left = {"RateLimit": '"default";r=10;t=0', "RateLimit-Limit": "0", "X-Remaining": "0"}
    yield _blocked("403-draft-with-requests-left", reply(403, message="no", headers=left))


def refused_by_api() -> Iterator[Row]:
    """The API does not take the token, and nothing can be refreshed: two looks."""
    for name, challenge in {
        "bare": None,
        "bearer": "Bearer",
        "realm": 'Bearer realm="api"',
        "named": 'Bearer error="invalid_token"',
        "spaced": 'Bearer error = "invalid_token"',
        "unquoted": "Bearer error=invalid_token",
        "upper": 'BEARER ERROR="invalid_token"',
        "described": 'Bearer realm="x", error="invalid_token", error_description="gone"',
        "request": 'Bearer error="invalid_request"',
        "single-quoted": "Bearer error='invalid_token'",
        "beside-basic": 'Basic realm="x", Bearer error="invalid_token"',
    }.items():
        headers = {"WWW-Authenticate": challenge} if challenge else {}
        yield _revoked(f"401-{name}", reply(401, error="x", headers=headers), token=None)
    for status in (400, 403, 404):
        yield _revoked(f"{status}-challenge", reply(status, headers=BEARER), token=None)
    for name, error in DEAD_TOKENS.items():
        for status in (200, 400, 403):
            yield _revoked(f"{status}-body-{name}", reply(status, error=error), token=None)
    for name in ("'invalid_token'", '"expired_token"'):
        odd = reply(400, headers={"WWW-Authenticate": f"Bearer error={name}"})
        yield _revoked(f"400-challenge-{name[1:-1]}", odd, token=None)
    json = {"Content-Type": "application/json"}
    yield _revoked("401-text", reply(401, content='"Unauthorized"', headers=json), token=None)
    yield _blocked("403-text", reply(403, content='"Forbidden"', headers=json))
    yield _revoked("401-empty", reply(401, content=b""), token=None)
    yield _revoked("401-nobody-else", UNAUTHORIZED, token=None, others="none")
    scope = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
    yield _blocked("401-scope", reply(401, headers=scope), token=None)
    yield _blocked("403-scope", reply(403, headers=scope))
    yield _blocked("403", reply(403, error="forbidden"))
    yield _blocked("403-empty", reply(403, content=b""))
    yield _blocked("403-nobody-else", reply(403, error="forbidden"), others="none")
    yield _blocked("402", reply(402, error="unpaid"), "payment_required")
    yield _blocked("403-401", turns(reply(403, error="x"), UNAUTHORIZED), token=None)
    once = until(60, UNAUTHORIZED)
    yield Row("401-for-a-minute", once, ONLINE, token=None)


def closed() -> Iterator[Row]:
    """An account's own address is closed: its owner is the one to look. That of all is not."""
    for name, url in {
        "host": "http://127.0.0.{tenant}:$port/$name/me",
        "whole": "{endpoint}me",
    }.items():
        own: dict[str, Any] = {"probe": {"url": url}}
        yield Row(f"own-{name}-well", well, ONLINE, probe={"url": url})
        for status in (404, 410, 423):
            yield _blocked(f"own-{name}-{status}", reply(status, error="x"), **own)
        yield _blocked(f"own-{name}-404-page", reply(404, content=PAGE), **own)
        yield _blocked(f"own-{name}-410-empty", reply(410, content=b""), token=None, **own)
        yield _blocked(f"own-{name}-404-alone", reply(404, error="x"), others="none", **own)
        for status in (400, 405, 409, 451):
            yield _offline(f"own-{name}-{status}", reply(status, error="x"), "bad_response", **own)
        yield _revoked(f"own-{name}-404-challenge", reply(404, headers=BEARER), token=None, **own)
    in_path = {"probe": {"url": "$base/{tenant}"}}
    yield _offline("own-path-404", reply(404, error="x"), "bad_response", **in_path)


def refreshed() -> Iterator[Row]:
    """A fresh token helps, or the provider contradicts itself."""
    yield Row("401-refresh-helps", fresh_only(), ONLINE)
    for status in (400, 403):
        said = reply(status, headers=BEARER)
        yield Row(f"{status}-challenge-refresh-helps", fresh_only(said), ONLINE)
    for name, error in DEAD_TOKENS.items():
        for status in (200, 400, 403):
            said = reply(status, error=error)
            yield Row(f"{status}-body-{name}-refresh-helps", fresh_only(said), ONLINE)
    yield Row("401-page-refresh-helps", fresh_only(reply(401, content=PAGE)), ONLINE)
    yield _offline("401-after-refresh", UNAUTHORIZED, "inconsistent")
    yield _offline("401-after-refresh-alone", UNAUTHORIZED, "inconsistent", others="none")
    yield _offline("400-after-refresh", reply(400, error="invalid_token"), "inconsistent")
    yield Row("401-half-a-minute", until(30, UNAUTHORIZED), ONLINE)
    yield Row("401-to-all-half-a-minute", until(30, UNAUTHORIZED), ONLINE, others="same")
    yield _blocked("403-after-refresh", lambda asked: _denied_when_fresh(asked))
    yield Row("replica-lags", _lagging(), ONLINE)
    yield Row("two-bad-nodes", _bad_nodes(2), ONLINE, token=None)


def refresh_refused() -> Iterator[Row]:
    """The API says 401 and the token endpoint says no."""
    for word in (
        "invalid_grant",
        "invalid_token",
        "access_denied",
        "expired_token",
        "invalid_refresh_token",
        "token_revoked",
        "bad_refresh_token",
        "invalid_code",
    ):
        for status in (400, 401, 200):
            said = reply(status, error=word)
            yield _revoked(f"refused-{word}-{status}", UNAUTHORIZED, token=said)
    for name, error in {
        "upper": "INVALID_GRANT",
        "camel": "InvalidGrant",
        "spaced": "invalid grant ",
        "listed": ["invalid_grant"],
        "nested": {"code": 7, "type": "invalid_grant"},
    }.items():
        yield _revoked(f"refused-{name}", UNAUTHORIZED, token=reply(400, error=error))
    described = reply(400, error="invalid_grant", error_description="x" * 5_000)
    yield _revoked("refused-long-words", UNAUTHORIZED, token=described)
    yield _revoked("refused-nobody-else", UNAUTHORIZED, token=OVER, others="none")
    for name, said in _unclear().items():
        alone = Row(f"unclear-{name}-alone", UNAUTHORIZED, DEGRADED, "misconfigured", said)
        yield _with(alone, others="none")
        yield _with(alone, name=f"unclear-{name}-everybody", others="same")
        yield _revoked(
            f"unclear-{name}-others-refresh", UNAUTHORIZED, token=said, life=300.0, within=1_440
        )
    for name, said in {
        "503": reply(503),
        "500-page": reply(500, content=PAGE),
        "server-error": reply(400, error="server_error"),
        "server-error-camel": reply(400, error="ServerError"),
        "unavailable": reply(503, error="temporarily_unavailable"),
        "408": reply(408),
    }.items():
        yield _offline(f"refresh-{name}", UNAUTHORIZED, "provider_error", token=said)
    wall = reply(403, content=PAGE)
    yield _offline("refresh-wall", UNAUTHORIZED, "bad_response", token=wall)
    yield _offline("refresh-garbage", UNAUTHORIZED, "bad_response", token=reply(content="x"))
    for name, limited in {
        "429": reply(429, error="slow_down"),
        "429-grant": reply(429, error="invalid_grant"),
        "400": reply(400, error="slow_down"),
        "400-words": reply(400, error="Too many requests"),
        "403": reply(403, message="x", headers={"X-RateLimit-Remaining": "0"}),
    }.items():
        yield Row(f"refresh-limited-{name}", UNAUTHORIZED, DEGRADED, "rate_limited", limited)


def refresh_refused_while_the_token_lives() -> Iterator[Row]:
    """What the API says is what the connection is, for as long as the access token lives."""
    for name, said in {"invalid_grant": OVER, **_unclear(), "503": reply(503)}.items():
        yield Row(f"lives-{name}", well, ONLINE, None, said, life=4_000.0)


def accounts() -> Iterator[Row]:
    """Another account answers: amber, and its name stays."""
    stranger = reply(sub="shop-of-somebody-else", name="Stranger")
    yield Row("another-account", stranger, DEGRADED, "account_changed")
    yield Row("what-must-be-there", well, ONLINE, probe={"expect": "name && sub"})
    yield Row("no-name", lambda asked: reply(sub=f"shop-{asked.grant}"), ONLINE)
    yield Row("no-account", reply(name="Shop"), ONLINE)


def read_as_others_read() -> Iterator[Row]:
    """What curl, httpx and Chromium read, we read; the connection is closed where that is safer."""
    for coding in (
        "UTF-8",
        "utf8",
        "none",
        "identity",
        "identity, identity",
        "binary",
        "cp1251",
        "br9",
    ):
        head = f"{JSON}\r\nContent-Encoding: {coding}\r\nContent-Length: {{length}}"
        yield Row(f"coding-{coding.replace(', ', '-')}", framed(head), ONLINE)
    packed = f"{JSON}\r\nContent-Encoding: gzip\r\nContent-Length: {{length}}"
    yield Row("gzip", framed(packed, packed=gzip.compress), ONLINE)
    yield Row("gzip-members", framed(packed, packed=_in_members), ONLINE)
    yield Row("gzip-cut", framed(packed, packed=lambda body: gzip.compress(body)[:-8]), ONLINE)
    x_gzip = packed.replace(": gzip", ": x-gzip")
    yield Row("x-gzip", framed(x_gzip, packed=gzip.compress), ONLINE)
    both = f"{JSON}\r\nTransfer-Encoding: chunked\r\nContent-Length: 11"
    yield Row("chunked-and-length", chunked(both), ONLINE)
    yield Row("chunked", chunked(f"{JSON}\r\nTransfer-Encoding: chunked"), ONLINE)
    twice = f"{JSON}\r\nContent-Length: {{length}}\r\nContent-Length: {{length}}"
    yield Row("length-twice", framed(twice), ONLINE)
    listed = f"{JSON}\r\nContent-Length: {{length}}, {{length}}"
    yield Row("length-listed", framed(listed), ONLINE)
    folded = f"{JSON}\r\nX-Long: one\r\n two\r\nContent-Length: {{length}}"
    yield Row("folded", framed(folded), ONLINE)
    yield Row("bare-lf", _bare_lf, ONLINE)
    until_close = f"{JSON}\r\nConnection: close"
    yield Row("until-close", framed(until_close), ONLINE)
    yield Row("no-reason", _no_reason, ONLINE)
    yield Row("bom", lambda asked: reply(content=b"\xef\xbb\xbf" + _body(asked)), ONLINE)
    two = f"{JSON}\r\nContent-Length: 5\r\nContent-Length: 7"
    yield _offline("two-lengths", raw(two, b"{}     "), "bad_response")
    unread = f"{JSON}\r\nContent-Encoding: br\r\nContent-Length: {{length}}"
    yield _offline("unread-coding", framed(unread), "bad_response")


def _unclear() -> dict[str, bytes]:
    """Answers of token endpoints that may be about our registration or about the grant."""
    return {
        "invalid_client": reply(401, error="invalid_client"),
        "invalid_request": reply(400, error="invalid_request"),
        "unauthorized_client": reply(400, error="unauthorized_client"),
        "own-word": reply(400, error="grant_is_strange"),
        "amo": reply(401, content={"title": "Некорректный клиент", "status": 401}),
        "empty": reply(400, content=b""),
        "object": reply(400, error={"code": 7}),
        "object-200": reply(200, error={"code": 7}),
    }


def _offline(name: str, api: Said, cause: str | None, **more: Any) -> Row:
    given: dict[str, Any] = {"letters": OUTAGE_LETTER} | more
    return Row(name, api, OFFLINE, cause, **given)


def _revoked(name: str, api: Said, **more: Any) -> Row:
    given: dict[str, Any] = {"letters": REVOKED_LETTER, "within": INTERVAL_AND} | more
    return Row(name, api, REVOKED, "revoked", **given)


def _blocked(name: str, api: Said, cause: str = "access_denied", **more: Any) -> Row:
    given: dict[str, Any] = {"letters": BLOCKED_LETTER, "within": INTERVAL_AND} | more
    return Row(name, api, BLOCKED, cause, **given)


def _with(row: Row, **changes: Any) -> Row:
    return replace(row, **changes)


def _moved(status: int, location: str, path: str = "me", then: Said = well) -> Script:
    """A redirect from this path; the others answer `then`. `{other}`: the same server by a name
    that is another host.
    """

    def answer(asked: Asked) -> bytes | Hang:
        if asked.path != path:
            return script(then)(asked)
        host = asked.headers["host"]
        other = f"http://localhost:{host.rpartition(':')[2]}/{asked.name}"
        names = {"name": asked.name, "host": host, "other": other}
        return reply(status, headers={"Location": location.format_map(names)}, error="moved")

    return answer


def _basic() -> TokenPlacement:
    return TokenPlacement("Authorization", "Basic {token}")


def _denied_when_fresh(asked: Asked) -> bytes:
    return reply(403, error="forbidden") if asked.generation else UNAUTHORIZED


def _bad_nodes(count: int) -> Script:
    """The first so many connections stay with nodes of a balancer that know no token."""
    bad: set[int] = set()

    def answer(asked: Asked) -> bytes:
        if len(bad) < count:
            bad.add(asked.connection)
        return UNAUTHORIZED if asked.connection in bad else well(asked)

    return answer


def _lagging() -> Script:
    """Every token is unknown the first time that it is shown, and the old ones for good."""
    shown: set[int] = set()

    def answer(asked: Asked) -> bytes:
        if not asked.generation:
            return UNAUTHORIZED
        known = asked.generation in shown
        shown.add(asked.generation)
        return well(asked) if known else UNAUTHORIZED

    return answer


def _body(asked: Asked) -> bytes:
    return well(asked).partition(b"\r\n\r\n")[2]


def _bare_lf(asked: Asked) -> bytes:
    head, _, body = well(asked).partition(b"\r\n\r\n")
    return head.replace(b"\r\n", b"\n") + b"\n\n" + body


def _no_reason(asked: Asked) -> bytes:
    return well(asked).replace(b"200 Said", b"200", 1)


def _in_members(body: bytes) -> bytes:
    half = len(body) // 2
    return gzip.compress(body[:half]) + gzip.compress(body[half:])


EVERY: tuple[Callable[[], Iterator[Row]], ...] = (
    failing,
    redirects,
    walls,
    limits,
    refused_by_api,
    closed,
    refreshed,
    refresh_refused,
    refresh_refused_while_the_token_lives,
    accounts,
    read_as_others_read,
)
ROWS = [row for kind in EVERY for row in kind()]

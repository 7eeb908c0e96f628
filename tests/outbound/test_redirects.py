"""Which redirects are followed, and what is sent then."""

import httpx
import pytest

from app.outbound.http1 import RawResponse
from app.outbound.redirects import redirected
from app.outbound.request import RequestTarget, WrittenRequest, written, written_request

HERE = "https://api.acme.example/v1/me?fields=all"


def asked(method: str = "GET", address: str = HERE) -> WrittenRequest:
    target = RequestTarget.of(httpx.URL(address))
    return written(method, target, {"Authorization": "Bearer the-token"})


def answered(location: str, status: int = 308) -> RawResponse:
    return RawResponse(status, {"location": location})


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("https://api.acme.example/v2/me", b"/v2/me"),
        ("https://API.acme.example:443/v2/me#there", b"/v2/me"),
        ("//api.acme.example/v2/me", b"/v2/me"),
        ("/v2/me?fields=all", b"/v2/me?fields=all"),
        ("me/", b"/v1/me/"),
        ("../v2/me", b"/v2/me"),
        ("?fields=none", b"/v1/me?fields=none"),
        ("///evil.example/v2/me", b"/evil.example/v2/me"),
        (HERE, b"/v1/me?fields=all"),
    ],
)
def test_the_same_request_goes_to_another_path_of_the_same_host(location: str, path: bytes) -> None:
    again = redirected(asked(), answered(location))
    assert again is not None
    assert again.target.origin == asked().target.origin
    assert again.text == asked().text.replace(b"/v1/me?fields=all", path, 1)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "http://api.acme.example/v2/me",
        "https://api.acme.example:8443/v2/me",
        "https://acme.example/v2/me",
        "https://api.acme.example.evil.example/v2/me",
        "https://api.acme.example./v2/me",
        "https://api.acme.example@evil.example/v2/me",
        "https://user:word@api.acme.example/v2/me",
        "//evil.example/v2/me",
        "/\\evil.example/me",
        "https:/\\evil.example",
        "https://[::1/",
        "https://api.acme.example:99999/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "/a\r\nX-Evil: 1",
        "/a\tb",
        "/a\x00b",
        "x" * 70_000,
    ],
)
def test_nothing_is_sent_elsewhere(location: str) -> None:
    assert redirected(asked(), answered(location)) is None


@pytest.mark.parametrize(
    ("method", "status", "follows"),
    [
        ("GET", 307, True),
        ("HEAD", 307, True),
        ("HEAD", 308, True),
        ("POST", 308, True),
        ("POST", 307, False),
        ("GET", 300, False),
        ("GET", 301, False),
        ("GET", 302, False),
        ("GET", 303, False),
        ("GET", 200, False),
        ("GET", 401, False),
    ],
)
def test_method_and_status_decide(method: str, status: int, follows: bool) -> None:
    assert (redirected(asked(method), answered("/v2/me", status)) is not None) is follows


def test_a_body_goes_along() -> None:
    request = written_request(httpx.Request("POST", HERE, json={"auth": "the-token"}))
    again = redirected(request, answered("/v2/me"))
    assert again is not None
    assert again.text.partition(b"\r\n")[2] == request.text.partition(b"\r\n")[2]

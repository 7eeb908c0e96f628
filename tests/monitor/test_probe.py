"""What a probe makes of what a provider sends, over real HTTP."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp import web

from app.grants.store import OpenGrant
from app.monitor.answer import Answer
from app.monitor.probe import probe
from app.outbound.failures import MAX_BODY
from app.outbound.pool import HttpPool
from app.providers.provider import Provider
from app.providers.spec_parts import Probe, TokenPlacement
from tests.support.certificates import self_signed
from tests.support.waiting import PATIENCE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Ask = Callable[..., Awaitable[Answer]]


def grant(token_placement: int | None = None) -> OpenGrant:
    return OpenGrant(uuid4(), 1, "the-token", token_placement=token_placement)


def provider(url: str, **entry: object) -> Provider:
    settings = {"label": "name", "account": "sub"} | entry
    return Provider(
        "acme",
        "Acme",
        f"{url}/auth",
        f"{url}/token",
        Probe(f"{url}/me", **settings),  # type: ignore[arg-type]
    )


@pytest.fixture
async def ask(http_pool: HttpPool) -> AsyncIterator[Ask]:
    """Probe a server that answers with this handler."""
    runners: list[web.AppRunner] = []

    async def ask(
        handler: Handler,
        token_placement: int | None = None,
        timeout: float = PATIENCE,
        **entry: object,
    ) -> Answer:
        app = web.Application()
        app.router.add_route("*", "/me", handler)
        runner = web.AppRunner(app, shutdown_timeout=0)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return await probe(
            http_pool, provider(f"http://{host}:{port}", **entry), grant(token_placement), timeout
        )

    yield ask
    for runner in runners:
        await runner.cleanup()


def saying(status: int = 200, **answer: object) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, **answer)  # type: ignore[arg-type]

    return handler


def json(text: str, status: int = 200) -> Handler:
    return saying(status, text=text, content_type="application/json")


async def drip(request: web.Request) -> web.StreamResponse:
    """An answer without end, a byte at a time, until the client has gone."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.02)  # the server's pace


async def test_a_good_answer_names_the_account(ask: Ask) -> None:
    answer = await ask(json('{"sub": 7, "name": "Основной магазин"}'))
    assert (answer.status, answer.sound) == (200, True)
    assert (answer.account, answer.label) == ("7", "Основной магазин")


async def test_the_evidence_says_what_was_asked_and_what_came(ask: Ask) -> None:
    answer = await ask(saying(503))
    assert answer.evidence.startswith("GET 127.0.0.1/me → 503 за ")
    assert answer.evidence.endswith(" мс")


@pytest.mark.parametrize(
    ("challenge", "error"),
    [
        ('Bearer error="invalid_token"', "invalid_token"),
        ('Bearer realm="a", error="insufficient_scope", scope="read"', "insufficient_scope"),
        ("Bearer error=invalid_token", "invalid_token"),
        ("Bearer error='invalid_token'", "invalid_token"),
        ('Bearer error="token-expired"', "invalid_token"),
        ('Bearer realm="a", error_description="the-token"', ""),
        ('Bearer error="the-token"', ""),
        ('Basic realm="error"', ""),
    ],
)
async def test_a_challenge_says_why_in_known_words_alone(
    ask: Ask, challenge: str, error: str
) -> None:
    answer = await ask(saying(401, headers={"WWW-Authenticate": challenge}))
    assert answer.challenge == error
    assert f"→ 401 {error}".rstrip() in answer.evidence
    assert "the-token" not in answer.evidence


async def test_a_page_of_html_is_known_as_one(ask: Ask) -> None:
    page = await ask(saying(403, text="<h1>Blocked</h1>", content_type="text/html"))
    assert (page.is_wall, (await ask(json("{}", 403))).is_wall) == (True, False)


async def test_no_token_is_in_the_evidence(ask: Ask) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=500, text=request.headers["Authorization"])

    assert "the-token" not in repr(await ask(echo))


@pytest.mark.parametrize(
    "body", ["<html>", "", "not json", '{"error": "invalid_token"}', '{"error": {"code": 1}}']
)
async def test_a_200_that_is_not_the_answer_is_not_sound(ask: Ask, body: str) -> None:
    assert not (await ask(saying(text=body))).sound


@pytest.mark.parametrize("error", ["null", '""', "false", "[]", "{}"])
async def test_an_empty_error_is_none(ask: Ask, error: str) -> None:
    assert (await ask(json(f'{{"sub": "shop-1", "error": {error}}}'))).sound


@pytest.mark.parametrize(
    ("body", "sound"),
    [
        ('{"sub": "shop-1"}', True),
        ('{"name": "Shop"}', True),
        ('{"sub": null}', True),  # an account without a name
        ("[]", False),
        ("{}", False),
        ("7", False),
        ("null", False),
        ('{"status": "maintenance"}', False),
        ('{"data": {"sub": "shop-1"}}', False),
    ],
)
async def test_an_answer_has_something_of_what_its_entry_reads(
    ask: Ask, body: str, sound: bool
) -> None:
    assert (await ask(json(body))).sound is sound


@pytest.mark.parametrize(
    ("body", "sound"),
    [
        ('{"result": {"id": 1}}', True),
        ('{"result": 0}', True),
        ('{"result": "x", "error": null}', True),
        ('{"result": {"id": 1}, "error": "gone"}', False),
        ('{"result": {}}', False),
        ('{"result": []}', False),
        ('{"result": ""}', False),
        ('{"result": false}', False),
        ('{"result": null}', False),
        ('{"RESULT": {"id": 1}}', False),
        ('{"sub": "shop-1", "name": "Shop"}', False),
        ('[{"result": 1}]', False),
        ('"result"', False),
        ("", False),
    ],
)
async def test_an_answer_has_what_its_entry_says_must_be_there(
    ask: Ask, body: str, sound: bool
) -> None:
    assert (await ask(json(body), expect="result")).sound is sound


async def test_an_answer_without_content_has_not_what_must_be_there(ask: Ask) -> None:
    assert (await ask(saying(204))).sound
    assert not (await ask(saying(204), expect="result")).sound


@pytest.mark.parametrize(
    ("body", "sound"), [("{}", True), ("[]", True), ("null", False), ('{"id": 1}', False)]
)
async def test_what_must_be_there_may_be_an_empty_object(ask: Ask, body: str, sound: bool) -> None:
    content = body if body.startswith('{"id') else f'{{"result": {body}}}'
    assert (await ask(json(content), expect="result != `null`")).sound is sound


async def test_a_redirect_to_another_host_is_not_followed(ask: Ask) -> None:
    answer = await ask(saying(302, headers={"Location": "http://169.254.169.254/"}))
    assert answer.status == 302


async def test_a_redirect_on_the_same_host_is_followed_once_and_its_path_is_not_shown(
    ask: Ask,
) -> None:
    asked: list[str] = []

    async def moving(request: web.Request) -> web.Response:
        asked.append(request.query.get("step", ""))
        steps = {"": "?step=one", "one": "?step=two"}
        said = {"sub": "1"} if request.headers["Authorization"] == "Bearer the-token" else {}
        there = steps.get(asked[-1])
        status, headers = (308, {"Location": there}) if there else (200, {})
        return web.json_response(said, status=status, headers=headers)

    answer = await ask(moving)
    assert (answer.status, answer.requests, asked) == (308, 2, ["", "one"])
    assert answer.evidence.startswith("GET 127.0.0.1/me → переход → 308 за ")


async def test_a_redirect_with_the_token_in_it_does_not_show_it(ask: Ask) -> None:
    answer = await ask(saying(308, headers={"Location": "/the-token"}))
    assert (answer.status, answer.requests) == (404, 2)
    assert "the-token" not in repr(answer)


async def test_what_a_redirect_leads_to_has_no_more_time_than_one_answer(ask: Ask) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        moved = web.Response(status=308, headers={"Location": "?again"})
        return await drip(request) if request.query else moved

    answer = await ask(slow, timeout=0.5)
    assert (answer.failure, answer.latency_ms < PATIENCE * 1000) == ("timeout", True)


async def test_a_body_beyond_the_bound_is_cut_off(ask: Ask) -> None:
    answer = await ask(saying(body=b" " * (MAX_BODY + 1)))
    assert answer.failure == "too_large"


async def test_a_compressed_body_is_bounded_by_what_it_becomes(ask: Ask) -> None:
    async def bomb(_: web.Request) -> web.Response:
        response = web.Response(body=b" " * (MAX_BODY * 4))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    assert (await ask(bomb)).failure == "too_large"


async def test_a_server_that_drips_does_not_hold_the_probe(ask: Ask) -> None:
    answer = await ask(drip, timeout=0.5)
    assert answer.failure == "timeout"
    assert answer.latency_ms < PATIENCE * 1000


async def test_a_connection_that_breaks_is_not_taken_for_a_timeout(ask: Ask) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    assert (await ask(hang_up)).failure == "unreachable"


async def test_an_answer_that_breaks_off_is_no_answer(ask: Ask) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    assert (await ask(cut)).failure in ("not_http", "unreachable")


async def test_nobody_listening_is_unreachable(http_pool: HttpPool) -> None:
    answer = await probe(http_pool, provider("http://127.0.0.1:1"), grant(), PATIENCE)
    assert (answer.failure, answer.status) == ("unreachable", 0)
    assert answer.evidence == "GET 127.0.0.1/me → соединение не установлено"


async def test_an_unknown_host_is_unreachable(http_pool: HttpPool) -> None:
    answer = await probe(http_pool, provider("http://no-such-host.invalid"), grant(), PATIENCE)
    assert answer.failure in ("unreachable", "timeout")


async def test_an_unknown_authority_is_a_tls_failure_until_it_is_named(
    http_pool: HttpPool, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    app = web.Application()
    app.router.add_get("/me", json('{"sub": "1"}'))
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    entry = provider(f"https://127.0.0.1:{runner.addresses[0][1]}")
    refused = await probe(http_pool, entry, grant(), PATIENCE)
    trusted = await probe(http_pool, replace(entry, ca_file=str(certificate)), grant(), PATIENCE)
    await runner.cleanup()
    assert (refused.failure, refused.status) == ("tls", 0)
    assert trusted.status == 200


async def test_retry_after_is_read_in_both_forms(ask: Ask) -> None:
    seconds = await ask(saying(429, headers={"Retry-After": "120"}))
    assert seconds.retry_after == 120
    date = await ask(saying(429, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}))
    assert date.retry_after is not None
    assert date.retry_after > 1e6
    nonsense = await ask(saying(429, headers={"Retry-After": "soon"}))
    assert nonsense.retry_after is None


async def test_the_second_token_placement_is_tried_after_401_and_then_asked_alone(ask: Ask) -> None:
    seen: list[str] = []

    async def wants_raw(request: web.Request) -> web.Response:
        seen.append("raw" if "X-Authorization" in request.headers else "bearer")
        good = request.headers.get("X-Authorization") == "the-token"
        return web.json_response({"sub": "1"}, status=200 if good else 401)

    token_placements = (TokenPlacement(), TokenPlacement("X-Authorization", "{token}"))
    first = await ask(wants_raw, token_placements=token_placements)
    assert (first.status, first.token_placement, first.requests) == (200, 1, 2)
    assert (
        await ask(wants_raw, token_placement=1, token_placements=token_placements)
    ).status == 200
    assert seen == ["bearer", "raw", "raw"]


async def test_an_expression_that_does_not_fit_the_answer_finds_nothing(ask: Ask) -> None:
    answer = await ask(
        json('{"items": 5}'), label="join(', ', items[].name)", account="items[0].id"
    )
    assert (answer.status, answer.label, answer.account) == (200, None, None)


@pytest.mark.parametrize("letters", ["utf-8-sig", "utf-16", "latin-1", "cp1251"])
async def test_an_answer_may_be_written_in_other_letters(ask: Ask, letters: str) -> None:
    name = "Café" if letters == "latin-1" else "Лавка"
    body = f'{{"sub": "shop-1", "name": "{name}"}}'.encode(letters)
    answer = await ask(saying(body=body))
    assert (answer.sound, answer.account) == (True, "shop-1")
    refusal = f'{{"title": "{name}", "error": "invalid_token"}}'.encode(letters)
    refused = await ask(saying(400, body=refusal))
    assert (refused.is_wall, refused.challenge) == (False, "invalid_token")


@pytest.mark.parametrize("charset", ["windows-1251", '"KOI8-R"', "iso-8859-5; q=1"])
async def test_letters_that_the_media_type_names_are_read(ask: Ask, charset: str) -> None:
    letters = charset.partition(";")[0].strip('"')
    body = '{"sub": "shop-1", "name": "Лавка"}'.encode(letters)
    headers = {"Content-Type": f"application/json; charset={charset}"}
    assert (await ask(saying(body=body, headers=headers))).label == "Лавка"


@pytest.mark.parametrize("charset", ["iso-8859-12", "punycode", "zip", "x" * 9_000])
async def test_letters_that_nobody_knows_spoil_the_name_alone(ask: Ask, charset: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    answer = await ask(saying(body='{"sub": "1", "name": "é"}'.encode("latin-1"), headers=headers))
    assert (answer.account, answer.label) == ("1", "\ufffd")


async def test_a_long_label_is_cut(ask: Ask) -> None:
    answer = await ask(json('{"sub": "1", "name": "%s"}' % ("я" * 500)))
    assert answer.label == "я" * 200


async def test_a_label_is_one_line_whatever_the_provider_sends(ask: Ask) -> None:
    answer = await ask(json(r'{"sub": "1", "name": "Лавка\nBcc: boris@example.ru\u0000\u202e"}'))
    assert answer.label == "Лавка Bcc: boris@example.ru"
    assert (await ask(json(r'{"sub": "1", "name": "\u200b\n"}'))).label is None

"""What leaves of an error for Sentry: where it happened, and nothing of whom it was about."""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

import pytest

from app import error_reports, tracing
from app.config import ROOT, Settings, read_settings
from app.error_reports import NOT_SENT, clean, report_errors
from app.errors import ConfigurationError
from app.logging import CountingHandler
from app.tracing import start_tracing
from tests.support.waiting import PATIENCE

SECRETS = ("sesame-token", "anna@example.ru", "203.0.113.7", "the body")
TOKEN, EMAIL, ADDRESS, BODY = SECRETS
FRAME = {"filename": "app/oauth/client.py", "function": "revoke", "lineno": 7, "in_app": True}
NASTY: dict[str, Any] = {
    "event_id": "1",
    "level": "error",
    "logger": "httpx",
    "release": "svyazka@1",
    "logentry": {"message": "%s said no", "formatted": f"{TOKEN} said no", "params": [TOKEN]},
    "exception": {
        "values": [
            {
                "type": "ValueError",
                "module": "h11",
                "value": f"Authorization: Bearer {TOKEN}",
                "stacktrace": {
                    "frames": [FRAME | {"vars": {"token": TOKEN}, "context_line": f"x = '{TOKEN}'"}]
                },
            }
        ]
    },
    "request": {"headers": {"Cookie": TOKEN}, "data": BODY, "url": f"/reset?link={TOKEN}"},
    "user": {"email": EMAIL, "ip_address": ADDRESS},
    "breadcrumbs": {"values": [{"message": BODY}]},
    "extra": {"token": TOKEN},
    "contexts": {"anything": {"token": TOKEN}},
    "server_name": ADDRESS,
    "tags": {"user": EMAIL},
    "modules": {"sesame": TOKEN},
    "something_new": TOKEN,
}
# Logs what a process may log at its worst, as `web` is set up for it.
PROGRAM = """
import logging, os
from app.config import read_settings
from app.error_reports import report_errors
from app.logging import LogEvent, set_up_logging
from app.tracing import check_ended, request_ended, start_tracing

settings = read_settings(os.environ, ())
handler = set_up_logging("info", "json", "web")
report_errors(settings, "web", handler)
start_tracing(settings, "web")
log = logging.getLogger("app.monitor.prober")
for connection in range(1000):
    log.error(LogEvent("grant_unreadable", connection=connection, error="no key"))
try:
    raise ValueError("sesame-token of anna@example.ru, the body")
except ValueError:
    log.exception(LogEvent("check_crashed", connection=1))
log.warning("203.0.113.7 is no error")
request_ended("GET", "/connections", 200, 0.25)
check_ended("evotor", "online", 0.5)
"""


class Collector:
    """An HTTP server that takes whatever is posted."""

    def __init__(self) -> None:
        self.port = 0
        self.posted: list[tuple[str, bytes]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(
                    line.lower().split(": ", 1)
                    for line in head.decode().splitlines()[1:]
                    if ": " in line
                )
                body = await reader.readexactly(int(fields["content-length"]))
                packed = fields.get("content-encoding") == "gzip"
                path = head.split()[1].decode()
                self.posted.append((path, gzip.decompress(body) if packed else body))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        except asyncio.IncompleteReadError:
            writer.close()


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    server = await asyncio.start_server(collector.answer, "127.0.0.1", 0)
    async with server:
        collector.port = server.sockets[0].getsockname()[1]
        yield collector


async def run(**variables: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **variables},
    )
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, err.decode()


def test_of_an_event_only_what_is_named_here_leaves() -> None:
    kept = clean(NASTY)
    shown = json.dumps(kept)
    assert [each for each in SECRETS if each in shown] == []
    assert kept == {
        "event_id": "1",
        "level": "error",
        "logger": "httpx",
        "release": "svyazka@1",
        "logentry": {"formatted": "%s said no"},
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "module": "h11",
                    "value": NOT_SENT,
                    "stacktrace": {"frames": [FRAME]},
                }
            ]
        },
    }


def test_our_own_words_leave_but_for_addresses() -> None:
    said = {"formatted": f"wave_opened provider=evotor {EMAIL}", "message": "…"}
    kept = clean({"logger": "app.history", "logentry": said})
    assert kept["logentry"] == {"formatted": "wave_opened provider=evotor …"}
    ours = {"type": "SealingError", "module": "app.errors", "value": "not a sealed value"}
    kept = clean({"exception": {"values": [ours]}})
    assert kept["exception"]["values"][0]["value"] == "not a sealed value"


@pytest.mark.parametrize(
    "text",
    ["sentry", "https://sentry.example.ru/42", "https://key@sentry.example.ru/", "https://["],
)
def test_what_is_no_dsn_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings({"SENTRY_DSN": text}, ())
    assert "SENTRY_DSN wants what Sentry calls DSN" in str(caught.value)
    assert text not in str(caught.value).replace("like https://KEY@sentry.example.ru/42", "")


def test_an_extra_that_is_not_installed_is_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("sentry_sdk", "opentelemetry.sdk.trace"):
        monkeypatch.setitem(sys.modules, name, None)
    wanted = Settings(sentry_dsn="https://key@sentry.example.ru/42", otlp_endpoint="http://a:4318")
    with pytest.raises(ConfigurationError, match=r"svyazka\[sentry\]"):
        report_errors(wanted, "web", CountingHandler())
    with pytest.raises(ConfigurationError, match=r"svyazka\[opentelemetry\]"):
        start_tracing(wanted, "web")


def test_without_the_variables_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        pytest.fail(f"{name} was imported")

    for module in (error_reports, tracing):
        monkeypatch.setattr(module, "import_module", fail)
    handler = CountingHandler()
    report_errors(Settings(), "web", handler)
    start_tracing(Settings(), "web")
    assert handler.also is None


@pytest.mark.skipif(find_spec("sentry_sdk") is None, reason="the extra `sentry` is not installed")
async def test_a_thousand_equal_errors_are_one_report_and_secrets_stay_here(
    collector: Collector,
) -> None:
    await run(SENTRY_DSN=f"http://key@127.0.0.1:{collector.port}/42")
    sent = [json.loads(line) for _, body in collector.posted for line in body.splitlines()]
    events = [each for each in sent if "logentry" in each]
    said = [each["logentry"]["formatted"] for each in events]
    assert said[:2] == [
        'grant_unreadable connection=0 error="no key"',
        "check_crashed connection=1",
    ]
    assert len(said) == 3
    assert said[2].startswith('grant_unreadable error="no key" repeated=999 seconds=')
    assert events[1]["exception"]["values"][0]["type"] == "ValueError"
    assert events[1]["tags"] == {"role": "web"}
    shown = "".join(body.decode() for _, body in collector.posted)
    assert [each for each in SECRETS if each in shown] == []


@pytest.mark.skipif(
    find_spec("opentelemetry") is None, reason="the extra `opentelemetry` is not installed"
)
async def test_spans_of_requests_and_checks_go_where_the_standard_variable_says(
    collector: Collector,
) -> None:
    endpoint = f"http://127.0.0.1:{collector.port}"
    await run(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_SERVICE_NAME="shop")
    assert {path for path, _ in collector.posted} == {"/v1/traces"}
    body = b"".join(body for _, body in collector.posted)
    for word in (b"GET /connections", b"http.route", b"evotor", b"svyazka.status", b"shop"):
        assert word in body, word

"""What a request costs with its line in the log, with spans, and with both off, as ratios."""

import logging
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from app import tracing
from app.config import Settings
from app.logging import CountingHandler, JsonLines
from app.web.app import create_app
from app.web.context import Dashboard
from app.web.middleware import request_log
from tests.support.settings import PUBLIC_URL, TOKEN_KEYS

PATH = "/login"  # a page that asks no database
ROUNDS, REQUESTS = 31, 100  # the variants take turns; the first round is not counted
CALLS = 200_000


async def measure() -> dict[str, object]:
    settings = Settings(secret_key="s" * 32, token_keys=TOKEN_KEYS, public_url=PUBLIC_URL)
    variants: dict[str, tuple[Dashboard, Callable[[], Any]]] = {
        "without the code": (_without(create_app(settings)), ExitStack),
        "off": (create_app(_silent(settings)), ExitStack),
        "a line in the log": (create_app(settings), _log_to_nowhere),
    }
    if find_spec("opentelemetry"):
        variants["spans"] = (create_app(_silent(settings)), _spans_to_nowhere)
    took: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, (app, around) in variants.items():
            with around():
                took[name].append(await _seconds(app))
    bare = took["without the code"]
    figures: dict[str, object] = {
        name: {
            "us_a_request": round(statistics.median(rounds[1:]) * 1e6, 1),
            "ratio": round(_ratio(rounds[1:], bare[1:]), 3),
        }
        for name, rounds in took.items()
    }
    figures["ns of a span that nobody wants"] = round(_seconds_of_a_call() * 1e9)
    for name, figure in figures.items():
        print(f"{name:<32} {figure}")
    return figures


def _ratio(these: list[float], those: list[float]) -> float:
    """Of rounds that were side by side."""
    return statistics.median(a / b for a, b in zip(these, those, strict=True))


def _silent(settings: Settings) -> Settings:
    return replace(settings, access_log=False)


def _without(app: Dashboard) -> Dashboard:
    """As if app/web/middleware/request_log.py were not there."""
    both: tuple[list[Any], ...] = (app.before_request_funcs[None], app.after_request_funcs[None])
    for hooks in both:
        hooks[:] = [each for each in hooks if each.__module__ != request_log.__name__]
    return app


@contextmanager
def _log_to_nowhere() -> Iterator[None]:
    log = logging.getLogger("app")
    with open("/dev/null", "w", encoding="utf-8") as nowhere:
        handler = CountingHandler()
        handler.setStream(nowhere)
        handler.setFormatter(JsonLines("web"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        yield
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


@contextmanager
def _spans_to_nowhere() -> Iterator[None]:
    sdk: Any = import_module("opentelemetry.sdk.trace")
    tracing.trace_with(sdk.TracerProvider())
    yield
    tracing.trace_with(None)


async def _seconds(app: Dashboard) -> float:
    client = app.test_client()
    began = time.process_time()  # others use this machine, too
    for _ in range(REQUESTS):
        answer = await client.get(PATH)
        assert answer.status_code == 200
    return (time.process_time() - began) / REQUESTS


def _seconds_of_a_call() -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        tracing.request_ended("GET", PATH, 200, 0.1)
    return (time.perf_counter() - began) / CALLS

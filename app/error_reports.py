"""Errors go to Sentry as well where SENTRY_DSN is set (extra `sentry`); else nothing is imported.

A report is made of what is named here, by what our own log wrote: where it happened and what our
own words say. No texts of libraries, which may quote a token or an address; no variables, requests,
headers, people, breadcrumbs or environment.
"""

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from app.config import Settings
from app.errors import ConfigurationError
from app.logging import CountingHandler, without_addresses
from app.version import VERSION

Event = Mapping[str, Any]

LAST_REPORTS = 2.0  # seconds for what is not sent yet when the process ends
KEPT = ("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "sdk")
KEPT_OF_FRAME = ("filename", "function", "lineno", "module", "in_app")
NOT_SENT = "(not sent: it may quote what it was about)"
OURS = "app."  # loggers and exceptions whose words are ours begin so


def report_errors(settings: Settings, role: str, handler: CountingHandler) -> None:
    """From now on what `handler` writes of errors is reported, so a thousand equal ones are one.

    Raises ConfigurationError where the extra is not installed.
    """
    if not settings.sentry_dsn:
        return
    try:
        sdk: Any = import_module("sentry_sdk")
        hook: Any = import_module("sentry_sdk.integrations.logging")
    except ImportError:
        raise ConfigurationError(
            ["SENTRY_DSN wants the package of the extra: pip install 'svyazka[sentry]'"]
        ) from None
    sdk.init(**options(settings, role))
    handler.also = _Reports(sdk, hook.EventHandler(logging.ERROR))


class _Reports(logging.Handler):
    """The SDK's own handler, which sends in a thread of its own; at the end we wait for it."""

    def __init__(self, sdk: Any, handler: logging.Handler) -> None:
        super().__init__(logging.ERROR)
        self._sdk, self._handler = sdk, handler

    def emit(self, record: logging.LogRecord) -> None:
        self._handler.emit(record)

    def flush(self) -> None:
        self._sdk.flush(timeout=LAST_REPORTS)


def options(settings: Settings, role: str) -> dict[str, Any]:
    """Nothing is hooked into libraries, and nothing is gathered that would be thrown away."""

    def before_send(event: Event, _hint: object) -> Event:
        return clean(event) | {"tags": {"role": role}}

    return {
        "dsn": settings.sentry_dsn,
        "release": f"svyazka@{VERSION}",
        "before_send": before_send,
        "default_integrations": False,
        "auto_enabling_integrations": False,
        "include_local_variables": False,
        "include_source_context": False,
        "max_breadcrumbs": 0,
        "max_request_body_size": "never",
        "send_default_pii": False,
        "server_name": "",
        "traces_sample_rate": None,
        "enable_logs": False,
        "auto_session_tracking": False,
        "send_client_reports": False,
    }


def clean(event: Event) -> dict[str, Any]:
    """What may leave of an event, by name; the rest stays here, whatever an SDK adds one day."""
    kept = {name: event[name] for name in KEPT if name in event}
    if entry := event.get("logentry"):
        kept["logentry"] = {"formatted": _words_of(entry, str(event.get("logger", "")))}
    if exception := event.get("exception"):
        kept["exception"] = {"values": [_exception(each) for each in exception["values"]]}
    return kept


def _words_of(entry: Event, logger: str) -> str:
    """Of a library's message only the words that do not depend on what it is about."""
    words = entry.get("formatted") if logger.startswith(OURS) else entry.get("message")
    return without_addresses(str(words))


def _exception(value: Event) -> dict[str, Any]:
    is_ours = str(value.get("module", "")).startswith(OURS)
    frames = (value.get("stacktrace") or {}).get("frames", [])
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "value": without_addresses(str(value.get("value"))) if is_ours else NOT_SENT,
        "stacktrace": {"frames": [_frame(each) for each in frames]},
    }


def _frame(frame: Event) -> dict[str, Any]:
    return {name: frame[name] for name in KEPT_OF_FRAME if name in frame}

"""Spans of requests and checks for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT is set (extra
`opentelemetry`); else nothing is imported, and a span is one comparison.

The exporter reads its own standard variables (headers, timeout, sampler, resource attributes).
"""

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from app.config import Settings
from app.errors import ConfigurationError
from app.version import VERSION

SERVICE = "svyazka"

_tracer: Any = None  # of this process; None: nobody wants spans


def start_tracing(settings: Settings, role: str) -> None:
    """Raises ConfigurationError where the extra is not installed."""
    if not settings.otlp_endpoint:
        return
    try:
        sdk: Any = import_module("opentelemetry.sdk.trace")
        processors: Any = import_module("opentelemetry.sdk.trace.export")
        otlp: Any = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        resources: Any = import_module("opentelemetry.sdk.resources")
    except ImportError:
        raise ConfigurationError(
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT wants the packages of the extra: "
                "pip install 'svyazka[opentelemetry]'"
            ]
        ) from None
    usual = {"service.name": f"{SERVICE}-{role}", "service.version": VERSION}
    named = resources.OTELResourceDetector().detect()  # the standard variables win
    provider = sdk.TracerProvider(resource=resources.Resource(usual).merge(named))
    provider.add_span_processor(processors.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    trace_with(provider)


def trace_with(provider: Any) -> None:
    """None: no more."""
    global _tracer
    _tracer = provider.get_tracer(SERVICE, VERSION) if provider else None


def request_ended(method: str, route: str, status: int, seconds: float) -> None:
    """The route, never the address, which holds ids and codes. Names of OpenTelemetry's semantic
    conventions for HTTP.
    """
    if _tracer is not None:
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
        _record(f"{method} {route}", seconds, attributes)


def check_ended(provider: str, status: str, seconds: float) -> None:
    if _tracer is not None:
        _record("check", seconds, {"svyazka.provider": provider, "svyazka.status": status})


def _record(name: str, seconds: float, attributes: Mapping[str, str | int]) -> None:
    """Something that ended just now."""
    ended = time.time_ns()
    span = _tracer.start_span(name, start_time=ended - int(seconds * 1e9), attributes=attributes)
    span.end(ended)

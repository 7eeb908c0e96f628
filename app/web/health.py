"""Liveness, readiness and metrics."""

from prometheus_client import CONTENT_TYPE_LATEST
from quart import Blueprint, Response, abort, jsonify, request
from quart.typing import ResponseReturnValue

from app.monitor.metrics_server import exposition, may_read_metrics
from app.web.context import dashboard
from app.web.middleware.authentication import public
from app.web.readiness import look_at

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
async def healthz() -> ResponseReturnValue:
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
async def readyz() -> ResponseReturnValue:
    """200 if every part works; else 503, with the parts that do not."""
    app = dashboard()
    parts = await app.readiness.parts(lambda: look_at(app.database))
    parts["listener"] = app.listener.connected
    return jsonify(parts), 200 if all(parts.values()) else 503


@blueprint.get("/metrics")
@public
async def metrics() -> ResponseReturnValue:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if not may_read_metrics(dashboard().settings, headers, request.remote_addr):
        abort(404)
    return Response(await exposition(dashboard().gauges), content_type=CONTENT_TYPE_LATEST)

"""Liveness, readiness and metrics."""

import asyncio
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST
from quart import Blueprint, Response, abort, jsonify, request
from quart.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.config import ROOT
from app.monitor import heartbeats
from app.monitor.metrics_server import exposition, may_read_metrics
from app.web.context import dashboard
from app.web.middleware.authentication import public

blueprint = Blueprint("health", __name__)

READY_TIMEOUT = 5.0  # seconds for the database to answer
READ_ONLY = text("SELECT current_setting('transaction_read_only')")
# No row, no table, and nobody else sees it. First a record in the write-ahead log, whose commit
# wants the log on its disk. A log has room in advance though, and pages of tables have some too: of
# a full disk they know nothing for a while. So a query follows whose rows spill into a file.
WRITES = (
    text("SELECT pg_logical_emit_message(true, 'svyazka', 'ready')"),
    text("SET LOCAL work_mem = '64kB'"),
    text("SELECT count(*) FROM generate_series(1, 8192)"),
)
REVISION = text("SELECT version_num FROM alembic_version")


@blueprint.get("/healthz")
@public
async def healthz() -> ResponseReturnValue:
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
async def readyz() -> ResponseReturnValue:
    """200 if every part works; else 503, with the parts that do not."""
    parts = dict.fromkeys(("database", "schema", "monitor", "way_out", "writable"), False)
    try:
        async with asyncio.timeout(READY_TIMEOUT), dashboard().database.sessions.begin() as session:
            parts["schema"] = await session.scalar(REVISION) not in _older_revisions()
            parts["database"] = True
            parts["monitor"] = await heartbeats.monitor_alive(session)
            parts["way_out"] = not await heartbeats.all_offline(session)
            may_write = await session.scalar(READ_ONLY) == "off"
            if may_write:
                for write in WRITES:
                    await session.execute(write)
        parts["writable"] = may_write  # and committed
    except (SQLAlchemyError, OSError, TimeoutError):
        pass  # parts that were not reached stay false
    parts["listener"] = dashboard().listener.connected
    return jsonify(parts), 200 if all(parts.values()) else 503


@blueprint.get("/metrics")
@public
async def metrics() -> ResponseReturnValue:
    known = dashboard().settings.metrics_token
    given, forwarded = (
        request.headers.get("Authorization", ""),
        "X-Forwarded-For" in request.headers,
    )
    if not may_read_metrics(known, given, forwarded, request.remote_addr):
        abort(404)
    return Response(await exposition(dashboard().gauges), content_type=CONTENT_TYPE_LATEST)


@cache
def _older_revisions() -> frozenset[str | None]:
    """Revisions older than this code's. An unknown one is newer: a deployment is under way.

    By the numbers of the files: to load Alembic takes a fifth of a start, and 9 MB.
    """
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    return frozenset({None, *(file.name.partition("_")[0] for file in files[:-1])})

"""Answers of a provider to a probe, as the monitor sees them."""

from typing import Any

from app.monitor.answer import Answer


def answer(status: int = 0, failure: str = "", **more: Any) -> Answer:
    """Without a status there was no answer: `failure` says why."""
    return Answer("evidence", 10, status, failure, **more)


WELL = answer(200)
ERROR = answer(503)
UNAUTHORIZED = answer(401)
FORBIDDEN = answer(403)
LIMITED = answer(429)

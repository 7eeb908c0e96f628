"""Beside the rules of an alert: what is told about a connection."""

from dataclasses import replace
from datetime import datetime

from app.alerts.types import ConnectionState, Kind, Notification


def about(
    kind: Kind,
    seen: ConnectionState,
    *,
    cause: str | None = None,
    evidence: str | None = None,
    since: datetime | None = None,
    seconds: int | None = None,
    days: int | None = None,
) -> Notification:
    return Notification(
        kind,
        seen.provider,
        seen.connection_id,
        seen.label,
        cause,
        evidence,
        since,
        seconds,
        days,
        title=seen.title,
        tags=seen.tags,
    )


def of_trouble(kind: Kind, seen: ConnectionState) -> Notification:
    if kind is Kind.OUTAGE and seen.outage is not None:
        outage = seen.outage
        own = seen.evidence if seen.status == "offline" else None
        evidence = own or outage.evidence
        news = about(kind, seen, cause=outage.cause, evidence=evidence, since=outage.since)
        return replace(news, refuses=outage.refuses)
    return about(kind, seen, cause=seen.cause, evidence=seen.evidence, since=seen.since)

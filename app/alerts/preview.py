"""Previews: an example of every message as a file, as e-mail and as Telegram text."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from app.alerts.channels import email, telegram
from app.alerts.message import AlertMessage, as_text
from app.alerts.message_texts import message_of
from app.alerts.outbox import facts_of
from app.alerts.text_context import Setting
from app.alerts.types import Kind, Notification

EXAMPLE_NAMESPACE = UUID("6b0a4c0e-0000-4000-8000-000000000000")
EXAMPLE_TIME = datetime(2026, 11, 25, 11, 20, tzinfo=UTC)
EXAMPLE_SINCE = EXAMPLE_TIME - timedelta(minutes=18)
TITLES = {"evotor": "Эвотор", "sklad": "Мой склад"}
EXAMPLES = {  # kind → its cause, evidence and how many connections
    "revoked": (Kind.REVOKED, "revoked", "POST /oauth/token → 400 invalid_grant", 1),
    "revoked-many": (Kind.REVOKED, "revoked", "POST /oauth/token → 400 invalid_grant", 3),
    "blocked-access": (Kind.BLOCKED, "access_denied", "GET /stores → 403 за 90 мс", 1),
    "blocked-payment": (Kind.BLOCKED, "payment_required", "GET /stores → 402 за 90 мс", 1),
    "offline": (Kind.OFFLINE, "timeout", "GET /stores → нет ответа за 10 с", 1),
    "offline-many": (Kind.OFFLINE, "provider_error", "GET /stores → 503 за 412 мс", 4),
    "outage": (Kind.OUTAGE, "provider_error", "GET /stores → 503 за 412 мс", 24),
    "expiring": (Kind.EXPIRING, None, None, 1),
    "flapping": (Kind.FLAPPING, "unreachable", None, 1),
    "calm": (Kind.CALM, None, None, 1),
    "recovered": (Kind.RECOVERED, "provider_error", None, 1),
    "recovered-many": (Kind.RECOVERED, "provider_error", None, 6),
    "reminder": (Kind.REMINDER, "revoked", "POST /oauth/token → 400 invalid_grant", 1),
}


def letters(zone: ZoneInfo, public_url: str) -> dict[str, AlertMessage]:
    """Example messages of every kind, by the names of their files."""
    setting = Setting(TITLES, zone, public_url, EXAMPLE_TIME)
    found = {
        name: message_of(kind, "evotor", facts_of(_news(kind, cause, evidence, count)), setting)
        for name, (kind, cause, evidence, count) in EXAMPLES.items()
    }
    held = [found["offline"].title, found["recovered"].title]
    found["with-held-back"] = replace(found["revoked"], held=tuple(held))
    found["digest"] = message_of(Kind.DIGEST, None, _digest(), setting)
    found["test"] = message_of(Kind.TEST, None, {}, setting)
    return found


def write(folder: Path, zone: ZoneInfo, public_url: str) -> list[Path]:
    """Write a file for each message, and one with links to all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = letters(zone, public_url)
    stop = f"{public_url}/alerts/unsubscribe/{EXAMPLE_NAMESPACE}"
    files = []
    for name, letter in found.items():
        file = folder / f"{name}.html"
        file.write_text(email.as_html(letter, public_url, stop), encoding="utf-8")
        files.append(file)
    index = folder / "index.html"
    index.write_text(_index(found), encoding="utf-8")
    return [*files, index]


def _index(found: dict[str, AlertMessage]) -> str:
    rows = [
        f'<h2><a href="{name}.html">{escape(letter.title)}</a></h2><table><tr>'
        f"<td><pre>{escape(as_text(letter))}</pre></td><td><pre>{telegram.as_html(letter)}</pre></td>"
        "</tr></table>"
        for name, letter in found.items()
    ]
    head = '<!doctype html><meta charset="utf-8"><title>Оповещения</title>'
    style = "<style>td{width:50%;vertical-align:top}pre{white-space:pre-wrap}</style>"
    return head + style + "<h1>Текст письма и сообщение Telegram</h1>" + "".join(rows)


def _news(kind: Kind, cause: str | None, evidence: str | None, count: int) -> list[Notification]:
    ending = kind is Kind.EXPIRING
    return [
        Notification(
            kind,
            "evotor",
            uuid5(EXAMPLE_NAMESPACE, str(number)),
            f"Магазин на Ленина, {number}",
            cause,
            evidence,
            EXAMPLE_TIME + timedelta(days=7) if ending else EXAMPLE_SINCE,
            18 * 60 if kind is Kind.RECOVERED else None,
            7 if ending else None,
        )
        for number in range(1, count + 1)
    ]


def _digest() -> dict[str, object]:
    parts = [
        {
            "kind": kind.value,
            "provider": "evotor",
            "at": EXAMPLE_SINCE.isoformat(),
            "facts": facts_of(_news(kind, cause, evidence, count)),
        }
        for kind, cause, evidence, count in EXAMPLES.values()
    ]
    return {"period": "daily", "alerts": parts[:5]}

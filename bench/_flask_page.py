"""The page of connections as one writes it with Flask, Jinja2 and psycopg: the peer of `pages`.

Runs by gunicorn in an environment of its own: nothing of `app` is imported. It looks up who is
signed in, selects the same rows with the same statements, and shows the same in as many bytes.
"""

import gzip
import hashlib
import os
import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import psycopg  # type: ignore[import-not-found]
from flask import Flask, Response, redirect, render_template, request
from itsdangerous import BadSignature, TimestampSigner
from psycopg.rows import namedtuple_row  # type: ignore[import-not-found]

ZONE = ZoneInfo("Europe/Moscow")
MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
SIGNED_IN = """
SELECT s.id_hash, s.expires_at, u.id, u.email, u.zone, now() - s.seen_at > '5 minutes' AS unseen
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.id_hash = %s AND s.expires_at > now() AND u.disabled_at IS NULL
"""
ROWS = """
SELECT c.id, c.user_id, c.provider, c.status, c.cause, c.evidence, c.since, c.is_online,
    c.last_checked_at, c.next_check_at, c.latency_ms, c.label, c.version, g.expires_at,
    g.refresh_token IS NOT NULL AS refreshable, c.recent_latencies, c.check_count, now() AS read_at,
    coalesce(c.transitions[4] > now() - interval '1 hour', false) AS flapping,
    (SELECT p.opened_at FROM provider_outages p WHERE p.provider = c.provider
     AND p.closed_at IS NULL AND c.status NOT IN ('blocked', 'revoked')) AS provider_down_since,
    (SELECT u.zone FROM users u WHERE u.id = c.user_id) AS zone
FROM connections c LEFT JOIN grants g ON g.connection_id = c.id
WHERE c.replaces_connection_id IS NULL AND c.user_id = %s ORDER BY c.connected_at, c.id
"""
UNSETTLED = """
SELECT c.id, c.provider, c.status, c.cause, c.label, c.account, b.label AS expected
FROM connections c JOIN connections b ON b.id = c.replaces_connection_id
WHERE c.user_id = %s AND (c.status <> 'checking' OR c.cause IS NOT NULL) ORDER BY c.connected_at
"""
SPENT = os.environ["PAGE_SPENT"]  # the statement of `app.history`, as psycopg wants it
STATUSES = (
    ("online", "ok", "bi-circle-fill", "в сети"),
    ("degraded", "warn", "bi-circle-fill", "нестабильно"),
    ("blocked", "warn", "bi-exclamation-circle-fill", "нужны ваши действия"),
    ("offline", "bad", "bi-circle-fill", "не в сети"),
    ("revoked", "bad", "bi-exclamation-circle-fill", "нужно переподключить"),
    ("checking", "idle", "bi-circle-fill", "проверяется"),
)
GREY = (
    ("moysklad", "МойСклад", "bi-boxes", "Товары, остатки и заказы из МоегоСклада."),
    ("wildberries", "Wildberries", "bi-bag-heart", "Кабинет продавца Wildberries."),
    ("ozon", "Ozon", "bi-box2", "Кабинет продавца Ozon."),
)
TONES = {"revoked": "d", "offline": "d", "blocked": "w", "unwatched": "n"}
TOPS = {"": (7, 17), "n": (22, 2), "w": (4, 20), "d": (2, 22)}  # and heights
GZIP_LEVEL = 5

app = Flask(__name__, template_folder=os.path.dirname(os.path.abspath(__file__)))
app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
signer = TimestampSigner(os.environ["SECRET_KEY"])
local = threading.local()


@app.get("/healthz")
def alive() -> str:
    return "ok"


@app.get("/connections")
def connections() -> Any:
    try:
        token = signer.unsign(request.cookies.get("session", ""), max_age=2_592_000)
    except BadSignature:
        return redirect("/login", 303)
    found = query(SIGNED_IN, (hashlib.sha256(token).digest(),))
    if not found:
        return redirect("/login", 303)
    rows = query(ROWS, (found[0].id,))
    unsettled = query(UNSETTLED, (found[0].id,))
    page = render_template(
        "_flask_page.html",
        email=found[0].email,
        cards=cards(rows),
        grey=GREY,
        unsettled=unsettled,
        statuses=[(*each, sum(row.status == each[0] for row in rows)) for each in STATUSES],
        now=int(datetime.now(UTC).timestamp()),
    )
    return packed(page)


def query(statement: str, given: Any) -> list[Any]:
    """A connection for each thread; psycopg prepares what it sees often."""
    if not hasattr(local, "connection"):
        url = os.environ["DATABASE_URL"]
        local.connection = psycopg.connect(url, autocommit=True, row_factory=namedtuple_row)
    return list(local.connection.execute(statement, given))


def packed(page: str) -> Response:
    body, headers = page.encode(), {"Vary": "Accept-Encoding", "Cache-Control": "no-store"}
    if request.accept_encodings.quality("gzip"):
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, mimetype="text/html", headers=headers)


def cards(rows: list[Any]) -> list[dict[str, Any]]:
    if not rows:
        return []
    now = rows[0].read_at
    halves, days = half_hours(now), days_before(now)
    windows = [*halves, *days, (now - timedelta(days=1), now), (days[0][0], now)]
    spent: dict[Any, list[list[Any]]] = {row.id: [[] for _ in windows] for row in rows}
    begins, ends = zip(*windows, strict=True)
    given = {
        "ids": [row.id for row in rows],
        "now": now,
        "since": min(begins),
        "begins": list(begins),
        "ends": list(ends),
    }
    for each in query(SPENT, given):
        spent[each.id][each.n - 1].append(each)
    return [card(row, spent[row.id], windows, now) for row in rows]


def card(row: Any, spent: list[list[Any]], windows: list[Any], now: datetime) -> dict[str, Any]:
    latencies = [look & 0x7FFF for look in row.recent_latencies]
    turn = row.check_count % 60
    return {
        "row": row,
        "id": str(row.id),
        "since": clock(row.since, now),
        "checked": clock(row.last_checked_at, now),
        "next": clock(row.next_check_at, now),
        "stale_at": row.next_check_at + timedelta(minutes=10),
        "day": uptime(windows[78], spent[78]),
        "month": uptime(windows[79], spent[79]),
        "half_hours": bars(windows[:48], spent[:48], 7, half_hours_name),
        "days": bars(windows[48:78], spent[48:78], 11, days_name),
        "spark": spark(latencies[turn:] + latencies[:turn]),
    }


def bars(windows: list[Any], spent: list[list[Any]], pitch: int, name: Any) -> list[dict[str, str]]:
    """Bars that say the same are one shape, as on the page that this is measured beside."""
    drawn, place = [], 0
    for well, run in groupby(spent, key=lambda each: not each):
        for count in [len(list(run))] if well else [1] * len(list(run)):
            stretches = spent[place]
            kind = TONES[stretches[0].status] if stretches else ""
            top, height = TOPS[kind]
            width = f"{pitch * 0.62 - 4:g}"
            bar = f"h{width}v{height}h-{width}z"
            path = f"M{place * pitch + 2} {top}" + f"m{pitch} 0".join([bar] * count)
            title = name(windows[place][0], windows[place + count - 1][0])
            drawn.append({"kind": kind, "path": path, "title": f"{title}: {told(stretches)}"})
            place += count
    return drawn


def told(stretches: list[Any]) -> str:
    down = sum((each.lasted for each in stretches if each.status != "unwatched"), timedelta())
    unknown = sum((each.lasted for each in stretches if each.status == "unwatched"), timedelta())
    words = [f"не работало {span(down)}"] if down else []
    words += [f"нет данных {span(unknown)}"] if unknown else []
    return ", ".join(words) or "в сети"


def uptime(window: Any, stretches: list[Any]) -> str:
    whole = window[1] - window[0]
    unknown = sum((each.lasted for each in stretches if each.status == "unwatched"), timedelta())
    down = sum((each.lasted for each in stretches if each.status != "unwatched"), timedelta())
    hundredths = int((whole - down - unknown) / (whole - unknown) * 10_000)
    if hundredths == 10_000:
        return "100\u00a0%"
    return f"{hundredths // 100},{hundredths % 100:02}\u00a0%"


def spark(latencies: list[int]) -> dict[str, Any]:
    scale = 16 / max(*latencies, 1)
    places = range(len(latencies))
    points = [f"{round(place * 80 / 59)} {18 - int(latencies[place] * scale)}" for place in places]
    return {"least": min(latencies), "most": max(latencies), "path": "M" + " ".join(points)}


def half_hours(now: datetime) -> list[tuple[datetime, datetime]]:
    last = now.replace(minute=now.minute - now.minute % 30, second=0, microsecond=0)
    starts = [last - timedelta(minutes=30) * back for back in reversed(range(48))]
    return [(start, min(start + timedelta(minutes=30), now)) for start in starts]


def days_before(now: datetime) -> list[tuple[datetime, datetime]]:
    today = now.astimezone(ZONE).date()
    starts = [midnight(today - timedelta(days=back)) for back in reversed(range(31))]
    return [(start, min(start + timedelta(days=1), now)) for start in starts[1:]]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


def half_hours_name(first: datetime, last: datetime) -> str:
    begin, end = first.astimezone(ZONE), (last + timedelta(minutes=30)).astimezone(ZONE)
    if begin.date() == end.date():
        return f"{begin:%H:%M}–{end:%H:%M}"
    return f"{day_name(begin)}, {begin:%H:%M} – {day_name(end)}, {end:%H:%M}"


def days_name(first: datetime, last: datetime) -> str:
    names: Iterable[str] = dict.fromkeys(day_name(each.astimezone(ZONE)) for each in (first, last))
    return " – ".join(names)


def day_name(at: datetime) -> str:
    return f"{at.day} {MONTHS[at.month - 1]}"


def clock(at: datetime, now: datetime) -> str:
    local_time = at.astimezone(ZONE)
    if local_time.date() == now.astimezone(ZONE).date():
        return f"{local_time:%H:%M:%S}"
    return f"{day_name(local_time)}, {local_time:%H:%M}"


def span(lasted: timedelta) -> str:
    minutes = int(lasted.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} мин"
    return f"{minutes // 60} ч {minutes % 60} мин" if minutes % 60 else f"{minutes // 60} ч"

"""Days and times on pages are those of the reader, whatever the server's time zone is.

Every place of every template that shows a time is rendered here for two readers between whom
another day has begun: it shows each of them a time of their own.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment, FunctionLoader, nodes, pass_context
from jinja2.runtime import Context
from sqlalchemy import update

from app.database.engine import Database
from app.history.slow_periods import SlowTime
from app.models.account import User
from app.models.connection import Connection, Grant
from app.web.alerts import labels as alert_labels
from app.web.history import report_labels
from app.web.reader_times import relative_time, time_filters
from app.web.template_filters import add_filters
from tests.support.people import Person

ROOT = Path(__file__).resolve().parents[2] / "templates"
READERS = ZoneInfo("Europe/London"), ZoneInfo("Pacific/Kiritimati")
AT = datetime(2026, 10, 1, 22, 30, tzinfo=UTC)  # October 1 for the one, October 2 for the other
NOW = datetime(2026, 10, 5, 9, tzinfo=UTC)
LATER = datetime(2027, 5, 12, 22, 30, tzinfo=UTC)
LAST_DAY = datetime(2026, 10, 10, 22, 30, tzinfo=UTC)  # in 5 days, in 6 days
TIMES = [*time_filters(), "moment"]
PICTURES = ("chart", "day_bars", "half_hour_bars", "long_bars", "spark")
Places = Counter[tuple[int, str]]  # how often on a line by which filter

ZERO = timedelta(0)
SPLIT = Thing(
    **dict.fromkeys(("down", "provider", "you", "us", "unknown"), ZERO),
    uptime=1.0,
    whole=timedelta(1),
    watched=timedelta(1),
)
WINDOW = Thing(began=AT, ended=AT)
STRETCH = Thing(
    **{"began": AT, "ended": AT, "lasted": ZERO, "status": "offline", "cause": "timeout"},
    **{"evidence": "", "last_evidence": "", "checks": 1, "wide": True, "provider": "evotor"},
    connections=[],
)
CARD = Thing(
    **{"id": 1, "name": "Эвотор", "details": None, "provider": "evotor", "icon": "bi-shop"},
    **{"connected": True, "configured": True, "status": "degraded", "cause": "timeout"},
    **{
        "fault": "provider",
        "evidence": "",
        "version": 1,
        "is_online": False,
        "past": None,
        "tags": (),
    },
    **{"title": "Лавка", "full_title": "Лавка, Эвотор", "subtitle": "Эвотор"},
    **{"since": AT, "last_checked_at": AT, "next_check_at": AT, "stale": False, "stale_at": None},
    **{"expires_at": LAST_DAY, "flapping": False, "by_key": False, "delivered": False},
    **{"provider_down_since": AT, "provider_refuses_all": False, "is_lasting": False},
    **{"latency_ms": 1, "latencies": (), "slow": True, "slow_since": AT, "baseline_ms": 1},
    **{"paused": False, "paused_forever": False, "paused_until": AT},
)
REFUSED = Thing(**vars(CARD) | {"provider": "sklad", "name": "Склад", "provider_refuses_all": True})
TIMELINE = Thing(
    **dict.fromkeys(("day", "month", "quarter", "split"), SPLIT),
    **dict.fromkeys(("today", "yesterday"), Thing(median=None, counts=Counter())),
    **dict.fromkeys(("long", "days"), Thing(windows=[WINDOW])),
    **{"chart": Thing(period="24h"), "intervals": [STRETCH], "window": WINDOW, "months": []},
    last_checks=[Thing(at=AT, good=True, latency_ms=1)],
    slow=SlowTime(),
)
FACTS = Thing(connected_at=AT, refreshed_at=AT, in_doubt_since=AT, refreshable=True)
PROVIDER = Thing(
    **{"name": "evotor", "title": "Эвотор", "kind": "api_key", "fields": ()},
    **{"takes_codes": True, "push": Thing(where="там")},
)
CHANNEL = Thing(
    **{"kind": "email", "state": "on", "failures": 1, "error": "!", "failing_since": AT},
    **{"next_try_at": AT, "sent_at": AT, "label": "", "id": 1},
)
ALERT = Thing(
    **{"title": "!", "at": AT, "for_digest": False},
    where=[Thing(kind="email", label="", state="sent", at=AT, error="")],
)
ENTRY = Thing(at=AT, deed="signed_up", provider=None, label=None, who="person", device="")
SESSION = Thing(id=1, id_hash=b"", user_agent="", seen_at=AT, created_at=AT)
FILTER = Thing(connection_id=None, cause=None)
CONTEXTS: dict[str, dict[str, object]] = {
    "accounts/email_sent.html": {"trouble": "server", "expires_at": AT},
    "connections/expiries.html": {"cards": [CARD], "made_at": AT},
    "accounts/_passkeys.html": {"passkeys": [Thing(id=1, name="", created_at=AT, used_at=AT)]},
    "accounts/_sessions.html": {"sessions": [SESSION], "who": Thing(session_hash=b"")},
    "accounts/audit_log.html": {"entries": [ENTRY], "kinds": {}, "periods": {}},
    "alerts/_channel.html": {"channel": CHANNEL},
    "alerts/_sent_alerts.html": {"sent": [ALERT]},
    "connections/_card.html": {"card": CARD},
    "connections/_details.html": {"card": CARD, "facts": FACTS, "history": TIMELINE},
    "connections/_history.html": {"card": CARD, "history": TIMELINE},
    "connections/_installation.html": {
        "provider": PROVIDER,
        "way_in": Thing(code=Thing(text="", expires_at=AT), awaited=[]),
    },
    "connections/_slow.html": {"card": CARD},
    "connections/_key_figures.html": {"card": CARD, "history": TIMELINE},
    "connections/_provider_outages.html": {"cards": [CARD, REFUSED]},
    "connections/provider_page.html": {
        **{"provider": PROVIDER, "cards": [CARD], "configured": True},
        "keys": {1: Thing(ending="", expires_at=AT)},
    },
    "connections/_verdict.html": {"card": CARD},
    "connections/_paused.html": {"card": CARD},
    "history/outages.html": {
        **{
            "groups": [Thing(day=AT, total="", entries=[STRETCH])],
            "days": 1,
            "wanted": FILTER,
            "causes": {},
            "periods": {},
            "titles": {},
        },
    },
    "history/report.html": {
        **{"card": CARD, "report": TIMELINE, "words": report_labels, "months": [], "read_at": AT},
    },
}


def source_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def template_names() -> list[str]:
    """All but the sandbox's, which are another program's, and the layouts' own macros."""
    found = (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.html"))
    return sorted(name for name in found if not name.startswith("sandbox/"))


def places_in(name: str) -> Places:
    """Where this template shows a time."""
    tree = environment_of(name).parse(source_of(name))
    filters = [(each.lineno, each.name) for each in tree.find_all(nodes.Filter)]
    calls = [
        (each.lineno, each.node.name)
        for each in tree.find_all(nodes.Call)
        if isinstance(each.node, nodes.Name)
    ]
    return Counter(place for place in [*filters, *calls] if place[1] in TIMES)


class Shown:
    """What one template showed, by the place where it stands."""

    def __init__(self) -> None:
        self._texts: dict[tuple[int, str, int], str] = {}

    def noting(self, name: str, show: Callable[..., Any]) -> Callable[..., Any]:
        @pass_context
        def noted(context: Context, *args: Any, **options: Any) -> Any:
            shown = show(context, *args, **options)
            self._texts[self._place(name)] = str(getattr(shown, "text", shown))
            return shown

        return noted

    @property
    def texts(self) -> list[str]:
        return [self._texts[place] for place in sorted(self._texts)]

    @property
    def places(self) -> Places:
        return Counter((line, name) for line, name, _ in self._texts)

    @staticmethod
    def _place(name: str) -> tuple[int, str, int]:
        """The line of the template, the filter, and the line of what Jinja made of it."""
        frame = sys._getframe(1)
        while "__jinja_template__" not in frame.f_globals:
            assert frame.f_back is not None
            frame = frame.f_back
        template = frame.f_globals["__jinja_template__"]
        return template.get_corresponding_lineno(frame.f_lineno), name, frame.f_lineno


def environment_of(alone: str) -> Environment:
    """Of one template alone: what it extends has its blocks, what it includes is empty."""

    def load(name: str) -> str:
        if name == alone or name.endswith("_macros.html"):
            return source_of(name)
        blocks = "{% block main %}{% endblock %}{% block form %}{% endblock %}"
        return blocks if name.startswith("layout/") else ""

    environment = Environment(autoescape=True, loader=FunctionLoader(load))
    add_filters(environment, lambda: NOW)
    environment.filters.update({name: lambda *_: "" for name in PICTURES})
    environment.tests["bad_event"] = lambda _: False
    environment.globals.update(icon=lambda *_: "", alert_words=alert_labels)
    return environment


def rendered(name: str, reader: ZoneInfo) -> tuple[str, Shown]:
    environment, shown = environment_of(name), Shown()
    moment = relative_time(environment.filters["clock"])
    environment.globals["moment"] = shown.noting("moment", moment)
    for each in time_filters():
        environment.filters[each] = shown.noting(each, environment.filters[each])
    page = environment.get_template(name).render(CONTEXTS[name], own_zone=reader, zone=reader)
    return page, shown


def test_every_template_that_shows_a_time_is_tried_here() -> None:
    assert {name for name in template_names() if places_in(name)} == set(CONTEXTS)


@pytest.mark.parametrize("name", sorted(CONTEXTS))
def test_every_time_that_a_template_shows_is_the_readers(name: str) -> None:
    (one, his), (other, hers) = (rendered(name, reader) for reader in READERS)
    assert his.places == hers.places == places_in(name), "not all of its places were rendered"
    for text, otherwise in zip(his.texts, hers.texts, strict=True):
        assert text != otherwise
        assert text.casefold() in one.casefold()
        assert otherwise.casefold() in other.casefold()


def test_a_template_makes_no_text_of_a_time_by_itself() -> None:
    """But quiet hours, which are no moments; and attributes that a program reads."""
    for name in template_names():
        source = re.sub(r"quiet_\w+\.strftime", "", source_of(name))
        source = re.sub(r'(datetime|data-stale-at)="\{\{ [\w.]+\.isoformat\(\) \}\}"', "", source)
        found = re.search(r"\.(astimezone|ctime|date|isoformat|strftime|time)\(", source)
        assert found is None, f"{name}: {found}"


def test_a_template_that_is_not_told_who_reads_it_is_refused() -> None:
    environment = Environment(autoescape=True)
    add_filters(environment)
    with pytest.raises(KeyError, match="own_zone"):
        environment.from_string("{{ at | clock }}").render(at=AT)


async def test_a_reader_in_london_sees_london_days_on_the_page_of_a_connection(
    person: Person, database: Database
) -> None:
    card = await person.connect()
    own = Connection.id == UUID(card["id"])
    async with database.sessions.begin() as session:
        await session.execute(update(User).values(zone="Europe/London"))
        await session.execute(update(Connection).where(own).values(connected_at=AT))
        await session.execute(update(Grant).values(expires_at=LATER, refresh_token=None))
    page = await person.page(f"/connections/{card['id']}")
    assert re.findall(r"\d+ (?:октября|мая) \d{4}", page) == [
        "1 октября 2026",
        "12 мая 2027",
    ]

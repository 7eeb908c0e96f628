"""Filters that show a time: always by the clock of the person who reads the page.

A template is rendered with `own_zone`, the reader's time zone: pages get it from the context
processor in `template_globals.py`, fragments of a stream from whoever renders them. A template
without it raises KeyError. Falling back on the server's zone would print wrong times that nobody
notices.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from app.i18n.formatting import at_clock, clock, day, day_name, moment, recent_day_and_time
from app.web.connections.grant_labels import end_of, expiry

Now = Callable[[], datetime]
T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


def time_filters(now: Now = utc_now) -> dict[str, Callable[..., Any]]:
    """By their names."""

    def clock_now(at: datetime, zone: ZoneInfo, seconds: bool = True) -> str:
        return clock(at, zone, now(), seconds=seconds)

    return {
        "clock": by_reader(clock_now),
        "since": by_reader(lambda at, zone: f"с {clock_now(at, zone)}"),
        "since_minute": by_reader(lambda at, zone: f"с {clock_now(at, zone, seconds=False)}"),
        "day": by_reader(day),
        "day_name": by_reader(lambda at, zone: day_name(at.astimezone(zone).date())),
        "at_clock": by_reader(lambda at, zone: at_clock(at, zone, now())),
        "moment_text": by_reader(moment),
        "recent_day_and_time": by_reader(lambda at, zone: recent_day_and_time(at, zone, now())),
        "end_of": by_reader(lambda at, zone: end_of(at, zone, now())),
        "expiry": by_reader(lambda at, zone: None if at is None else expiry(at, zone, now())),
    }


def by_reader(show: Callable[..., T]) -> Callable[..., T]:
    """The filter that calls `show(value, zone, …)` with the zone of the template's reader."""

    @pass_context
    def shown(context: Context, value: Any, *args: Any, **options: Any) -> T:
        return show(value, context["own_zone"], *args, **options)

    return shown


def relative_time(clock: Callable[..., str]) -> Callable[..., Markup]:
    """`moment(at)` for templates: a time that static/relative_time.js turns into "5 минут назад".

    `clock` is the filter of that name. It says the time in the tooltip, and without JavaScript
    where there is no other `text`. `span` asks for "5 мин" instead of "5 минут назад".

    Built by hand: a macro would escape every part of it anew, a thousand times a page.
    """

    @pass_context
    def moment(context: Context, at: datetime, text: str = "", span: bool = False) -> Markup:
        iso, lasting = at.isoformat(), " span" if span else ""
        shown = clock(context, at)
        return Markup(  # noqa: S704 - times alone, and a text that is escaped
            f'<rel-time datetime="{iso}" title="{shown}"{lasting}>'
            f'<time datetime="{iso}">{escape(text or shown)}</time></rel-time>'
        )

    return moment

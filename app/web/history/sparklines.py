"""Rows of bars and sparklines as SVG. Built from strings, because a page may hold thousands of
bars, and almost all of them are the same.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from app.history.monthly_report import MonthlyReport
from app.history.periods import TimeRange
from app.history.timeline import Timeline
from app.history.uptime import Breakdown, Past, Series
from app.i18n.formatting import NO_DATA
from app.web.history.labels import (
    IN_ORDER,
    answers,
    availability,
    bar_title,
    run_of_days,
    run_of_half_hours,
    tone,
)

HEIGHT = 26  # of a row of bars, in pixels
UP, NOTHING = 21, 6  # height of a bar that was up, and of one that nothing is known of
HEIGHTS = {"": UP, "n": NOTHING, "w": 24, "d": HEIGHT}
SHARE = 0.62  # of its place that a bar fills
ROUND = 2  # radius of a bar's corners; the style sheet draws them as a line around a smaller bar
# Pixels from bar to bar, about as the page shows them: rows are stretched to fit.
CARD_HALF_HOUR, PAGE_DAY, REPORT_DAY = 7, 13, 28
SPARK_WIDTH, SPARK_HEIGHT = 80, 20  # pixels

Name = Callable[[TimeRange, TimeRange, ZoneInfo], str]


class Painter:
    """Draws rows of bars. Neighbouring bars with the same title, as almost all have, are one path.
    All cards have the same windows, so most paths are equal from card to card, and are cached.
    """

    def __init__(self, zone: ZoneInfo, name: Name, pitch: int) -> None:
        self._zone, self._name, self._pitch = zone, name, pitch
        self._windows: Sequence[TimeRange] = ()
        self._shapes: dict[tuple[str, int, int, int], str] = {}

    def bars(self, bars: Series, title: str, whole: Breakdown) -> Markup:
        """A row of bars; its accessible name is `title` and the uptime of `whole`."""
        self._prepare(bars.windows)
        plain = [
            "" if split is well and split.whole else _plain(split)
            for split, well in zip(bars.splits, bars.well, strict=True)
        ]
        drawn, place = [], 0
        for kind, run in groupby(plain):
            count = len(list(run))
            if kind is None:
                drawn += [self._bar(at, bars.splits[at]) for at in range(place, place + count)]
            else:
                drawn.append(self._run(kind, place, count))
            place += count
        label = escape(f"{title}: {availability(whole)}")
        width = self._pitch * (max(len(plain), 1) - 1 + SHARE)
        return Markup(  # noqa: S704 - numbers and our own words
            f'<svg class="beat" viewBox="0 0 {width:g} {HEIGHT}" height="{HEIGHT}"'
            f' preserveAspectRatio="none" role="group" aria-label="{label}">'
            + "".join(drawn)
            + "</svg>"
        )

    def _prepare(self, windows: Sequence[TimeRange]) -> None:
        """Empties the cache of paths when the windows have moved on."""
        if windows is not self._windows:
            if [each.began for each in windows] != [each.began for each in self._windows]:
                self._shapes = {}
            self._windows = windows

    def _run(self, kind: str, first: int, count: int) -> str:
        words = NO_DATA if kind else IN_ORDER
        return f"{self._shape(kind, HEIGHTS[kind], first, count)}{words}</title></path>"

    def _bar(self, place: int, split: Breakdown) -> str:
        kind = tone(split)
        return (
            f"{self._shape(kind, _height(kind, split), place, 1)}{bar_title(split)}</title></path>"
        )

    def _shape(self, kind: str, height: int, first: int, count: int) -> str:
        """The path and the beginning of its title, from the cache; the caller adds the rest."""
        key = kind, height, first, count
        if key not in self._shapes:
            self._shapes[key] = self._drawn(*key)
        return self._shapes[key]

    def _drawn(self, kind: str, height: int, first: int, count: int) -> str:
        known_as = f' class="{kind}"' if kind else ""
        width, inside = f"{self._pitch * SHARE - 2 * ROUND:g}", height - 2 * ROUND
        bar = f"h{width}v{inside}h-{width}z"
        path = f"m{self._pitch} 0".join([bar] * count)
        name = self._name(self._windows[first], self._windows[first + count - 1], self._zone)
        return (
            f'<path{known_as} d="M{first * self._pitch + ROUND} {HEIGHT - height + ROUND}{path}"'
            f' role="img"><title>{name}: '
        )


def half_hour_bars(past: Past) -> Markup:
    return _half_hour_painter(past.zone).bars(past.half_hours, "Доступность за 24 часа", past.day)


def long_bars(timeline: Timeline) -> Markup:
    painter = _day_painter(timeline.chart.zone, PAGE_DAY)
    return painter.bars(timeline.long, "Доступность за 90 дней", timeline.quarter)


def month_bars(report: MonthlyReport, zone: ZoneInfo) -> Markup:
    """Not cached, unlike the others: a report is opened rarely."""
    painter = Painter(zone, run_of_days, REPORT_DAY)
    return painter.bars(report.days, "Доступность по дням", report.split)


@cache
def _half_hour_painter(zone: ZoneInfo) -> Painter:
    return Painter(zone, run_of_half_hours, CARD_HALF_HOUR)


@cache
def _day_painter(zone: ZoneInfo, pitch: int) -> Painter:
    return Painter(zone, run_of_days, pitch)


def spark(latencies: Sequence[int | None]) -> Markup:
    """Latencies of the last checks as a line; a check without an answer is a gap."""
    known = [latency for latency in latencies if latency is not None]
    if len(known) < 2:
        return Markup("")
    scale, bottom = (SPARK_HEIGHT - 4) / max(*known, 1), SPARK_HEIGHT - 2
    points = [
        "" if latency is None else column[bottom - int(latency * scale)]
        for column, latency in zip(_columns(len(latencies)), latencies, strict=True)
    ]
    pieces = " ".join(points).split("  ") if None in latencies else [" ".join(points)]
    path = "".join(f"M{piece.strip()}" for piece in pieces if piece.strip())
    return Markup(  # noqa: S704 - numbers and our own words
        f'<svg class="spark" width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}" role="img">'
        f'<title>{answers(known)}</title><path d="{path}"/></svg>'
    )


@cache
def _columns(count: int) -> list[list[str]]:
    """The text of every possible point, by column and height; there are few, so they are cached."""
    places = [round(place * SPARK_WIDTH / (count - 1)) for place in range(count)]
    return [[f"{place} {y}" for y in range(SPARK_HEIGHT)] for place in places]


def _plain(split: Breakdown) -> str | None:
    """The CSS class of a bar whose title has no figures, so that neighbours can share one path;
    None where it has.
    """
    if not split.whole or split.unknown == split.whole:
        return "n"
    return "" if split.worst is None else None


def _height(kind: str, split: Breakdown) -> int:
    """A bar is lower in proportion to the time for which nothing is known."""
    if kind == "" and split.unknown:
        return NOTHING + round((UP - NOTHING) * (1 - split.unknown / split.whole))
    return HEIGHTS[kind]

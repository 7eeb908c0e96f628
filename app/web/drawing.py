"""Small pictures of the past as SVG: bars and sparklines. Drawn by hand, because a page may hold
thousands of bars, and almost all of them are the same.
"""

from collections.abc import Callable, Sequence
from functools import cache
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from app.history import Bars, Split
from app.web.wording_history import answers, day, half_hour, percent, spent, tone
from app.windows import Window

HEIGHT = 26  # of a row of bars, in pixels
UP, NOTHING = 21, 6  # height of a bar that was up, and of one that nothing is known of
HEIGHTS = {"": UP, "n": NOTHING, "w": 24, "d": HEIGHT}
SHARE = 0.62  # of its place that a bar fills
SPARK_WIDTH, SPARK_HEIGHT = 80, 20  # pixels

Name = Callable[[Window, ZoneInfo], str]


class Painter:
    """Draws rows of bars. The windows of all cards on a page are the same ones, and so are most
    of their bars: those are drawn once.
    """

    def __init__(self, zone: ZoneInfo, name: Name) -> None:
        self._zone, self._name = zone, name
        self._windows: Sequence[Window] = ()
        self._names: list[str] = []
        self._up: list[str] = []

    def bars(self, bars: Bars, title: str, whole: Split) -> Markup:
        """A row of bars, each with a title; `title` and the uptime of `whole` name them all."""
        if bars.windows is not self._windows:
            self._prepare(bars.windows, bars.well)
        drawn = self._up.copy()
        for place, (split, well) in enumerate(zip(bars.splits, bars.well, strict=True)):
            if split is not well:
                drawn[place] = self._bar(place, split)
        label = escape(f"{title}: {percent(whole.uptime)}")
        head = f'<svg class="beat" height="{HEIGHT}" role="group" aria-label="{label}">'
        return Markup(head + "".join(drawn) + "</svg>")  # noqa: S704 - numbers and our own words

    def _prepare(self, windows: Sequence[Window], well: Sequence[Split]) -> None:
        self._windows = windows
        self._names = [self._name(window, self._zone) for window in windows]
        self._up = [self._bar(place, split) for place, split in enumerate(well)]

    def _bar(self, place: int, split: Split) -> str:
        kind = tone(split)
        height = _height(kind, split)
        pitch = 100 / (len(self._windows) - 1 + SHARE)
        known_as = f' class="{kind}"' if kind else ""
        return (
            f'<rect{known_as} x="{place * pitch:.2f}%" y="{HEIGHT - height}"'
            f' width="{SHARE * pitch:.2f}%" height="{height}" rx="2" role="img">'
            f"<title>{self._names[place]}: {spent(split)}</title></rect>"
        )


def half_hour_painter(zone: ZoneInfo) -> Painter:
    return Painter(zone, half_hour)


def day_painter(zone: ZoneInfo) -> Painter:
    return Painter(zone, day)


def spark(latencies: Sequence[int | None]) -> Markup:
    """The last answers as a line; where there was none, the line has a gap."""
    known = [latency for latency in latencies if latency is not None]
    if len(known) < 2:
        return Markup("")
    scale, bottom = (SPARK_HEIGHT - 4) / max(*known, 1), SPARK_HEIGHT - 2
    points = [
        "" if latency is None else f"{place} {bottom - int(latency * scale)}"
        for place, latency in zip(_places(len(latencies)), latencies, strict=True)
    ]
    pieces = " ".join(points).split("  ") if None in latencies else [" ".join(points)]
    path = "".join(f"M{piece.strip()}" for piece in pieces if piece.strip())
    return Markup(  # noqa: S704 - numbers and our own words
        f'<svg class="spark" width="{SPARK_WIDTH}" height="{SPARK_HEIGHT}" role="img">'
        f'<title>{answers(known)}</title><path d="{path}"/></svg>'
    )


@cache
def _places(count: int) -> list[int]:
    return [round(place * SPARK_WIDTH / (count - 1)) for place in range(count)]


def _height(kind: str, split: Split) -> int:
    """What was not watched all the time is lower: less is known of it."""
    if kind == "" and split.unknown:
        return NOTHING + round((UP - NOTHING) * (1 - split.unknown / split.whole))
    return HEIGHTS[kind]

"""The chart of latencies as SVG: median, 95th percentile, outages shaded."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from app.history.latency import Point
from app.history.periods import TimeRange
from app.history.timeline import Chart
from app.i18n.formatting import day_name, long_span

TOP, PLOT, FOOT = 8, 200, 24  # pixels: above the grid, the grid, its dates below
STEPS = 4  # lines of the grid above zero
WIDTH = 1_000  # units of a line from left to right
PLACES = 6  # names of times along the bottom
NICE = (1, 2, 2.5, 5, 10)

Place = tuple[float, float]  # across and down


def chart(given: Chart) -> Markup:
    """The whole chart; a window without data is a gap in the lines."""
    top = _top(given.points)
    medians = _lines(given, "median", top)
    marks = [round(top * step / STEPS) for step in range(STEPS + 1)]
    scale = "".join(f'<text x="34" y="{_y(mark, top) + 4:.0f}">{mark}</text>' for mark in marks)
    grid = "".join(f'<line x1="0" x2="100%" {_level(_y(mark, top))}/>' for mark in marks)
    height = TOP + PLOT + FOOT
    return Markup(  # noqa: S704 - numbers and our own words
        f'<div class="plot"><svg class="chart scale" width="40" height="{height}"'
        f' aria-hidden="true">{scale}</svg>'
        f'<svg class="chart" width="100%" height="{height}" role="img"'
        f' aria-label="{escape(_label(given.points))}"><g class="lines">{grid}</g>'
        + "".join(_shade(each, given.span, given.zone) for each in given.down)
        + f'<svg y="0" width="100%" height="{TOP + PLOT}" viewBox="0 0 {WIDTH} {TOP + PLOT}"'
        f' preserveAspectRatio="none"><path class="area" d="{_area(medians)}"/>'
        f'<path class="p95" d="{_path(_lines(given, "p95", top))}"/>'
        f'<path class="median" d="{_path(medians)}"/></svg>'
        + "".join(_names(given))
        + "</svg></div>"
    )


def _top(points: Sequence[Point]) -> float:
    """The top of the scale: the smallest round number above all values."""
    most = max((point.p95 or 0 for point in points), default=0) or 100
    power = 10.0 ** (len(str(int(most))) - 1)
    return next(nice * power for nice in NICE if nice * power >= most)


def _y(value: float, top: float) -> float:
    return TOP + PLOT * (1 - min(value / top, 1))


def _level(y: float) -> str:
    return f'y1="{y:.0f}" y2="{y:.0f}"'


def _x(at: float, span: TimeRange) -> float:
    return (at - span.began.timestamp()) / max(span.whole.total_seconds(), 1)


def _lines(given: Chart, quantile: str, top: float) -> list[list[Place]]:
    """One point in the middle of each window; a window without data ends the line."""
    lines: list[list[Place]] = [[]]
    for point in given.points:
        value = getattr(point, quantile)
        if value is None:
            lines.append([])
            continue
        middle = point.window.began.timestamp() + point.window.whole.total_seconds() / 2
        lines[-1].append((_x(middle, given.span) * WIDTH, _y(value, top)))
    return [line for line in lines if line]


def _path(lines: Sequence[Sequence[Place]]) -> str:
    """A line of one point would be invisible, so it is drawn as a short dash."""
    return "".join(_stroke(line) + ("h6" if len(line) == 1 else "") for line in lines)


def _area(lines: Sequence[Sequence[Place]]) -> str:
    """The filled area below the lines."""
    bottom = TOP + PLOT
    return "".join(f"{_stroke(line)}V{bottom}H{line[0][0]:.1f}z" for line in lines)


def _stroke(line: Sequence[Place]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line)


def _shade(down: TimeRange, span: TimeRange, zone: ZoneInfo) -> str:
    begin, end = (max(0.0, min(_x(at.timestamp(), span), 1.0)) for at in (down.began, down.ended))
    name = f"{down.began.astimezone(zone):%H:%M}–{down.ended.astimezone(zone):%H:%M}"
    return (
        f'<rect class="down" x="{begin:.2%}" width="{max(end - begin, 0.002):.2%}" y="{TOP}"'
        f' height="{PLOT}" rx="2"><title>{name}: простой {long_span(down.whole)}</title></rect>'
    )


def _names(given: Chart) -> Iterator[str]:
    seconds = given.span.whole.total_seconds()
    for place in range(PLACES + 1):
        at = given.span.began + given.span.whole * (place / PLACES)
        local = at.astimezone(given.zone)
        name = f"{local:%H:%M}" if seconds < 2 * 86_400 else day_name(local.date())
        anchor = "start" if place == 0 else "end" if place == PLACES else "middle"
        rare = ' class="opt"' if place % 2 else ""
        yield (
            f'<text x="{place / PLACES:.2%}" y="{TOP + PLOT + FOOT - 4}"'
            f' text-anchor="{anchor}"{rare}>{name}</text>'
        )


def _label(points: Sequence[Point]) -> str:
    known = [point for point in points if point.median is not None]
    if not known:
        return "Время ответа: нет данных"
    medians = [point.median or 0 for point in known]
    worst = max(point.p95 or 0 for point in known)
    return (
        f"Время ответа: медиана от {min(medians)} до {max(medians)} мс,"
        f" 95-й перцентиль до {worst} мс"
    )

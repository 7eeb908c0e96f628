"""The chart of latencies as SVG: median, 95th percentile, outages shaded."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil, log10
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from app.history.latency import Point
from app.history.periods import TimeRange, days_of, hours
from app.history.timeline import Chart
from app.i18n.formatting import day_name, long_span, milliseconds, thousands

TOP, PLOT, FOOT = 8, 200, 24  # pixels: above the grid, the grid, its dates below
MOST_STEPS = 5  # lines of the grid above zero
WIDTH = 1_000  # units of a line from left to right
ROUND_STEPS = (1, 2, 5, 10)  # times a power of ten
HOURS_APART = 4  # names of times along the bottom, in a chart of hours …
MOST_DAYS = 7  # … and in one of days
EDGE = 0.04  # a name this near to an edge does not stand in the middle of its place

Place = tuple[float, float]  # across and down


def chart(given: Chart) -> Markup:
    """The whole chart; a window without data is a gap in the lines."""
    marks = scale_of(max((point.p95 or 0 for point in given.points), default=0))
    top = marks[-1]
    medians = _lines(given, "median", top)
    scale = "".join(
        f'<text x="34" y="{_y(mark, top) + 4:.0f}">{thousands(mark)}</text>' for mark in marks
    )
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


def scale_of(most: int) -> list[int]:
    """Round numbers from 0 to one that is not below `most`, MOST_STEPS above zero at most."""
    most = max(most, MOST_STEPS)
    power = 10 ** int(log10(most / MOST_STEPS))
    step = next(each * power for each in ROUND_STEPS if each * power * MOST_STEPS >= most)
    return [step * number for number in range(ceil(most / step) + 1)]


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
    name = _run(*(at.astimezone(zone) for at in (down.began, down.ended)))
    return (
        f'<rect class="down" x="{begin:.2%}" width="{max(end - begin, 0.002):.2%}" y="{TOP}"'
        f' height="{PLOT}" rx="2"><title>{name}: простой {long_span(down.whole)}</title></rect>'
    )


def _run(began: datetime, ended: datetime) -> str:
    """ "2 декабря, 10:00–10:20"; over midnight with both days."""
    if began.date() == ended.date():
        return f"{day_name(began)}, {began:%H:%M}–{ended:%H:%M}"
    return f"{day_name(began)}, {began:%H:%M} – {day_name(ended)}, {ended:%H:%M}"


def _names(given: Chart) -> Iterator[str]:
    """Round times along the bottom; on a telephone every other one is left out."""
    for number, local in enumerate(_ticks(given.span, given.zone)):
        place = _x(local.timestamp(), given.span)
        anchor = "start" if place < EDGE else "end" if place > 1 - EDGE else "middle"
        rare = ' class="opt"' if number % 2 else ""
        name = f"{local:%H:%M}" if local.hour else day_name(local)
        yield (
            f'<text x="{place:.2%}" y="{TOP + PLOT + FOOT - 4}"'
            f' text-anchor="{anchor}"{rare}>{name}</text>'
        )


def _ticks(span: TimeRange, zone: ZoneInfo) -> list[datetime]:
    """Hours by the reader's clock that HOURS_APART divides, or the midnights of MOST_DAYS days."""
    if span.whole <= timedelta(days=2):
        count = ceil(span.whole / timedelta(hours=1))
        found = [each.began.astimezone(zone) for each in hours(span.ended, count)]
        return [local for local in found if local.hour % HOURS_APART == 0 and not local.minute]
    begins = [each.began.astimezone(zone) for each in days_of(span, zone)]
    return begins[:: ceil(len(begins) / MOST_DAYS)]


def _label(points: Sequence[Point]) -> str:
    known = [point for point in points if point.median is not None]
    if not known:
        return "Время ответа: нет данных"
    medians = [point.median or 0 for point in known]
    worst = max(point.p95 or 0 for point in known)
    return (
        f"Время ответа: обычно от {thousands(min(medians))} до {milliseconds(max(medians))},"
        f" в худшие моменты до {milliseconds(worst)}"
    )

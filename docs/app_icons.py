"""The icons of the installed application, made anew by `python -m docs.app_icons`.

Draws the square, the lines and the circles of static/favicon.svg in the two colours that it has.
Every picture has 16 colours, so that it stays small.
"""

import re
import struct
import zlib
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from xml.etree import ElementTree

STATIC = Path(__file__).resolve().parents[1] / "static"
SVG = "{http://www.w3.org/2000/svg}"
WHITE = (255, 255, 255)
SHADES = 8  # steps from the ground's colour to white, and as many from nothing to the ground's
SAFE = 0.75  # the share of a maskable icon that no system cuts off (W3C: a circle of 80 %)


@dataclass(frozen=True)
class Mark:
    """What is on the picture, in its own units. A circle is a line of no length."""

    side: float
    radius: float  # of the corners
    ground: tuple[int, int, int]
    strokes: list[tuple[float, float, float, float, float, bool]]  # x, y to x, y, half width, white

    def white_at(self, x: float, y: float, soft: float) -> float:
        """How much white is on the ground here, 0 to 1; `soft` is the size of a pixel."""
        white = 0.0
        for x1, y1, x2, y2, half, is_white in self.strokes:
            cover = _cover(_distance(x, y, x1, y1, x2, y2) - half, soft)
            white = white * (1 - cover) + cover * is_white
        return white

    def ground_at(self, x: float, y: float, soft: float) -> float:
        """How much ground there is: nothing outside the rounded corners."""
        centre = self.side / 2
        dx, dy = (abs(at - centre) - centre + self.radius for at in (x, y))
        return _cover(hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - self.radius, soft)


def main() -> None:
    mark = read_mark(STATIC / "favicon.svg")
    folder = STATIC / "icons"
    folder.mkdir(exist_ok=True)
    for size in (192, 512):
        (folder / f"{size}.png").write_bytes(draw(mark, size))
    (folder / "maskable.png").write_bytes(draw(mark, 512, maskable=True))
    (STATIC / "favicon.ico").write_bytes(_ico(draw(mark, 32), 32))


def read_mark(file: Path) -> Mark:
    root = ElementTree.parse(file).getroot()  # noqa: S314 (our own file)
    rect = next(root.iter(f"{SVG}rect"))
    strokes = []
    for each in root:
        if each.tag == f"{SVG}path":
            x1, y1, x2, y2 = (float(number) for number in re.findall(r"[\d.]+", each.attrib["d"]))
            strokes.append((x1, y1, x2, y2, float(each.attrib["stroke-width"]) / 2, True))
        elif each.tag == f"{SVG}circle":
            x, y, r = (float(each.attrib[name]) for name in ("cx", "cy", "r"))
            edge = float(each.get("stroke-width", 0)) / 2
            strokes.append((x, y, x, y, r + edge, True))
            if edge:
                strokes.append((x, y, x, y, r - edge, False))
    ground = rect.attrib["fill"].lstrip("#")
    red, green, blue = (int(ground[at : at + 2], 16) for at in (0, 2, 4))
    side, radius = float(rect.attrib["width"]), float(rect.attrib["rx"])
    return Mark(side, radius, (red, green, blue), strokes)


def draw(mark: Mark, size: int, *, maskable: bool = False) -> bytes:
    """A PNG. `maskable`: the ground goes to the edges, and the mark is smaller."""
    scale = mark.side / size / (SAFE if maskable else 1)
    shift = (mark.side - size * scale) / 2
    rows = bytearray()
    for y in range(size):
        at_y = (y + 0.5) * scale + shift
        row = [_colour(mark, (x + 0.5) * scale + shift, at_y, scale, maskable) for x in range(size)]
        rows.append(0)  # no filter
        rows += bytes(left << 4 | right for left, right in zip(row[::2], row[1::2], strict=True))
    return _png(mark.ground, size, bytes(rows))


def _colour(mark: Mark, x: float, y: float, soft: float, maskable: bool) -> int:
    """Its number in the palette."""
    ground = 1.0 if maskable else mark.ground_at(x, y, soft)
    if ground < 1:
        return round(ground * (SHADES - 1))
    return SHADES + round(mark.white_at(x, y, soft) * (SHADES - 1))


def _distance(x: float, y: float, x1: float, y1: float, x2: float, y2: float) -> float:
    """From a point to a line."""
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    along = min(1.0, max(0.0, ((x - x1) * dx + (y - y1) * dy) / length)) if length else 0.0
    return hypot(x - x1 - along * dx, y - y1 - along * dy)


def _cover(distance: float, soft: float) -> float:
    return min(1.0, max(0.0, 0.5 - distance / soft))


def _png(ground: tuple[int, int, int], size: int, rows: bytes) -> bytes:
    steps = [step / (SHADES - 1) for step in range(SHADES)]
    blends = [
        bytes(round(a + (b - a) * step) for a, b in zip(ground, WHITE, strict=True))
        for step in steps
    ]
    palette = bytes(ground) * SHADES + b"".join(blends)
    alpha = bytes(round(255 * step) for step in steps)
    head = struct.pack(">IIBBBBB", size, size, 4, 3, 0, 0, 0)
    parts = (b"IHDR", head), (b"PLTE", palette), (b"tRNS", alpha), (b"IDAT", zlib.compress(rows, 9))
    chunks = [_chunk(*part) for part in (*parts, (b"IEND", b""))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    check = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)


def _ico(png: bytes, size: int) -> bytes:
    """A file of one picture, as old browsers want it at /favicon.ico."""
    entry = struct.pack("<BBBBHHII", size, size, 0, 0, 1, 32, len(png), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + png


if __name__ == "__main__":
    main()

"""HTML of the few texts that are pages here and files in docs/: a small part of Markdown.

Understood are headings, paragraphs, lists with `-` or `1.`, **bold**, `code` and [links](url), as
in CommonMark. All else is text: nothing in a file can become a tag.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

HEADING = re.compile(r"(#{1,3}) +(.+)")
ITEM = re.compile(r"(?:(-)|\d+\.) +(.+)")
BOLD, CODE = re.compile(r"\*\*(.+?)\*\*"), re.compile(r"`(.+?)`")
LINK = re.compile(r"\[([^\]]+)\]\(((?:https?://|mailto:|/|#)[^\s)]*)\)")


def html_of(text: str) -> Markup:
    blocks = re.split(r"\n\s*\n", text.strip())
    return Markup("\n").join(part for block in blocks for part in _parts(block.splitlines()))


def heading_of(text: str) -> str:
    """The first heading, which is the page's title."""
    found = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def _parts(lines: list[str]) -> Iterator[Markup]:
    """A block may be a heading with a paragraph right below, or a paragraph with a list."""
    for kind, group in groupby(_joined(lines), key=_kind):
        found = list(group)
        if kind == "h":
            yield from (_heading(line) for line in found)
        elif kind in ("ul", "ol"):
            items = Markup("").join(Markup("<li>{}</li>").format(_item(line)) for line in found)
            yield Markup("<{0}>{1}</{0}>").format(Markup(kind), items)  # noqa: S704 - ul or ol
        else:
            yield Markup("<p>{}</p>").format(_inline(" ".join(found)))


def _joined(lines: list[str]) -> list[str]:
    """One line for each item of a list, with those that continue it."""
    found: list[str] = []
    for line in lines:
        if found and line.startswith(" ") and ITEM.match(found[-1]):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.strip())
    return found


def _kind(line: str) -> str:
    if HEADING.fullmatch(line):
        return "h"
    item = ITEM.fullmatch(line)
    return "p" if item is None else "ul" if item.group(1) else "ol"


def _heading(line: str) -> Markup:
    found = HEADING.fullmatch(line)
    assert found is not None  # noqa: S101 - `_kind` has said so
    level = len(found.group(1))
    return Markup("<h{0}>{1}</h{0}>").format(level, _inline(found.group(2)))


def _item(line: str) -> Markup:
    found = ITEM.fullmatch(line)
    assert found is not None  # noqa: S101 - `_kind` has said so
    return _inline(found.group(2))


def _inline(text: str) -> Markup:
    """Everything is escaped first; what is put around it afterwards is ours."""
    safe = str(escape(text))
    safe = CODE.sub(r"<code>\1</code>", safe)
    safe = BOLD.sub(r"<b>\1</b>", safe)
    return Markup(LINK.sub(r'<a class="link" href="\2">\1</a>', safe))  # noqa: S704

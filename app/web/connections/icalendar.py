"""A calendar of what ends, as RFC 5545 wants it. Pure.

Written by hand: one kind of event needs these two rules of the format and no more (icalendar would
bring three packages, docs/decisions/0007).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

LONGEST_LINE = 75  # octets, without the line break (RFC 5545 section 3.1)
REFRESH = "PT12H"  # how often a program should ask (RFC 7986 section 5.7)
REMINDER = "-P7D"
HEAD = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Svyazka//Expiries//RU", "CALSCALE:GREGORIAN")
SPECIAL = re.compile(r"[\\;,]")


@dataclass(frozen=True)
class Deadline:
    """A day on which something ends."""

    uid: str  # stays the same when the day changes
    day: date
    stamp: datetime  # when this was last changed
    summary: str
    description: str
    url: str


def calendar(name: str, deadlines: Iterable[Deadline]) -> str:
    """Events of a whole day, each with a reminder a week before."""
    about = (
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}",
        f"X-PUBLISHED-TTL:{REFRESH}",
    )
    events = [line for each in deadlines for line in _event(each)]
    lines = [*HEAD, *about, *events, "END:VCALENDAR"]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(deadline: Deadline) -> Iterator[str]:
    summary = _text(deadline.summary)
    yield "BEGIN:VEVENT"
    yield f"UID:{deadline.uid}"
    yield f"DTSTAMP:{deadline.stamp.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{deadline.day:%Y%m%d}"  # without an end: one day (section 3.6.1)
    yield f"SUMMARY:{summary}"
    yield f"DESCRIPTION:{_text(deadline.description)}"
    yield f"URL:{deadline.url}"
    yield "TRANSP:TRANSPARENT"  # nobody is busy because of it
    yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"DESCRIPTION:{summary}")
    yield from (f"TRIGGER:{REMINDER}", "END:VALARM")
    yield "END:VEVENT"


def _text(value: str) -> str:
    """A value of the type TEXT (section 3.3.11). Control characters have no place in one."""
    lines = (_printable(line) for line in value.splitlines())
    return "\\n".join(SPECIAL.sub(r"\\\g<0>", line) for line in lines)


def _printable(line: str) -> str:
    return "".join(each for each in line if each.isprintable())


def _folded(line: str) -> str:
    """No line is longer than LONGEST_LINE; no character is cut in two (section 3.1)."""
    parts, room = [""], LONGEST_LINE
    for each in line:
        size = len(each.encode())
        if size > room:
            parts.append("")
            room = LONGEST_LINE - 1  # the space that such a line begins with
        parts[-1] += each
        room -= size
    return "\r\n ".join(parts)

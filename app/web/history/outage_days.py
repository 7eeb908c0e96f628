"""The list of outages by days, with totals. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.history.outage_list import OutageEntry
from app.i18n.formatting import counted, long_span


@dataclass(frozen=True)
class OutageDay:
    """What began on one day, or, without `day`, what goes on."""

    entries: Sequence[OutageEntry]
    day: datetime | None = None

    @property
    def total(self) -> str:
        return total_of(self.entries)


def by_day(entries: Iterable[OutageEntry], zone: ZoneInfo) -> list[OutageDay]:
    """What goes on first, then the days of the reader's zone, the newest first."""
    going_on: list[OutageEntry] = []
    days: dict[date, list[OutageEntry]] = {}
    for each in sorted(entries, key=lambda entry: entry.began, reverse=True):
        over = days.setdefault(each.began.astimezone(zone).date(), []) if each.ended else going_on
        over.append(each)
    found = [OutageDay(those, those[0].began) for those in days.values()]
    return [OutageDay(going_on), *found] if going_on else found


def total_of(entries: Sequence[OutageEntry]) -> str:
    """ "2 сбоя, вместе 18 минут", "1 сбой, 5 минут"."""
    count = counted(len(entries), "сбой", "сбоя", "сбоев")
    together = "вместе " if len(entries) > 1 else ""
    return f"{count}, {together}{long_span(sum((each.lasted for each in entries), timedelta()))}"


def news_of(entries: Sequence[OutageEntry]) -> str:
    """Differs when an outage has begun or ended."""
    begun = max((int(each.began.timestamp()) for each in entries), default=0)
    return f"{len(entries)} {sum(each.ended is None for each in entries)} {begun}"

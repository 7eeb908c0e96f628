"""The board on the page for strangers: real cards with invented figures, one of which breaks and
heals. The style sheet shows its three scenes in turn, so that it costs the server nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from app.history.periods import DAY, TimeRange, half_hours, last
from app.history.uptime import CARD_HALF_HOURS, Breakdown, Past, Series, all_up
from app.models.connection import Cause, Status
from app.providers.provider import Catalogue
from app.web.connections.cards import Descriptor

BROKE = timedelta(minutes=4)  # ago
CHECKED = timedelta(seconds=20)  # ago
LATENCIES = (212, 198, 204, 231, 190, 207, 215, 201, 196, 222, 209, 203)  # milliseconds


@dataclass(frozen=True)
class SampleBoard:
    """`scenes` are the same connection: online, offline, and online again."""

    scenes: Sequence[Descriptor]
    others: Sequence[Descriptor]


def sample_board(catalogue: Catalogue, zone: ZoneInfo, now: datetime | None = None) -> SampleBoard:
    at = now or datetime.now(UTC)
    broken = _past(at, zone, down=BROKE)
    healthy = _card(catalogue, "evotor", "Магазин на Садовой", 1, _past(at, zone), at)
    return SampleBoard(
        (
            healthy,
            replace(
                healthy,
                id=UUID(int=2),
                is_online=False,
                status=Status.OFFLINE.value,
                cause=Cause.PROVIDER_ERROR.value,
                fault=Cause.PROVIDER_ERROR.fault,
                evidence="GET api.evotor.ru/stores → 503 за 412 мс",
                since=at - BROKE,
                past=broken,
            ),
            replace(healthy, id=UUID(int=3), past=broken, since=at - CHECKED),
        ),
        (
            _card(catalogue, "ozon", "Товары для дома", 4, _past(at, zone), at),
            replace(
                _card(catalogue, "wildberries", "Товары для дома", 5, _past(at, zone), at),
                expires_at=at + timedelta(days=6),
            ),
        ),
    )


def _card(
    catalogue: Catalogue, name: str, account: str, number: int, past: Past, at: datetime
) -> Descriptor:
    provider = catalogue.get(name)
    latencies = [each + 40 * number for each in (*LATENCIES[number:], *LATENCIES[:number])]
    return Descriptor(
        provider=name,
        name=provider.title if provider else name,
        icon=provider.icon if provider else "bi-plug",
        connect_url="",
        disconnect_url="",
        about="",
        configured=False,  # nothing on it can be pressed
        id=UUID(int=number),
        connected=True,
        is_online=True,
        status=Status.ONLINE.value,
        since=at - timedelta(days=9),
        last_checked_at=at - CHECKED,
        latency_ms=latencies[-1],
        details=account,
        past=past,
        latencies=latencies,
    )


def _past(at: datetime, zone: ZoneInfo, down: timedelta = timedelta(0)) -> Past:
    """A day without trouble, but for the last half hour if it was `down`."""
    halves = half_hours(at, CARD_HALF_HOURS)
    return Past(zone, _series(halves, at, down), _spent(last(DAY, at), at, down))


def _series(windows: Sequence[TimeRange], at: datetime, down: timedelta) -> Series:
    well = all_up(windows, at)
    return Series(windows, [*well[:-1], _spent(windows[-1], at, down)] if down else well, well)


def _spent(window: TimeRange, at: datetime, down: timedelta) -> Breakdown:
    (well,) = all_up([window], at)
    lost = min(down, well.whole)
    return replace(well, provider=lost, worst=Status.OFFLINE.value) if lost else well

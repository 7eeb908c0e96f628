"""Days and months of any window, in any zone, leave nothing out and count nothing twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.history.periods import TimeRange, days_of, month, months_of

ZONES = [ZoneInfo(name) for name in ("Europe/Moscow", "America/New_York", "Asia/Vladivostok")]
moments = st.datetimes(datetime(2009, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))
spans = st.timedeltas(timedelta(seconds=1), timedelta(days=420))


@pytest.mark.parametrize("parts_of", [days_of, months_of])
@given(moments, spans, st.sampled_from(ZONES))
def test_parts_make_up_the_whole(
    parts_of: Callable[[TimeRange, ZoneInfo], list[TimeRange]],
    began: datetime,
    lasted: timedelta,
    zone: ZoneInfo,
) -> None:
    window = TimeRange(began, began + lasted)
    parts = parts_of(window, zone)
    assert (parts[0].began, parts[-1].ended) == (window.began, window.ended)
    assert all(one.ended == other.began for one, other in pairwise(parts))
    assert all(part.whole > timedelta(0) for part in parts)
    local = [part.began.astimezone(zone) for part in parts[1:]]
    assert all((at.hour, at.minute) in ((0, 0), (1, 0)) for at in local)


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_a_month_has_its_days(zone: ZoneInfo) -> None:
    for number, count in ((2, 28), (10, 31), (11, 30), (12, 31)):
        window = month(2026, number, zone)
        assert len(days_of(window, zone)) == count
        assert months_of(window, zone) == [window]

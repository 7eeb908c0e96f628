"""How long a server asks us to wait, however it writes that."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.outbound.retry_after import LONGEST_ASKED, retry_after

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT
FORMS = [
    ("120", 120),
    (" 120 ", 120),
    ("0", 0),
    ("+30", 30),
    ('"120"', 120),
    ("40.5", 40.5),
    ("40,5", 40.5),
    (".5", 0.5),
    ("40.", 40),
    ("40s", 40),
    ("40 s", 40),
    ("40S", 40),
    ("40 sec", 40),
    ("40.5 seconds", 40.5),
    ("1500ms", 1.5),
    ("2m", 120),
    ("2 minutes", 120),
    ("1m30s", 90),
    ("1h", 3600),
    ("1 day", 86_400),
    ("30, 120", 120),
    ("Wed, 21 Oct 2015 07:30:00 GMT", 120),
    ("Wed, 21 Oct 2015 10:30:00 +0300", 120),
    ("Wednesday, 21-Oct-15 07:30:00 GMT", 120),
    ("Wed Oct 21 07:30:00 2015", 120),
    ("2015-10-21T07:30:00Z", 120),
    ("2015-10-21 07:30:00", 120),
    ("1445412600", 120),
    ("1445412600000", 120),
    ("1445412600.5", 120.5),
    ("Wed, 21 Oct 2015 07:00:00 GMT", 0),
    ("1445412000", 0),
    ("9" * 300, LONGEST_ASKED),
    ("9999999999999", LONGEST_ASKED),
    ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_ASKED),
    ("", None),
    ("soon", None),
    ("-5", None),
    ("5 apples", None),
    ("nan", None),
    ("inf", None),
    ("1e9", None),
    ("٣٠", None),
    ("Wed, 99 Oct 2015 07:28:00 GMT", None),
]


@pytest.mark.parametrize(("text", "seconds"), FORMS)
def test_every_form_is_read(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == seconds


def test_no_header_is_none() -> None:
    assert retry_after({}) is None


@pytest.mark.parametrize("asked", ["Wed, 21 Oct 2015 09:30:00 GMT", "1445419800"])
def test_a_date_is_read_against_the_answers_own(asked: str) -> None:
    """Its clock is two hours ahead; it wants two minutes."""
    headers = {"retry-after": asked, "date": "Wed, 21 Oct 2015 09:28:00 GMT"}
    assert retry_after(headers, NOW) == 120
    assert retry_after(headers | {"date": "yesterday"}, NOW) == 7320


@given(some.text(max_size=200))
def test_whatever_is_written_is_a_bounded_number_or_nothing(text: str) -> None:
    seconds = retry_after({"retry-after": text, "date": text}, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_ASKED

"""The form of a calendar, as RFC 5545 wants it."""

from datetime import UTC, date, datetime

import pytest

from app.web.connections.icalendar import Deadline, calendar

STAMP = datetime(2026, 11, 23, 11, 2, 5, tzinfo=UTC)
PAGE = "https://links.example.ru/connections/7"


def lines(summary: str = "Касса") -> list[str]:
    event = Deadline("7@links.example.ru", date(2026, 12, 24), STAMP, summary, "Что делать", PAGE)
    return calendar("Сроки", [event]).split("\r\n")


def unfolded(found: list[str]) -> list[str]:
    return "\r\n".join(found).replace("\r\n ", "").split("\r\n")


def test_a_deadline_is_a_day_with_a_reminder() -> None:
    found = lines()
    assert (found[0], found[-2:]) == ("BEGIN:VCALENDAR", ["END:VCALENDAR", ""])
    assert "DTSTART;VALUE=DATE:20261224" in found
    assert "DTSTAMP:20261123T110205Z" in found
    assert f"URL:{PAGE}" in found
    assert "TRIGGER:-P7D" in found


@pytest.mark.parametrize(
    ("summary", "written"),
    [
        ("Лавка, Анны; «Юг»", "Лавка\\, Анны\\; «Юг»"),
        ("a\\b", "a\\\\b"),
        ("one\r\nEND:VCALENDAR", "one\\nEND:VCALENDAR"),
        ("bell\x07 and \u202eturned", "bell and turned"),
    ],
)
def test_a_name_cannot_leave_its_line(summary: str, written: str) -> None:
    assert f"SUMMARY:{written}" in unfolded(lines(summary))


def test_no_line_is_longer_than_75_octets_and_no_letter_is_cut() -> None:
    long = "Магазин на Ленина, 🛒 " * 10
    found = lines(long)
    assert max(len(each.encode()) for each in found) <= 75
    written = long.replace(",", "\\,")
    assert f"SUMMARY:{written}" in unfolded(found)

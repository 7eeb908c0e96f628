"""A name from outside is one visible line, whatever was in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.i18n.plain_text import one_line

NAMES = [
    ("Основной магазин", "Основной магазин"),
    ("Лавка\nBcc: boris@example.ru", "Лавка Bcc: boris@example.ru"),
    ("Лавка\r\n\r\nтекст", "Лавка текст"),
    ("Лавка\u2028№ 2\u2029\u0085\x0b\x0c3", "Лавка № 2 3"),
    ("  Лавка \t у\u00a0дома ", "Лавка у дома"),
    ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
    ("\u202egnp.exe\u202c", "gnp.exe"),
    ("\u2067\u200fЛавка\u2069\ufeff\u00ad\u200b", "Лавка"),
    ("half \ud800 of a pair", "half of a pair"),
    ("tag\U000e0041\U000e007f", "tag"),
    ("\ufffe\uffff\U0001ffff", ""),
    ("👩\u200d💻 и сын", "👩\u200d💻 и сын"),
    ("می\u200cخواهم", "می\u200cخواهم"),
    ("\u200b \n", ""),
    ("\u200d", ""),
    ("", ""),
    ("a" * 300, "a" * 200),
    ("a" * 199 + " b", "a" * 199),
]


@pytest.mark.parametrize(("came", "kept"), NAMES)
def test_a_name_is_cleaned_when_it_comes_in(came: str, kept: str) -> None:
    assert one_line(came, 200) == kept


@given(some.text(some.characters()), some.integers(1, 50))
def test_whatever_came_is_one_line_that_can_be_stored_and_sent(came: str, longest: int) -> None:
    line = one_line(came, longest)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    assert "\x00" not in line
    assert len(line) <= longest
    assert line.encode().decode() == line
    assert one_line(line, longest) == line

"""Cells of a table: no spreadsheet runs them, whichever sign it divides cells by."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.history.csv import cell

RUNS = "=+-@＝＋－＠"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (7, "7"),
        (99.5, "99,50"),
        (datetime(2026, 10, 5, 11, 3, 9, 7, tzinfo=UTC), "2026-10-05 11:03:09+00:00"),
        ("Магазин № 1", "Магазин № 1"),
        ("GET /stores → 503 за 412 мс", "GET /stores → 503 за 412 мс"),
        ("кафе-бар 24/7", "кафе-бар 24/7"),
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "' =1+1"),
        ("x;=1+1", "x;'=1+1"),
        ("two\nlines", "two lines"),
    ],
)
def test_a_cell_is_what_it_says_and_no_formula(value: object, text: str) -> None:
    assert cell(value) == text


@given(st.lists(st.text(st.sampled_from(RUNS + " ;,|\"'\t\r\nx1")), min_size=1))
def test_no_spreadsheet_finds_a_formula_in_it(texts: list[str]) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter=";").writerow([cell(each) for each in texts])
    for sign in ";,|":
        for row in csv.reader(io.StringIO(file.getvalue()), delimiter=sign):
            assert not [each for each in row if each.strip(' "\r\n').startswith(tuple(RUNS))]

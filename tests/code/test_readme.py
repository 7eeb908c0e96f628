"""The tables of the README are those of the code."""

import re

from app.models.connection import Cause, Status
from app.monitor.verdict import CONFIRMED_STATUS
from app.providers.registry import BUILT_IN
from tests.code.committed import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(first: str) -> list[list[str]]:
    """The table whose first column is called so; without the backticks around a cell."""
    table = README.partition(f"\n| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table]


def test_every_cause_has_its_row_with_whose_move_it_is_and_its_status() -> None:
    told = {cause: (fault, status) for cause, fault, status, _ in rows("cause")}
    assert told == {
        cause.value: (cause.fault, CONFIRMED_STATUS.get(cause, Status.OFFLINE).value)
        for cause in Cause
    }


def test_every_status_has_its_row() -> None:
    assert {row[0] for row in rows("status")} == {status.value for status in Status}


def test_what_is_built_in_is_told() -> None:
    table = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    for provider in BUILT_IN:
        assert f"\n| `{provider.name}` {provider.title}" in table
        assert re.search(rf"\b{provider.title}\b", README.partition("## Add a provider")[2])

"""docs/architecture.md says what is so."""

from docs import architecture

PAGE = architecture.PAGE.read_text(encoding="utf-8")


def test_the_table_of_packages_is_the_codes_own() -> None:
    assert architecture.with_table(PAGE) == PAGE, "run `python -m docs.architecture`"
    assert "[`monitor`](../app/monitor)" in PAGE

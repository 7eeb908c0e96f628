import re
from pathlib import Path

import pytest
from jinja2 import Environment

from app.web.template_filters import TEXT, add_filters, add_groups

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@pytest.mark.parametrize("taken", ["every", "first"], ids=["by us", "by Jinja"])
def test_a_filter_whose_name_is_taken_stops_the_start(taken: str) -> None:
    with pytest.raises(ValueError, match=taken):
        add_groups(Environment(autoescape=True), [TEXT, {taken: str}])


def test_every_filter_is_in_use() -> None:
    environment = Environment(autoescape=True)
    by_jinja = set(environment.filters)
    add_filters(environment)
    sources = [path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")]
    used = {name for source in sources for name in re.findall(r"\|\s*(\w+)", source)}
    assert set(environment.filters) - by_jinja - used == set()

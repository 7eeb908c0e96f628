from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from quart import Quart

from app.web.templating import PlainEnvironment


def rendered(source: str, **context: object) -> str:
    return PlainEnvironment(Quart(__name__)).from_string(source).render(context)


def test_a_variable_that_a_page_was_not_given_is_empty() -> None:
    assert rendered("{% if error %}{{ error }}{% endif %}{{ note }}") == ""


@pytest.mark.parametrize(
    "source",
    ["{{ card.nam }}", "{% if card.nam %}{% endif %}", "{{ titles.nam }}", "{{ titles['nam'] }}"],
)
def test_an_attribute_that_is_not_there_is_a_mistake(source: str) -> None:
    with pytest.raises(UndefinedError, match="nam"):
        rendered(source, card=SimpleNamespace(name="Эвотор"), titles={"name": "Эвотор"})

"""A provider's pages are found by its name, and by nothing else."""

import pytest
from quart.routing import QuartMap, QuartRule
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter

from app.providers.validation import NAME, TAKEN
from app.web.context import Dashboard
from app.web.provider_rules import any_of
from tests.support.routes import routes

NAMES = ("evotor", "vk", "vkusvill")


def asked(names: tuple[str, ...] = NAMES) -> MapAdapter:
    known = QuartMap(host_matching=False)
    known.converters["provider"] = any_of(names)
    for path, method in (("", "GET"), ("/connect", "POST")):
        known.add(QuartRule(f"/<provider:provider>{path}", methods={method}, endpoint=path))
    known.add(QuartRule("/vk/journal", methods={"GET"}, endpoint="another page"))
    return known.bind("")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_known_name_finds_its_page(name: str, method: str) -> None:
    assert asked().match(f"/{name}", method) == ("", {"provider": name})


@pytest.mark.parametrize(
    "path",
    ["/anything", "/Evotor", "/evoto", "/evotorx", "/vk/evotor", "/", "/evotor|vk"],
)
@pytest.mark.parametrize("below", ["", "/connect"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_other_name_is_404_whatever_the_method(path: str, below: str, method: str) -> None:
    with pytest.raises(NotFound):
        asked().match(path + below, method)


def test_a_wrong_method_is_405_and_names_the_right_ones() -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        asked().match("/evotor/connect", "GET")
    assert refused.value.valid_methods is not None
    assert "POST" in refused.value.valid_methods


def test_a_page_of_our_own_below_a_name_is_found_first() -> None:
    assert asked().match("/vk/journal", "GET") == ("another page", {})


def test_without_any_provider_no_name_is_known() -> None:
    for path in ("/", "/evotor"):
        with pytest.raises(NotFound):
            asked(()).match(path, "GET")


def test_no_provider_can_be_named_like_a_page_of_ours(dashboard: Dashboard) -> None:
    own = {route.path.split("/")[1] for route in routes(dashboard)}
    own -= set(dashboard.catalogue)
    assert {each for each in own if NAME.fullmatch(each)} <= TAKEN

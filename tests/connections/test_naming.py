"""The owner's own name and tags of a connection."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from app.i18n.connection_titles import (
    LONGEST_NAME,
    LONGEST_TAG,
    MOST_TAGS,
    full_title,
    has_tag,
    quoted,
    read_name,
    read_tags,
    subtitle_of,
    title_of,
)
from tests.support.people import OTHER_SHOP, Person
from tests.support.streams import watching
from tests.web.connections.test_index import card_of

SHOP = "Магазин на Ленина"
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("name", "label", "title", "subtitle"),
    [
        ("Касса 1", SHOP, "Касса 1", "Эвотор"),
        ("Касса 1", None, "Касса 1", "Эвотор"),
        (None, SHOP, SHOP, "Эвотор"),
        (None, None, "Эвотор", ""),
        (None, "Эвотор", "Эвотор", ""),
    ],
)
def test_the_title_is_the_owners_name_else_the_accounts_else_the_services(
    name: str | None, label: str | None, title: str, subtitle: str
) -> None:
    assert title_of(name, label, "Эвотор") == title
    assert subtitle_of(title, "Эвотор") == subtitle
    assert full_title(title, "Эвотор") == (f"{title}, {subtitle}" if subtitle else title)


def test_a_quotation_in_a_quotation_has_marks_of_its_own() -> None:
    assert quoted("ООО «Ромашка»") == "«ООО „Ромашка“»"


def test_a_name_written_from_the_right_leaves_what_is_beside_it_in_its_place() -> None:
    assert quoted("חנות 7") == "«\u2068חנות 7\u2069»"
    assert full_title("متجر", "Эвотор") == "\u2068متجر\u2069, Эвотор"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Касса \n № 1\u202e ", "Касса № 1"),
        ("", None),
        (" \u200d\u200b ", None),
        ("я" * 1_000, "я" * LONGEST_NAME),
    ],
)
def test_a_name_is_one_clean_line_or_none(typed: str, name: str | None) -> None:
    assert read_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "tags"),
    [
        ("Москва, касса", ["Москва", "касса"]),
        (" Москва ,, москва,МОСКВА , \t", ["Москва"]),
        ("", []),
        ("т" * 500, ["т" * LONGEST_TAG]),
    ],
)
def test_tags_are_distinct_whatever_their_case(typed: str, tags: list[str]) -> None:
    assert read_tags(typed) == tags


def test_a_tag_is_found_whatever_its_case_and_no_wish_finds_all() -> None:
    assert has_tag(["Москва"], ["МОСКВА", "Тула"])
    assert not has_tag(["Москва"], ["Тула"])
    assert not has_tag([], ["Тула"])
    assert has_tag([], [])


async def rename(person: Person, card: dict[str, Any], name: str) -> dict[str, Any]:
    answer = await person.post(f"/connections/{card['id']}/name", name=name)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/connections/{card['id']}")
    return next(each for each in await person.cards() if each["id"] == card["id"])


async def tag(person: Person, card: dict[str, Any], tags: str) -> dict[str, Any]:
    answer = await person.post(f"/connections/{card['id']}/tags", tags=tags)
    assert answer.status_code == 303
    return next(each for each in await person.cards() if each["id"] == card["id"])


async def test_a_renamed_connection_is_called_so_everywhere_until_its_name_is_emptied(
    person: Person,
) -> None:
    card = await person.connect()
    account = card["details"]
    assert (card["title"], card["name"]) == (account, "Эвотор")
    renamed = await rename(person, card, "  Касса <у входа> ")
    assert renamed["title"] == "Касса <у входа>"
    assert (renamed["name"], renamed["details"]) == ("Эвотор", account)
    shown = "Касса &lt;у входа&gt;"
    own = f"/connections/{card['id']}"
    for path in ("/connections", own, f"{own}/report", "/journal", "/outages", "/evotor"):
        assert shown in await person.page(path), path
    assert f"Раньше: {account}." in await person.page("/journal")
    assert (await rename(person, card, ""))["title"] == account


async def test_open_pages_learn_of_a_name_and_of_tags(person: Person) -> None:
    card = await person.connect()
    async with watching(person) as stream:
        await rename(person, card, "Касса у входа")
        await stream.until("Касса у входа</a>")
        await tag(person, card, "Тула")
        await stream.until(">Тула</a>")


async def test_tags_stand_on_the_card_and_at_most_ten_are_kept(person: Person) -> None:
    card = await person.connect()
    tagged = await tag(person, card, "Тула, касса")
    assert tagged["tags"] == ["Тула", "касса"]
    shown = card_of(await person.page(), f"connection-{card['id']}")
    assert 'data-tags="тула,касса"' in shown
    many = await tag(person, card, ",".join(f"метка {each}" for each in range(MOST_TAGS + 1)))
    assert len(many["tags"]) == MOST_TAGS
    assert "лишние не сохранены" in await person.page()
    journal = await person.page("/journal")
    assert "Теперь: Тула, касса." in journal


def shown_in(page: str) -> list[str]:
    """Headings of tags and cards of the list, in their order."""
    found = re.findall(r'<h2 class="group" data-group[^>]*>([^<]*)|id="connection-([^"]+)"', page)
    return [heading or f"#{number}" for heading, number in found]


async def test_the_list_is_searched_filtered_and_grouped_by_tags(person: Person) -> None:
    main = await person.connect()
    other = await person.connect(account=OTHER_SHOP)
    await tag(person, other, "Тула, касса")
    await rename(person, other, "У вокзала")
    both, one = [f"#{each['id']}" for each in (main, other)]
    for query, wanted in (
        ("", [both, one]),
        ("tag=ТУЛА", [one]),
        ("tag=Псков", [both, one]),
        ("tag=касса&q=вокзал", [one]),
        ("q=тула", [one]),
        ("q=эвотор", [both, one]),
        ("group=tag", ["Тула", one, "Без метки", both]),
        ("group=tag&tag=тула", ["Тула", one]),
    ):
        page = await person.page(f"/connections?{quote(query, safe='=&')}")
        assert shown_in(page) == wanted, query
    assert 'data-tag="касса"' in await person.page(f"/connections?tag={quote('КАССА')}")


async def test_nobody_elses_connection_can_be_named_or_tagged(
    person: Person, other_person: Person
) -> None:
    card = await person.connect()
    for number in (card["id"], NOBODYS):
        for path, field in (("name", "name"), ("tags", "tags")):
            answer = await other_person.post(f"/connections/{number}/{path}", **{field: "x"})
            assert answer.status_code == 404
    assert (await person.connected())[0]["title"] == card["title"]

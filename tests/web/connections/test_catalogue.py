"""«Добавить подключение»: everything that is known, found with and without a script."""

import re
from dataclasses import replace

import pytest

from app.config import Client, Settings
from app.database.engine import Database
from app.providers.provider import Catalogue, Provider
from app.providers.registry import BUILT_IN
from app.providers.spec_parts import Probe
from app.web.connections.cards import GREY_CARDS, Descriptor, describe_all, for_page
from app.web.connections.catalogue import groups_of
from tests.support.applications import new_application
from tests.support.people import HTMX, MAIN_SHOP, OTHER_SHOP, Person, Sandbox


def provider(name: str, title: str, group: str, configured: bool = True) -> Provider:
    client = Client("id", "secret") if configured else None
    return Provider(
        name,
        title,
        "https://acme.example/a",
        "https://acme.example/t",
        Probe("https://acme.example/me"),
        group=group,
        client=client,
    )


CATALOGUE: Catalogue = {
    each.name: each
    for each in (
        provider("stripe", "Stripe", "payments", configured=False),
        provider("yookassa", "ЮKassa", "payments"),
        provider("evotor", "Эвотор", "registers"),
        provider("plane", "Самолёт", "no such group"),
    )
}


def found(query: str = "") -> dict[str, list[str]]:
    return {
        group.title: [each.name for each in group.providers]
        for group in groups_of(CATALOGUE, query)
    }


def picks(page: str) -> list[str]:
    return re.findall(r'id="pick-([a-z0-9]+)"', page)


def test_providers_are_in_groups_the_configured_ones_first() -> None:
    assert found() == {
        "Кассы": ["evotor"],
        "Платежи": ["yookassa", "stripe"],
        "Другое": ["plane"],
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("эвотор", ["evotor"]),
        ("EVOTOR", ["evotor"]),
        ("  Ю ", ["yookassa"]),
        ("платежи", ["yookassa", "stripe"]),
        ("платежи stripe", ["stripe"]),
        ("самолет", ["plane"]),
        ("САМОЛЁТ", ["plane"]),
        ("нет такого", []),
        ("%", []),
        ("<script>", []),
    ],
)
def test_a_search_finds_by_title_name_and_group(query: str, names: list[str]) -> None:
    assert [name for group in found(query).values() for name in group] == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("evotor", ["evotor"]),
        ("STOCK", ["moysklad"]),
        ("cash registers", ["evotor"]),
        ("'djnjh", ["evotor"]),  # эвотор
        ("ПШЕРГИ", ["github"]),  # github
        (",bnhbrc", ["bitrix24"]),  # битрикс
        ("seller", ["wildberries", "ozon"]),
    ],
)
def test_a_search_finds_in_english_and_in_the_wrong_layout(query: str, names: list[str]) -> None:
    catalogue = {each.name: each for each in BUILT_IN}
    found = [each.name for group in groups_of(catalogue, query) for each in group.providers]
    assert found == names


async def test_a_demonstration_asks_nobody_for_a_real_key(
    database: Database, sandbox: Sandbox, settings: Settings
) -> None:
    app = new_application(replace(settings, served=frozenset({"evotor", "sklad"})), database)
    async with app.test_app():
        person = await Person.signed_up(app, sandbox, "anna@example.ru")
        gallery = await person.page("/providers")
        assert gallery.count("В демонстрации недоступно") == len(app.catalogue) - 2
        page = await person.page("/ozon")
        assert "В демонстрации недоступно" in page
        assert "<input" not in page.partition("<main")[2]
        tried = await person.post("/ozon/connect", client_id="1", token="a-real-key")
        assert tried.headers["Location"] == "/ozon?error=misconfigured"
        offered = {card["provider"] for card in await person.cards()}
        assert offered == {"evotor", "sklad"}


async def test_the_gallery_shows_what_can_be_connected_and_what_cannot(person: Person) -> None:
    catalogue = dict(person.app.catalogue)
    catalogue["sklad"] = replace(catalogue["sklad"], client=None)
    person.app.catalogue = catalogue
    page = await person.page("/providers")
    assert set(picks(page)) == set(catalogue)
    offered = sum(each.configured for each in catalogue.values())
    assert page.count("Можно подключить") == offered
    assert page.count("Не настроен на этом сервере") == len(catalogue) - offered
    assert 'href="/evotor"' in page


async def test_a_search_without_javascript_is_a_page(person: Person) -> None:
    page = await person.page("/providers?q=%D1%81%D0%BA%D0%BB%D0%B0%D0%B4")  # склад
    assert picks(page) == ["moysklad", "sklad"]
    assert 'value="склад"' in page
    assert "<html" in page


async def test_a_search_as_one_types_brings_the_list_alone(person: Person) -> None:
    answer = await person.get("/providers?q=sklad", **HTMX)
    html = await answer.get_data(as_text=True)
    assert picks(html) == ["moysklad", "sklad"]
    assert "<html" not in html


async def test_what_was_typed_is_shown_as_text(person: Person) -> None:
    page = await person.page("/providers?q=%3Cscript%3Ealert(1)%3C/script%3E%22")
    assert "<script>alert" not in page
    assert picks(page) == []
    assert "ничего не нашлось" in page


async def test_a_search_may_be_any_nonsense(person: Person) -> None:
    for query in ("%00", "%FF", "x" * 5000, "%F0%9F%98%80", "+", "&q=a&q=b"):
        assert (await person.get(f"/providers?q={query}")).status_code == 200


async def test_the_accounts_that_one_has_are_counted_and_more_are_offered(person: Person) -> None:
    await person.connect(account=MAIN_SHOP)
    await person.connect(account=OTHER_SHOP)
    page = await person.page("/providers")
    assert "Подключено: 2" in page
    assert "Ещё один аккаунт" in page


async def test_the_page_of_connections_leads_to_the_gallery(person: Person) -> None:
    assert 'href="/providers"' in await person.page()


def test_the_page_shows_every_connection_and_a_few_grey_cards_after_them() -> None:
    many = {f"p{n}": provider(f"p{n}", f"P{n}", "crm") for n in range(14)}
    cards = describe_all([], many, 600)
    assert len(cards) == 14  # the JSON has them all
    assert [card.provider for card in for_page(cards)] == ["p0", "p1", "p2"]
    mixed: list[Descriptor] = [replace(card, connected=n > 9) for n, card in enumerate(cards)]
    shown = for_page(mixed)
    assert [card.connected for card in shown] == [True] * 4 + [False] * GREY_CARDS


async def test_a_service_that_is_not_set_up_asks_nobody_to_press_a_button(person: Person) -> None:
    page = await person.page("/stripe")
    assert "ещё не настроен" in page
    assert "Нажмите" not in page


async def test_a_service_that_is_connected_names_the_button_that_it_has(person: Person) -> None:
    await person.connect()
    page = await person.page("/evotor")
    assert "Нажмите «Подключить ещё один аккаунт»" in page

"""«Добавить подключение»: the providers that can be connected here, by group, and the others folded
below; with a search that works without JavaScript.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from app.connections import queries
from app.providers.provider import GROUPS, Catalogue, Provider
from app.web.context import dashboard, person

blueprint = Blueprint("catalogue", __name__)

LATIN, CYRILLIC = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`", "йцукенгшщзхъфывапролджэячсмитьбюё"
# For a query that was typed in the wrong keyboard layout.
LAYOUTS = str.maketrans(LATIN, CYRILLIC), str.maketrans(CYRILLIC, LATIN)
LONGEST_QUERY = 100  # characters; the rest of a query is ignored


@dataclass(frozen=True)
class Group:
    title: str
    providers: list[Provider]


@blueprint.get("/providers")
async def index() -> ResponseReturnValue:
    app = dashboard()
    query = request.args.get("q", "").strip()[:LONGEST_QUERY]
    async with app.database.sessions() as session:
        rows = await queries.of_user(session, person().user_id)
    ready, rest = by_readiness(groups_of(app.catalogue, query))
    # The search as one types replaces only the list.
    template = (
        "connections/_catalogue_results.html"
        if request.headers.get("HX-Request")
        else "connections/catalogue.html"
    )
    return await render_template(
        template,
        query=query,
        ready=ready,
        rest=rest,
        known=len(app.catalogue),
        held=Counter(row.provider for row in rows),
    )


def groups_of(catalogue: Catalogue, query: str = "") -> list[Group]:
    """The groups with a match, each with its configured providers first."""
    found = _matching(catalogue, query)
    for layout in () if found else LAYOUTS:
        found = found or _matching(catalogue, query.lower().translate(layout))
    groups = [Group(title, _of(found, group)) for group, title in GROUPS.items()]
    return [group for group in groups if group.providers]


def by_readiness(groups: list[Group]) -> tuple[list[Group], list[Group]]:
    """What can be connected here, and what the operator has not set up."""
    parts = [
        [Group(each.title, [p for p in each.providers if p.configured is ready]) for each in groups]
        for ready in (True, False)
    ]
    ready, rest = ([group for group in part if group.providers] for part in parts)
    return ready, rest


def _matching(catalogue: Catalogue, query: str) -> list[Provider]:
    words = _plain(query).split()
    return [each for each in catalogue.values() if _fits(each, words)]


def _fits(provider: Provider, words: Iterable[str]) -> bool:
    group = GROUPS.get(provider.group, "")
    english = f"{provider.english.title} {provider.english.about} {provider.group}"
    text = _plain(f"{provider.title} {provider.name} {provider.about} {group} {english}")
    return all(word in text for word in words)


def _plain(text: str) -> str:
    return text.casefold().replace("ё", "е")


def _of(providers: Iterable[Provider], group: str) -> list[Provider]:
    own = [each for each in providers if (each.group if each.group in GROUPS else "other") == group]
    return sorted(own, key=lambda each: not each.configured)

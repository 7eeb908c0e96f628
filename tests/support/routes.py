"""Everything that the application answers, for tests that walk all of it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.web.context import Dashboard
from app.web.provider_rules import provider_converters


@dataclass(frozen=True)
class Route:
    endpoint: str
    path: str
    methods: frozenset[str]  # but HEAD and OPTIONS, which come with others


def routes(app: Dashboard) -> Iterator[Route]:
    """A rule of many providers once for each of them; other parts of a path stand as in the rule,
    like `<uuid:connection_id>`.
    """
    for rule in app.url_map.iter_rules():
        methods = frozenset(rule.methods or ()) - {"HEAD", "OPTIONS"}
        for path in _of_each_provider(app, rule.rule):
            yield Route(rule.endpoint, path, methods)


def _of_each_provider(app: Dashboard, rule: str) -> Iterable[str]:
    if (part := re.search(r"<(\w+):provider>", rule)) is None:
        return [rule]
    pattern = provider_converters(app.catalogue)[part[1]].regex
    names = [name for name in app.catalogue if re.fullmatch(pattern, name)]
    return [rule.replace(part[0], name) for name in names]

"""A channel that is limited to tags is told of connections that have one of them."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.alerts.tag_filter import facts_for

TULA = {"label": "A", "tags": ["Тула"]}
OREL = {"label": "B", "tags": ["Орёл", "касса"]}
BARE = {"label": "C"}
OF_ALL = {"group": ["offline"], "items": [TULA, OREL, BARE]}
DIGEST = {"period": "daily", "alerts": [{"at": "1", "facts": OF_ALL}]}


@pytest.mark.parametrize(
    ("tags", "items"),
    [
        ([], [TULA, OREL, BARE]),
        (["ТУЛА"], [TULA]),
        (["Тула", "касса"], [TULA, OREL]),
        (["Псков"], None),
    ],
)
def test_only_what_has_a_tag_is_told(
    tags: Sequence[str], items: list[dict[str, Any]] | None
) -> None:
    assert facts_for(OF_ALL, tags) == ({**OF_ALL, "items": items} if items else {})
    told = facts_for(DIGEST, tags)
    parts = [{"at": "1", "facts": {**OF_ALL, "items": items}}]
    assert told == ({**DIGEST, "alerts": parts} if items else {})

"""The text of a query string or a form, as it may go on to the database, a log or a page."""

from collections.abc import Iterable
from typing import Any

from quart import Request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

from app.i18n.plain_text import storable


class StorableValues(ImmutableMultiDict[str, Any]):
    """Parameters whose names and values PostgreSQL can hold. What is sent besides, a NUL, becomes
    U+FFFD: it matches nothing of ours, and is no error.
    """

    def __init__(self, mapping: MultiDict[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        pairs = mapping.items(multi=True) if isinstance(mapping, MultiDict) else mapping
        super().__init__([(storable(name), _value(value)) for name, value in pairs])


class TextRequest(Request):
    """The one reader of `request.args` and `request.form`."""

    parameter_storage_class = StorableValues


def _value(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value  # else: an uploaded file

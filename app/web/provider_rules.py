"""Parts of URL rules that are a provider's name: `/<provider:provider>/connect`.

One rule serves every provider. Only the names of the catalogue match, so `/anything` stays 404.
"""

import re
from collections.abc import Iterable

from werkzeug.routing import BaseConverter

from app.providers.provider import Catalogue

NO_NAME = r"(?!)"  # matches nothing: an empty alternative would match everything


def provider_converters(catalogue: Catalogue) -> dict[str, type[BaseConverter]]:
    """By their name in a rule."""
    pushing = [name for name, provider in catalogue.items() if provider.push is not None]
    return {
        "provider": any_of(catalogue),
        "pushing_provider": any_of(pushing),  # it delivers tokens
        "evotor": any_of({"evotor"} & set(pushing)),  # its own events, which no other provider has
    }


def any_of(names: Iterable[str]) -> type[BaseConverter]:
    """The names are part of the pattern. A converter that refused the others in `to_python` would
    turn their 404 into a 405 where the method is wrong as well.
    """

    class Names(BaseConverter):
        regex = "|".join(re.escape(name) for name in names) or NO_NAME

    return Names

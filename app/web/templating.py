"""Jinja's environment for our pages, changed in two ways."""

from typing import Any

from jinja2 import Template, Undefined
from jinja2.utils import missing
from quart import Quart
from quart.templating import Environment


class PlainTemplate(Template):
    """Renders without async: none of ours awaits anything, and a page has thousands of pieces. To
    await each of them cost more than all the rest.
    """

    async def render_async(self, *args: Any, **context: Any) -> str:
        """For Quart, which always awaits."""
        return self.render(*args, **context)


class MissingName(Undefined):
    """A variable that a page was not given is empty, as usual in Jinja: many are optional. But an
    attribute or a key that an object does not have is a mistake and raises UndefinedError: one that
    had been renamed left a hole in a page, and nobody noticed.
    """

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None, *args: Any
    ) -> None:
        super().__init__(hint, obj, name, *args)
        if obj is not missing:
            self._fail_with_undefined_error()


class PlainEnvironment(Environment):
    template_class = PlainTemplate

    def __init__(self, app: Quart, **options: Any) -> None:
        super().__init__(app, undefined=MissingName, **options)
        self.is_async = False  # Quart insists on the opposite

"""Templates without async. None of ours awaits anything, and a page has thousands of pieces: to
await each of them cost more than all the rest.
"""

from typing import Any

from jinja2 import Template
from quart import Quart
from quart.templating import Environment


class PlainTemplate(Template):
    async def render_async(self, *args: Any, **context: Any) -> str:
        """For Quart, which always awaits."""
        return self.render(*args, **context)


class PlainEnvironment(Environment):
    template_class = PlainTemplate

    def __init__(self, app: Quart, **options: Any) -> None:
        super().__init__(app, **options)
        self.is_async = False  # Quart insists on the opposite

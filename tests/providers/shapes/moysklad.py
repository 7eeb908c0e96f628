"""МойСклад: 415 without gzip, errors as a list with codes of its own."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.key_service import KeyService
from tests.providers.shapes.service import Seen


class MoySklad(KeyService):
    name = "moysklad"
    label = "admin@shop"

    def routes(self) -> Mapping[str, Any]:
        return {"GET /api/remap/1.2/context/employee": self.api}

    def api(self, seen: Seen) -> web.Response:
        if "gzip" not in seen.headers.get("Accept-Encoding", ""):
            return self.error(415, 1062)
        return super().api(seen)

    def account(self) -> web.Response:
        return self.says(200, name="Анна", uid="admin@shop", accountId="84e60e93")

    def refused(self) -> web.Response:
        return self.error(401, 1056)

    def limited(self) -> web.Response:
        return self.error(429, 1073)

    def forbidden(self) -> web.Response:
        return self.error(403, 1016)

    def error(self, status: int, code: int) -> web.Response:
        return self.says(status, errors=[{"error": "Ошибка", "code": code}])

"""Wildberries: a JWT that says when it ends and what type it is; `/ping` is not for programs."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.providers.shapes.key_service import KeyService

BASE, TEST, PERSONAL = 1, 2, 3  # the claim `acc`


class Wildberries(KeyService):
    name = "wildberries"
    label = "Лавка Анны"

    def routes(self) -> Mapping[str, Any]:
        return {"GET /api/v1/seller-info": self.api}

    def key(self) -> str:
        return jwt(BASE, self.number)

    def account(self) -> web.Response:
        return self.says(200, name="ИП Иванова", tradeMark="Лавка Анны", sid="e8923014")

    def refused(self) -> web.Response:
        detail = "token problem; token is withdrawn"
        return self.says(401, title="unauthorized", detail=detail, status=401)

    def limited(self) -> web.Response:
        return self.says(429, title="too many requests", status=429)

    def forbidden(self) -> web.Response:
        return self.says(403, title="forbidden", status=403)


def jwt(acc: int, number: int = 1, life: int = 180 * 86_400) -> str:
    claims = {"acc": acc, "exp": int(time.time()) + life, "sid": "e8923014", "id": number}
    parts = ({"alg": "ES256"}, claims)
    return ".".join([*(_encoded(json.dumps(part).encode()) for part in parts), "c2lnbmF0dXJl"])


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

"""A service that delivers its token by itself, once our application is installed there; it lets its
person sign in at us with a code.
"""

from typing import ClassVar

from tests.providers.shapes.service import Service

WEBHOOK_SECRET = "5f0c2ad6-56f0-4a5e-9d6b-0c1d2e3f4a5b"


class PushService(Service):
    kind: ClassVar[str] = "pushed_token"
    refreshes: ClassVar[bool] = False
    way: ClassVar[str] = "delivers"
    user: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def sign_in(self, login: str, code: str) -> dict[str, str]:
        """What it posts to `/user/verify`."""
        return {"userId": self.user, "username": login, "password": code}

    def install(self) -> dict[str, str]:
        """What it posts to `/user/token`."""
        self.number += 1
        self.access = f"delivered-token-{self.number:05d}"
        return {"userId": self.user, "token": self.access}

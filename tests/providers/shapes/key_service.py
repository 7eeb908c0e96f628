"""A service without OAuth: the person makes a key in its cabinet and brings it to us."""

from typing import ClassVar

from tests.providers.shapes.service import Service


class KeyService(Service):
    kind: ClassVar[str] = "api_key"
    refreshes: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def new_key(self) -> dict[str, str]:
        """A person makes a new key; returns what they type in here."""
        self.number += 1
        self.access = self.key()
        return {"token": self.access}

    def key(self) -> str:
        return f"key-of-thirty-characters-{self.number:05d}"

"""A real SMTP server on loopback, and the letters that came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from app.config import Smtp
from tests.support.waiting import until

USER, PASSWORD = "postman", "the postman's password"


@dataclass
class Postbox:
    """`says` instead of taking a letter, when it is set: "550 no such person"."""

    port: int = 0
    says: str = ""
    letters: list[EmailMessage] = field(default_factory=list)

    @property
    def smtp(self) -> Smtp:
        return Smtp("smtp", "127.0.0.1", self.port)

    async def letter(self, to: str, number: int = 1) -> EmailMessage:
        """The newest letter to this address, once there are so many of them."""

        async def came() -> bool:
            return len(self.to(to)) >= number

        await until(came)
        return self.to(to)[-1]

    def to(self, address: str) -> list[EmailMessage]:
        return [letter for letter in self.letters if letter["To"] == address]

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802
        if self.says:
            return self.says
        letter = BytesParser(EmailMessage, policy=default).parsebytes(envelope.content)
        assert envelope.rcpt_tos == [letter["To"]], "the envelope and the letter name one person"
        self.letters.append(letter)
        return "250 OK"


@asynccontextmanager
async def open_postbox(**options: Any) -> AsyncIterator[Postbox]:
    postbox = Postbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(postbox, hostname="localhost", **{"enable_SMTPUTF8": True} | options),
        "127.0.0.1",
        0,
    )
    postbox.port = server.sockets[0].getsockname()[1]
    try:
        yield postbox
    finally:
        server.close()


@asynccontextmanager
async def open_slow_server(pause: float) -> AsyncIterator[Smtp]:
    """Takes everything, with so many seconds before each answer."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = b"220 hello\r\n"
        while True:
            await asyncio.sleep(pause)
            writer.write(said)
            if not await reader.readline():
                break
            said = b"250 OK\r\n"
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield Smtp("smtp", "127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()


def wants_password(_: Any, __: Any, ___: Any, ____: Any, data: Any) -> AuthResult:
    """An authenticator of aiosmtpd."""
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def html_of(letter: EmailMessage) -> str:
    body = letter.get_body(("html",))
    assert body is not None
    return str(body.get_content())

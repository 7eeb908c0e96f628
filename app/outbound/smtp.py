"""Mail to people: plain text with an HTML alternative, through the server that SMTP_URL names."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid, parseaddr

import aiosmtplib

from app.config import Settings, Smtp
from app.outbound.mail_address import domain_in_ascii, parse_mail_address
from app.outbound.mail_headers import POLICY

log = logging.getLogger(__name__)

SMTP_TIMEOUT = 20.0  # seconds for each step of the conversation
LETTER_PATIENCE = 60.0  # seconds for one letter: a server may make every step last
ASKED_IN = 10.0  # seconds for finding out what a server can do, while a person waits
LINK = re.compile(r"(https?://[^/\s]+)/\S*")
FOR_GOOD = range(500, 600)  # RFC 5321 section 4.2.1: asking again would be told the same


@dataclass(frozen=True)
class Mail:
    """`secret`: its text lets somebody in, so it is never written to a log."""

    to: str
    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    id: str = ""  # the same id twice is the same message, to a server that looks
    secret: bool = False


@dataclass(frozen=True)
class NotSent:
    """Why a message is not on its way; `for_good`: sending it again would not help."""

    why: str
    for_good: bool = False


NO_ADDRESS = NotSent("no such address", for_good=True)
NEEDS_UTF8 = NotSent("the mail server takes no address beyond ASCII (SMTPUTF8)", for_good=True)


async def fault_of(settings: Settings, to: str) -> NotSent | None:
    """Why our mail server cannot write to this address, as far as that is known before a letter."""
    address = parse_mail_address(to)
    if address is None:
        return NO_ADDRESS
    if settings.smtp is None or not address.needs_utf8:
        return None
    try:
        async with asyncio.timeout(ASKED_IN), _client(settings.smtp) as client:
            await client.ehlo()
            return None if client.supports_extension("smtputf8") else NEEDS_UTF8
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return NotSent(type(error).__name__)


async def fault_of_server(server: Smtp) -> NotSent | None:
    """Does it greet us, and take our log-in if there is one? Nothing is sent."""
    try:
        async with asyncio.timeout(ASKED_IN), _client(server) as client:
            await client.ehlo()
            return None
    except aiosmtplib.SMTPResponseException as error:
        return NotSent(f"the mail server answered {error.code}")
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return NotSent(type(error).__name__)


async def send(
    settings: Settings, message: Mail, patience: float = LETTER_PATIENCE
) -> NotSent | None:
    """None: the server took it. Without SMTP_URL it is written to the log, which also counts.

    `patience`: seconds for the whole conversation; then it may be that the server took it.
    """
    try:
        letter = _letter(settings, message)
    except (ValueError, MessageError) as error:
        return NotSent(f"no such address or header: {type(error).__name__}", for_good=True)
    if settings.smtp is None:
        _write_down(message)
        return None
    return await _hand_over(settings.smtp, letter, patience)


async def _hand_over(smtp: Smtp, letter: EmailMessage, patience: float) -> NotSent | None:
    sender, to = letter["From"].addresses[0].addr_spec, letter["To"].addresses[0].addr_spec
    try:
        async with asyncio.timeout(patience), _client(smtp) as client:
            await client.send_message(letter, sender=sender, recipients=[to])
    except aiosmtplib.SMTPNotSupported as error:
        return NotSent(type(error).__name__) if to.isascii() else NEEDS_UTF8
    except aiosmtplib.SMTPRecipientsRefused as error:
        return _refused(error.recipients[0])
    except aiosmtplib.SMTPDataError as error:
        return _refused(error)
    except aiosmtplib.SMTPResponseException as error:  # it refuses us, not this letter
        return NotSent(f"the mail server answered {error.code}")
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return NotSent(type(error).__name__)
    return None


def _client(smtp: Smtp) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=smtp.host,
        port=smtp.port,
        username=smtp.user or None,
        password=smtp.password or None,
        use_tls=smtp.scheme == "smtps",
        start_tls=_start_tls(smtp),
        timeout=SMTP_TIMEOUT,
    )


def _start_tls(smtp: Smtp) -> bool | None:
    """A password goes out encrypted or not at all; on this machine nobody listens in between.

    None: only where the server offers it.
    """
    if smtp.scheme == "smtps" or smtp.local:
        return False
    return True if smtp.user else None


def _refused(error: aiosmtplib.SMTPResponseException) -> NotSent:
    """The code alone: what a server writes beside it may quote the letter."""
    return NotSent(f"the mail server answered {error.code}", for_good=error.code in FOR_GOOD)


def _letter(settings: Settings, message: Mail) -> EmailMessage:
    """Raises ValueError or MessageError for an address or a header that is none."""
    letter = EmailMessage(policy=POLICY)
    to = parse_mail_address(message.to)
    if to is None:
        raise ValueError("no such address")
    name, sender = parseaddr(settings.mail_from or "svyazka@localhost")
    local, _, host = sender.rpartition("@")
    domain = domain_in_ascii(host)
    letter["From"] = Address(name, local, domain)
    letter["To"] = Address("", to.local, to.domain)
    letter["Subject"] = message.subject
    letter["Date"] = format_datetime(localtime())
    letter["Message-ID"] = f"<{message.id}@{domain}>" if message.id else make_msgid(domain=domain)
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies, please
    for name, value in message.headers.items():
        letter[name] = value
    letter.set_content(message.text)
    if message.html:
        letter.add_alternative(message.html, subtype="html")
    return letter


def _write_down(message: Mail) -> None:
    """Nobody who reads a log is to unsubscribe others or log in as them: links lose their path."""
    text = "(not logged: it lets somebody in; set SMTP_URL)" if message.secret else message.text
    shown = LINK.sub(r"\1/…", text)
    log.info("mail: %s (not sent, there is no SMTP_URL)\n%s", message.subject, shown)

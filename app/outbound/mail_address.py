"""What an address of a mailbox is, and how it goes on the wire (RFC 5321, RFC 6531, RFC 5890)."""

from dataclasses import dataclass

import idna

LONGEST = 254  # octets of a whole address: RFC 5321 section 4.5.3.1.3, without the brackets
LONGEST_LOCAL = 64  # octets before the "@": section 4.5.3.1.1
NOT_IN_LOCAL = frozenset(' ,;:<>()[]"\\@')  # what would make one address look like two


@dataclass(frozen=True)
class MailAddress:
    """The domain is in ASCII (`xn--…`), which every server understands; the part before the "@"
    has no such form.
    """

    local: str
    domain: str

    @property
    def needs_utf8(self) -> bool:
        """Only a server with SMTPUTF8 (RFC 6531) can be told it."""
        return not self.local.isascii()

    @property
    def as_sent(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_mail_address(text: str) -> MailAddress | None:
    """None: it is none, or one in a form (quoted, an IP address) that nobody has as a mailbox."""
    local, at, host = text.strip().partition("@")
    domain = _checked(host)
    if not at or domain is None or not _is_dot_atom(local):
        return None
    address = MailAddress(local, domain)
    too_long = len(local.encode()) > LONGEST_LOCAL or len(address.as_sent.encode()) > LONGEST
    return None if too_long else address


def domain_in_ascii(host: str) -> str:
    """Raises ValueError for a name that has no such form."""
    return host if host.isascii() else idna.encode(host, uts46=True).decode()


def _is_dot_atom(local: str) -> bool:
    """RFC 5322 section 3.2.3: no dot at either end, and no two in a row."""
    plain = local.isprintable() and not NOT_IN_LOCAL & set(local)
    return plain and all(local.split("."))


def _checked(host: str) -> str | None:
    """A name in ASCII stays as it was written."""
    try:
        domain = idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return None
    labels = domain.split(".")
    is_one = len(labels) > 1 and all(labels) and not labels[-1].isdecimal()
    return (host if host.isascii() else domain) if is_one else None

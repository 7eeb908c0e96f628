"""Header fields, folded so that every mail program reads them as they were written.

The standard library loses spaces of a long Russian text between two encoded words, and makes an
encoded word of a long address in angle brackets, which no program follows.
"""

from email.header import Header
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from typing import Any

LONGEST_LINE = 76  # characters, with an encoded word in it: RFC 2047 section 2
MACHINE_READ = ("list-unsubscribe", "list-unsubscribe-post", "auto-submitted")


class _Verbatim(UnstructuredHeader):
    """A value that is taken as it is: what looks like an encoded word is none."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["parse_tree"] = cls.value_parser("")
        kwds["decoded"] = value


class _Text(_Verbatim):
    def fold(self: Any, *, policy: Policy) -> str:
        line = f"{self.name}: {self}"
        if not _is_plain(line) or "=?" in line:
            line = f"{self.name}: {_encoded(str(self), self.name, policy)}"
        return line + policy.linesep


class _MachineRead(_Verbatim):
    """Addresses in angle brackets and the like (RFC 2369): ASCII, on a line that nobody folds."""

    def fold(self: Any, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> "EmailPolicy[EmailMessage]":
    registry = HeaderRegistry()
    kinds: dict[str, Any] = {"subject": _Text, **dict.fromkeys(MACHINE_READ, _MachineRead)}
    for name, kind in kinds.items():
        registry.map_to_type(name, kind)
    return SMTP.clone(header_factory=registry)


def _is_plain(line: str) -> bool:
    return line.isascii() and line.isprintable() and len(line) <= LONGEST_LINE


def _encoded(text: str, name: str, policy: Policy) -> str:
    """Encoded words, each with whole characters, that have every space in them."""
    header = Header(text, "utf-8", header_name=name, maxlinelen=LONGEST_LINE)
    return header.encode(linesep=policy.linesep)


POLICY = _policy()

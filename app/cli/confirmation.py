"""The question before what cannot be undone."""

import argparse
import sys

from app.errors import CommandError

YES = ("y", "yes", "д", "да")


def ask_first(arguments: argparse.Namespace, what: str) -> None:
    """`--yes` answers beforehand. Raises CommandError for any answer but yes, and where nobody
    sits who could answer.
    """
    if arguments.yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{what} This cannot be undone, and nobody is here to ask: add --yes")
    if input(f"{what} This cannot be undone. Go on? [y/N] ").strip().lower() not in YES:
        raise CommandError("nothing was changed")

"""`python -m app keys`: make a key; seal every token anew under the first one; try them all."""

import argparse
import asyncio
import base64
import secrets
import sys
from collections.abc import Mapping

from app.alerts.channels import webpush_encryption
from app.cli import start_checks
from app.config import NEEDED_BY_CHECKS, Settings, read_settings
from app.database import key_rotation, live_processes
from app.database.encryption import Keys, new_key
from app.database.engine import Database, open_configured
from app.errors import CommandError, ConfigurationError

BAR_WIDTH = 30  # characters of a progress bar


def keys(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if arguments.action == "new":
        print(f"k{secrets.token_hex(3)}:{base64.b64encode(new_key()).decode()}")
        return 0
    if arguments.action == "vapid":
        print(webpush_encryption.new_vapid_key())
        return 0
    settings = read_settings(environ, NEEDED_BY_CHECKS)
    return asyncio.run({"rotate": _rotate, "verify": _verify}[arguments.action](settings))


async def _rotate(settings: Settings) -> int:
    keys = Keys(settings.token_keys)
    async with open_configured(settings, "keys") as database:
        if faults := await start_checks.faults_of_bytes(database, keys):
            raise ConfigurationError(faults)
        await _want_all_to_know(database, keys.first)
        async for done, total in key_rotation.rotate(database.sessions, keys):
            print(f"\r{_progress(done, total)}", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return 0


async def _want_all_to_know(database: Database, key_id: str) -> None:
    """Who does not know the key would open nothing any more: neither checks nor refreshes."""
    async with database.sessions() as session:
        names = await live_processes.without_key(session, key_id)
    if names:
        raise CommandError(
            f"{', '.join(names)} would not open what is sealed under {key_id!r}: restart with that "
            "key in TOKEN_ENCRYPTION_KEYS, then start this again (one that was killed counts for a "
            "minute)"
        )


def _progress(done: int, total: int) -> str:
    filled = BAR_WIDTH if done >= total else BAR_WIDTH * done // total
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done} of {total} sealed anew"


async def _verify(settings: Settings) -> int:
    async with open_configured(settings, "keys") as database:
        found = await key_rotation.verify(database.sessions, Keys(settings.token_keys))
    print(f"{found.pop('', 0)} stored values open")
    for reason, values in sorted(found.items()):
        print(f"{values} do not: {reason}")
    return 1 if found else 0

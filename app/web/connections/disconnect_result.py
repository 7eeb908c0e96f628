"""After a disconnect: tell the provider, and find out what can be said about it."""

from app.connections.disconnect import Disconnected
from app.grants import revocation
from app.monitor.probe import probe
from app.providers.provider import API_KEY, PUSHED_TOKEN, Provider
from app.web.context import dashboard


async def what_happened(entry: Provider, gone: Disconnected) -> str:
    """ "proven", "revoked", "still_works", "later", "by_hand", "key" or "shared".

    The revocation is tried at once; the monitor goes on for a day if the provider cannot take it.
    """
    app = dashboard()
    if gone.grant and gone.grant.kind == PUSHED_TOKEN:
        return "by_hand"
    if gone.shared:
        return "shared"
    if gone.revocation is None:
        return "key" if entry.kind == API_KEY else "by_hand"
    done = await revocation.send(app.database.sessions, app.http, app.keys, entry, gone.revocation)
    if not done:
        return "later"
    return await _proof_of_revocation(entry, gone)


async def _proof_of_revocation(entry: Provider, gone: Disconnected) -> str:
    """Show the old token once more: only the provider's refusal proves that it is worth nothing."""
    if gone.grant is None:
        return "revoked"
    app = dashboard()
    answer = await probe(app.http, entry, gone.grant, app.settings.timeout)
    if answer.refuses_token:
        return "proven"
    works = answer.status is not None and 200 <= answer.status < 300 and answer.sound
    return "still_works" if works else "revoked"

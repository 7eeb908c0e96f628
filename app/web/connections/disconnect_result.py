"""After a disconnect: tell the provider, write the receipt, find out what can be said about it."""

from app.connections.disconnect import Disconnected
from app.grants import receipts, revocation
from app.grants.receipts import GrantEnd, OldToken
from app.monitor.answer import Answer
from app.monitor.probe import probe
from app.oauth.revocation_response import RevocationAnswer
from app.providers.provider import API_KEY, PUSHED_TOKEN, Provider
from app.web.context import dashboard


async def what_happened(entry: Provider, gone: Disconnected) -> str:
    """ "proven", "revoked", "already", "still_works", "later", "by_hand", "key" or "shared".

    The revocation is tried at once; the monitor goes on for a day if the provider cannot take it.
    """
    end, answer = await _end_of(entry, gone)
    asked_well = end in (*receipts.ENDED, GrantEnd.UNSUPPORTED)
    proof = await _proof_of_revocation(entry, gone) if asked_well else None
    old_token = _old_token(proof) if proof else None
    async with dashboard().database.sessions.begin() as session:
        await receipts.write(
            session,
            entry,
            gone.connection_id,
            end,
            answer,
            old_token,
            proof.evidence if proof else "",
        )
    return _in_a_word(end, old_token)


async def _end_of(entry: Provider, gone: Disconnected) -> tuple[GrantEnd, RevocationAnswer | None]:
    app = dashboard()
    if gone.grant and gone.grant.kind == PUSHED_TOKEN:
        return GrantEnd.BY_HAND, None
    if gone.shared:
        return GrantEnd.SHARED, None
    if gone.revocation is None:
        return GrantEnd.KEY if entry.kind == API_KEY else GrantEnd.BY_HAND, None
    answer = await revocation.send(
        app.database.sessions, app.http, app.keys, entry, gone.revocation
    )
    return (GrantEnd(answer.outcome) if answer else GrantEnd.SHARED), answer


async def _proof_of_revocation(entry: Provider, gone: Disconnected) -> Answer | None:
    """Sends the old token once more: only a refusal by the provider proves that it is revoked."""
    if gone.grant is None:
        return None
    app = dashboard()
    return await probe(app.http_pool, entry, gone.grant, app.settings.timeout)


def _old_token(answer: Answer) -> OldToken:
    if answer.refuses_token:
        return OldToken.REFUSED
    works = 200 <= answer.status < 300 and answer.sound
    return OldToken.WORKS if works else OldToken.UNCLEAR


def _in_a_word(end: GrantEnd, old_token: OldToken | None) -> str:
    if end is GrantEnd.UNSUPPORTED:
        return "proven" if old_token is OldToken.REFUSED else GrantEnd.BY_HAND.value
    if end not in receipts.ENDED:
        return end.value
    if old_token is OldToken.WORKS:
        return "still_works"
    if end is GrantEnd.ALREADY:
        return end.value
    return "proven" if old_token is OldToken.REFUSED else "revoked"

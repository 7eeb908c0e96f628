"""Steps 2 and 4 of 8 of a connect: a person's way to a provider and back, as the database sees it
(RFC 6749 section 4.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit_log
from app.accounts.sessions import CurrentUser
from app.audit_log import AuditEvent
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.database.secret_hashes import secret_hash
from app.grants import revocation
from app.grants import store as grants
from app.grants.store import OpenGrant
from app.models.connection import Connection, OAuthState
from app.oauth import client
from app.oauth.client import NOTHING
from app.oauth.token_response import Refusal, Tokens, picked
from app.outbound.client import Outbound
from app.providers.provider import Provider
from app.realtime.events import announce_list

STATE_LIFE = timedelta(minutes=10)
HEAD_START = timedelta(seconds=15)  # the first check is the callback's; the monitor's if that dies


class ConnectError(StrEnum):
    """Why nothing was connected: the closed list of `/<provider>?error=…`."""

    DENIED = "denied"
    EXPIRED = "expired"
    OTHER_BROWSER = "other_browser"
    PROVIDER_ERROR = "provider_error"
    UNREACHABLE = "unreachable"
    BAD_RESPONSE = "bad_response"
    MISCONFIGURED = "misconfigured"
    BAD_ISSUER = "bad_issuer"
    EXCHANGE_REFUSED = "exchange_refused"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True)
class ConsumedState:
    """A consumed state: whose, for which connection, and the code verifier."""

    connection_id: UUID | None
    code_verifier: str | None
    kept: Mapping[str, str]  # what the person typed in before


async def start(
    session: AsyncSession,
    keys: Keys,
    provider: Provider,
    person: CurrentUser,
    redirect_uri: str,
    connection_id: UUID | None,
    typed: Mapping[str, str] = NOTHING,
) -> str:
    """Note where the person is going, and return the address to send them to.

    Raises KeyError where the entry wants something that was not typed in.
    """
    state = client.new_state()
    verifier = client.new_code_verifier() if provider.pkce else None
    state_hash = secret_hash(state)
    session.add(
        OAuthState(
            state_hash=state_hash,
            user_id=person.user_id,
            session_hash=person.session_hash,
            provider=provider.name,
            connection_id=connection_id,
            code_verifier=keys.seal(verifier, "oauth_states", state_hash.hex(), "code_verifier")
            if verifier
            else None,
            extra=dict(typed),
            expires_at=func.now() + STATE_LIFE,
        )
    )
    await session.flush()
    return client.authorization_url(provider, redirect_uri, state, verifier, typed)


async def finish(
    sessions: Sessions,
    http: Outbound,
    keys: Keys,
    provider: Provider,
    person: CurrentUser,
    redirect_uri: str,
    answer: Mapping[str, str],
) -> UUID | ConnectError:
    """Read the provider's answer, trade the code, and store the connection as `checking`."""
    async with sessions.begin() as session:
        way = await _consume(session, keys, provider, person, answer.get("state", ""))
    if isinstance(way, ConnectError):
        return way
    if not client.issuer_matches(provider, answer.get("iss")):
        return ConnectError.BAD_ISSUER
    if not client.signature_matches(provider, answer):
        return ConnectError.BAD_ISSUER
    if "error" in answer or not answer.get("code"):
        denied = answer.get("error") == "access_denied"
        return ConnectError.DENIED if denied else ConnectError.PROVIDER_ERROR
    kept = _kept(provider, way, {**answer, "redirect_uri": redirect_uri})
    if isinstance(kept, ConnectError):
        return kept
    tokens = await client.exchange(
        http, provider, answer["code"], redirect_uri, way.code_verifier, kept
    )
    if isinstance(tokens, Refusal):
        return _error_of(tokens)
    if not provider.may_ask(tokens.kept):
        return ConnectError.NOT_ALLOWED
    return await store(sessions, keys, provider, person.user_id, tokens, way.connection_id)


async def store(
    sessions: Sessions,
    keys: Keys,
    provider: Provider,
    user_id: int,
    tokens: Tokens,
    replaces_connection_id: UUID | None,
    first_check: timedelta = HEAD_START,
) -> UUID | ConnectError:
    """Keep a new grant, due in `first_check`; a probe finds its place (docs/decisions/0008)."""
    connection_id = uuid4()
    # RFC 6749 section 5.1: an answer without a scope means the scopes that were asked for.
    tokens = replace(tokens, scopes=tokens.scopes or provider.scopes)
    try:
        async with sessions.begin() as session:
            session.add(
                Connection(
                    id=connection_id,
                    user_id=user_id,
                    provider=provider.name,
                    replaces_connection_id=replaces_connection_id,
                    next_check_at=func.now() + first_check,
                )
            )
            await session.flush()
            await grants.store(session, keys, connection_id, tokens, provider.kind)
            if replaces_connection_id is None:
                await audit_log.write_of(session, AuditEvent.CONNECTED, [connection_id])
            await announce_list(session, user_id)
    except IntegrityError:  # the person or the connection was deleted meanwhile: lose no live token
        orphan = OpenGrant(
            connection_id, 1, tokens.access_token, tokens.refresh_token, kept=tokens.kept
        )
        async with sessions.begin() as session:
            await revocation.enqueue(session, keys, provider, orphan)
        return ConnectError.EXPIRED
    return connection_id


async def forget_old_states(session: AsyncSession) -> None:
    await session.execute(delete(OAuthState).where(OAuthState.expires_at < func.now()))


async def _consume(
    session: AsyncSession, keys: Keys, provider: Provider, person: CurrentUser, state: str
) -> ConsumedState | ConnectError:
    """One use: the row is gone whatever comes next, so a replay finds nothing."""
    row = await session.scalar(
        select(OAuthState)
        .where(OAuthState.state_hash == secret_hash(state), OAuthState.expires_at > func.now())
        .with_for_update()
    )
    if row is None:
        return ConnectError.EXPIRED
    await session.delete(row)
    if row.session_hash != person.session_hash:
        return ConnectError.OTHER_BROWSER
    if row.provider != provider.name:
        return ConnectError.EXPIRED
    bound_to = ("oauth_states", row.state_hash.hex(), "code_verifier")
    verifier = keys.open(row.code_verifier, *bound_to) if row.code_verifier else None
    return ConsumedState(row.connection_id, verifier, row.extra)


def _kept(
    provider: Provider, way: ConsumedState, answer: Mapping[str, str]
) -> dict[str, str] | ConnectError:
    """What was typed in and what the callback says; where both say it, they must agree."""
    found = picked(answer, provider.callback_keep)
    if len(found) < len(provider.callback_keep):
        return ConnectError.PROVIDER_ERROR
    if any(way.kept.get(name, value) != value for name, value in found.items()):
        return ConnectError.BAD_ISSUER
    return {**way.kept, **found}


def _error_of(refusal: Refusal) -> ConnectError:
    if refusal.is_ours:
        return ConnectError.MISCONFIGURED
    if refusal.code == "not_allowed":
        return ConnectError.NOT_ALLOWED
    if refusal.code in ("bad_response", "too_large", "not_http"):
        return ConnectError.BAD_RESPONSE
    down = refusal.reply.failure or (refusal.reply.status or 0) >= 500
    return ConnectError.UNREACHABLE if down else ConnectError.EXCHANGE_REFUSED

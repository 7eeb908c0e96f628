"""Steps 2 and 4 of 8 of a connect: to the provider and back (RFC 6749 section 4.1)."""

from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.sessions import CurrentUser
from app.connections import new_connection, oauth_states
from app.connections.oauth_states import Authorization, ConnectError, Repeated
from app.database.encryption import Keys
from app.database.engine import Sessions
from app.oauth import client
from app.oauth.authorization_error import is_cancel
from app.oauth.client import NOTHING
from app.oauth.error_field import has_error
from app.oauth.token_response import Refusal, picked
from app.outbound.client import HttpClient
from app.outbound.failures import Failure
from app.providers.provider import Provider


async def start(
    session: AsyncSession,
    keys: Keys,
    provider: Provider,
    person: CurrentUser,
    redirect_uri: str,
    connection_id: UUID | None,
    typed: Mapping[str, str] = NOTHING,
) -> str:
    """Store a new state, and return the authorization URL to redirect the user to.

    Raises KeyError where the URL needs a field that was not filled in.
    """
    verifier = client.new_code_verifier() if provider.pkce else None
    state = await oauth_states.issue(
        session, keys, provider.name, person, connection_id, verifier, typed
    )
    return client.authorization_url(provider, redirect_uri, state, verifier, typed)


async def finish(
    sessions: Sessions,
    http: HttpClient,
    keys: Keys,
    provider: Provider,
    person: CurrentUser,
    redirect_uri: str,
    answer: Mapping[str, str],
) -> Authorization | Repeated | ConnectError:
    """Read the provider's answer, exchange the code, and store the connection as `checking`.

    Its id is `stored_as`. The caller checks it for the first time and then records the outcome
    (`oauth_states.note_outcome`), for a callback that is repeated meanwhile or later.
    """
    code = answer.get("code")
    async with sessions.begin() as session:
        way = await oauth_states.returned(
            session, keys, provider.name, person, answer.get("state", ""), code=bool(code)
        )
    if not isinstance(way, Authorization):
        return way
    error = _fault_of(provider, answer)
    try:
        if error is None:
            error = await _trade(sessions, http, keys, provider, person, redirect_uri, answer, way)
    except (SQLAlchemyError, OSError):  # whoever loads the error page anew has the same state
        with suppress(SQLAlchemyError, OSError):
            await _note(sessions, way, ConnectError.EXPIRED)
        raise
    if error is None:
        return way
    if code:
        await _note(sessions, way, error)
    return error


async def _note(sessions: Sessions, way: Authorization, error: ConnectError) -> None:
    async with sessions.begin() as session:
        await oauth_states.note_outcome(session, way, error)


def _fault_of(provider: Provider, answer: Mapping[str, str]) -> ConnectError | None:
    """Why an answer is refused; None where it has a code that may be exchanged."""
    if not client.issuer_matches(provider, answer.get("iss")):
        return ConnectError.BAD_ISSUER
    if not client.signature_matches(provider, answer):
        return ConnectError.BAD_ISSUER
    if answer.get("code") and not has_error(answer):
        return None
    return (
        ConnectError.DENIED
        if is_cancel(answer, provider.cancel_errors)
        else ConnectError.PROVIDER_ERROR
    )


async def _trade(
    sessions: Sessions,
    http: HttpClient,
    keys: Keys,
    provider: Provider,
    person: CurrentUser,
    redirect_uri: str,
    answer: Mapping[str, str],
    way: Authorization,
) -> ConnectError | None:
    kept = _kept(provider, way, {**answer, "redirect_uri": redirect_uri})
    if isinstance(kept, ConnectError):
        return kept
    tokens = await client.exchange(
        http, provider, answer["code"], redirect_uri, way.code_verifier, kept
    )
    if isinstance(tokens, Refusal):
        if tokens.unusable is not None:
            await new_connection.revoke(sessions, http, keys, provider, tokens.unusable)
        return _error_of(tokens)
    if not provider.may_ask(tokens.kept):
        await new_connection.revoke(sessions, http, keys, provider, tokens)
        return ConnectError.NOT_ALLOWED
    return await new_connection.store_or_revoke(
        sessions, http, keys, provider, person.user_id, tokens, way.connection_id, way.stored_as
    )


def _kept(
    provider: Provider, way: Authorization, answer: Mapping[str, str]
) -> dict[str, str] | ConnectError:
    """Fields that the user filled in and parameters of the callback; they must not disagree."""
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
    down = isinstance(refusal.reply, Failure) or refusal.reply.status_code >= 500
    return ConnectError.UNREACHABLE if down else ConnectError.EXCHANGE_REFUSED

"""Step 1 of 8 of a connect: the button. What has to be typed in first, then off to the provider;
or a key, which is tried before it is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from quart import abort, redirect, request
from quart.typing import ResponseReturnValue

from app.accounts.rate_limits import RateLimit
from app.accounts.sessions import CurrentUser
from app.connections import authorization, new_connection, pairing_codes
from app.connections.connect_result import ConnectResult, connect_result
from app.connections.credentials_form import Credentials, key_of, read_credentials
from app.connections.key_replacement import CurrentKey, current_key
from app.connections.oauth_states import ConnectError
from app.grants import store
from app.grants.store import OpenGrant
from app.monitor.answer import Answer
from app.monitor.causes import cause_of
from app.monitor.probe import probe
from app.oauth.token_response import Tokens
from app.providers.provider import API_KEY, OAUTH2, PUSHED_TOKEN, Provider
from app.web.connections.connect_outcome import show_error, show_result
from app.web.connections.form_labels import OTHER_ACCOUNT, SAME_KEY, key_refused
from app.web.connections.provider_page import (
    NOTHING,
    own_connection,
    provider_named,
    provider_page,
)
from app.web.connections.reconnect_labels import called
from app.web.context import Dashboard, dashboard, person
from app.web.middleware.error_pages import too_many
from app.web.middleware.rate_limits import overdone

KEYS = RateLimit(10, timedelta(minutes=10))  # attempts of one user
# Until the monitor may check a new connection; the answer of our own probe is stored by then.
FIRST_CHECK = timedelta(minutes=1)


async def connect(provider: str) -> ResponseReturnValue:
    entry, form = provider_named(provider), await request.form
    connection_id = await own_connection(provider, form.get("connection"))
    if not entry.configured:
        return show_error(provider, ConnectError.MISCONFIGURED)
    if await _lives_by_pushes(entry, connection_id):
        chosen = f"?connection={connection_id}" if connection_id else ""
        return redirect(f"/{provider}{chosen}#install", 303)
    if entry.kind == OAUTH2 and not entry.fields:
        return await _send_away(entry, connection_id, NOTHING)
    if not any(each.name in form for each in entry.fields):
        return await _ask_first(entry, connection_id)
    credentials = read_credentials(entry, form)
    if credentials.faults:
        return await _once_more(entry, connection_id, credentials)
    if entry.kind == OAUTH2:
        return await _send_away(entry, connection_id, credentials.values)
    return await _take_key(entry, connection_id, credentials)


async def install(provider: str) -> ResponseReturnValue:
    """Issues a pairing code, which the user enters at the provider to prove which account is
    theirs.
    """
    app, entry = dashboard(), provider_named(provider)
    if not entry.takes_pushes:
        abort(404)
    if wait := await overdone((f"pair:{person().user_id}", KEYS)):
        return await too_many(wait)
    async with app.database.sessions.begin() as session:
        await pairing_codes.issue(session, app.keys, person().user_id, provider)
    return redirect(f"/{provider}#install", 303)


async def _lives_by_pushes(entry: Provider, connection_id: UUID | None) -> bool:
    """Does the provider deliver the token by itself, so that there is nothing to authorize?"""
    if entry.kind == API_KEY or not entry.takes_pushes:
        return False
    if connection_id is None:
        return not entry.takes_codes
    async with dashboard().database.sessions() as session:
        return await store.kind_of(session, connection_id) == PUSHED_TOKEN


async def _send_away(
    entry: Provider, connection_id: UUID | None, values: Mapping[str, str]
) -> ResponseReturnValue:
    app = dashboard()
    async with app.database.sessions.begin() as session:
        url = await authorization.start(
            session,
            app.keys,
            entry,
            person(),
            app.redirect_uri(entry.name),
            connection_id,
            values,
        )
    return redirect(url, 303)


async def _ask_first(entry: Provider, connection_id: UUID | None) -> ResponseReturnValue:
    """The form was sent without its fields. A reconnect by OAuth reuses what was entered the first
    time; everybody else is shown the form.
    """
    if connection_id is None:
        return redirect(f"/{entry.name}#connect", 303)
    if entry.kind == OAUTH2:
        async with dashboard().database.sessions() as session:
            kept = await store.kept_of(session, dashboard().keys, connection_id)
        before = {each.name: kept[each.name] for each in entry.fields if each.name in kept}
        if len(before) == len(entry.fields):
            return await _send_away(entry, connection_id, before)
    return redirect(f"/{entry.name}?connection={connection_id}#connect", 303)


async def _once_more(
    entry: Provider, connection_id: UUID | None, credentials: Credentials, refused: str = ""
) -> ResponseReturnValue:
    shown = credentials.shown_again(entry)
    return await provider_page(entry, None, connection_id, shown, credentials.faults, refused), 422


async def _take_key(
    entry: Provider, connection_id: UUID | None, credentials: Credentials
) -> ResponseReturnValue:
    app = dashboard()
    if wait := await overdone((f"key:{person().user_id}", KEYS)):
        return await too_many(wait)
    before = await _key_before(connection_id)
    key = key_of(entry, credentials.values)
    is_same = before is not None and before.is_same(key.access_token)
    if before is not None and is_same and before.works:
        text = SAME_KEY.format(name=entry.title)
        return await _once_more(entry, connection_id, credentials, text)
    trying = _try_key(app, entry, person(), connection_id, key, before)
    outcome = await app.unfinished.run(trying)
    if isinstance(outcome, KeyRefused):
        return await _once_more(entry, connection_id, credentials, outcome.why)
    if isinstance(outcome, ConnectError):
        return show_error(entry.name, outcome)
    replaced = before is not None and not is_same
    return await show_result(entry, outcome, "key_replaced" if replaced else "connected")


@dataclass(frozen=True)
class KeyRefused:
    """A key that is not stored; what was there before stays."""

    why: str


async def _key_before(connection_id: UUID | None) -> CurrentKey | None:
    """The key that is to be replaced."""
    if connection_id is None:
        return None
    async with dashboard().database.sessions() as session:
        return await current_key(session, dashboard().keys, connection_id)


async def _try_key(
    app: Dashboard,
    entry: Provider,
    who: CurrentUser,
    connection_id: UUID | None,
    key: Tokens,
    before: CurrentKey | None,
) -> ConnectResult | KeyRefused | ConnectError | None:
    """Probes with the key once and stores it only if the provider accepts it. The first check
    reuses that answer: some providers allow one request a minute.
    """
    grant = OpenGrant(uuid4(), 1, key.access_token, kept=key.kept)
    answer = await probe(app.http_pool, entry, grant, app.settings.timeout)
    if refused := _objection(entry, answer, before):
        return refused
    sessions, stored_as = app.database.sessions, grant.connection_id
    error = await new_connection.store(
        sessions, app.keys, entry, who.user_id, key, connection_id, stored_as, FIRST_CHECK
    )
    if error is not None:
        return error
    await app.checker.take(stored_as, answer)
    async with sessions() as session:
        return await connect_result(session, who.user_id, stored_as)


def _objection(entry: Provider, answer: Answer, before: CurrentKey | None) -> KeyRefused | None:
    """What speaks against storing a key that got this answer."""
    if cause := cause_of(answer):
        return KeyRefused(key_refused(cause.value, entry.title, replaces=before is not None))
    if before is None or not before.is_of_another(answer.account):
        return None
    came, expected = answer.label, before.label
    if came == expected:  # two accounts of one name are told apart by their ids
        came = expected = None
    came, expected = called(came, answer.account), called(expected, before.account)
    return KeyRefused(OTHER_ACCOUNT.format(name=entry.title, came=came, expected=expected))

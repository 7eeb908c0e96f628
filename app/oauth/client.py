"""Step 4 of 8 of a connect: the OAuth 2.0 protocol and nothing else: no database.

Written by hand on httpx: see docs/decisions/0003. Where a provider is not as the RFCs want it, its
entry says so (docs/providers.md).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx

from app.oauth.revocation_response import RevocationAnswer, read_revocation
from app.oauth.token_response import Refusal, Tokens, own_words, read_tokens
from app.outbound.client import HttpClient, send_request
from app.outbound.failures import Failure
from app.providers.placeholders import fill_address, fill_all
from app.providers.provider import Provider
from app.providers.spec_parts import BASIC, GET, JSON, NONE, POST, QUERY, RevocationSpec

TIMEOUT = 15.0  # seconds for a whole token request
UNCONFIGURED = Failure("unconfigured")
NOTHING: Mapping[str, str] = {}

Kept = Mapping[str, str]  # what is kept of a grant beside its tokens, for `{names}` in an entry


def new_state() -> str:
    return secrets.token_urlsafe(32)


def new_code_verifier() -> str:
    return secrets.token_urlsafe(48)  # RFC 7636 section 4.1: 43 to 128 characters


def authorization_url(
    provider: Provider,
    redirect_uri: str,
    state: str,
    code_verifier: str | None,
    kept: Kept = NOTHING,
) -> str:
    """Where to send the person (RFC 6749 section 4.1.1, RFC 7636 section 4.3).

    Raises KeyError where the entry wants a value that the person has not given.
    """
    client_id = provider.client.id if provider.client else ""
    values = {**kept, "client_id": client_id, "unique": _unique(state)}
    values["redirect_uri"] = redirect_uri
    parameters = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri if provider.send_redirect_uri else "",
        "scope": provider.scope_separator.join(provider.scopes) if provider.send_scope else "",
        "state": state,
        **fill_all(provider.authorization_params, values),
    }
    if code_verifier:
        parameters |= {
            "code_challenge": _challenge(code_verifier),
            "code_challenge_method": "S256",
        }
    address = fill_address(provider.authorization_endpoint, values)
    separator = "&" if urlsplit(address).query else "?"
    given = {name: value for name, value in parameters.items() if value}
    return address + separator + urlencode(given)


def issuer_matches(provider: Provider, iss: str | None) -> bool:
    """RFC 9207 section 2.4: compare exactly. A provider that never sends `iss` is not refused."""
    if not provider.issuer or iss is None:
        return True
    return hmac.compare_digest(iss.encode(), provider.issuer.encode())


def signature_matches(provider: Provider, answer: Mapping[str, str]) -> bool:
    """Shopify's `hmac`: SHA-256 under our secret over the other parameters, sorted by name
    (https://shopify.dev/docs/apps/build/authentication-authorization). True where it is not used.
    """
    if not provider.callback_hmac:
        return True
    signed = sorted((name, value) for name, value in answer.items() if name != "hmac")
    message = "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in signed)
    secret = provider.client.secret if provider.client else ""
    expected = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), answer.get("hmac", "").encode())


async def exchange(
    http: HttpClient,
    provider: Provider,
    code: str,
    redirect_uri: str,
    code_verifier: str | None,
    kept: Kept = NOTHING,
) -> Tokens | Refusal:
    """Turn an authorization code into tokens (RFC 6749 section 4.1.3)."""
    form = {"grant_type": "authorization_code", "code": code}
    if provider.send_redirect_uri:
        form["redirect_uri"] = redirect_uri
    if code_verifier:
        form["code_verifier"] = code_verifier
    return read_tokens(provider, await _ask_for_tokens(http, provider, form, kept), kept)


async def refresh_tokens(
    http: HttpClient, provider: Provider, refresh_token: str, kept: Kept = NOTHING
) -> Tokens | Refusal:
    """RFC 6749 section 6. The answer's refresh token replaces the spent one; none means keep it."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    tokens = read_tokens(provider, await _ask_for_tokens(http, provider, form, kept), kept)
    if isinstance(tokens, Tokens) and tokens.refresh_token is None:
        return replace(tokens, refresh_token=refresh_token)
    return tokens


async def revoke(
    http: HttpClient, provider: Provider, token: str, token_type_hint: str, kept: Kept = NOTHING
) -> RevocationAnswer:
    """RFC 7009, or the provider's own way."""
    if provider.revocation:
        reply = await _revoke_its_way(http, provider, provider.revocation, {**kept, "token": token})
    else:
        form = {"token": token, "token_type_hint": token_type_hint}
        how = provider.revocation_format or provider.token_request
        reply = await _post(http, provider, provider.revocation_endpoint, form, how)
    words = own_words(provider)
    own = provider.revocation
    shows_token = own is not None and any("{token}" in each for each in own.headers.values())
    if isinstance(reply, Failure):
        return read_revocation(None, b"", reply.code, words, shows_token=shows_token)
    return read_revocation(reply.status_code, reply.content, "", words, shows_token=shows_token)


def revocation_line(provider: Provider) -> str:
    """What is asked to revoke a grant, for people: a method and an address, with nothing in it that
    is a person's.
    """
    own = provider.revocation
    url, method = (own.url, own.method) if own else (provider.revocation_endpoint, "POST")
    return f"{method} {url.partition('://')[2].partition('?')[0]}"


def _challenge(code_verifier: str) -> str:
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _unique(state: str) -> str:
    """Another one for every authorization, and nothing that leads back to the state."""
    return hashlib.sha256(f"unique {state}".encode()).hexdigest()[:32]


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("&", "%26").replace("=", "%3D")


async def _ask_for_tokens(
    http: HttpClient, provider: Provider, form: dict[str, str], kept: Kept
) -> httpx.Response | Failure:
    client = provider.client
    if client is None:
        return UNCONFIGURED
    ours = {"client_id": client.id, "client_secret": client.secret}
    try:
        address = fill_address(provider.token_endpoint, kept)
        form = form | fill_all(provider.token_params, {**kept, **ours})
    except (KeyError, httpx.InvalidURL):  # it wants more than was kept when the grant was made
        return UNCONFIGURED
    return await _post(http, provider, address, form, provider.token_request)


async def _post(
    http: HttpClient, provider: Provider, url: str, form: dict[str, str], how: str
) -> httpx.Response | Failure:
    """A request in our client's name."""
    client = provider.client
    if client is None:
        return UNCONFIGURED
    method, headers = provider.token_endpoint_auth_method, {"Accept": "application/json"}
    ours = {"client_id": client.id, "client_secret": client.secret}
    if method == BASIC:
        headers["Authorization"] = _basic(client.id, client.secret)
    elif method == NONE:
        form = form | {"client_id": client.id}
    elif method == POST:
        form = form | ours
    query = ours if method == QUERY else {}
    request = _written(how, url, query, form, headers)
    return await send_request(http, request, TIMEOUT, provider.destination)


def _written(
    how: str, url: str, query: dict[str, str], form: dict[str, str], headers: dict[str, str]
) -> httpx.Request:
    if how == GET:
        return httpx.Request("GET", _with(url, query | form), headers=headers)
    if how == JSON:
        return httpx.Request("POST", _with(url, query), json=form, headers=headers)
    return httpx.Request("POST", _with(url, query), data=form, headers=headers)


async def _revoke_its_way(
    http: HttpClient, provider: Provider, its: RevocationSpec, values: dict[str, str]
) -> httpx.Response | Failure:
    client = provider.client
    if client is not None:
        values = values | {"client_id": client.id, "client_secret": client.secret}
    try:
        headers = {"Accept": "application/json", **fill_all(its.headers, values)}
        if its.auth == BASIC:
            headers["Authorization"] = _basic(values["client_id"], values["client_secret"])
        request = httpx.Request(
            its.method,
            fill_address(its.url, values),
            headers=headers,
            data=None if its.form is None else fill_all(its.form, values),
            json=None if its.json is None else fill_all(its.json, values),
        )
    except (KeyError, httpx.InvalidURL):
        return UNCONFIGURED
    return await send_request(http, request, TIMEOUT, provider.destination)


def _basic(name: str, secret: str) -> str:
    """RFC 6749 section 2.3.1: both halves are form-encoded before base64."""
    pair = f"{quote_plus(name)}:{quote_plus(secret)}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def _with(url: str, query: Mapping[str, str]) -> httpx.URL:
    return httpx.URL(url).copy_merge_params(query) if query else httpx.URL(url)

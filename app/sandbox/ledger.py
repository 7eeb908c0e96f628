"""Codes, grants and tokens, in memory: what was given to whom, and what is still good."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from app.sandbox.authorization import AuthorizationRequest
from app.sandbox.catalogue import Account, SandboxClient
from app.sandbox.errors import OAuthError

CODE_LIFETIME = 60  # seconds, from the consent to the exchange
CODE_MEMORY = 600  # seconds; a code is remembered so long, to notice a second use


@dataclass(eq=False)
class IssuedGrant:
    client: SandboxClient
    account: Account
    scopes: tuple[str, ...]
    given_at: float
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    access: dict[str, float] = field(default_factory=dict)  # token → its end, Unix seconds
    refresh: str = ""
    spent: set[str] = field(default_factory=set)

    def tokens(self) -> set[str]:
        return {*self.access, self.refresh, *self.spent}


@dataclass(eq=False)
class AuthorizationCode:
    asked: AuthorizationRequest
    account: Account
    given_at: float
    grant: IssuedGrant | None = None  # what it was exchanged for


@dataclass(frozen=True)
class Issued:
    access_token: str
    refresh_token: str
    expires_in: int
    scopes: tuple[str, ...]


class Ledger:
    def __init__(self, lifetime: int, rotation: bool, clock: Callable[[], float]) -> None:
        self.lifetime = lifetime  # of access tokens from now on, seconds
        self.rotation = rotation
        self.now = clock
        self.grants: list[IssuedGrant] = []
        self.refreshes = 0  # new pairs given out
        self.reuses = 0  # spent refresh tokens that came again, each the end of a grant
        self._codes: dict[str, AuthorizationCode] = {}
        self._holders: dict[str, IssuedGrant] = {}

    def authorize(self, asked: AuthorizationRequest, account: Account) -> str:
        """A code for one exchange."""
        self._forget_old_codes()
        code = secrets.token_urlsafe(24)
        self._codes[code] = AuthorizationCode(asked, account, self.now())
        return code

    def exchange(
        self, client: SandboxClient, code: str, redirect_uri: str, verifier: str
    ) -> Issued:
        """RFC 6749 4.1.3 and, for the verifier, RFC 7636 4.6."""
        known = self._codes.get(code)
        if known is None or known.asked.client != client:
            raise OAuthError("invalid_grant", "unknown authorization code")
        if known.grant is not None:
            self.end(known.grant)  # RFC 6749 4.1.2: somebody else has the code, too
            raise OAuthError("invalid_grant", "the authorization code was used before")
        _check_exchange(known, redirect_uri, verifier, self.now())
        known.grant = IssuedGrant(client, known.account, known.asked.scopes, self.now())
        self.grants.append(known.grant)
        return self._issue(known.grant, refresh_token=secrets.token_urlsafe(32))

    def refresh(self, client: SandboxClient, token: str, scopes: tuple[str, ...]) -> Issued:
        """RFC 6749 6; a spent token destroys the grant, the newest tokens too (RFC 9700 4.14.2)."""
        grant = self._holders.get(token)
        if grant is None or grant.client != client or token in grant.access:
            raise OAuthError("invalid_grant", "unknown or revoked refresh token")
        if token in grant.spent:
            self.reuses += 1
            self.end(grant)
            raise OAuthError("invalid_grant", "the refresh token was used before")
        if not set(scopes) <= set(grant.scopes):
            raise OAuthError("invalid_scope", "more than was granted")
        self.refreshes += 1
        if not self.rotation:
            return self._issue(grant, refresh_token=token)
        grant.spent.add(token)
        return self._issue(grant, refresh_token=secrets.token_urlsafe(32))

    def revoke(self, client: SandboxClient, token: str) -> None:
        """RFC 7009 2.2: an unknown token is no error."""
        grant = self._holders.get(token)
        if grant is not None and grant.client == client:
            self.end(grant)

    def holder(self, token: str) -> IssuedGrant | None:
        """Whose token it is or was; for the log and the switches, not for letting anybody in."""
        return self._holders.get(token)

    def holder_of_code(self, code: str) -> Account | None:
        known = self._codes.get(code)
        return known.account if known else None

    def admits(self, token: str) -> bool:
        grant = self._holders.get(token)
        return grant is not None and grant.access.get(token, 0) > self.now()

    def end(self, grant: IssuedGrant) -> None:
        if grant in self.grants:
            self.grants.remove(grant)
        for token in grant.tokens():
            self._holders.pop(token, None)

    def expire(self, grant: IssuedGrant) -> None:
        grant.access = dict.fromkeys(grant.access, self.now())

    def _issue(self, grant: IssuedGrant, refresh_token: str) -> Issued:
        access_token = secrets.token_urlsafe(32)
        self._forget_expired(grant)
        grant.access[access_token] = self.now() + self.lifetime
        grant.refresh = refresh_token
        self._holders |= {access_token: grant, refresh_token: grant}
        return Issued(access_token, refresh_token, self.lifetime, grant.scopes)

    def _forget_expired(self, grant: IssuedGrant) -> None:
        for token in [each for each, end in grant.access.items() if end <= self.now()]:
            del grant.access[token], self._holders[token]

    def _forget_old_codes(self) -> None:
        horizon = self.now() - CODE_MEMORY
        self._codes = {key: code for key, code in self._codes.items() if code.given_at > horizon}


def _check_exchange(code: AuthorizationCode, redirect_uri: str, verifier: str, now: float) -> None:
    if now - code.given_at > CODE_LIFETIME:
        raise OAuthError("invalid_grant", "the authorization code has expired")
    if redirect_uri != code.asked.redirect_uri:
        raise OAuthError("invalid_grant", "redirect_uri differs from the authorization request")
    if bool(verifier) != bool(code.asked.challenge):
        # Both ways: a verifier without a challenge is a downgraded request (RFC 9700 2.1.1).
        raise OAuthError("invalid_grant", "code_challenge and code_verifier belong together")
    if verifier and not hmac.compare_digest(_s256(verifier), code.asked.challenge.encode()):
        raise OAuthError("invalid_grant", "code_verifier does not match")


def _s256(verifier: str) -> bytes:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=")

"""Passkeys (WebAuthn): a key in the user's device instead of a password.

A challenge is a one-time token that is good for five minutes. User verification is always required,
so a passkey is two factors by itself: the device, and what unlocks it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn.helpers import (
    bytes_to_base64url,
    parse_attestation_object,
    parse_client_data_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.accounts import one_time_tokens
from app.i18n.plain_text import one_line
from app.models.account import Passkey, TokenPurpose, User

CHALLENGE_TIMEOUT = 300_000  # milliseconds that a browser waits for the user
MOST_PASSKEYS = 20  # of one user
LONGEST_PASSKEY_NAME = 60  # characters
LONGEST_ID = 1023  # bytes of a credential's id (WebAuthn section 4, "credential ID")
REQUIRED = UserVerificationRequirement.REQUIRED

T = TypeVar("T")


@dataclass(frozen=True)
class Site:
    """The relying party; `origin` is PUBLIC_URL."""

    origin: str
    name: str

    @property
    def id(self) -> str:
        return urlsplit(self.origin).hostname or ""

    @property
    def can_have_passkeys(self) -> bool:
        """Browsers make passkeys for host names only, not IP addresses, over HTTPS (13.4)."""
        try:
            ip_address(self.id)
        except ValueError:
            return self.origin.startswith("https://") or self.id == "localhost"
        return False


async def options_to_add(session: AsyncSession, site: Site, user_id: int, email: str) -> str:
    """The argument of `navigator.credentials.create()`, as JSON."""
    token = await one_time_tokens.issue(session, TokenPurpose.PASSKEY_ADD, user_id)
    options = webauthn.generate_registration_options(
        rp_id=site.id,
        rp_name=site.name,
        user_id=_handle(user_id),
        user_name=email,
        challenge=webauthn.base64url_to_bytes(token),
        timeout=CHALLENGE_TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=key.credential_id)
            for key in await of_person(session, user_id)
        ],
    )
    return webauthn.options_to_json(options)


async def add(
    session: AsyncSession, site: Site, user_id: int, answer: str, name: str
) -> Passkey | None:
    """Store the passkey that the browser made. None: it answers no challenge to this user."""
    challenge = await _answered(session, TokenPurpose.PASSKEY_ADD, user_id, answer)
    if challenge is None or len(await of_person(session, user_id)) >= MOST_PASSKEYS:
        return None
    if not _read(_names_no_maker, answer):
        return None
    made = _read(
        webauthn.verify_registration_response,
        credential=answer,
        expected_challenge=challenge,
        expected_rp_id=site.id,
        expected_origin=site.origin,
        require_user_verification=True,
    )
    if made is None or len(made.credential_id) > LONGEST_ID:
        return None
    row = insert(Passkey).values(
        user_id=user_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=one_line(name, LONGEST_PASSKEY_NAME),
    )
    return await session.scalar(row.on_conflict_do_nothing().returning(Passkey))


async def options_to_prove(
    session: AsyncSession, site: Site, purpose: TokenPurpose, user_id: int | None = None
) -> str:
    """The argument of `navigator.credentials.get()`, as JSON; without a user, for any passkey."""
    token = await one_time_tokens.issue(session, purpose, user_id)
    known = [] if user_id is None else await of_person(session, user_id)
    options = webauthn.generate_authentication_options(
        rp_id=site.id,
        challenge=webauthn.base64url_to_bytes(token),
        timeout=CHALLENGE_TIMEOUT,
        allow_credentials=[PublicKeyCredentialDescriptor(id=key.credential_id) for key in known],
        user_verification=REQUIRED,
    )
    return webauthn.options_to_json(options)


async def prove(
    session: AsyncSession,
    site: Site,
    purpose: TokenPurpose,
    answer: str,
    user_id: int | None = None,
) -> Passkey | None:
    """The passkey that signed our challenge; with `user_id` it must be that user's."""
    challenge = await _answered(session, purpose, user_id, answer)
    key = await _key_of(session, answer)
    if challenge is None or key is None or user_id not in (None, key.user_id):
        return None
    proof = _read(
        webauthn.verify_authentication_response,
        credential=answer,
        expected_challenge=challenge,
        expected_rp_id=site.id,
        expected_origin=site.origin,
        credential_public_key=key.public_key,
        credential_current_sign_count=key.sign_count,
        require_user_verification=True,
    )
    if proof is None:
        return None
    key.sign_count = proof.new_sign_count
    key.used_at = func.now()
    await session.flush()
    return key


async def of_person(session: AsyncSession, user_id: int) -> Sequence[Passkey]:
    query = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.created_at)
    return (await session.scalars(query)).all()


async def remove(session: AsyncSession, user_id: int, passkey_id: UUID) -> bool:
    """False: the user has no such passkey."""
    theirs = delete(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id)
    return await session.scalar(theirs.returning(Passkey.id)) is not None


async def _answered(
    session: AsyncSession, purpose: TokenPurpose, user_id: int | None, answer: str
) -> bytes | None:
    """The challenge that was answered, which is used up; None: it was not ours to this user."""
    challenge = _read(_challenge_in, answer)
    if challenge is None:
        return None
    ticket = await one_time_tokens.spend(session, purpose, bytes_to_base64url(challenge))
    return challenge if ticket is not None and ticket.user_id == user_id else None


async def _key_of(session: AsyncSession, answer: str) -> Passkey | None:
    """None for a disabled user."""
    credential_id = _read(_bytes_of, answer, "id")
    handle = _read(_bytes_of, answer, "response", "userHandle")
    if credential_id is None or handle is None:
        return None
    key = await session.scalar(
        select(Passkey)
        .join(User, User.id == Passkey.user_id)
        .where(Passkey.credential_id == credential_id, User.disabled_at.is_(None))
        .with_for_update(of=Passkey)
    )
    return key if key is not None and _handle(key.user_id) == handle else None


def _read(read: Callable[..., T], *answer: str, **expected: Any) -> T | None:
    """None where it raises anything at all: whatever cannot be read is refused.

    The library passes on what the readers of JSON, CBOR, keys and certificates below it raise for
    data that nobody made for them: TypeError, RecursionError, UnsupportedAlgorithm and more.
    """
    try:
        return read(*answer, **expected)
    except Exception:
        return None


def _names_no_maker(answer: str) -> bool:
    """We ask for no attestation, so a browser sends "none", or what the key has signed for itself
    ("packed" without certificates, WebAuthn section 5.1.3 step 22). Certificates are not looked at.
    """
    attestation = parse_attestation_object(_bytes_of(answer, "response", "attestationObject"))
    return attestation.fmt in ("none", "packed") and attestation.att_stmt.x5c is None


def _challenge_in(answer: str) -> bytes:
    return parse_client_data_json(_bytes_of(answer, "response", "clientDataJSON")).challenge


def _bytes_of(answer: str, *path: str) -> bytes:
    """A string inside the browser's JSON, decoded. Raises when it is missing."""
    found: Any = json.loads(answer)
    for name in path:
        found = found[name]
    return webauthn.base64url_to_bytes(found)


def _handle(user_id: int) -> bytes:
    """The user handle; it must not contain personal data (WebAuthn section 14.6.1)."""
    return f"person-{user_id}".encode()

"""What a browser answers to a challenge of ours, and what only looks like it."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url as encoded

from app.accounts import passkeys, users
from app.accounts.passkeys import Site
from app.database.engine import Database
from app.models.account import TokenPurpose

SITE = Site("https://links.example.ru", "Связка")
SIGNED = ec.ECDSA(hashes.SHA256())
DEEP = "[" * 20_000 + "]" * 20_000


@dataclass
class Authenticator:
    """A key with its device, as in WebAuthn section 6."""

    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    id: bytes = b"an id of the credential"

    def data(self, *, attested: bool) -> bytes:
        """Authenticator data: section 6.1; UP, UV and, where attested, AT."""
        numbers = self.private.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32), numbers.y.to_bytes(32)
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        rest = bytes(16) + len(self.id).to_bytes(2) + self.id + key if attested else b""
        flags = bytes([0x45 if attested else 0x05])
        return hashlib.sha256(SITE.id.encode()).digest() + flags + bytes(4) + rest

    def made(self, challenge: str, fmt: object = "none", statement: Any = None) -> dict[str, Any]:
        client = client_data("webauthn.create", challenge)
        data = self.data(attested=True)
        if statement == "own":  # self attestation: section 8.2
            signed = self.private.sign(data + hashlib.sha256(client).digest(), SIGNED)
            statement = {"alg": -7, "sig": signed}
        said = {"fmt": fmt, "attStmt": statement or {}, "authData": data}
        return self._answer(client, attestationObject=encoded(cbor2.dumps(said)))

    def proven(self, challenge: str, user_id: int) -> dict[str, Any]:
        client, data = client_data("webauthn.get", challenge), self.data(attested=False)
        return self._answer(
            client,
            authenticatorData=encoded(data),
            signature=encoded(self.private.sign(data + hashlib.sha256(client).digest(), SIGNED)),
            userHandle=encoded(f"person-{user_id}".encode()),
        )

    def _answer(self, client: bytes, **response: str) -> dict[str, Any]:
        said = response | {"clientDataJSON": encoded(client)}
        return {
            "id": encoded(self.id),
            "rawId": encoded(self.id),
            "type": "public-key",
            "response": said,
        }


def client_data(kind: str, challenge: str) -> bytes:
    said = {"type": kind, "challenge": challenge, "origin": SITE.origin}
    return json.dumps(said).encode()


@pytest.fixture
async def user_id(database: Database) -> int:
    async with database.sessions.begin() as session:
        known = await users.sign_up(session, "anna@example.ru", "no hash of anything")
    assert known is not None
    return known


async def to_add(database: Database, user_id: int) -> str:
    async with database.sessions.begin() as session:
        options = await passkeys.options_to_add(session, SITE, user_id, "anna@example.ru")
    return str(json.loads(options)["challenge"])


async def to_prove(database: Database) -> str:
    async with database.sessions.begin() as session:
        purpose = TokenPurpose.PASSKEY_LOG_IN
        options = await passkeys.options_to_prove(session, SITE, purpose)
    return str(json.loads(options)["challenge"])


async def is_added(database: Database, user_id: int, answer: object) -> bool:
    said = answer if isinstance(answer, str) else json.dumps(answer)
    async with database.sessions.begin() as session:
        return await passkeys.add(session, SITE, user_id, said, "\0Anna\nX") is not None


async def is_proven(database: Database, answer: object) -> bool:
    said = answer if isinstance(answer, str) else json.dumps(answer)
    async with database.sessions.begin() as session:
        purpose = TokenPurpose.PASSKEY_LOG_IN
        return await passkeys.prove(session, SITE, purpose, said) is not None


@pytest.mark.parametrize(("fmt", "statement"), [("none", {}), ("packed", "own")])
async def test_a_key_without_a_makers_certificate_is_added_and_logs_in(
    database: Database, user_id: int, fmt: str, statement: Any
) -> None:
    key = Authenticator()
    made = key.made(await to_add(database, user_id), fmt, statement)
    assert await is_added(database, user_id, made)
    assert await is_proven(database, key.proven(await to_prove(database), user_id))
    async with database.sessions() as session:
        (stored,) = await passkeys.of_person(session, user_id)
    assert stored.name == "Anna X"


@pytest.mark.parametrize(
    ("fmt", "statement"),
    [
        ("fido-u2f", {"x5c": 5, "sig": b"x"}),
        ("fido-u2f", {"x5c": [5], "sig": 5}),
        ("packed", {"x5c": [b"no certificate"], "sig": b"x", "alg": -7}),
        ("packed", {"sig": None, "alg": []}),
        ("packed", {}),
        ("tpm", {"ver": "2.0", "certInfo": 5, "pubArea": {}, "x5c": [b"x"], "sig": b"x"}),
        ("android-safetynet", {"ver": "1", "response": b"\xff.\xff.\xff"}),
        ("apple", {"x5c": []}),
        ("none", {"sig": b"x"}),
        ("none", 5),
        (5, {}),
        (["none"], {}),
    ],
)
async def test_another_attestation_is_refused_and_never_read(
    database: Database, user_id: int, fmt: object, statement: Any
) -> None:
    made = Authenticator().made(await to_add(database, user_id), fmt, statement)
    assert not await is_added(database, user_id, made)


Spoil = Callable[[dict[str, Any]], Any]
SPOILT: list[Spoil] = [
    lambda _: DEEP,
    lambda _: '{"a":' * 5_000 + "1" + "}" * 5_000,
    lambda _: "null",
    lambda _: '"\\ud800"',
    lambda _: "",
    lambda said: said | {"id": 5},
    lambda said: said | {"id": "\ud800"},
    lambda said: said | {"rawId": []},
    lambda said: said | {"type": {}},
    lambda said: said | {"response": [said["response"]]},
    lambda said: _with(said, clientDataJSON=None),
    lambda said: _with(said, clientDataJSON=encoded(DEEP.encode())),
    lambda said: _with(said, clientDataJSON=encoded(b'{"challenge": 5}')),
    lambda said: _with(said, clientDataJSON=encoded(b"[]")),
    lambda said: _with(said, attestationObject=5, authenticatorData=5),
    lambda said: _with(said, attestationObject="!", authenticatorData="!", userHandle="!"),
    lambda said: _with(said, attestationObject="AA", authenticatorData="AA", signature="AA"),
    lambda said: _with(said, signature=None, attestationObject=encoded(b"\x81" * 20_000)),
    lambda said: _with(said, userHandle=[], attestationObject=encoded(b"\x9f" * 2_000)),
]


def _with(said: dict[str, Any], **other: Any) -> dict[str, Any]:
    return said | {"response": said["response"] | other}


@pytest.mark.parametrize("spoil", SPOILT, ids=range(len(SPOILT)))
async def test_whatever_cannot_be_read_is_refused(
    database: Database, user_id: int, spoil: Spoil
) -> None:
    key = Authenticator()
    assert not await is_added(database, user_id, spoil(key.made(await to_add(database, user_id))))
    assert await is_added(database, user_id, key.made(await to_add(database, user_id)))
    assert not await is_proven(database, spoil(key.proven(await to_prove(database), user_id)))


async def test_an_id_that_is_longer_than_the_standard_allows_is_refused(
    database: Database, user_id: int
) -> None:
    long = Authenticator(id=b"x" * 1_024)
    assert not await is_added(database, user_id, long.made(await to_add(database, user_id)))

"""Web push: the message sealed for one browser (RFC 8291), and who sends it (RFC 8292)."""

import base64
import json
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD = 4096  # bytes: the whole message is one record
CURVE = ec.SECP256R1()


def seal(
    text: bytes,
    p256dh: bytes,
    auth: bytes,
    own: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """`text` for the browser with these keys, as a body of Content-Encoding aes128gcm.

    Raises ValueError when `p256dh` is no point of the curve. `own` and `salt` are fresh each time;
    only the RFC's own example hands them in.
    """
    browser = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, p256dh)
    own, salt = own or ec.generate_private_key(CURVE), salt or os.urandom(16)
    public = _point(own)
    shared = own.exchange(ec.ECDH(), browser)
    key = _derive(shared, auth, b"WebPush: info\0" + p256dh + public, 32)
    secret = _derive(key, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(key, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + struct.pack("!IB", RECORD, len(public)) + public
    return head + AESGCM(secret).encrypt(nonce, text + b"\x02", None)


def vapid(key: str, audience: str, subject: str, expires: int) -> str:
    """The Authorization header; `expires` in Unix seconds, at most a day ahead."""
    head = encoded(json.dumps({"typ": "JWT", "alg": "ES256"}).encode())
    claims = {"aud": audience, "exp": expires, "sub": subject}
    signed = f"{head}.{encoded(json.dumps(claims).encode())}"
    signature = private_key(key).sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(signature)
    proof = encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{proof}, k={public_key(key)}"


def new_vapid_key() -> str:
    number = ec.generate_private_key(CURVE).private_numbers().private_value
    return encoded(number.to_bytes(32, "big"))


def private_key(key: str) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError when it is none."""
    return ec.derive_private_key(int.from_bytes(decoded(key), "big"), CURVE)


def public_key(key: str) -> str:
    """What a browser subscribes with."""
    return encoded(_point(private_key(key)))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(material)

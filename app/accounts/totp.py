"""Codes of an authenticator app: TOTP (RFC 6238) with its usual parameters. Pure."""

import base64
import hmac
import secrets
import struct
from urllib.parse import quote, urlencode

TIME_STEP = 30  # seconds
CODE_DIGITS = 6
ALLOWED_DRIFT = 1  # time steps that the device's clock may be off
TOTP_SECRET_BYTES = 20  # RFC 4226 section 4 recommends 160 bits


def new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(TOTP_SECRET_BYTES)).decode()


def step_at(now: float) -> int:
    return int(now // TIME_STEP)


def code_of(secret: str, step: int) -> str:
    """RFC 4226 section 5.3: the last four bits of the HMAC tell which four bytes to take."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    start = digest[-1] & 0xF
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF
    return str(number % 10**CODE_DIGITS).zfill(CODE_DIGITS)


def matching_step(secret: str, code: str, now: float) -> int | None:
    """The time step that this code belongs to; None: it is not one of those around `now`."""
    around = range(step_at(now) - ALLOWED_DRIFT, step_at(now) + ALLOWED_DRIFT + 1)
    given = code.encode()
    found = [step for step in around if hmac.compare_digest(code_of(secret, step).encode(), given)]
    return found[-1] if found else None


def address_of(secret: str, issuer: str, email: str) -> str:
    """The otpauth:// address in the QR code (Google Authenticator's key URI format)."""
    label = quote(f"{issuer}:{email}", safe=":@")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer})}"

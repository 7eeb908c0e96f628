"""Why no whole answer came. What is raised is httpx's own:

- `httpx.ConnectTimeout`, `httpx.ReadTimeout`: the deadline passed before or after the request went
- `httpx.ConnectError`: nobody answered, or there is no TLS with whoever did (its cause says which)
  - `AddressNotAllowed`
- `httpx.ReadError`: the connection broke before an answer began
- `httpx.RemoteProtocolError`: what came is no HTTP, or stopped in the middle
  - `BodyTooLarge`
- `httpx.LocalProtocolError`: our own request cannot be written down

No message holds an address, a header or anything the other side sent.
"""

import socket
import ssl
from dataclasses import dataclass

import httpx

MAX_BODY = 256 * 1024  # bytes, after decompression
HANDSHAKES = {  # why there is no TLS, by OpenSSL's reason: no certificate was looked at
    "WRONG_VERSION_NUMBER": "сервер отвечает без шифрования",
    "TLSV1_ALERT_PROTOCOL_VERSION": "у сервера устаревшее шифрование",
    "UNSUPPORTED_PROTOCOL": "у сервера устаревшее шифрование",
}
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)


class AddressNotAllowed(httpx.ConnectError):
    """Nothing was sent: the address is none that we may talk to."""


class BodyTooLarge(httpx.RemoteProtocolError):
    """The body is longer than we read."""


@dataclass(frozen=True)
class Failure:
    """A request without a whole answer, as a value."""

    code: str  # "timeout", "unreachable", "tls", "too_large", "not_http", "not_allowed"
    detail: str = ""  # for the evidence line, in Russian; never anything the provider sent
    reached: bool = False  # somebody was there to get the request: it may have been carried out
    seconds: float = 0.0  # until it was known


def failure_of(error: httpx.HTTPError, timeout: float, seconds: float) -> Failure:
    """After so many seconds, of which there were `timeout` at most."""
    code, detail = _code_and_detail(error, timeout)
    return Failure(code, detail, not isinstance(error, NOT_SENT), seconds)


def _code_and_detail(error: httpx.HTTPError, timeout: float) -> tuple[str, str]:
    match error.__cause__:
        case (
            ConnectionResetError()
            | BrokenPipeError()
            | ssl.SSLEOFError()
            | ssl.SSLZeroReturnError()
        ):
            return "unreachable", "соединение оборвалось"
        case ssl.SSLCertVerificationError():
            return "tls", "сертификат сервера не прошёл проверку"
        case ssl.SSLError(reason=reason):
            return "tls", HANDSHAKES.get(reason, "защищённое соединение не установлено")
        case socket.gaierror():
            return "unreachable", "адрес сервера не найден"
    match error:
        case AddressNotAllowed():
            return "not_allowed", "запрос не отправлен: этот адрес сервису не разрешён"
        case httpx.TimeoutException():
            return "timeout", f"нет ответа за {timeout:.0f} с"
        case BodyTooLarge():
            return "too_large", f"ответ больше {MAX_BODY // 1024} КиБ"
        case httpx.RemoteProtocolError():
            return "not_http", "ответ оборвался или испорчен"
        case httpx.ReadError():
            return "unreachable", "соединение оборвалось"
    return "unreachable", "соединение не установлено"

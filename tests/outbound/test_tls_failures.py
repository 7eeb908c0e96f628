"""Handshakes that fail, with real servers: a certificate is blamed only where it is to blame."""

import socket
import ssl
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import Thread

import httpx
import pytest

from app.outbound.allowed_hosts import Destination
from app.outbound.failures import Failure, failure_of
from app.outbound.pool import HttpPool
from app.outbound.request import RequestTarget, written
from tests.support.certificates import self_signed
from tests.support.waiting import PATIENCE

Serve = Callable[[socket.socket], None]

CERTIFICATE = "сертификат сервера не прошёл проверку"
NO_TLS = "сервер отвечает без шифрования"
OLD_TLS = "у сервера устаревшее шифрование"
NO_HANDSHAKE = "защищённое соединение не установлено"
BROKE_OFF = "соединение оборвалось"
HANDSHAKE_FAILURE, PROTOCOL_VERSION, UNRECOGNIZED_NAME = 40, 70, 112  # RFC 8446 section 6.2


@contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """A server on a port of its own, which serves one connection."""

    def run() -> None:
        with suppress(OSError):
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.settimeout(PATIENCE)
                serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=run)
        thread.start()
        yield server.getsockname()[1]
        thread.join(PATIENCE)


def saying(words: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(4_096)
        connection.sendall(words)
        connection.recv(4_096)

    return serve


def alert(description: int) -> Serve:
    return saying(bytes([0x15, 3, 3, 0, 2, 2, description]))


def hanging_up(connection: socket.socket) -> None:
    connection.recv(4_096)


def resetting(connection: socket.socket) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def speaking(files: tuple[Path, Path], newest: ssl.TLSVersion, ciphers: str = "") -> Serve:
    """TLS with this certificate, up to this version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what is old, which is the point
        context.minimum_version = min(newest, ssl.TLSVersion.TLSv1_2)
        context.maximum_version = newest

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(4_096)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    return serve


async def failed(pool: HttpPool, serve: Serve, ca_file: str = "", host: str = "127.0.0.1") -> str:
    """What is said of it; "" where it was a whole answer."""
    with listening(serve) as port:
        request = written("GET", RequestTarget.of(httpx.URL(f"https://{host}:{port}/")), {})
        try:
            await pool.exchange(request, PATIENCE, Destination(None, ca_file, loopback=True))
        except httpx.HTTPError as error:
            return _said(failure_of(error, PATIENCE, 0.0))
    return ""


def _said(failure: Failure) -> str:
    return f"{failure.code}: {failure.detail}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("server"))


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (saying(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), f"tls: {NO_TLS}"),
        (saying(b"<html>The plain HTTP request</html>"), f"tls: {NO_TLS}"),
        (saying(b"SSH-2.0-OpenSSH_9.6\r\n"), f"tls: {NO_TLS}"),
        (saying(b"220 mail.acme.example ESMTP\r\n"), f"tls: {NO_TLS}"),
        (alert(PROTOCOL_VERSION), f"tls: {OLD_TLS}"),
        (alert(HANDSHAKE_FAILURE), f"tls: {NO_HANDSHAKE}"),
        (alert(UNRECOGNIZED_NAME), f"tls: {NO_HANDSHAKE}"),
        (hanging_up, f"unreachable: {BROKE_OFF}"),
        (resetting, f"unreachable: {BROKE_OFF}"),
    ],
)
async def test_what_is_no_handshake_blames_no_certificate(
    http_pool: HttpPool, serve: Serve, said: str
) -> None:
    assert await failed(http_pool, serve) == said


async def test_a_server_of_old_tls_alone_is_called_old(
    http_pool: HttpPool, files: tuple[Path, Path]
) -> None:
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        serve = speaking(files, version)
        assert await failed(http_pool, serve, str(files[0])) == f"tls: {OLD_TLS}"


async def test_a_server_of_tls_1_2_is_read(http_pool: HttpPool, files: tuple[Path, Path]) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert await failed(http_pool, speaking(files, version), str(files[0])) == ""


async def test_no_cipher_in_common_blames_no_certificate(
    http_pool: HttpPool, files: tuple[Path, Path]
) -> None:
    serve = speaking(files, ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256")
    assert await failed(http_pool, serve, str(files[0])) == f"tls: {NO_HANDSHAKE}"


async def test_a_certificate_is_blamed_for_its_signer_its_name_and_its_end(
    http_pool: HttpPool, files: tuple[Path, Path], tmp_path: Path
) -> None:
    over = self_signed(tmp_path, life=-timedelta(days=1))
    newest = ssl.TLSVersion.TLSv1_3
    assert await failed(http_pool, speaking(files, newest)) == f"tls: {CERTIFICATE}"
    assert await failed(http_pool, speaking(over, newest), str(over[0])) == f"tls: {CERTIFICATE}"
    by_name = failed(http_pool, speaking(files, newest), str(files[0]), "localhost")
    assert await by_name == f"tls: {CERTIFICATE}"


def test_a_handshake_that_broke_off_is_no_failure_of_tls() -> None:
    """As uvloop and newer editions of Python may say it."""
    error = httpx.ConnectError("no connection")
    for cause in (ssl.SSLEOFError(), ssl.SSLZeroReturnError()):
        error.__cause__ = cause
        assert _said(failure_of(error, PATIENCE, 0.0)) == f"unreachable: {BROKE_OFF}"

"""The sandbox as a process of its own."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.sandbox.settings import SandboxSettings
from tests.support.processes import free_port
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
RUN = (
    "import asyncio, sys; from app.sandbox.server import serve; "
    "asyncio.run(serve(int(sys.argv[1]), exit_with_parent=True, port_option='--sandbox-port'))"
)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def process(port: int) -> Iterator[subprocess.Popen[bytes]]:
    with start(port) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/control"))
        yield process
        process.kill()


def test_localhost_is_both_loopback_addresses(process: subprocess.Popen[bytes], port: int) -> None:
    assert (
        httpx.get(f"http://localhost:{port}/control", verify=False)
        .json()["issuer"]
        .endswith(f":{port}")
    )
    if ipv6_loopback():
        assert answers(f"http://[::1]:{port}/control")


def test_a_signal_ends_it_at_once_while_an_answer_hangs(
    process: subprocess.Popen[bytes], port: int
) -> None:
    assert SandboxSettings.hang_seconds > PATIENCE
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http:
        http.post("/control", json={"mode": "timeout"})
        with pytest.raises(httpx.ReadTimeout):
            http.get("/stores", timeout=httpx.Timeout(PATIENCE, read=0.3))
        wait_until(lambda: last_request(http)["ms"] is not None)
        assert last_request(http)["status"] is None
    with socket.create_connection(("127.0.0.1", port)) as hanging:
        hanging.sendall(b"GET /stores HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http:
            wait_until(lambda: last_request(http)["ms"] is None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""


def test_it_ends_with_its_parent(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=PATIENCE) == 0


def test_a_taken_port_is_told_in_one_sentence(process: subprocess.Popen[bytes], port: int) -> None:
    with start(port) as second:
        assert second.wait(timeout=PATIENCE) == 2
        assert second.stderr is not None
        said = second.stderr.read().decode()
    assert said == f"Port {port} is taken; choose another with --sandbox-port.\n"


def start(port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RUN, str(port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def answers(url: str) -> bool:
    try:
        return httpx.get(url, verify=False, timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


def last_request(http: httpx.Client) -> dict[str, object]:
    return dict(http.get("/control").json()["requests"][-1])


def ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)

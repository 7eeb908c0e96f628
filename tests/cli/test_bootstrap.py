"""`.venv` from nothing but Python and pip: the real thing, for a project with one tiny package."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli.bootstrap import explain
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
BASE = getattr(sys, "_base_executable", sys.executable)  # has pip; ours may not
pytestmark = pytest.mark.processes

MAIN = """
import sys
from app.cli.bootstrap import ensure
ensure("app", sys.argv[1])
import tiny
print(sys.prefix, tiny.VERSION, *sys.argv[2:], sep="|")
"""


@dataclass(frozen=True)
class Project:
    root: Path
    wheels: Path

    def require(self, file: str, version: str) -> None:
        wheel = self.wheels / f"tiny-{version}-py3-none-any.whl"
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (self.root / file).write_text(f"tiny=={version} \\\n    --hash=sha256:{digest}\n")

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def install(self, environment: Path, version: str) -> None:
        """What pip does for a wheel like this."""
        (packages,) = environment.glob("lib/python3.*/site-packages")
        with zipfile.ZipFile(self.wheels / f"tiny-{version}-py3-none-any.whl") as wheel:
            wheel.extractall(packages)

    def popen(self, *arguments: str, python: str = BASE, **env: str) -> subprocess.Popen[str]:
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": self.wheels.as_uri(), "PIP_RETRIES": "1"}
        bare = ["-S"] if python == BASE else []  # the standard library alone
        return subprocess.Popen(
            [python, *bare, "-m", "app", *arguments],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "HOME": str(self.root), **offline, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, python: str = BASE, **env: str) -> tuple[int, str, str]:
        with self.popen(*arguments, python=python, **env) as process:
            out, err = process.communicate(timeout=PATIENCE)
            return process.returncode, out.strip(), err.strip()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return new_project(tmp_path)


@pytest.fixture(scope="module")
def once_prepared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("prepared"))
    project.run("requirements-demo.txt")
    return project


@pytest.fixture
def prepared(once_prepared: Project, tmp_path: Path) -> Project:
    """With the demo's set installed."""
    home = shutil.copytree(once_prepared.root.parent, tmp_path / "home", symlinks=True)
    return Project(home / "a project", home / "wheels")


def test_the_first_start_prepares_and_goes_on_and_the_second_just_goes_on(project: Project) -> None:
    went_on = f"{project.root / '.venv'}|1.0|--port|8 0"
    status, out, err = project.run("requirements.txt", "--port", "8 0")
    assert (status, out) == (0, went_on), err
    assert [line.split(" …")[0] for line in err.splitlines()] == [
        "[1/2] Making .venv",
        "[2/2] Installing 1 packages",
    ]
    assert project.run("requirements.txt", "--port", "8 0") == (0, went_on, "")


def test_the_bigger_set_serves_the_smaller_but_not_the_other_way_round(prepared: Project) -> None:
    assert prepared.run("requirements.txt")[2] == ""
    assert "[1/1] Installing" in prepared.run("requirements-dev.txt")[2]
    assert prepared.run("requirements-demo.txt")[2] == ""


def test_a_changed_set_is_installed_over_the_old_one(prepared: Project) -> None:
    prepared.require("requirements.txt", "2.0")
    inside = str(prepared.root / ".venv" / "bin" / "python")
    _, out, err = prepared.run("requirements.txt", python=inside)
    assert out.split("|")[1] == "2.0"
    assert err.startswith("[1/1] Installing")


def test_another_python_makes_it_anew(prepared: Project) -> None:
    stamp = prepared.root / ".venv" / ".installed.json"
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"python": "3.11.0"}))
    (prepared.root / ".venv" / "left-over").write_text("")
    assert "[1/2] Making .venv" in prepared.run("requirements.txt")[2]
    assert not (prepared.root / ".venv" / "left-over").exists()


def test_another_python_goes_on_inside_what_there_is(prepared: Project) -> None:
    """Else two that are started in turn would make it anew under each other."""
    done = started_as(prepared, "sys.version = 'another one'", "requirements-demo.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{prepared.venv}|1.0")


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_what_was_made_by_hand_is_used_as_it_is(
    project: Project, inside: bool, version: str
) -> None:
    made_by_hand(project.venv)
    project.install(project.venv, version)
    before = contents(project.venv)
    status, out, err = project.run(
        "requirements-dev.txt", python=str(project.venv / "bin" / "python") if inside else BASE
    )
    assert (status, out.split("|")[:2], err) == (0, [str(project.venv), version], "")
    assert contents(project.venv) == before


@pytest.mark.parametrize("inside", [True, False])
def test_what_was_made_by_hand_and_lacks_something_is_left_alone(
    project: Project, inside: bool
) -> None:
    made_by_hand(project.venv)
    before = contents(project.venv)
    status, out, err = project.run(
        "requirements-demo.txt", python=str(project.venv / "bin" / "python") if inside else BASE
    )
    assert (status, out) == (2, "")
    assert "was made by hand" in err
    assert "lacks tiny: install requirements-demo.txt there" in err
    assert contents(project.venv) == before


def test_an_environment_elsewhere_that_has_everything_needs_no_other(
    project: Project, tmp_path: Path
) -> None:
    own = made_by_hand(tmp_path / "own")
    project.install(own, "1.0")
    _, out, err = project.run("requirements.txt", python=f"{own}/bin/python")
    assert (out.split("|")[0], err) == (str(own), "")
    assert not project.venv.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_start_leaves_nothing_that_the_next_one_trips_over(
    project: Project, number: signal.Signals
) -> None:
    with silent_index() as (index, asked), project.popen("requirements.txt", **index) as process:
        question = asked()
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == {signal.SIGINT: 130, signal.SIGKILL: -9}[number]
        if number == signal.SIGINT:  # after kill -9 pip goes on, and the next start waits for it
            assert has_hung_up(question)
    status, out, err = project.run("requirements.txt")
    assert (status, out.split("|")[1]) == (0, "1.0"), err


def test_two_starts_at_once_install_once(project: Project) -> None:
    with project.popen("requirements.txt") as one, project.popen("requirements.txt") as other:
        said = [process.communicate(timeout=PATIENCE) for process in (one, other)]
        assert one.returncode == other.returncode == 0
    assert sorted(err.count("Installing") for _, err in said) == [0, 1]


def test_nothing_is_prepared_on_a_platform_that_builds(project: Project) -> None:
    _, _, err = project.run("requirements.txt", DYNO="web.1")
    assert "No module named 'tiny'" in err
    assert not (project.root / ".venv").exists()


def test_a_package_for_another_machine_is_named(project: Project) -> None:
    shutil.rmtree(project.wheels)
    project.wheels.mkdir()
    assert refusal(project) == "No ready-made package fits this machine"


def test_an_index_out_of_reach_is_named(project: Project) -> None:
    address = f"http://127.0.0.1:{closed_port()}/simple"
    reach = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": address, "PIP_CONFIG_FILE": os.devnull}
    assert refusal(project, PIP_FIND_LINKS="", **reach) == "The package index cannot be reached"


def test_a_package_that_was_tampered_with_is_refused(project: Project) -> None:
    with zipfile.ZipFile(project.wheels / "tiny-1.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("evil.py", "")
    assert refusal(project).startswith("A downloaded package is not the one")


def test_a_python_without_pip_is_told_how_to_get_it(project: Project, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([BASE, "-m", "venv", "--without-pip", bare], check=True)
    assert refusal(project, python=str(bare / "bin" / "python")).startswith("Python has no pip")


def test_a_folder_that_cannot_be_written_is_named(project: Project) -> None:
    (project.root / ".venv").write_text("in the way")
    assert refusal(project).startswith("Preparing .venv failed")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ERROR: ... OSError: [Errno 28] No space left on device", "No space left"),
        ("Error: [Errno 30] Read-only file system: '/x/.venv'", "cannot be written"),
        ("Error: [Errno 13] Permission denied: '/x/.venv'", "cannot be written"),
        ("no such option: --python", "pip is too old"),
        ("WARNING: Retrying ... after connection broken by 'NewConnection", "cannot be reached"),
        ("something\nnobody has seen before", "    nobody has seen before"),
    ],
)
def test_what_pip_says_becomes_what_to_do(said: str, told: str) -> None:
    assert told in explain(said)


def test_an_old_python_is_told_which_one_is_needed(project: Project) -> None:
    done = started_as(project, "sys.version_info = (3, 9, 2)", "requirements.txt")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("Python 3.11 or newer is needed, this is 3.9.2")


def new_project(home: Path) -> Project:
    project = Project(home / "a project", home / "wheels")
    (project.root / "app" / "cli").mkdir(parents=True)
    for package in ("app", "app/cli"):
        (project.root / package / "__init__.py").write_text("")
    (project.root / "app" / "__main__.py").write_text(MAIN)
    for name in ("bootstrap.py", "shown_process.py", "virtual_environment.py"):
        shutil.copy(ROOT / "app" / "cli" / name, project.root / "app" / "cli")
    project.wheels.mkdir()
    for version in ("1.0", "2.0"):
        write_wheel(project.wheels, version)
    for file in ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt"):
        project.require(file, "1.0")
    return project


def started_as(
    project: Project, another: str, requirements: str
) -> subprocess.CompletedProcess[str]:
    """`python -m app` by another Python: what `another` makes of this one."""
    program = f"import sys; {another}; " + MAIN.replace("\n", "; ").strip("; ")
    old = [BASE, "-S", "-c", program, requirements]
    return subprocess.run(old, cwd=project.root, capture_output=True, text=True, check=False)


def made_by_hand(environment: Path) -> Path:
    subprocess.run([BASE, "-m", "venv", "--without-pip", environment], check=True)
    return environment


def contents(environment: Path) -> dict[str, float]:
    """Every file in it, and when it was written; Python's own cache is no matter."""
    files = (path for path in environment.rglob("*") if "__pycache__" not in path.parts)
    return {str(path): path.lstat().st_mtime for path in files if not path.is_dir()}


def refusal(project: Project, python: str = BASE, **env: str) -> str:
    """The last thing said, up to its first colon or comma; a refusal exits 2 with no traceback."""
    status, out, err = project.run("requirements.txt", python=python, **env)
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    sentence = [line for line in err.splitlines() if not line.startswith(("[", " "))][-1]
    return sentence.split(":")[0].split(", and")[0]


def write_wheel(directory: Path, version: str) -> None:
    about = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(directory / f"tiny-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", f"VERSION = {version!r}\n")
        wheel.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")


@contextmanager
def silent_index() -> Iterator[tuple[dict[str, str], Callable[[], socket.socket]]]:
    """A package index that takes a question and never answers it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        held: list[socket.socket] = []

        def asked() -> socket.socket:
            held.append(server.accept()[0])
            return held[-1]

        try:
            settings = {"PIP_INDEX_URL": address, "PIP_CONFIG_FILE": os.devnull}
            settings |= {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": ""}
            yield settings, asked
        finally:
            for connection in held:
                connection.close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def has_hung_up(connection: socket.socket) -> bool:
    connection.settimeout(PATIENCE)
    while connection.recv(4096):
        pass
    return True

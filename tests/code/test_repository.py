"""Rules for what is committed: it works on any machine, and is what it says it is."""

import re
import tomllib

import pytest

from tests.code.committed import ROOT, committed, texts

REQUIREMENTS = ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt")
# Written in halves, because this file is committed too.
REGISTRIES = (
    "pypi." + "org",
    "python" + "hosted",
    "npm" + "js",
    "(?<!no-emit-)index" + "-url",
    "find" + "-links",
)
PATHS = ("/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/", "/Us" + "ers/")
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+?)(?: ;.*)? \\$", re.MULTILINE)


@pytest.mark.parametrize("word", REGISTRIES)
def test_no_file_names_a_package_registry(word: str) -> None:
    assert [str(file) for file, text in texts() if re.search(word, text)] == []


@pytest.mark.parametrize("path", PATHS)
def test_no_file_names_a_path_of_somebodys_machine(path: str) -> None:
    guilty = [str(file) for file, text in texts() if re.search(rf"(?<![\w.}}]){path}", text)]
    assert guilty == []


def test_nothing_is_left_to_be_done_without_a_reason() -> None:
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    assert [str(file) for file, text in texts() if words.search(text)] == []


def test_every_file_ends_with_one_line_break_and_has_unix_lines() -> None:
    for file, text in texts():
        assert "\r" not in text, file
        drawn = file.suffix == ".svg"
        assert drawn or not text or re.search(r"\S\n\Z", text), file


def test_no_file_is_large() -> None:
    for file in committed():
        assert file.stat().st_size < 400_000, file


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / name).read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())
    for block in blocks:
        if not block.startswith("#"):
            assert PINNED.search(block), block[:60]
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block[:60]
    assert not re.search(r"^(-|--|git\+|https?:|file:)", text, re.MULTILINE)


def test_the_requirement_files_agree_with_one_another() -> None:
    run, demo, dev = (pins(name) for name in REQUIREMENTS)
    assert run.items() <= demo.items() <= dev.items()


def test_what_the_project_depends_on_is_in_its_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    run = names(project["project"]["dependencies"])
    assert run <= set(pins("requirements.txt"))
    assert run | names(groups["demo"]) <= set(pins("requirements-demo.txt"))
    assert run | names(groups["dev"]) <= set(pins("requirements-dev.txt"))
    assert not names(groups["dev"]) & set(pins("requirements.txt"))


def test_the_version_is_in_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"[{project['version']}]" in changelog or "[Unreleased]" in changelog


def test_the_licence_is_the_one_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] in (ROOT / "LICENSE").read_text()


def test_links_between_documents_lead_somewhere() -> None:
    for file, text in texts():
        if file.suffix == ".md":
            for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)", text):
                path, _, heading = target.partition("#")
                aim = (file.parent / path) if path else file
                assert aim.exists(), f"{file}: {target}"
                assert not heading or heading in anchors(aim.read_text()), f"{file}: {target}"


def anchors(text: str) -> set[str]:
    """Of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def pins(name: str) -> dict[str, str]:
    return {found[1]: found[2] for found in PINNED.finditer((ROOT / name).read_text())}


def names(requirements: list[object]) -> set[str]:
    """Without versions, extras and markers; groups inside groups are looked at on their own."""
    return {
        re.split(r"[\[<>=!~; ]", each)[0].lower() for each in requirements if isinstance(each, str)
    }

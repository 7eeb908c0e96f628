"""What the browser gets: vendored files are what they claim, and nothing needs a laxer policy."""

import base64
import hashlib
import json
import re
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.web.context import Dashboard

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
VENDORED = sorted(STATIC.glob("vendor/*/vendor.json"))
TEMPLATES = sorted(ROOT.glob("templates/**/*.html"))
ALERT_EMAILS = ROOT / "templates/alerts/email"
SCRIPTS = sorted(STATIC.glob("*.js"))
FORBIDDEN = [
    (r"\shx-on", "evaluates text, which the policy forbids"),
    (r"=[\"']js:", "evaluates text, which the policy forbids"),
    (r"\sstyle=", "inline style"),
    (r"<style", "inline style"),
    (r"<script(?![^>]*\ssrc=)", "inline script"),
    (r"\son[a-z]+=", "inline script"),
    (r"<script[^>]*\s(defer|async)", "htmx may start before its extensions"),
    (r"\|\s*safe\b", "unescaped text"),
]


@pytest.mark.parametrize("card", VENDORED, ids=lambda path: path.parent.name)
def test_a_vendored_file_is_the_one_that_its_card_names(card: Path) -> None:
    about = json.loads(card.read_text())
    assert card.parent.name.endswith(f"-{about['version']}")
    assert about["integrity"].startswith("sha512-")
    assert "LICENSE" in about["files"]
    for name, expected in about["files"].items():
        assert _sha384(card.parent / name) == expected, name


def test_every_vendored_file_is_on_a_card() -> None:
    named = {(card.parent / name).resolve() for card in VENDORED for name in _files(card)}
    found = {path for path in STATIC.glob("vendor/*/*") if path.name != "vendor.json"}
    assert found <= named


def test_every_icon_in_use_is_in_the_sprite() -> None:
    used: set[str] = set()
    for path in [*TEMPLATES, *ROOT.glob("app/**/*.py")]:
        used |= set(re.findall(r"[\"'#](bi-[a-z0-9-]+)", path.read_text()))
    assert used - _symbols() == set()


@pytest.mark.parametrize(("pattern", "why"), FORBIDDEN)
def test_templates_need_no_laxer_policy(pattern: str, why: str) -> None:
    """A letter is no page: mail programs know no style sheet but the one inside it."""
    pages = [path for path in TEMPLATES if path.parent != ALERT_EMAILS]
    guilty = [path.name for path in pages if re.search(pattern, path.read_text())]
    assert guilty == [], why


def test_our_scripts_never_make_html_or_code_from_text() -> None:
    for path in SCRIPTS:
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacent|\beval\b|new Function", path.read_text()
        )
        assert found is None, path.name


def test_every_script_is_short_and_says_what_it_is_for() -> None:
    for path in SCRIPTS:
        lines = path.read_text().splitlines()
        assert lines[0].startswith("// "), path.name
        assert len(lines) <= 70, path.name


def test_templates_name_only_static_files_that_exist() -> None:
    for path in TEMPLATES:
        for name in re.findall(r"static_url\(['\"]([^'\"]+)", path.read_text()):
            assert (STATIC / name).is_file(), f"{path.name}: {name}"


def _files(card: Path) -> dict[str, Any]:
    return dict(json.loads(card.read_text())["files"])


def _sha384(path: Path) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()


def _symbols() -> set[str]:
    sprite = ElementTree.parse(STATIC / "icons.svg").getroot()
    return {each.get("id", "") for each in sprite}


def test_the_manifest_names_icons_that_are_there_and_small() -> None:
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text())
    pictures = [each for each in manifest["icons"] if each["type"] == "image/png"]
    assert {each.get("purpose") for each in pictures} == {None, "maskable"}
    for picture in pictures:
        png = (ROOT / picture["src"].removeprefix("/")).read_bytes()
        width, height = struct.unpack(">II", png[16:24])
        assert picture["sizes"] == f"{width}x{height}"
        assert len(png) < 5000


async def test_browsers_that_look_for_an_icon_by_themselves_find_one(dashboard: Dashboard) -> None:
    answer = await dashboard.test_client().get("/favicon.ico")
    assert answer.status_code == 200
    assert answer.mimetype == "image/vnd.microsoft.icon"

"""The files of this repository: what the code's own rules look through."""

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = {
    *(".py", ".md", ".toml", ".txt", ".html", ".js", ".css", ".json", ".svg", ".ini", ".mako"),
    *(".yaml", ".yml", ""),
}


@cache
def committed() -> list[Path]:
    """Tracked files and new ones alike, without what git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


@cache
def texts() -> list[tuple[Path, str]]:
    return [
        (file, file.read_text(encoding="utf-8"))
        for file in committed()
        if file.suffix in TEXT and "vendor" not in file.parts
    ]


@cache
def syntax_of(file: Path) -> ast.Module:
    """Parsed once for all rules: nobody may change it."""
    return ast.parse(file.read_text(encoding="utf-8"))

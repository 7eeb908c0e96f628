"""`python -m docs.architecture`: writes the table of packages into docs/architecture.md."""

import ast
import re
from pathlib import Path

from app import PACKAGES, STAND_ALONE

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BETWEEN = re.compile(r"(?<=<!-- packages -->\n).*?(?=<!-- /packages -->)", re.DOTALL)


def with_table(page: str) -> str:
    """The page with its table as the code has it now."""
    return BETWEEN.sub(lambda _: f"\n{packages_table()}\n", page)


def packages_table() -> str:
    rows = [_row(name) for row in (*PACKAGES, STAND_ALONE) for name in row]
    return "\n".join(("| package | what it is for |", "|---|---|", *rows)) + "\n"


def first_paragraph(file: Path) -> str:
    """Of a module's docstring, on one line."""
    about = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(about.partition("\n\n")[0].split())


def _row(package: str) -> str:
    folder = ROOT / "app" / package
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    shown = folder if folder.is_dir() else file
    return f"| [`{shown.name}`](../{shown.relative_to(ROOT)}) | {first_paragraph(file)} |"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

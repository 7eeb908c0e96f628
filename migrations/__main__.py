"""`python -m migrations "what it does"`: the next migration, numbered, from what the models say.

It compares the models with a database of its own that has all migrations so far.
"""

import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from app import local_postgres
from app.config import ROOT


def write_next(about: str, database_url: str, folder: Path) -> Path:
    """Raises alembic's CommandError where the database is not at the newest migration."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    newest = ScriptDirectory.from_config(config).get_current_head() or "0"
    number = f"{int(newest) + 1:04}"
    written = command.revision(config, about, autogenerate=True, rev_id=number)
    assert isinstance(written, Script)  # noqa: S101 - one is asked for, so one comes
    formatting = [sys.executable, "-m", "ruff", "format", "--quiet", str(written.path)]
    subprocess.run(formatting, cwd=ROOT, check=True)  # noqa: S603
    return Path(written.path)


def main(words: list[str]) -> int:
    if not words:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    with local_postgres.throwaway() as server:
        config = Config(ROOT / "alembic.ini")
        config.attributes["database_url"] = server.url
        command.upgrade(config, "head")
        print(write_next(" ".join(words), server.url, ROOT / "migrations"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

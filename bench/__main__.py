"""`python -m bench` lists the benchmarks, `python -m bench NAME` runs one."""

import asyncio
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PACKAGES = ("quart", "uvicorn", "sqlalchemy", "asyncpg", "playwright")


def main(words: list[str]) -> int:
    known = sorted(each.stem for each in HERE.glob("*.py") if not each.stem.startswith("_"))
    if len(words) != 1 or words[0] not in known:
        print("usage: python -m bench NAME\n")
        for name in known:
            print(f"  {name:<16} {_role(name)}")
        return 0 if not words else 2
    figures = asyncio.run(import_module(f"bench.{words[0]}").measure())
    print(f"written to {_keep(words[0], figures)}")
    return 0


def _role(name: str) -> str:
    return (HERE / f"{name}.py").read_text(encoding="utf-8").splitlines()[0].strip('"')


def _keep(name: str, figures: dict[str, object]) -> Path:
    at = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}-{at:%Y%m%d-%H%M%S}.json"
    around = {
        "at": at.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        **{package: version(package) for package in PACKAGES},
    }
    file.write_text(json.dumps(around | figures, indent=2) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

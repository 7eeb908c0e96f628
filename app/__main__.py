"""`python3 -m app`: installs what is missing, then runs the command. Standard library only."""

import sys
from importlib.util import find_spec

from app.cli import bootstrap, parser
from app.cli.garbage_collector import collect_seldom


def main() -> int:
    collect_seldom()  # while everything is loaded, that takes a tenth of the time
    arguments = parser.parse(sys.argv[1:])
    if arguments.command == parser.DEMO:
        bootstrap.ensure("app", "requirements-demo.txt")
    elif find_spec("quart") is None:
        bootstrap.ensure("app", "requirements.txt")
    return parser.run(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""The command line, an entry for each command. Standard library only until one is run."""

import argparse
import os
import sys
from importlib import import_module

from app.cli import completion
from app.errors import SvyazkaError
from app.version import VERSION

DEMO = "demo"
WRONG_USE = 2  # exit status
USER_ACTIONS = [
    *("add", "list", "password", "link", "email", "unlock", "sign-out"),
    *("second-factor-off", "disable", "enable", "delete"),
]


def parse(words: list[str]) -> argparse.Namespace:
    return _parser().parse_args(words)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; an error is one plain sentence on standard error, and exit status 2."""
    if arguments.command == "completion":
        print(completion.script(_parser(), arguments.shell), end="")
        return 0
    module = import_module("app.cli.demo" if arguments.command == DEMO else "app.cli.commands")
    database_errors = import_module("sqlalchemy.exc")
    try:
        return int(getattr(module, arguments.command)(arguments, os.environ))
    except SvyazkaError as error:
        return _fault(str(error))
    except OSError as error:
        if error.filename:  # a file of ours; without a name it is a network error
            return _fault(f"{error.filename}: {error.strerror}")
        return _fault(f"the database cannot be reached: {error.strerror or error}")
    except database_errors.DBAPIError as error:
        return _fault(f"the database cannot be used: {_first_line(error)}")
    except KeyboardInterrupt:
        return 130


def _fault(sentence: str) -> int:
    print(f"app: {sentence}", file=sys.stderr)
    return WRONG_USE


def _first_line(error: Exception) -> str:
    """What went wrong, without the SQL statement."""
    text = str(getattr(error, "orig", None) or error)
    return text.partition("\n")[0].removeprefix("<class ").partition(">: ")[2] or text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m app",
        description="Связка: a live dashboard of OAuth connections. Without a command: the demo, "
        "with its own PostgreSQL and a sandbox provider.",
    )
    _demo_options(parser)
    parser.set_defaults(command=DEMO)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _say_version(parser)
    for add in (_web, _worker, _migrate, _doctor, _check, _users, _keys, _alerts, _sandbox):
        add(commands)
    _providers(commands)
    _completion(commands)
    return parser


def _say_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--version", action="version", version=f"svyazka {VERSION}", help="the version, and end"
    )


def _demo_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=_port, default=8000, help="the dashboard's port (default 8000)"
    )
    parser.add_argument(
        "--sandbox-port",
        type=_port,
        default=8001,
        help="the sandbox provider's port (default 8001)",
    )
    parser.add_argument(
        "--interval", type=_seconds, default=5.0, help="seconds between health checks (default 5)"
    )


def _web(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    _add(commands, "web", "the dashboard, with settings from the environment")


def _worker(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    _add(commands, "worker", "the monitor without a web server")


def _migrate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(commands, "migrate", "bring the database's schema up to date")
    command.add_argument(
        "--to",
        default="",
        metavar="REVISION",
        help="another revision than the newest, like 0016; going down loses what newer ones keep",
    )
    _yes(command)


def _doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(
        commands, "doctor", "look at everything that has to be well; exit 1 if it is not"
    )
    command.add_argument("--json", action="store_true", help="for programs")


def _check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(commands, "check", "check connections now; exit 1 if any is not online")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--connection", metavar="ID")
    which.add_argument("--user", metavar="EMAIL")
    which.add_argument("--provider", metavar="NAME")
    which.add_argument("--all", action="store_true")


def _users(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(commands, "users", "account administration")
    command.add_argument(
        "action",
        choices=USER_ACTIONS,
        help="add and password read the password from the terminal or standard input, email the "
        "new address; link prints a link for a new password, good once, for 30 minutes; unlock "
        "forgets failed tries; disable signs the person out everywhere; delete also revokes every "
        "grant of theirs",
    )
    command.add_argument("email", nargs="?", help="not for list")
    _yes(command)


def _keys(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(commands, "keys", "make a key, seal every token anew, or try whether all open")
    command.add_argument(
        "action",
        choices=["new", "vapid", "rotate", "verify"],
        help="new prints a fresh key for TOKEN_ENCRYPTION_KEYS, vapid one for VAPID_PRIVATE_KEY; "
        "rotate seals everything anew under the first key, while the application runs, and may be "
        "started again; verify opens everything that is stored, and exits 1 if something does not",
    )


def _alerts(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(commands, "alerts", "every message that people may get, as files to look at")
    command.add_argument("action", choices=["preview"])
    command.add_argument("--to", default="var/alerts", metavar="FOLDER", help="default var/alerts")


def _sandbox(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(commands, "sandbox", "the sandbox provider alone")
    command.add_argument(
        "--port", dest="sandbox_port", type=_port, default=8001, help="default 8001"
    )
    command.add_argument(
        "--access-token-lifetime",
        type=int,
        default=3600,
        metavar="SECONDS",
        help="how long an access token lives (default 3600)",
    )
    command.add_argument("--exit-with-parent", action="store_true", help=argparse.SUPPRESS)


def _providers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(commands, "providers", "which providers are configured, and what is missing")
    command.add_argument(
        "action",
        nargs="?",
        choices=["list", "schema"],
        default="list",
        help="list (the default), or schema: print the JSON Schema of PROVIDERS_FILE, for editors",
    )


def _completion(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = _add(commands, "completion", "a script for the shell, which then completes words")
    command.add_argument("shell", choices=["bash", "zsh"], help="for the name `svyazka`, an alias")


def _yes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--yes", action="store_true", help="do not ask before what cannot be undone"
    )


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, about: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=about, description=about.capitalize() + ".")
    command.set_defaults(command=name)
    _say_version(command)
    return command


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("wants a number from 1 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e7:
        raise argparse.ArgumentTypeError("wants a number of seconds above 0")
    return seconds

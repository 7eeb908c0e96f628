"""What a shell completes, as that shell itself says; and questions at a terminal."""

import asyncio
import os
import pty
import shutil
import sys

import pytest

from app.cli import completion, parser
from app.config import ROOT
from tests.support.command_line import app
from tests.support.waiting import PATIENCE

ASK = """
{script}
COMP_WORDS=({words} "$1"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_svyazka
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("typed", "begun", "offered"),
    [
        ("svyazka", "mi", "migrate"),
        ("svyazka", "--v", "--version"),
        ("svyazka users", "se", "second-factor-off"),
        ("svyazka users delete", "--y", "--yes"),
        ("svyazka keys", "ro", "rotate"),
        ("svyazka web", "zz", ""),
    ],
)
async def test_bash_completes_commands_and_options(typed: str, begun: str, offered: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    printed = await app("completion", "bash")
    source = ASK.format(script=printed.out, words=typed)
    process = await asyncio.create_subprocess_exec(
        *(bash, "-c", source, "bash", begun),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == offered


async def test_zsh_gets_the_same_words_through_its_own_bridge() -> None:
    bash, zsh = await app("completion", "bash"), await app("completion", "zsh")
    assert zsh.out.endswith(bash.out)
    assert "bashcompinit" in zsh.out


async def test_every_command_says_the_version() -> None:
    commands = completion.commands_of(parser._parser())
    assert {"web", "users", "doctor", "completion"} < set(commands)
    for name, command in commands.items():
        assert "--version" in command.format_help(), name


@pytest.mark.parametrize(
    ("answer", "said"), [("n", "nothing was changed"), ("", "nothing was changed"), ("да", "")]
)
async def test_at_a_terminal_one_is_asked(answer: str, said: str) -> None:
    """The question comes before the settings are looked at, which are wrong here."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "users", "delete", "anna@example.ru"),
        cwd=ROOT,
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": "", "PYTHONIOENCODING": "utf-8"},
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    os.close(ours)
    os.close(theirs)
    assert out.decode().startswith("Delete anna@example.ru: ")
    assert process.returncode == 2
    assert (said or "DATABASE_URL is not set") in err.decode()

"""`python -m app completion bash|zsh`: a script by which a shell completes commands and options.

It is for the name `svyazka`, an alias of `python -m app`: what follows `python` is not ours to
complete.
"""

import argparse
from collections.abc import Iterator, Mapping

NAME = "svyazka"
SCRIPT = """\
_{name}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{first}" -- "$word"))
        return
    fi
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
}}
complete -F _{name} {name}
"""
CASE = '        {command}) COMPREPLY=($(compgen -W "{words}" -- "$word")) ;;'
FOR_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Static: it names what this version has."""
    commands = commands_of(parser)
    cases = "\n".join(
        CASE.format(command=name, words=" ".join(_words(command)))
        for name, command in commands.items()
    )
    first = " ".join([*commands, *_words(parser)])
    plain = SCRIPT.format(name=NAME, first=first, cases=cases)
    return (FOR_ZSH if shell == "zsh" else "") + plain


def commands_of(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """argparse tells of its parts by attributes with an underscore alone."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def _words(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) or action.help is argparse.SUPPRESS:
            continue
        yield from (each for each in action.option_strings if each.startswith("--"))
        if not action.option_strings:
            yield from map(str, action.choices or ())

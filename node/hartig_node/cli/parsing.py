"""Argparse, with help that teaches and errors that say what was probably meant."""

import argparse
import re
from typing import NoReturn

from hartig_node.cli import exits
from hartig_node.cli.commands import COMMANDS, Command, Recipe
from hartig_node.cli.output import Output

EPILOG_CODES = "Exit codes: `hartig help exit-codes`."


class UsageError(Exception):
    """The command line is not right; `hint` says what to write."""

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.detail, self.hint = detail, hint


class Parser(argparse.ArgumentParser):
    """A parser whose errors are raised, with a guess of what was meant."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(_with_guess(message, self), f"see `{self.prog} --help`")


def _with_guess(message: str, parser: argparse.ArgumentParser) -> str:
    """Add what was probably meant: for options nobody knows, and for choices."""
    known = list(parser._option_string_actions)  # noqa: SLF001 - argparse has no door to them
    written = re.findall(r"--[\w-]+", message) if message.startswith("unrecognized") else []
    guesses = [guess for one in written if (guess := closest(one, known))]
    return f"{message}; did you mean {', '.join(guesses)}?" if guesses else message


def closest(word: str, known: "list[str] | tuple[str, ...]") -> str | None:
    """Return the known word that looks most like this one, if any does."""
    import difflib

    found = difflib.get_close_matches(word, known, 1)
    return found[0] if found else None


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes."""
    group = parser.add_argument_group("every command")
    group.add_argument("--json", action="store_true", help="write one JSON value to stdout")
    group.add_argument("--folder", metavar="FOLDER", help="the hub's folder (else $HARTIG_FOLDER, else the usual one)")
    group.add_argument("--url", metavar="URL", help="the node's address instead of its folder (or $HARTIG_URL)")
    group.add_argument("--token", metavar="TOKEN", help="for --url; better in $HARTIG_TOKEN, which others cannot see")
    group.add_argument("-h", "--help", action="help", help="show this and end")


def build_parser(command: Command, recipe: Recipe) -> Parser:
    """Make the parser of one command: a sentence, its options, an example that works, what to do next."""
    parts = [recipe.more, f"Example:\n  {recipe.example}", f"Next: {recipe.after}", EPILOG_CODES]
    parser = Parser(
        prog=f"hartig {command.name}",
        description=command.summary,
        epilog="\n\n".join(part for part in parts if part),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    recipe.add_options(parser)
    add_common_options(parser)
    return parser


def split_arguments(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Find the command; return it and all other arguments, those before it first.

    Raises `UsageError` where an option before the command lacks its value or is unknown.
    """
    leading: list[str] = []
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        option = rest.pop(0)
        leading.append(option)
        name = option.partition("=")[0]
        if name in {"--folder", "--url", "--token"} and "=" not in option:
            if not rest:
                raise UsageError(f"{option} needs a value", "see `hartig --help`")
            leading.append(rest.pop(0))
        elif name not in {"--folder", "--url", "--token", "--json", "--version", "--help", "-h"}:
            raise UsageError(f"hartig has no option {option}", "options of a command stand after it")
    return (rest[0], leading + rest[1:]) if rest else (None, leading)


def unknown_command(name: str) -> UsageError:
    """Make the error for a command that there is not."""
    guess = closest(name, list(COMMANDS))
    hint = f"did you mean `hartig {guess}`?" if guess else "`hartig help` shows all commands"
    return UsageError(f"there is no command {name!r:.60}", hint)


def usage_exit(error: UsageError, *, is_json: bool) -> int:
    """Say what is wrong with the command line; return the exit code."""
    Output(is_json=is_json).error(error.detail, error.hint)
    return exits.USAGE

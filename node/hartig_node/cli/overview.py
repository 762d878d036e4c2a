"""`hartig`, `hartig help ...`, `hartig --help` and `--version`: what there is, and where to begin."""

import sys

from hartig_node.cli import exits
from hartig_node.cli.commands import COMMANDS, GROUPS, TOPICS
from hartig_node.cli.parsing import UsageError, closest

_HEAD = """\
usage: hartig [--folder FOLDER | --url URL] [--json] COMMAND ...

Neighbourhood hubs share what they need and what they have, without a central server."""

_TAIL = """\
Begin with `hartig init`, then `hartig run`, and in another window:
  hartig need water.drinking "Drinking water for 40 people" --quantity 40 --unit LTR
  hartig list
Then ask for it, and say what became of it:
  hartig ask NEED OFFER
  hartig deals

`hartig COMMAND --help` explains a command; every command takes --json."""


def run(name: str | None, rest: list[str]) -> int:
    """Show the overview, a command's help, or a topic."""
    if "--version" in rest:
        print(f"hartig {version()}")
        return exits.OK
    asked = [one for one in rest if not one.startswith("-")] if name == "help" else []
    if asked:
        return _help(asked[0])
    wants_help = name == "help" or bool({"-h", "--help"} & set(rest))
    print(text(), file=sys.stdout if wants_help else sys.stderr)
    return exits.OK if wants_help else exits.USAGE


def version() -> str:
    """Return the version of this distribution."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("hartig")
    except PackageNotFoundError:
        return "from a checkout that is not installed"


def text() -> str:
    """Return the overview."""
    blocks = [_HEAD]
    for title, commands in GROUPS:
        blocks.append("\n".join([f"{title}:", *(f"  {one.name:<13}{one.summary}" for one in commands)]))
    blocks.append("\n".join(["Topics of `hartig help`:", *(f"  {name:<13}{what}" for name, what in TOPICS.items())]))
    return "\n\n".join([*blocks, _TAIL])


def _help(subject: str) -> int:
    if subject in COMMANDS:
        from hartig_node.cli.main import main

        return main([subject, "--help"])
    if subject == "exit-codes":
        print(f"Exit codes of hartig:\n{exits.table()}")
        return exits.OK
    if subject in TOPICS:
        from hartig_node.cli import vocabulary

        print("\n".join(vocabulary.lines(subject)))
        return exits.OK
    guess = closest(subject, [*COMMANDS, *TOPICS])
    hint = f"did you mean `hartig help {guess}`?" if guess else "`hartig help` shows all commands and topics"
    raise UsageError(f"there is no help on {subject!r:.60}", hint)

"""`hartig`: finds the command, runs it, and turns whatever goes wrong into a message and an exit code.

In: the arguments. Out: an exit code (`exits.py`). The entry point of the distribution, and of `python -m`.
"""

import os
import sys
from importlib import import_module

from hartig_node.cli import exits
from hartig_node.cli.commands import COMMANDS, Command, Recipe
from hartig_node.cli.output import Output
from hartig_node.cli.parsing import UsageError, build_parser, split_arguments, unknown_command, usage_exit


def main(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    try:
        return _main(sys.argv[1:] if arguments is None else arguments)
    except BrokenPipeError:
        _close_stdout()
        return exits.BROKEN_PIPE
    except KeyboardInterrupt:
        # A new line, so that the shell's prompt does not stand behind half a line.
        print(file=sys.stderr)
        return exits.INTERRUPTED


def _main(arguments: list[str]) -> int:
    try:
        name, rest = split_arguments(arguments)
        code = _dispatch(name, rest)
    except UsageError as error:
        return usage_exit(error, is_json="--json" in arguments)
    sys.stdout.flush()
    return code


def _dispatch(name: str | None, rest: list[str]) -> int:
    if name is None or name == "help":
        from hartig_node.cli import overview

        return overview.run(name, rest)
    command = COMMANDS.get(name)
    if command is None:
        raise unknown_command(name)
    if not command.module:
        from hartig_node.cli import folder_commands

        return folder_commands.run(command, rest)
    return run_command(command, getattr(import_module(command.module), command.recipe), rest)


def run_command(command: Command, recipe: Recipe, arguments: list[str]) -> int:
    """Read one command's options and run it."""
    from hartig_node.cli.session import Session
    from hartig_node.client.errors import ClientError

    try:
        options = build_parser(command, recipe).parse_args(arguments)
    except SystemExit as ended:  # argparse ends so after --help
        return int(ended.code or 0)
    output = Output(is_json=options.json)
    try:
        session = Session(options, output)
        try:
            return recipe.run(session, options)
        finally:
            session.close()
            output.flush()
    except ClientError as error:
        from hartig_node.cli.failures import report

        return report(error, output)


def _close_stdout() -> None:
    """Keep the interpreter from complaining about the closed pipe once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())

"""Commands that work on a folder rather than on a running node: imported when they are called, by name.

Each is a function from its arguments to an exit code, in a module of the daemon, which the command line does not know
otherwise.
"""

from importlib import import_module

from hartig_node.cli import exits
from hartig_node.cli.commands import Command

_DAEMON = "hartig_node.daemon"
MODULES = {
    "init": "commands",
    "join": "join",
    "run": "commands",
    "restore": "copies",
    "verify": "copies",
    "key": "keys",
    "recover": "recover",
}


def run(command: Command, arguments: list[str]) -> int:
    """Run the command of that name, which reads its own arguments."""
    try:
        module = import_module(f"{_DAEMON}.{MODULES[command.name]}")
    except ModuleNotFoundError:
        from hartig_node.cli.output import Output

        detail = f"this installation has no `hartig {command.name}`: only the client is here, or a library is missing"
        Output(is_json=False).error(detail, "install the whole of hartig, or work with --url")
        return exits.USAGE
    return int(getattr(module, command.name)(arguments))

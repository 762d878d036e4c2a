"""Commands that work on a folder rather than on a running node: found by entry point, imported when they are called.

Each is a function from its arguments to an exit code (entry point group `hartig.commands`).
"""

from hartig_node.cli import exits
from hartig_node.cli.commands import Command

GROUP = "hartig.commands"


def run(command: Command, arguments: list[str]) -> int:
    """Run the command of that name, which reads its own arguments."""
    from importlib.metadata import entry_points

    from hartig_node.cli.output import Output

    found = entry_points(group=GROUP, name=command.name)
    if not found:
        detail = f"this installation has no `hartig {command.name}`: only the client is here"
        Output(is_json=False).error(detail, "install the whole of hartig, or work with --url")
        return exits.USAGE
    function = next(iter(found)).load()
    return int(function(arguments))

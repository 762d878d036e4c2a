"""What a new hub is called where nobody says it: a person at the terminal is asked, else it is named as its machine.

Called by `init` and `join`. What others read for a hub that has only the program's name is decided in `drafts`
(`name_on_card`): the digits of its key.
"""

import argparse
import socket
import sys

from hartig_node.daemon.config import ConfigError, checked_name
from hartig_protocol.limits import NAME_BYTES_MAX

_NOT_SAID = {"", "localhost", "(none)"}  # what a machine is called that has no name


def add_name(parser: argparse.ArgumentParser) -> None:
    """Take the hub's name."""
    what = "this hub's name, as others see it (default: asked on a terminal, else this machine's name)"
    parser.add_argument("--name", type=readable_name, help=what)


def readable_name(text: str) -> str:
    """Read a name from the command line."""
    try:
        return checked_name(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def name_for(arguments: argparse.Namespace) -> str:
    """Return the name that was said, or is said now."""
    if arguments.name is not None:
        return str(arguments.name)
    from hartig_node.board.drafts.drafts import clean_text

    default = _machine_name()
    if arguments.json or not sys.stdin.isatty():
        return default
    sys.stderr.write(f"What is this hub to be called on other hubs' lists? [{default}] ")
    sys.stderr.flush()
    return checked_name(clean_text(sys.stdin.readline()) or default)


def _machine_name() -> str:
    from hartig_node.board.drafts.drafts import PROGRAMS_NAMES, clean_text

    name = clean_text(socket.gethostname().partition(".")[0])
    known = name.lower() not in _NOT_SAID and len(name.encode()) <= NAME_BYTES_MAX
    return name if known else min(PROGRAMS_NAMES)

"""How commands that work on a folder read their arguments and say what came of it.

Who calls: `commands`, `copies`, `keys`, `kits` and `recovering`; each command is a function from its arguments to an
exit code.
"""

import argparse
import errno
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hartig_node.daemon.config import ConfigError
from hartig_node.daemon.folder import FolderError, HubFolder
from hartig_node.files import give_to_owner
from hartig_node.keyfile import KeyFileError, PassphraseError
from hartig_protocol.errors import InviteError, RecordError

OK, OUR_FAULT, USAGE, PARTLY, REFUSED, SEALED = 0, 1, 2, 3, 5, 8

_NO_RIGHT = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_KNOWN_ERRORS = (FolderError, ConfigError, InviteError, RecordError, KeyFileError, OSError)


def parser_of(name: str, text: str, example: str) -> argparse.ArgumentParser:
    """Return the parser of a command, with what all of them take."""
    parser = argparse.ArgumentParser(
        prog=f"hartig {name}", description=text, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common(parser)
    return parser


def add_common(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """Add what every such command takes; `again` for the actions of one that takes it already."""
    default = argparse.SUPPRESS if again else None
    what = "the hub's folder (default: $HARTIG_FOLDER or the usual place)"
    parser.add_argument("--folder", type=Path, default=default, help=what)
    parser.add_argument("--json", action="store_true", default=default or False, help="print one JSON object")


def add_passphrase(parser: argparse.ArgumentParser, what: str) -> None:
    """Add where a passphrase may stand."""
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help=what)


def carried_out(do: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Run a command; what can go wrong outside of us is said in one line.

    What root makes in the folder of another user is that user's in the end.
    """
    try:
        return do(arguments)
    except _known_errors() as error:
        sys.stderr.write(f"hartig: {_words_of(error)}\n")
        return SEALED if isinstance(error, PassphraseError) else REFUSED
    finally:
        _give_to_owner(arguments)


def _give_to_owner(arguments: argparse.Namespace) -> None:
    """Give what root has made to whose folder it is; what came of the command stands, whatever comes of this."""
    try:
        give_to_owner(folder_of(arguments).path)
    except OSError as error:
        sys.stderr.write(f"hartig: not all could be given to the owner of the folder: {_words_of(error)}\n")


def _known_errors() -> tuple[type[Exception], ...]:
    """Return what can go wrong outside of us, of the store only what it can raise: nothing where it was not loaded."""
    ports = sys.modules.get("hartig_node.ports")
    return _KNOWN_ERRORS if ports is None else (*_KNOWN_ERRORS, ports.StoreError)


def _words_of(error: Exception) -> str:
    """Say an error as a person would; the system's own come with a number that nobody needs."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    where = f"{error.filename}: " if error.filename else ""
    hint = "; check who owns the folder and whether it can be written" if error.errno in _NO_RIGHT else ""
    return f"{where}{error.strerror}{hint}"


def say(arguments: argparse.Namespace, view: dict[str, Any], lines: Sequence[str]) -> None:
    """Say the result: one JSON object, or lines for people."""
    sys.stdout.write((json.dumps(view) if arguments.json else "\n".join(lines)) + "\n")


def folder_of(arguments: argparse.Namespace) -> HubFolder:
    """Return the folder that the arguments name, or this user's."""
    from hartig_node.client.places import find_place

    return HubFolder(Path(find_place(folder=arguments.folder and str(arguments.folder)).folder))

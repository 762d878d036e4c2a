"""Where a passphrase comes from: a file that is named, the service manager, or the person at the terminal.

In: `--passphrase-file`, else $HARTIG_PASSPHRASE_FILE, else `hartig-passphrase` in systemd's $CREDENTIALS_DIRECTORY,
else a question on the terminal. Never an argument or a variable of its own, which others could see. Out: the
passphrase, or a `PassphraseError`. Who calls: the daemon and the command line.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from hartig_node.keyfile import PASSPHRASE_BYTES_MAX, PASSPHRASE_CHARACTERS_MIN, PassphraseError

VARIABLE = "HARTIG_PASSPHRASE_FILE"
CREDENTIAL = "hartig-passphrase"
_HINT = f"name a file with --passphrase-file or {VARIABLE}, or call this on a terminal"


def passphrase_file(named: Path | None, environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the file in which the passphrase stands, None where none is named."""
    environment = os.environ if environment is None else environment
    if named is not None:
        return named
    if said := environment.get(VARIABLE):
        return Path(said)
    given = environment.get("CREDENTIALS_DIRECTORY")
    credential = Path(given) / CREDENTIAL if given else None
    return credential if credential is not None and credential.exists() else None


def find_passphrase(named: Path | None, question: str, *, is_hub: bool = True) -> str:
    """Return the passphrase for what is sealed already; asks on the terminal where no file is named.

    What the service manager and the environment name is for the hub's own keys alone.
    """
    path = passphrase_file(named) if is_hub else named
    return _ask(question) if path is None else _read(path)


def new_passphrase(named: Path | None, question: str) -> str:
    """Return a passphrase to seal something with; on the terminal it is typed twice. Only a named file counts."""
    if named is not None:
        said = _read(named)
    else:
        said = _ask(question)
        if _ask("The same again: ") != said:
            raise PassphraseError("the two were not the same; nothing was done")
    if len(said.strip()) < PASSPHRASE_CHARACTERS_MIN:
        detail = f"a passphrase has at least {PASSPHRASE_CHARACTERS_MIN} characters"
        raise PassphraseError(f"{detail}; four or five words that nobody would guess together are good")
    return said


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(PASSPHRASE_BYTES_MAX + 2).decode()
    except OSError as error:
        raise PassphraseError(f"the passphrase file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PassphraseError(f"the passphrase file {path} is no text") from error
    return text.strip()


def _ask(question: str) -> str:
    import getpass

    if not sys.stdin.isatty():
        raise PassphraseError(f"a passphrase is needed: {_HINT}")
    try:
        return getpass.getpass(question)
    except EOFError as error:
        raise PassphraseError("no passphrase was typed") from error

"""The files of a hub, apart from its database: keys, network, seats. All are written whole or not at all.

FOLDER/
  hartig.toml           settings (config.py)
  network.json          which network, and the invite while it waits to be used
  kit.json              for which recovery key a recovery kit was made (kits.py)
  keys/hub.key          signs; also in backups, since without it nobody can go on as this hub
  keys/node.key         for the channel only; made anew wherever it is missing, never in a backup
  keys/box.key          opens how to reach people, sealed to this hub; made anew like node.key, never in a backup
  keys/desk.key         for the organisers' door; made anew like node.key, never in a backup
  keys/desk.pem         the certificate that this door shows, made of desk.key; no secret
  keys/private.key      where a passphrase is set: seals the private rows of the store; also in backups, as hub.key is
  keys/recovery.key     to replace a lost or stolen hub key; on the recovery kit, and then not here any more
  keys/*-next.key       while the hub goes over to a new key (recovering.py)
  seats/seat-N.key      only where a network was founded: to be handed to the trustees
  run/api.sock          the door of the command line
  hartig.db ...         the store
  partners/*/           what partner networks share, each in a store of its own; in no backup (store/partitions.py)

Where a passphrase is set, all of keys/*.key are sealed under it (keyfile.py), with one salt: a start derives once.
"""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hartig_node.files import is_of_another, sync_folder
from hartig_node.keyfile import (
    KeyFileError,
    PassphraseError,
    comment_of,
    is_sealed,
    key_text,
    read_key_file,
    read_text,
    salt_of,
)
from hartig_protocol.limits import KEY_BYTES, NETWORK_ID_BYTES
from hartig_protocol.values import value

if TYPE_CHECKING:
    from hartig_node.store.row_seal import RowSeal

ROW_KEY = "private"
CERTIFICATE_BYTES_MAX = 64 * 1024
PUBLIC_LINE = "public key: "
SIGNING_KEYS = frozenset({"hub", "hub-next", "recovery", "recovery-next"})


class FolderError(Exception):
    """A file of the hub is missing, unreadable or not what it should be; the message says which and what to do."""


@value
class NetworkFile:
    """Which network this hub belongs to or wants to join."""

    network: bytes
    invite: str | None = None


class HubFolder:
    """The folder of one hub."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "hartig.toml"
        self.socket = path / "run" / "api.sock"
        self.seats = path / "seats"
        self._keys = path / "keys"
        self._desk_certificate = self._keys / "desk.pem"
        self._network = path / "network.json"
        self._passphrase: str | None = None
        self._is_forgotten = False

    def __repr__(self) -> str:
        return f"<HubFolder {self.path}>"

    @property
    def is_founded(self) -> bool:
        """Whether `init` or `join` was run here."""
        return self._network.exists()

    def make(self) -> None:
        """Make the folder and its parts, readable by its owner alone; a power cut does not take them away again."""
        self._refuse_links()
        missing = [path for path in (self.path, *self.path.parents) if not path.exists()]
        for path in (self.path, self._keys, self.path / "run"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in missing:
            with contextlib.suppress(PermissionError):  # a folder that may be written in, but not read
                sync_folder(path.parent)

    # --- Keys

    def key_path(self, name: str) -> Path:
        """Where a key's seed stands."""
        return self._keys / f"{name}.key"

    def has_key(self, name: str) -> bool:
        """Whether a key is there."""
        return self.key_path(name).exists()

    def key_files(self) -> dict[str, Path]:
        """Return the files of all keys that are there, by name."""
        self._refuse_links()
        return {path.stem: path for path in sorted(self._keys.glob("*.key"))}

    def read_key(self, name: str) -> bytes:
        """Return a key's 32-byte seed; of a sealed one only after `unlock`."""
        return read_seed(self.key_path(name), None if self._passphrase is None else lambda: self._passphrase or "")

    def write_key(self, name: str, seed: bytes) -> None:
        """Write a key that was not there before, sealed as the others are."""
        self._refuse_links()
        salt = None if self._is_forgotten else self._salt()
        if salt is not None and self._passphrase is None:
            raise PassphraseError(f"the keys in {self._keys} are sealed under a passphrase, and none was given")
        comment = public_line(seed) if salt is not None and name in SIGNING_KEYS else ""
        write_seed(self.key_path(name), seed, comment, None if salt is None else self._passphrase, salt)

    def _refuse_links(self) -> None:
        """Refuse what would lead root, who looks after the folder of another user, to write somewhere else."""
        for part in (self._keys, self.seats, self.socket.parent):
            if part.is_symlink() and is_of_another(self.path):
                raise FolderError(f"{part} is a link, which root does not follow: put a folder there, or be its owner")

    def unlock(self, ask: Callable[[], str]) -> None:
        """Ask for the passphrase where keys are sealed, and try it on each; raises `PassphraseError`."""
        sealed = [path for path in self.key_files().values() if is_sealed(read_text(path))]
        if not sealed:
            return
        self._passphrase = ask()
        for path in sealed:
            read_seed(path, lambda: self._passphrase or "")

    def forget_passphrase(self) -> None:
        """Seal no key that is written from now on: nobody knows the passphrase of those that are there."""
        self._is_forgotten = True

    def carried_hub_key(self) -> bytes:
        """Return what a backup carries of the hub key: the text of its file where that is sealed, else the seed."""
        return self._carried("hub")

    def carried_row_key(self) -> bytes | None:
        """Return the same of the key that seals private rows; None where there is none."""
        return self._carried(ROW_KEY) if self.has_key(ROW_KEY) else None

    def _carried(self, name: str) -> bytes:
        text = read_text(self.key_path(name))
        return text.encode() if is_sealed(text) else self.read_key(name)

    def row_seal(self) -> "RowSeal | None":
        """Return what seals private rows: made where a passphrase is, kept when it goes; None while shut."""
        if not self.has_key(ROW_KEY):
            if self._passphrase is None:
                return None
            self.write_key(ROW_KEY, os.urandom(KEY_BYTES))
        from hartig_node.store.row_seal import RowSeal  # late: most hubs have no passphrase

        try:
            return RowSeal(self.read_key(ROW_KEY))
        except PassphraseError:
            return None

    def _salt(self) -> bytes | None:
        texts = [read_text(path) for path in self.key_files().values()]
        return next((salt_of(text) for text in texts if is_sealed(text)), None)

    def noted_public(self, name: str) -> bytes:
        """Return the public half of a signing key, also while it is sealed."""
        noted = public_of(read_text(self.key_path(name)))
        return bytes.fromhex(noted or public_hex(self.read_key(name)))

    def drop_next_keys(self) -> None:
        """Forget the keys of a change that was not decided: they were on the disk, and somebody may have seen them."""
        for name in ("hub-next", "recovery-next"):
            self.key_path(name).unlink(missing_ok=True)
        sync_folder(self._keys)

    def take_next_keys(self) -> None:
        """Let `hub-next` and `recovery-next` take the places of what they replace, and make all others anew."""
        for name in ("recovery", "hub"):
            following = self.key_path(f"{name}-next")
            if name == "hub":
                self._drop_shut_row_key(following)
                for stale in (*map(self.key_path, ("node", "box", "desk")), self._desk_certificate):
                    stale.unlink(missing_ok=True)
                sync_folder(self._keys)
            if following.exists():
                following.replace(self.key_path(name))
        sync_folder(self._keys)

    def _drop_shut_row_key(self, following: Path) -> None:
        """Forget the key of rows that nobody can open, where the passphrase of those that were here is forgotten."""
        path = self.key_path(ROW_KEY)
        if path.exists() and following.exists() and is_sealed(read_text(path)) and not is_sealed(read_text(following)):
            path.unlink()

    def read_desk_certificate(self) -> bytes:
        """Return the certificate of the organisers' door; empty where there is none."""
        try:
            return self._desk_certificate.read_bytes()[:CERTIFICATE_BYTES_MAX]
        except FileNotFoundError:
            return b""

    def write_desk_certificate(self, certificate_pem: bytes) -> None:
        """Write the certificate of the organisers' door in place of one before."""
        write_whole(self._desk_certificate, certificate_pem)

    # --- The network

    def read_network(self) -> NetworkFile:
        """Return which network this hub belongs to."""
        if not self._network.exists():
            raise FolderError(
                f"{self.path} is no hub yet: found a network with 'hartig init', or join one with 'hartig join LINK'"
            )
        try:
            held = json.loads(self._network.read_text("utf-8"))
            network = bytes.fromhex(held["network"])
            invite = held.get("invite")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{self._network} cannot be read: {error}; restore it from a backup") from error
        if len(network) != NETWORK_ID_BYTES or not isinstance(invite, str | None):
            raise FolderError(f"{self._network} does not name a network; restore it from a backup")
        return NetworkFile(network, invite)

    def write_network(self, network: NetworkFile) -> None:
        """Write which network this hub belongs to."""
        text = json.dumps({"network": network.network.hex(), "invite": network.invite}, indent=2) + "\n"
        write_whole(self._network, text.encode())


def read_seed(path: Path, passphrase: Callable[[], str] | None = None) -> bytes:
    """Return the 32 bytes that a key file holds; raises `PassphraseError` where they are sealed and stay so."""
    try:
        return read_key_file(path, passphrase)
    except PassphraseError:
        raise
    except KeyFileError as error:
        raise FolderError(str(error)) from error


def write_seed(
    path: Path, seed: bytes, comment: str = "", passphrase: str | None = None, salt: bytes | None = None
) -> None:
    """Write a key file, readable by its owner alone; never over another."""
    if path.exists():
        raise FolderError(f"there is a key at {path} already; it is not overwritten")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, key_text(seed, comment, passphrase, salt).encode())


def public_line(seed: bytes) -> str:
    """Return the comment that says the public key of a sealed one, which is no secret."""
    return PUBLIC_LINE + public_hex(seed)


def public_hex(seed: bytes) -> str:
    """Return the public half of a signing key, in hexadecimal."""
    from hartig_protocol.records.keys import SigningKey  # late: what is refused needs no cryptography

    return SigningKey(seed).public.hex()


def public_of(text: str) -> str:
    """Return the public key that is noted above a key, in hexadecimal; empty where none is."""
    notes = comment_of(text).splitlines()
    return next((note.removeprefix(PUBLIC_LINE) for note in notes if note.startswith(PUBLIC_LINE)), "")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after a power cut there is the old one or the new one, never half of it."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)  # of a write that was cut off
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:  # it goes on where the system takes only a part
            _give_to_owner(descriptor, path.parent)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        part.unlink()
        error.filename = str(path)
        raise
    part.rename(path)
    sync_folder(path.parent)


def _give_to_owner(descriptor: int, folder: Path) -> None:
    """Let a file belong to whom its folder belongs to, where root looks after the hub of another user."""
    owner = folder.stat()
    if owner.st_uid != os.geteuid():
        with contextlib.suppress(PermissionError):  # of a folder that is not ours, and we are not root
            os.fchown(descriptor, owner.st_uid, owner.st_gid)

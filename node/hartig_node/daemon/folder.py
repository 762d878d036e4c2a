"""The files of a hub, apart from its database: keys, network, seats. All are written whole or not at all.

FOLDER/
  hartig.toml           settings (config.py)
  network.json          which network, and the invite while it waits to be used
  keys/hub.key          signs; also in backups, since without it nobody can go on as this hub
  keys/node.key         for the channel only; made anew wherever it is missing, never in a backup
  keys/box.key          opens how to reach people, sealed to this hub; made anew like node.key, never in a backup
  keys/desk.key         for the organisers' door; made anew like node.key, never in a backup
  keys/desk.pem         the certificate that this door shows, made of desk.key; no secret
  keys/recovery.key     to replace a lost or stolen hub key; print it or store it away
  seats/seat-N.key      only where a network was founded: to be handed to the trustees
  run/api.sock          the door of the command line
  hartig.db ...         the store
"""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from hartig_node.store.connection import sync_folder
from hartig_protocol.limits import KEY_BYTES, NETWORK_ID_BYTES

KEY_FILE_BYTES_MAX = 4096
CERTIFICATE_BYTES_MAX = 64 * 1024


class FolderError(Exception):
    """A file of the hub is missing, unreadable or not what it should be; the message says which and what to do."""


@dataclass(frozen=True)
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

    def __repr__(self) -> str:
        return f"<HubFolder {self.path}>"

    @property
    def is_founded(self) -> bool:
        """Whether `init` or `join` was run here."""
        return self._network.exists()

    def make(self) -> None:
        """Make the folder and its parts, readable by its owner alone; a power cut does not take them away again."""
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

    def read_key(self, name: str) -> bytes:
        """Return a key's 32-byte seed."""
        return read_seed(self.key_path(name))

    def write_key(self, name: str, seed: bytes) -> None:
        """Write a key that was not there before."""
        write_seed(self.key_path(name), seed)

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


def read_seed(path: Path) -> bytes:
    """Return the 32 bytes that a key file holds in hexadecimal."""
    try:
        with path.open("rb") as file:
            text = file.read(KEY_FILE_BYTES_MAX).decode("ascii")
        seed = bytes.fromhex("".join(line for line in text.splitlines() if not line.startswith("#")))
    except OSError as error:
        raise FolderError(f"the key {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        problem = "it is not 64 hexadecimal digits; restore the hub from a backup"
        raise FolderError(f"the key {path} is damaged: {problem}") from error
    if len(seed) != KEY_BYTES:
        raise FolderError(f"the key {path} has {len(seed)} bytes where {KEY_BYTES} are needed")
    return seed


def write_seed(path: Path, seed: bytes, comment: str = "") -> None:
    """Write a key file, readable by its owner alone; never over another."""
    if path.exists():
        raise FolderError(f"there is a key at {path} already; it is not overwritten")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f"# {line}" for line in comment.splitlines()]
    write_whole(path, "\n".join([*lines, seed.hex(), ""]).encode())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after a power cut there is the old one or the new one, never half of it."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(path)
    sync_folder(path.parent)

"""What can be checked on this machine without a node: the folder, the disk, the socket, the network.

In: a place. Out: findings of the same form as the node's own problems. Called by `doctor`.
"""

import os
import shutil
import socket
import stat
from pathlib import Path
from typing import NamedTuple

from hartig_node.client.places import Place

FREE_BYTES_LOW = 512 * 1024 * 1024  # some weeks of posts and one backup beside them
FREE_BYTES_NONE = 32 * 1024 * 1024  # below that SQLite's log may not fit any more
_LOOPBACK = "lo"


class Finding(NamedTuple):
    """Something that is not as it should be, or a note."""

    code: str
    severity: str  # "note", "warning", "error"
    what: str
    hint: str

    def as_json(self) -> dict[str, str]:
        """The finding as `doctor --json` gives it."""
        return self._asdict()


def check_folder(place: Place) -> list[Finding]:
    """Check that the folder is there, is ours, and is nobody else's to read."""
    folder = Path(place.folder)
    try:
        status = folder.stat()
    except FileNotFoundError:
        hint = "`hartig init` makes a hub there, `hartig join` one that joins others; --folder names another place"
        return [Finding("no_folder", "error", f"there is no hub in {folder}", hint)]
    except OSError as error:
        return [Finding("folder", "error", f"{folder} cannot be looked into: {error.strerror}", _AS_OWNER)]
    if not stat.S_ISDIR(status.st_mode):
        return [Finding("folder", "error", f"{folder} is not a folder", "name the hub's folder with --folder")]
    findings = []
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        findings.append(Finding("folder", "error", f"this user may not read and write {folder}", _AS_OWNER))
    if status.st_mode & 0o077:
        what = f"other users of this machine may look into {folder}"
        findings.append(Finding("folder_open", "warning", what, f"chmod 700 {folder}"))
    if not (folder / "network.json").exists() and os.access(folder, os.X_OK):
        hint = "`hartig init` makes a hub there, `hartig join` one that joins others"
        findings.append(Finding("no_hub", "error", f"{folder} holds no hub yet", hint))
    return findings


def check_disk(place: Place) -> list[Finding]:
    """Check that there is room for what comes."""
    folder = Path(place.folder)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return [Finding("disk", "warning", f"free space cannot be read: {error.strerror}", "check the disk")]
    if free_bytes >= FREE_BYTES_LOW:
        return []
    severity = "error" if free_bytes < FREE_BYTES_NONE else "warning"
    what = f"only {free_bytes // (1024 * 1024):,} MiB are free where {place.folder} is"
    return [Finding("disk_low", severity, what, "free some space, or move the folder to a larger disk")]


def check_socket(place: Place) -> list[Finding]:
    """Say why nobody answers: never started, stopped, ended without a word, or not for this user."""
    path = Path(place.socket_path)
    if not Path(place.folder).is_dir():
        return []  # said already
    try:
        exists = path.exists()
    except PermissionError:
        return [Finding("socket", "error", f"this user may not reach {path}", _AS_OWNER)]
    if not exists:
        return [Finding("not_running", "error", "the hub is not running", "start it with `hartig run`")]
    if not os.access(path, os.R_OK | os.W_OK):
        return [Finding("socket", "error", f"this user may not speak to {path}", _AS_OWNER)]
    what = f"{path} is there, but no answer came: the hub ended without cleaning up, or it hangs"
    return [Finding("no_answer", "error", what, "look whether it runs; start it with `hartig run`, or stop it first")]


def check_interfaces(folder: Path = Path("/sys/class/net")) -> list[Finding]:
    """Check that the machine has a network at all; a hub works without one, alone."""
    try:
        names = [entry.name for entry in folder.iterdir() if entry.name != _LOOPBACK]
    except OSError:
        names = [name for _, name in socket.if_nameindex() if name != _LOOPBACK]
    if not names:
        what = "this machine has no network interface but its own loopback"
        return [Finding("no_interface", "warning", what, _CONNECT)]
    states = [_state(folder / name) for name in names]
    if any(state in {"up", "unknown"} for state in states):
        return []
    what = f"no network interface is up ({', '.join(sorted(names)[:6])})"
    return [Finding("no_interface", "warning", what, _CONNECT)]


def _state(interface: Path) -> str:
    try:
        return (interface / "operstate").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return "unknown"


def check_clock() -> list[Finding]:
    """Check that the system says that its clock is right."""
    from hartig_node.clock import is_synchronised

    if is_synchronised():
        return []
    what = "the system does not say that this machine's clock is right"
    hint = "connect it to a time server, or look at the time when the hub runs: `hartig clock`"
    return [Finding("clock", "warning", what, hint)]


_CONNECT = "plug in a cable or join a Wi-Fi; until then the hub is alone"
_AS_OWNER = "run this as the user that runs the hub, or as root"

"""The folder in which the three hubs live: one that goes with the demo, or one that is kept.

In: the folder to keep, or None. Out: a `Shelter` with its path and the pipe end that every hub holds
(`guardian.py`). Who calls: `__main__`.
"""

import os
import subprocess
import sys
from pathlib import Path

GUARDIAN = Path(__file__).with_name("guardian.py")
GUARDIAN_S_MAX = 10.0
SOCKET_BYTES = len("/hub-1/run/api.sock")  # what a hub adds to our path for its socket,
SOCKET_PATH_BYTES_MAX = 107  # which may be so long: sockaddr_un, unix(7), less the final zero


class DemoError(Exception):
    """The demo cannot go on; the message says what happened and what to do."""


class Shelter:
    """Where the hubs live. `held` are the descriptors that each of them has to inherit."""

    def __init__(self, path: Path, guardian: subprocess.Popen[bytes] | None, held: tuple[int, ...]) -> None:
        self.path, self.held = path, held
        self._guardian = guardian

    def __repr__(self) -> str:
        return f"<Shelter {self.path} {'is removed' if self._guardian else 'stays'}>"

    def hub_folder(self, number: int) -> Path:
        """Return the folder of hub 0, 1 or 2; its name is short, see `SOCKET_BYTES`."""
        return self.path / f"hub-{number + 1}"

    @property
    def is_kept(self) -> bool:
        """Whether the folder stays when the demo ends."""
        return self._guardian is None

    def close(self) -> None:
        """Let go, and wait until the folder is removed; the hubs have to be gone by then."""
        for descriptor in self.held:
            os.close(descriptor)
        if self._guardian is None:
            return
        try:
            code = self._guardian.wait(GUARDIAN_S_MAX)
        except subprocess.TimeoutExpired as error:
            raise DemoError(f"{self.path} is not removed: a hub is still running") from error
        if code:
            raise DemoError(f"{self.path} could not be removed; please delete it")


def open_shelter(keep: Path | None) -> Shelter:
    """Make the folder of this demo; raises `DemoError` where that is impossible."""
    if keep is not None:
        return _kept(keep)
    shelter = _passing()
    if _is_too_long(shelter.path):
        shelter.close()
        raise DemoError(f"{shelter.path} is too long a path for the hubs' sockets; set TMPDIR to a shorter one")
    return shelter


def _is_too_long(folder: Path) -> bool:
    return len(os.fsencode(folder)) + SOCKET_BYTES > SOCKET_PATH_BYTES_MAX


def _kept(folder: Path) -> Shelter:
    if _is_too_long(folder.resolve()):
        raise DemoError(f"{folder} is too long a path for the hubs' sockets; name a shorter one with --keep")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DemoError(f"{folder} is not empty; name a new folder with --keep")
    except OSError as error:
        raise DemoError(f"{folder} cannot be used: {error.strerror}; name another folder with --keep") from error
    return Shelter(folder.resolve(), None, ())


def _passing() -> Shelter:
    reading, writing = os.pipe()
    try:
        guardian = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", str(GUARDIAN)], stdin=reading, stdout=subprocess.PIPE, start_new_session=True
        )
    finally:
        os.close(reading)
    assert guardian.stdout is not None, "started with a pipe"
    with guardian.stdout as said:
        path = said.readline().decode().rstrip("\n")
    if not path:
        raise DemoError("no temporary folder can be made; set TMPDIR to one where there is room")
    return Shelter(Path(path), guardian, (writing,))

"""The reserve file: 4 MiB that are given back to a full disk, so that what must go can still go.

On a full disk even DELETE fails, because SQLite writes the change to its log first. Dropping the reserve makes room
for that; it is made again when there is room. All stores of a hub share one, and with it what they know of the disk:
none fills the room that another has made.
"""

import errno
import os
import threading
from pathlib import Path

RESERVE_NAME = "reserve"
RESERVE_BYTES = 4 * 1024 * 1024  # half of what the log may hold (8 MiB), and more than 500 pages of it
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Reserve:
    """The reserve of one folder; any thread may call."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RESERVE_NAME
        self._lock = threading.Lock()
        self.is_full = False  # from `release` until there was room for it again

    def make(self) -> bool:
        """Set the room aside, and tell whether there was enough. Raises `OSError` for anything but a full disk."""
        with self._lock:
            is_made = self.is_here() or self._make()
            self.is_full = self.is_full and not is_made
            return is_made

    def _make(self) -> bool:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            os.fsync(descriptor)
        except OSError as error:
            self._path.unlink(missing_ok=True)
            if error.errno not in _NO_ROOM:
                raise
            return False
        finally:
            os.close(descriptor)
        return True

    def release(self) -> None:
        """Give the room back: the disk is full."""
        with self._lock:
            self.is_full = True
            self._path.unlink(missing_ok=True)

    def is_here(self) -> bool:
        """Tell whether the whole reserve is there."""
        try:
            return self._path.stat().st_size >= RESERVE_BYTES
        except FileNotFoundError:
            return False

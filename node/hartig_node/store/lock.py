"""One store a folder: an advisory lock on FOLDER/lock.

The kernel drops it when the process ends, however it ends. `opening`, `backup.restore` and `verify` take it.
"""

import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from hartig_node.ports import StoreError

LOCK_NAME = "lock"


class FolderLock:
    """Holds a folder. `acquire` raises `StoreError` that names the folder and who holds it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the folder, or raise."""
        path = self._folder / LOCK_NAME
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if path.is_symlink():  # root looks after folders of others, and would write over what it leads to
                raise _no_plain_file(path) from error
            raise StoreError(f"cannot write in the folder {self._folder}: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _no_plain_file(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            who = f"process {holder}" if holder else "another process"
            raise StoreError(
                f"the folder {self._folder} is in use by {who}: end that one first, or name another folder"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder back; twice does no harm."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _no_plain_file(path: Path) -> StoreError:
    return StoreError(f"{path} is a link or no plain file, and is not written to: remove it, and try again")

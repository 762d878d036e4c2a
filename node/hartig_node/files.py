"""Files of a hub: names that outlive a power cut, and an owner that stays the same whoever looks after the folder.

Called by the store and by all commands that work on a folder. Import-light.
"""

import os
import stat
from pathlib import Path

_ROOT = 0


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable: a file's own fsync does not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def owner_of(folder: Path) -> tuple[int, int]:
    """Return the user and the group to whom a folder belongs."""
    found = folder.stat()
    return found.st_uid, found.st_gid


def is_of_another(folder: Path) -> bool:
    """Whether root is about to work in the folder of another user."""
    return os.geteuid() == _ROOT and folder.is_dir() and owner_of(folder)[0] != _ROOT


def give_to_owner(folder: Path) -> None:
    """Let all that root has made in the folder of another user belong to that user, who could not open it else.

    Nothing is followed, nothing is given that has a second name, and no other disk that is mounted below is entered:
    all could lead to files elsewhere. What cannot be given stops nothing; the first `OSError` is raised at the end.
    """
    if not is_of_another(folder):
        return
    owner, disk, failed = owner_of(folder), folder.stat().st_dev, list[OSError]()
    for _, folders, files, here in os.fwalk(folder):
        for name in (*folders, *files):
            try:
                found = os.stat(name, dir_fd=here, follow_symlinks=False)
                if found.st_dev != disk:
                    folders[:] = [one for one in folders if one != name]
                elif found.st_uid == _ROOT and _is_plain(found):
                    os.chown(name, *owner, dir_fd=here, follow_symlinks=False)
            except FileNotFoundError:  # a hub that runs removes files of its own
                continue
            except OSError as error:
                failed.append(error)
    if failed:
        raise failed[0]


def _is_plain(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink == 1)

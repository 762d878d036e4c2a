"""Copies of the store: out while it runs, back while it does not.

In: a connection or a file. Out: a file that stands alone (no log beside it), readable by its owner only. Called by
`SqliteStore.backup` and by `hartig restore`. The node key is never in the database, so it is in no backup.

A live database is copied by SQLite's own way alone: 7 of 8 copies by `cp` lost rows.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from hartig_node.files import sync_folder
from hartig_node.ports import StoreDamagedError, StoreError
from hartig_node.store.checking import find_problems
from hartig_node.store.connection import DATABASE_NAME, as_store_error, connect, sync_file
from hartig_node.store.damage import set_aside
from hartig_node.store.lock import FolderLock
from hartig_node.store.schema import check_version, meta_get, meta_set
from hartig_protocol.limits import EPOCH_BYTES

_SPACE_DEVICE = "device"  # of `board/belonging/pairing.py`, which the store does not know
_PAGES_A_STEP = 256  # 1 MiB; between steps others get the processor


def copy_to(connection: sqlite3.Connection, path: Path, now_ms: int) -> None:
    """Copy the database that `connection` has in a read transaction to a new file, durably.

    Raises `StoreError` where the file exists or cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    if path.exists():
        raise StoreError(f"{path} exists: name another file, or remove that one")
    epoch = meta_get(connection, "epoch")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        part.chmod(0o600)
        _copy(connection, part, lambda copy: _sign_copy(copy, epoch, now_ms))
        part.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write the backup {path}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise StoreError(f"cannot write the backup {path}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def _sign_copy(copy: sqlite3.Connection, epoch: int | bytes | str | None, now_ms: int) -> None:
    meta_set(copy, "backup_of", epoch)
    meta_set(copy, "backup_ms", now_ms)
    meta_set(copy, "clean", 1)


def _copy(source: sqlite3.Connection, path: Path, change: Callable[[sqlite3.Connection], None]) -> None:
    """Copy all pages into an empty file, change the copy, and make it durable."""
    target = sqlite3.connect(path, isolation_level=None)
    try:
        source.backup(target, pages=_PAGES_A_STEP, sleep=0)
        target.execute("PRAGMA journal_mode=DELETE").fetchall()
        target.execute("PRAGMA secure_delete=ON").fetchall()
        target.execute("BEGIN IMMEDIATE")
        change(target)
        target.execute("COMMIT")
    finally:
        target.close()
    sync_file(path)


def restore(
    backup_path: Path,
    folder: Path,
    now_ms: int,
    random_bytes: Callable[[int], bytes],
    *,
    replace: bool = False,
) -> None:
    """Put a backup into a folder: a new epoch, no cursors, no paired devices; the daemon finds the note `restored`.

    `replace` sets a store that is there aside as `hartig.db.replaced-N`. Raises `StoreError` where the backup is not
    whole, the folder is in use, or has a store and `replace` was not said. Nothing is changed until the copy is whole.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FolderLock(folder):
        target = folder / DATABASE_NAME
        if target.exists() and not replace:
            raise StoreError(f"{folder} has a store: say that it may be replaced, or name another folder")
        part = folder / f".{DATABASE_NAME}.restoring"
        try:
            _restore_to(backup_path, part, now_ms, random_bytes(EPOCH_BYTES))
            if target.exists():
                set_aside(folder, "replaced")
            part.rename(target)
            sync_folder(folder)
        except OSError as error:
            raise StoreError(f"cannot restore into {folder}: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)


def _restore_to(backup_path: Path, part: Path, now_ms: int, epoch: bytes) -> None:
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with_source = connect(backup_path, immutable=True)
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {backup_path}: {error}") from error
    try:
        problems = find_problems(with_source, thorough=True)
        if problems:
            raise StoreDamagedError(f"{backup_path} is not a whole backup: {problems[0]}. Try an older one")
        check_version(with_source)
        _copy(with_source, part, lambda copy: _sign_restored(copy, now_ms, epoch))
    except sqlite3.Error as error:
        raise as_store_error(backup_path, error) from error
    finally:
        with_source.close()


def _sign_restored(copy: sqlite3.Connection, now_ms: int, epoch: bytes) -> None:
    copy.execute("DELETE FROM cursors")
    copy.execute("DELETE FROM told")
    # One that was revoked since the backup would come in again, and nobody knows any more which those are.
    copy.execute("DELETE FROM private WHERE space = ?", (_SPACE_DEVICE,))
    meta_set(copy, "epoch", epoch)
    meta_set(copy, "restored", now_ms)
    for key in ("backup_of", "backup_ms", "damaged"):
        meta_set(copy, key, None)

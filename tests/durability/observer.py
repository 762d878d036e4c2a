"""Calls become events: keeps names, sizes and positions as the recorded program sees them.

`durability.recorder` feeds it `Call`s in the order of the trace and takes `events` at the end. Where two threads
overlap, it errs on the strict side: a sync covers only what was written before it began, and an acknowledgement
counts from the moment at which its call began.
"""

import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from durability.log import (
    FOLDER,
    Acknowledged,
    DataEvent,
    Event,
    FileSized,
    FileSynced,
    FileWritten,
    FolderSynced,
    NameEvent,
    NameGiven,
    NameMoved,
    NameRemoved,
    apply_name,
)
from durability.trace import Call, Descriptor, RecordingError

OUTPUTS = ("write", "writev", "sendto", "sendmsg")
# An acknowledgement may come in several writes; no answer of a node is longer.
TAIL_BYTES_MAX = 65_536


@dataclass(slots=True)
class _Handle:
    position: int
    append: bool


class Observer:
    """Sees calls, tells events."""

    def __init__(
        self, root: Path, names: Mapping[str, int], files: Mapping[int, bytes],
        acknowledgement: re.Pattern[bytes], ignored: Collection[str],
    ) -> None:  # fmt: skip
        self.events: list[Event] = []
        self._root = str(root)
        self._names = {"": FOLDER, **names}
        self._sizes = {file: len(content) for file, content in files.items()}
        self._acknowledgement = acknowledgement
        self._ignored = ignored
        # Which file a name led to before it went: strace calls it "(deleted)".
        self._gone: dict[str, int] = {}
        # By descriptor number and file; processes need not be told apart, since both agree by accident only.
        self._handles: dict[tuple[int, int], _Handle] = {}
        self._tails: dict[str, bytes] = {}
        self._begun: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<Observer of {self._root}: {len(self.events)} events, {len(self._names) - 1} names>"

    def see(self, call: Call) -> None:
        """Take the next call of the trace.

        Raises:
            RecordingError: it changed the folder in a way that the log cannot show.
        """
        if call.result is None:
            self._begun[call.thread] = len(self.events)
        began = self._begun.get(call.thread)
        if call.name in OUTPUTS and (call.result is None or began is None):
            self._hear(call)
        if call.result is not None:
            self._begun.pop(call.thread, None)
            if call.result >= 0:
                _SEEN[call.name](self, call, len(self.events) if began is None else began)

    def _hear(self, call: Call) -> None:
        target = call.descriptor()
        if target is None or self._shown(target) is not None or (call.result or 0) < 0:
            return
        text = self._tails.get(target.path, b"") + call.data()
        end = 0
        for found in self._acknowledgement.finditer(text):
            self.events.append(Acknowledged(found[1].decode("ascii")))
            end = found.end()
        self._tails[target.path] = text[end:][-TAIL_BYTES_MAX:]

    def _open(self, call: Call, _: int) -> None:
        base, path = call.paths()[0]
        name = self._name(base, path)
        if name is None or call.result is None:
            return
        if "O_TMPFILE" in call.arguments:
            raise RecordingError(f"{name}: files without a name (O_TMPFILE) are not recorded")
        if name not in self._names and ("O_CREAT" in call.arguments or call.name == "creat"):
            self._give(name, len(self._sizes) + 1)
        file = self._names.get(name, FOLDER)
        if file == FOLDER:
            return
        if self._sizes[file] and ("O_TRUNC" in call.arguments or call.name == "creat"):
            self._change(FileSized(file, 0))
        self._handles[call.result, file] = _Handle(0, "O_APPEND" in call.arguments)

    def _write(self, call: Call, _: int) -> None:
        number, file = self._open_file(call)
        if file is None or not call.result:
            return
        handle = self._handle(number, file, call)
        offset = self._sizes[file] if handle.append else handle.position
        handle.position = offset + call.result
        self._change(FileWritten(file, offset, call.data()))

    def _write_at(self, call: Call, _: int) -> None:
        _, file = self._open_file(call)
        if file is not None and call.result:
            # pwritev2 has flags behind the offset.
            offset = call.number(-2 if call.name == "pwritev2" else -1)
            self._change(FileWritten(file, offset, call.data()))

    def _seek(self, call: Call, _: int) -> None:
        number, file = self._open_file(call)
        if file is not None and call.result is not None:
            self._handle(number, file, call).position = call.result

    def _duplicate(self, call: Call, _: int) -> None:
        number, file = self._open_file(call)
        if file is not None and call.result is not None and (number, file) in self._handles:
            self._handles[call.result, file] = self._handles[number, file]

    def _size(self, call: Call, _: int) -> None:
        _, file = self._open_file(call) if call.name == "ftruncate" else (0, self._path_file(call))
        if file is not None:
            self._change(FileSized(file, call.number(1)))

    def _allocate(self, call: Call, _: int) -> None:
        _, file = self._open_file(call)
        if file is None or "FALLOC_FL_KEEP_SIZE" in call.arguments.split(", ")[1].split("|"):
            return
        if call.arguments.split(", ")[1] != "0":
            raise RecordingError(f"fallocate in a mode that is not recorded: {call.arguments[-80:]}")
        size = call.number(2) + call.number(3)
        if size > self._sizes[file]:
            self._change(FileSized(file, size))

    def _sync(self, call: Call, began: int) -> None:
        target = call.descriptor()
        name = None if target is None else self._shown(target)
        if name is not None and self._names.get(name) == FOLDER:
            self.events.append(FolderSynced(name, began))
            return
        _, file = self._open_file(call)
        if file is not None:
            self.events.append(FileSynced(file, began))

    def _make_folder(self, call: Call, _: int) -> None:
        name = self._name(*call.paths()[0])
        if name is not None:
            self._rename(NameGiven(name, FOLDER))

    def _link(self, call: Call, _: int) -> None:
        old, new = (self._name(*path) for path in call.paths())
        if new is not None:
            if old is None or old not in self._names:
                raise RecordingError(f"{new} was linked to a file outside of the recording")
            self._rename(NameGiven(new, self._names[old]))

    def _move(self, call: Call, _: int) -> None:
        old, new = (self._name(*path) for path in call.paths())
        if old is None and new is None:
            return
        if old not in self._names or new is None or "RENAME_EXCHANGE" in call.arguments:
            raise RecordingError(f"the move of {old} to {new} cannot be recorded")
        if any(name.startswith(f"{old}/") for name in self._names):
            raise RecordingError(f"{old} is a folder that holds something; its move cannot be recorded")
        self._forget(new)
        self._rename(NameMoved(old, new))

    def _remove(self, call: Call, _: int) -> None:
        name = self._name(*call.paths()[0])
        if name in self._names:
            self._forget(name)
            self._rename(NameRemoved(name))

    def _map(self, call: Call, _: int) -> None:
        if "MAP_SHARED" in call.arguments and "PROT_WRITE" in call.arguments:
            self._refuse(call.descriptor(), "writes through shared memory")

    def _send_file(self, call: Call, _: int) -> None:
        self._refuse(call.descriptor(), "copies made by the kernel")

    def _copy_range(self, call: Call, _: int) -> None:
        self._refuse(call.descriptor(1), "copies made by the kernel")

    def _refuse(self, target: Descriptor | None, what: str) -> None:
        if target is not None and self._shown(target) is not None:
            raise RecordingError(f"{what} are not seen by the recording, but reach {target.path}")

    def _shown(self, target: Descriptor) -> str | None:
        """The name of an open file; sockets and pipes have none and are never in the folder."""
        return self._name("", target.path) if target.path.startswith("/") else None

    def _name(self, base: str, path: str) -> str | None:
        full = posixpath.normpath(posixpath.join(self._root, base, path))
        if full != self._root and not full.startswith(f"{self._root}/"):
            return None
        name = full[len(self._root) + 1 :]
        return None if any(fnmatch(posixpath.basename(name), one) for one in self._ignored) else name

    def _open_file(self, call: Call) -> tuple[int, int | None]:
        target = call.descriptor()
        name = None if target is None else self._shown(target)
        if target is None or name is None:
            return 0, None
        file = (self._gone if target.deleted else self._names).get(name, FOLDER)
        return target.number, None if file == FOLDER else file

    def _path_file(self, call: Call) -> int | None:
        name = self._name(*call.paths()[0])
        return None if name is None else self._names[name]

    def _handle(self, number: int, file: int, call: Call) -> _Handle:
        if (number, file) not in self._handles:
            raise RecordingError(f"{call.name} on descriptor {number}, of which no position is known")
        return self._handles[number, file]

    def _give(self, name: str, file: int) -> None:
        self._sizes[file] = 0
        self._rename(NameGiven(name, file))

    def _forget(self, name: str) -> None:
        if name in self._names:
            self._gone[name] = self._names[name]

    def _rename(self, event: NameEvent) -> None:
        apply_name(self._names, event)
        self.events.append(event)

    def _change(self, event: DataEvent) -> None:
        if isinstance(event, FileSized):
            self._sizes[event.file] = event.size
        else:
            self._sizes[event.file] = max(self._sizes[event.file], event.offset + len(event.data))
        self.events.append(event)


def _nothing(_observer: Observer, _call: Call, _began: int) -> None:
    """Outputs are heard when they begin."""


_SEEN: Mapping[str, Callable[[Observer, Call, int], None]] = {
    **dict.fromkeys(("open", "openat", "creat"), Observer._open),
    **dict.fromkeys(("write", "writev"), Observer._write),
    **dict.fromkeys(("pwrite64", "pwritev", "pwritev2"), Observer._write_at),
    **dict.fromkeys(("sendto", "sendmsg"), _nothing),
    "lseek": Observer._seek,
    **dict.fromkeys(("dup", "dup2", "dup3"), Observer._duplicate),
    **dict.fromkeys(("truncate", "ftruncate"), Observer._size),
    "fallocate": Observer._allocate,
    **dict.fromkeys(("fsync", "fdatasync"), Observer._sync),
    **dict.fromkeys(("mkdir", "mkdirat"), Observer._make_folder),
    **dict.fromkeys(("link", "linkat"), Observer._link),
    **dict.fromkeys(("rename", "renameat", "renameat2"), Observer._move),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), Observer._remove),
    "mmap": Observer._map,
    "sendfile": Observer._send_file,
    **dict.fromkeys(("copy_file_range", "splice"), Observer._copy_range),
}
OBSERVED = tuple(sorted(_SEEN))

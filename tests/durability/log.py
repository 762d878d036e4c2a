"""What a recorded program did to its folder, in order: the language between recorder and replay.

`durability.recorder` writes a `Log`, `durability.replay` builds from it what a power cut leaves. Events are facts:
a call that failed is none, and a short write is as long as it was. Names are paths below the recorded folder, with
`/` between the parts; the folder itself is the empty name. Files have numbers of their own, so that a file keeps
its identity when its name moves or goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# The number that stands for "this name is a folder".
FOLDER = -1


@dataclass(frozen=True, slots=True)
class FileWritten:
    """Bytes were handed to the operating system; nothing says that the disk has them."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FileSized:
    """A file was cut, or made longer with zeros."""

    file: int
    size: int


@dataclass(frozen=True, slots=True)
class NameGiven:
    """A name came to be, for a new file, for a second name of one, or for a new folder (`FOLDER`)."""

    name: str
    file: int


@dataclass(frozen=True, slots=True)
class NameMoved:
    """A rename; what had the new name has it no longer."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class NameRemoved:
    """An unlink or an rmdir."""

    name: str


@dataclass(frozen=True, slots=True)
class FileSynced:
    """An fsync or fdatasync came back; it covers the events before index `began`, at which it was called."""

    file: int
    began: int


@dataclass(frozen=True, slots=True)
class FolderSynced:
    """The same for a folder: the names in it are on the disk."""

    name: str
    began: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The program began to tell the world that this record is safe."""

    identifier: str


DataEvent = FileWritten | FileSized
NameEvent = NameGiven | NameMoved | NameRemoved
Event = DataEvent | NameEvent | FileSynced | FolderSynced | Acknowledged


@dataclass(frozen=True, slots=True)
class Log:
    """A recording: the durable folder that it began with, and all that happened."""

    names: Mapping[str, int]
    files: Mapping[int, bytes]
    events: tuple[Event, ...]

    def __repr__(self) -> str:
        return f"<Log {len(self.events)} events, {len(self.acknowledged)} acknowledged>"

    @property
    def acknowledged(self) -> list[str]:
        return [event.identifier for event in self.events if isinstance(event, Acknowledged)]


def parent(name: str) -> str:
    """The name of the folder that holds `name`."""
    return name.rpartition("/")[0]


def apply_name(names: dict[str, int], event: NameEvent) -> None:
    """Change `names` as `event` did; what it needs is there, because a program could do it."""
    match event:
        case NameGiven(name, file):
            names[name] = file
        case NameMoved(old, new):
            names[new] = names.pop(old)
        case NameRemoved(name):
            del names[name]


def apply_data(content: bytearray, event: DataEvent) -> None:
    """Change `content` as `event` did; a gap is zeros."""
    match event:
        case FileWritten(_, offset, data):
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(data)] = data
        case FileSized(_, size):
            del content[size:]
            content.extend(bytes(size - len(content)))

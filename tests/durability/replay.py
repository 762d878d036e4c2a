"""What a power cut leaves: a `Log`, a moment in it and a seeded random source in, the folder on the disk out.

    disk = Disk(log)
    disk.advance(position)      # moments only rise
    disk.image(rng)             # names with their bytes; folders have None
    disk.acknowledged           # what the world was told before the cut

Pure; `durability.cuts` writes images to a folder and asks a publisher what it finds there.

The model, for a power cut after event k:

- Data that was written to a file before a sync of that file began, and the sync came back: there.
- Of the rest, the disk wrote back what it liked, in any order, in sectors of 512 or 4,096 bytes. Each sector holds
  what it held at some moment since the last sync, so one write may be torn. Or (`Loss.NOISE`) a sector was in flight
  and holds noise in the bytes that were being written, and in no others (powersafe overwrite). The size of a file is
  written back as freely as its data; a size that came without its data shows zeros.
- Names (new, renamed, removed) are there once their folder was synced. A sync of a file says nothing about its name.
  Of the rest each may have happened or not; order holds only between those that touch the same name. A rename is
  atomic. What is in a folder that is not there is not there.

Sources: T. S. Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014), whose default model lets a file
system reorder and split all that no fsync orders; sqlite.org/psow.html and SQLite's own crash tests (src/test6.c),
which write, skip or trash each unsynced write. It is stricter than ext4 with its defaults, which orders names and
sizes; it assumes, as SQLite does, that a sync that came back is true and that bytes at rest do not change.
"""

from collections.abc import Sequence
from enum import Enum
from operator import itemgetter
from random import Random

from durability.log import (
    FOLDER,
    Acknowledged,
    DataEvent,
    FileSized,
    FileSynced,
    FileWritten,
    FolderSynced,
    Log,
    NameEvent,
    NameMoved,
    apply_data,
    apply_name,
    parent,
)

# Bytes of files by their names; a folder has None.
Image = dict[str, bytes | None]
SECTOR_BYTES = (512, 4096)
# How readily unsynced sectors and names reach the disk in one image: from nearly none to nearly all.
CHANCES = (0.1, 0.5, 0.9, 0.99)


class Loss(Enum):
    """What became of all that was not synced."""

    ALL = "all of it is lost"
    NONE = "all of it arrived, as after a crash of the program alone"
    TAIL = "it was written back in order, up to some moment"
    SCATTER = "each sector and name went its own way"
    NOISE = "the same, and sectors in flight hold noise"


# Scattering has the most different outcomes, so most images scatter.
_LOSSES = (Loss.ALL, Loss.NONE, Loss.TAIL, Loss.SCATTER, Loss.SCATTER, Loss.SCATTER, Loss.NOISE, Loss.NOISE)


class Disk:
    """A disk at one moment of a log: what is durable, and what is on its way."""

    def __init__(self, log: Log) -> None:
        self.position = 0
        self.acknowledged: list[str] = []
        self._log = log
        self._names = dict(log.names)
        self._contents = {file: bytearray(content) for file, content in log.files.items()}
        self._name_events: list[tuple[int, NameEvent]] = []
        self._data_events: dict[int, list[tuple[int, DataEvent]]] = {}

    def __repr__(self) -> str:
        waiting = sum(len(events) for events in self._data_events.values())
        return f"<Disk after {self.position} events: {waiting} writes, {len(self._name_events)} names unsynced>"

    def advance(self, position: int) -> None:
        """Let all events before index `position` happen."""
        assert position >= self.position, "moments only rise"
        for index in range(self.position, position):
            self._happen(index)
        self.position = position

    def everything(self) -> Image:
        """The folder as the program saw it."""
        return self.image(Random(0), Loss.NONE)

    def image(self, rng: Random, loss: Loss | None = None) -> Image:
        """One folder that a power cut at this moment may leave; `rng` decides all that is not said."""
        loss = loss or rng.choice(_LOSSES)
        until = rng.randint(0, self.position) if loss is Loss.TAIL else 0
        draw = _Draw(rng, loss, until)
        names = draw.names(self._names, self._name_events)
        there = {name for name, file in names.items() if file == FOLDER}
        return {
            name: None if file == FOLDER else self._content(file, draw)
            for name, file in sorted(names.items())
            if all(folder in there for folder in _folders_above(name))
        }

    def _content(self, file: int, draw: "_Draw") -> bytes:
        return draw.content(self._contents.get(file, bytearray()), self._data_events.get(file, []))

    def _happen(self, index: int) -> None:
        match self._log.events[index]:
            case Acknowledged(identifier):
                self.acknowledged.append(identifier)
            case FileSynced(file, began):
                self._sync_file(file, began)
            case FolderSynced(name, began):
                self._sync_folder(name, began)
            case FileWritten() | FileSized() as event:
                self._data_events.setdefault(event.file, []).append((index, event))
            case event:
                self._name_events.append((index, event))

    def _sync_file(self, file: int, began: int) -> None:
        events = self._data_events.get(file, [])
        content = self._contents.setdefault(file, bytearray())
        for index, event in events:
            if index < began:
                apply_data(content, event)
        self._data_events[file] = [entry for entry in events if entry[0] >= began]

    def _sync_folder(self, folder: str, began: int) -> None:
        """Names of this folder become durable, and what happened earlier to the same names elsewhere."""
        done: set[int] = set()
        for group in _groups(self._name_events):
            last = max((i for i, event in group if i < began and folder in _parents(event)), default=-1)
            for index, event in group:
                if index <= last:
                    apply_name(self._names, event)
                    done.add(index)
        self._name_events = [entry for entry in self._name_events if entry[0] not in done]


class _Draw:
    """One fall of the dice: which unsynced events are on the disk."""

    def __init__(self, rng: Random, loss: Loss, until: int) -> None:
        self._rng = rng
        self._loss = loss
        self._until = until
        self._chance = rng.choice(CHANCES)
        self._sector_bytes = rng.choice(SECTOR_BYTES)

    def names(self, durable: dict[str, int], events: Sequence[tuple[int, NameEvent]]) -> dict[str, int]:
        names = dict(durable)
        for group in _groups(events):
            for index, event in group:
                if not self._arrives(index):
                    break
                apply_name(names, event)
        return names

    def content(self, durable: bytearray, events: Sequence[tuple[int, DataEvent]]) -> bytes:
        if self._loss in {Loss.SCATTER, Loss.NOISE}:
            return self._scattered(durable, [event for _, event in events])
        content = bytearray(durable)
        for index, event in events:
            if self._arrives(index):
                apply_data(content, event)
        return bytes(content)

    def _arrives(self, index: int) -> bool:
        match self._loss:
            case Loss.ALL:
                return False
            case Loss.NONE:
                return True
            case Loss.TAIL:
                return index < self._until
            case _:
                return self._rng.random() < self._chance

    def _scattered(self, durable: bytearray, events: Sequence[DataEvent]) -> bytes:
        content = bytearray(durable)
        size = size_full = len(durable)
        stopped: set[int] = set()
        size_stopped = False
        for event in events:
            self._scatter(content, event, size_full, stopped)
            size_next = _size_after(event, size_full)
            if size_next != size_full and not size_stopped:
                size_stopped = self._rng.random() >= self._chance
                size = size if size_stopped else size_next
            size_full = size_next
        return bytes(content[:size]).ljust(size, b"\0")

    def _scatter(self, content: bytearray, event: DataEvent, size_full: int, stopped: set[int]) -> None:
        """Let the sectors of one event arrive, but for those that were written back for the last time before it."""
        low, data = _effect(event, size_full)
        content.extend(bytes(max(0, low + len(data) - len(content))))
        for start, end in _pieces(low, low + len(data), self._sector_bytes):
            sector = start // self._sector_bytes
            if sector in stopped:
                continue
            if self._rng.random() < self._chance:
                content[start:end] = data[start - low : end - low]
                continue
            stopped.add(sector)
            if self._loss is Loss.NOISE and isinstance(event, FileWritten):
                content[start:end] = self._rng.randbytes(end - start)


def _size_after(event: DataEvent, size: int) -> int:
    return event.size if isinstance(event, FileSized) else max(size, event.offset + len(event.data))


def _effect(event: DataEvent, size: int) -> tuple[int, bytes]:
    """Where an event changes a file of `size` bytes, and to what; what is cut off reads as zeros ever after."""
    if isinstance(event, FileWritten):
        return event.offset, event.data
    low = min(event.size, size)
    return low, bytes(max(event.size, size) - low)


def _pieces(low: int, high: int, sector_bytes: int) -> list[tuple[int, int]]:
    first = low - low % sector_bytes
    starts = range(first, high, sector_bytes)
    return [(max(low, start), min(high, start + sector_bytes)) for start in starts]


def _touched(event: NameEvent) -> set[str]:
    return {event.old, event.new} if isinstance(event, NameMoved) else {event.name}


def _parents(event: NameEvent) -> set[str]:
    return {parent(name) for name in _touched(event)}


def _groups(events: Sequence[tuple[int, NameEvent]]) -> list[list[tuple[int, NameEvent]]]:
    """Split events so that no two groups touch the same name; each group keeps its order."""
    groups: list[tuple[set[str], list[tuple[int, NameEvent]]]] = []
    for entry in events:
        names, members = _touched(entry[1]), [entry]
        apart = []
        for group in groups:
            if group[0] & names:
                names, members = names | group[0], members + group[1]
            else:
                apart.append(group)
        groups = [*apart, (names, sorted(members, key=itemgetter(0)))]
    return [members for _, members in groups]


def _folders_above(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]

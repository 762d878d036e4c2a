"""Sessions about partner networks' records, several on one link: which is which, and how their frames travel.

A link between two hubs carries its own session; each more that it carries is about one network's records, has a number
of its own below zero, and its frames travel in `Enclosed` (SPEC X6). Numbers are never used again, so what was ordered
for a session that has ended finds nobody; and each frame says to which turn it belongs, so what was under way when a
session ended is not taken for a part of the next. In: links, networks. Out: numbers, and frames wrapped and read.
"""

from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.messages import Abroad, Enclosed
from hartig_protocol.values import value

_ENCLOSED, _ABROAD = b"\x94\x16", b"\x9a\x17"  # an array of so many items, and the first of them


@value
class Way:
    """Where a session's frames go: the link that it shares, and the network whose records it is about."""

    link: int
    network: bytes


class Enclosures:
    """The sessions that share links."""

    def __init__(self) -> None:
        self._ways: dict[int, tuple[Way, int]] = {}
        self._numbers: dict[Way, int] = {}
        self._last = 0

    def __repr__(self) -> str:
        return f"<Enclosures of {len(self._ways)} sessions>"

    def number(self) -> int:
        """Return a number that was never given before, for a session or for something to be read."""
        self._last -= 1
        return self._last

    def begin(self, way: Way, turn: int | None = None) -> int:
        """Return the number of a new session; without a turn it begins the next one."""
        number = self.number()
        self._ways[number] = (way, -number if turn is None else turn)
        self._numbers[way] = number
        return number

    def end(self, number: int) -> Way | None:
        """Forget a session; return where its frames went, or None where it is forgotten already."""
        way, _ = self._ways.pop(number, (None, 0))
        if way is not None:
            del self._numbers[way]
        return way

    def of(self, way: Way) -> tuple[int, int] | None:
        """Return number and turn of the session that stands there."""
        number = self._numbers.get(way)
        return None if number is None else (number, self._ways[number][1])

    def on_link(self, link: int) -> list[tuple[int, Way]]:
        """Return the sessions that share a link, the oldest first, with where their frames go."""
        return [(number, way) for number, (way, _) in self._ways.items() if way.link == link]

    def wrap(self, number: int, frame: bytes) -> tuple[int, bytes] | None:
        """Return the link for a session's frame, and the frame that carries it there; None when it is forgotten."""
        way, turn = self._ways.get(number, (None, 0))
        return None if way is None else (way.link, pack(Enclosed(way.network, turn, frame)))


def ready(network: bytes) -> bytes:
    """Return the frame that asks the side which opened the link to begin a session about a network's records."""
    return pack(Enclosed(network, 0, b""))


def is_enclosed(frame: bytes) -> bool:
    """Tell whether a frame carries one of another session; it may still be malformed."""
    return frame[:2] == _ENCLOSED


def is_abroad(frame: bytes) -> bool:
    """Tell whether a frame is the greeting of another network's hub; it may still be malformed."""
    return frame[:2] == _ABROAD


def read_enclosed(frame: bytes) -> Enclosed:
    """Read a frame of which `is_enclosed` is true; raises `MessageError`."""
    message = unpack(frame)
    assert isinstance(message, Enclosed)  # its first two bytes say so
    return message


def read_abroad(frame: bytes) -> Abroad:
    """Read the greeting of another network's hub; raises `MessageError`, with code `version` where none is shared."""
    message = unpack(frame)
    assert isinstance(message, Abroad)  # its first two bytes say so
    return message

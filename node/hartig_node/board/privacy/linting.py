"""What in a draft's free text would tell who people are, where they live or how to reach them (design, P5).

In: a draft, or the part of one that is to change, before anything is signed. Out: `Found`, a few, each with what it is,
where, and the piece of text. It is for a person to judge: nothing is ever refused for it. Who calls: the posts, which
say it in their answer, and whoever asks a person first: the pages' forms, and through the API the command line.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hartig_node.board.privacy.mail import mail_addresses
from hartig_node.board.privacy.people import names, streets
from hartig_node.board.privacy.phones import phones, places
from hartig_node.board.privacy.plain import Plain
from hartig_protocol.values import value

PHONE, MAIL, STREET, NAME = "phone", "mail", "street", "name"
CODES = (PHONE, MAIL, STREET, NAME)
FOUND_MAX = 8  # more tell nobody anything new
PIECE_CHARACTERS_MAX = 80
TEXT_CHARACTERS_MAX = 16 * 1024  # what a record's body holds at most
_TRANSLATED, _FIELDS = ("title", "text"), ("source",)

Look = Callable[[Plain], Iterator[tuple[int, int]]]
_LOOKS: tuple[tuple[str, Look], ...] = (
    (MAIL, mail_addresses),
    (PHONE, phones),
    (STREET, streets),
    (STREET, places),
    (NAME, names),
)


@value
class Found:
    """One piece of text to look at once more: what it seems to be, and the JSON pointer of its field."""

    code: str
    pointer: str
    piece: str

    def as_json(self) -> dict[str, str]:
        """The same as the node API says it."""
        return {"code": self.code, "pointer": self.pointer, "found": self.piece}


def look_through(draft: Any) -> tuple[Found, ...]:
    """Return what a draft says of people in its title, text and source; of what is no draft, nothing."""
    if not isinstance(draft, Mapping):
        return ()
    found: list[Found] = []
    seen: set[tuple[str, str]] = set()
    for pointer, text in _texts(draft):
        for one in look_at(text, pointer):
            if (one.code, one.piece) not in seen and len(found) < FOUND_MAX:
                seen.add((one.code, one.piece))
                found.append(one)
    return tuple(found)


def look_at(text: str, pointer: str = "") -> Iterator[Found]:
    """Yield what one text says of people, by kind; a piece that is one thing is not another as well."""
    plain = Plain.of(text, TEXT_CHARACTERS_MAX)
    taken: list[tuple[int, int]] = []
    for code, look in _LOOKS:
        for start, end in look(plain):
            if any(start < other_end and other_start < end for other_start, other_end in taken):
                continue
            taken.append((start, end))
            yield Found(code, pointer, " ".join(plain.shown[start:end].split())[:PIECE_CHARACTERS_MAX])


def _texts(draft: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _TRANSLATED:
        said = draft.get(name)
        if isinstance(said, Mapping):
            for tag, text in said.items():
                if isinstance(text, str):
                    escaped = str(tag).replace("~", "~0").replace("/", "~1")
                    yield f"/{name}/{escaped}", text
        elif isinstance(said, str):
            yield f"/{name}", said
    for name in _FIELDS:
        if isinstance(draft.get(name), str):
            yield f"/{name}", draft[name]

"""Runs a session vector: one hub under test, its links, and a node that answers what the hub asks of it.

In: a vector with frames. Out: the code with which a link was closed, or what was wanted and has not happened, and what
was sent. `running` calls `session`.
"""

from dataclasses import dataclass, field
from typing import Any

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import Entry
from hartig_protocol.events import (
    Action,
    ArrivalsRead,
    AskAdmission,
    CloseLink,
    Commit,
    FrameReceived,
    LinkOpened,
    NewcomerAdmitted,
    NewcomerRefused,
    Now,
    PublishAnswered,
    ReadArrivals,
    ReadRecords,
    RecordsPublished,
    RecordsRead,
    SendFrame,
)
from hartig_protocol.hub import Hub
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Record, record_id
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.messages import TABLE, Admit, Records, Want, unpack
from hartig_protocol.sync.state import SyncState
from hartig_protocol.trust.authority import is_governance

Vector = dict[str, Any]
Seen = tuple[str | None, dict[str, Any]]

NUMBERS = {message: number for number, (message, _) in TABLE.items()}


def unhexed(value: Any) -> Any:
    """Bytes of a hex string, through lists; nil and numbers as they are."""
    if isinstance(value, str):
        return bytes.fromhex(value)
    return [unhexed(item) for item in value] if isinstance(value, list) else value


@dataclass
class Desk:
    """A hub with its store in a list; it answers what the hub asks of its node."""

    hub: Hub
    now: Now
    admission: dict[str, Any]
    rows: list[tuple[Entry, Record]] = field(default_factory=list)
    sent: list[tuple[int, Any]] = field(default_factory=list)
    closed: dict[int, str] = field(default_factory=dict)
    asked: bool = False

    def handle(self, event: Any) -> None:
        """Hand in one event and do all that follows from it."""
        for action in self.hub.handle(event, self.now):
            self._do(action)

    def _do(self, action: Action) -> None:
        match action:
            case Commit():
                self.rows = [row for row in self.rows if row[0].id not in action.removed] + list(action.added)
            case SendFrame(link, frame):
                self.sent.append((link, unpack(frame)))
            case CloseLink(link, code):
                self.closed[link] = code
            case ReadArrivals(link, after, upto, governance):
                rows = [
                    record.wire
                    for entry, record in self.rows
                    if after < entry.n <= upto
                    and not entry.is_private
                    and (is_governance(entry.kind) or not governance)
                ]
                self.handle(ArrivalsRead(link, after, upto, tuple(rows)))
            case ReadRecords(link, ids):
                rows = [record.wire for entry, record in self.rows if entry.id in ids and not entry.is_private]
                self.handle(RecordsRead(link, tuple(rows)))
            case AskAdmission(link):
                self.asked = True
                self._admit(link)
            case PublishAnswered(_, refusals):
                assert not any(refusals), refusals
            case _:
                pass

    def _admit(self, link: int) -> None:
        if "grant" in self.admission:
            self.handle(NewcomerAdmitted(link, tuple(unhexed(self.admission["grant"]))))
        else:
            self.handle(NewcomerRefused(link, self.admission["refuse"], "the vector says so"))

    def ids_sent(self) -> list[list[str]]:
        """Of each `Records` message: the ids in it."""
        sent = [message for _, message in self.sent if isinstance(message, Records)]
        return [[record_id(wire[0]).hex() for wire in message.records] for message in sent]


def session(vector: Vector) -> Seen:
    now = Now(vector["now"], 0)
    state = SyncState(
        unhexed(vector["network"]),
        SigningKey(unhexed(vector["seed"])),
        unhexed(vector["node"]),
        unhexed(vector["epoch"]),
        Catalog(unhexed(vector["network"])),
        Cursors(),
    )
    desk = Desk(Hub(state, now), now, vector.get("admission", {}))
    desk.handle(RecordsPublished(0, tuple(tuple(wire) for wire in unhexed(vector["records"]))))
    for number, link in enumerate(vector["links"]):
        desk.handle(LinkOpened(number, unhexed(link["peer_node"]), link["opened_by_us"], unhexed(link["nonce"])))
    for number, frame in vector["input"]:
        desk.handle(FrameReceived(number, unhexed(frame)))
    return _session_error(vector, desk), _session_seen(vector, desk)


def _session_error(vector: Vector, desk: Desk) -> str | None:
    closed = desk.closed.get(vector.get("judged_link", 0))
    if closed is not None:
        return closed
    if "wants_kept" in vector and unhexed(vector["wants_kept"]) not in desk.hub.catalog.entries:
        return "not_kept"
    if "wants_sent" in vector and not any(vector["wants_sent"] in ids for ids in desk.ids_sent()):
        return "not_sent"
    if vector.get("wants_cursor") and _cursor_held(desk) is None:
        return "no_cursor"
    return None


def _cursor_held(desk: Desk) -> Any:
    cursors = [desk.hub.state.cursors.ours(session.peer_hub) for session in desk.hub.state.sessions.values()]
    return next((cursor for cursor in cursors if cursor is not None), None)


def _admission(desk: Desk) -> Any:
    """The records that a newcomer was sent."""
    return next((message.records for _, message in desk.sent if isinstance(message, Admit)), ())


def _session_seen(vector: Vector, desk: Desk) -> dict[str, Any]:
    cursor = _cursor_held(desk)
    numbers = {NUMBERS[type(message)] for _, message in desk.sent}
    wanted = {wanted.hex() for _, message in desk.sent if isinstance(message, Want) for wanted in message.ids}
    return {
        "sends": [number for number in vector.get("expect", {}).get("sends", []) if number in numbers]
        if numbers
        else [],
        "asked": desk.asked,
        "wanted": sorted(wanted),
        "admitted": sorted(record_id(wire[0]).hex() for wire in _admission(desk)),
        "first_sent": sorted(next(iter(ids for ids in desk.ids_sent() if ids), [])),
        "cursor": None if cursor is None else [cursor[0].hex(), cursor[1], cursor[2].hex()],
    }

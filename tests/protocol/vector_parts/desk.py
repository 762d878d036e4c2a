"""Runs a session vector: one hub under test, its links, and a node that answers what the hub asks of it.

In: a vector with frames. Out: the code with which a link was closed, or what was wanted and has not happened, and what
was sent. `running` calls `session`.
"""

from collections.abc import Mapping, Sequence
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
    ContinueWork,
    Cursor,
    FrameReceived,
    Inside,
    LinkOpened,
    LinksWanted,
    NewcomerAdmitted,
    NewcomerRefused,
    NodeHeard,
    NodeUnreachable,
    Now,
    OpenPartition,
    PactProposed,
    PartitionOpened,
    PublishAnswered,
    ReadArrivals,
    ReadRecords,
    RecordsPublished,
    RecordsRead,
    SendFrame,
    TimePassed,
    Told,
    Within,
    WorkContinued,
)
from hartig_protocol.hub import Hub
from hartig_protocol.partners.federation import Federation
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Record, Wire, record_id
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.framing import TABLE, unpack
from hartig_protocol.sync.messages import (
    Ack,
    Admit,
    Have,
    Hello,
    Ids,
    Lack,
    Prefer,
    Pull,
    Recent,
    Records,
    Sketch,
    Want,
)
from hartig_protocol.sync.sketch import split_shorts
from hartig_protocol.sync.state import SyncState
from hartig_protocol.trust.authority import is_governance
from hartig_protocol.trust.selection import Selection

Vector = dict[str, Any]
Seen = tuple[str | None, dict[str, Any]]

NUMBERS = {message: number for number, (message, _) in TABLE.items()}


def unhexed(value: Any) -> Any:
    """Bytes of a hex string, through lists; nil and numbers as they are."""
    if isinstance(value, str):
        return bytes.fromhex(value)
    return [unhexed(item) for item in value] if isinstance(value, list) else value


@dataclass
class Empty:
    """What the store of a partner's records holds at first."""

    epoch: bytes = bytes(16)
    last_n: int = 0
    running: bytes = bytes(16)
    entries: Sequence[Entry] = ()
    governance: Mapping[bytes, Wire] = field(default_factory=dict)
    cursors: Sequence[Cursor] = ()
    told: Sequence[Told] = ()
    said: Sequence[tuple[int, str, bytes]] = ()


@dataclass
class Desk:
    """A hub with its store in a list; it answers what the hub asks of its node."""

    hub: Hub | Federation
    now: Now
    admission: dict[str, Any]
    rows: list[tuple[Entry, Record]] = field(default_factory=list)
    sent: list[tuple[int, Any]] = field(default_factory=list)
    closed: dict[int, str] = field(default_factory=dict)
    asked: bool = False
    dials: tuple[bytes, ...] = ()
    has_work: bool = False
    proposed: bool = False

    def handle(self, event: Any) -> None:
        """Hand in one event and do all that follows from it."""
        self._handle(event)
        while self.has_work:
            self.has_work = False
            self._handle(WorkContinued())

    def wait(self, time_ms: int) -> None:
        """Let time pass, with all that is due meanwhile."""
        end_ms = self.now.steady_ms + time_ms
        while self.now.steady_ms < end_ms:
            next_ms = min(end_ms, max(self.hub.next_timer_ms(), self.now.steady_ms + 1))
            self.now = Now(self.now.wall_ms + next_ms - self.now.steady_ms, next_ms)
            self.handle(TimePassed())

    def _handle(self, event: Any) -> None:
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
            case ContinueWork():
                self.has_work = True
            case LinksWanted(nodes):
                self.dials = nodes
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
                self._do_abroad(action)

    def _do_abroad(self, action: Action) -> None:
        """Do what only a hub among networks orders."""
        match action:
            case OpenPartition(partition):
                self.handle(PartitionOpened(partition, Empty()))
            case Inside(partition, ReadRecords(link)):
                self.handle(Within(partition, RecordsRead(link, ())))
            case PactProposed():
                self.proposed = True
            case _:
                pass

    def _admit(self, link: int) -> None:
        if "grant" in self.admission:
            self.handle(NewcomerAdmitted(link, tuple(unhexed(self.admission["grant"]))))
        else:
            shows = "shows" in self.admission
            self.handle(NewcomerRefused(link, self.admission["refuse"], "the vector says so", shows))

    @property
    def pulled(self) -> list[str]:
        """Of each `Pull`: what it asks for."""
        return [message.short.hex() for _, message in self.sent if isinstance(message, Pull)]

    @property
    def hellos(self) -> list[Hello]:
        """The hellos sent, in order."""
        return [message for _, message in self.sent if isinstance(message, Hello)]

    def ids_sent(self) -> list[list[str]]:
        """Of each `Records` message: the ids in it."""
        sent = [message for _, message in self.sent if isinstance(message, Records)]
        return [[record_id(wire[0]).hex() for wire in message.records] for message in sent]


def selection_of(vector: Vector) -> Selection | None:
    """What a catalog of a partner network's records selects, of a vector that says so."""
    if "partner" not in vector or "pact" not in vector:
        return None
    pact = None if vector["pact"] is None else open_record(unhexed(vector["pact"]))
    said = None if pact is None else Pact.of(pact.id, pact.head)
    return Selection(unhexed(vector["network"]), unhexed(vector["partner"]), said)


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
    hub = Federation(Hub(state, now)) if vector.get("federated") else Hub(state, now)
    desk = Desk(hub, now, vector.get("admission", {}))
    desk.handle(RecordsPublished(0, tuple(tuple(wire) for wire in unhexed(vector["records"]))))
    for number, link in enumerate(vector["links"]):
        if not link.get("later"):
            _open(desk, vector, number)
    for what, item in vector["input"]:
        _happens(desk, vector, what, item)
    return _session_error(vector, desk), _session_seen(vector, desk)


def _open(desk: Desk, vector: Vector, number: int) -> None:
    """Open a link; one to no node in particular goes to the first that the hub wants."""
    link = vector["links"][number]
    node = desk.dials[0] if link["peer_node"] is None else unhexed(link["peer_node"])
    desk.handle(LinkOpened(number, node, link["opened_by_us"], unhexed(link["nonce"])))


def _happens(desk: Desk, vector: Vector, what: int | str, item: Any) -> None:
    """A frame comes in on a link; or a link opens, time passes, records are written here, a node is heard of."""
    match what:
        case "open":
            _open(desk, vector, item)
        case "wait":
            desk.wait(item)
        case "publish":
            desk.handle(RecordsPublished(1, tuple(tuple(wire) for wire in unhexed(item))))
        case "heard":
            desk.handle(NodeHeard(unhexed(item)))
        case "unreachable":
            desk.handle(NodeUnreachable(unhexed(item)))
        case int():
            desk.handle(FrameReceived(what, unhexed(item)))


def _session_error(vector: Vector, desk: Desk) -> str | None:
    if desk.proposed and vector.get("wants_proposed"):
        return None
    closed = desk.closed.get(vector.get("judged_link", 0))
    if closed is not None:
        return closed
    if "wants_kept" in vector and unhexed(vector["wants_kept"]) not in desk.hub.catalog.entries:
        return "not_kept"
    if "wants_sent" in vector and not any(vector["wants_sent"] in ids for ids in desk.ids_sent()):
        return "not_sent"
    if "wants_pulled" in vector and vector["wants_pulled"] not in desk.pulled:
        return "not_pulled"
    if vector.get("wants_cursor") and _cursor_held(desk) is None:
        return "no_cursor"
    if "wants_alone" in vector and not desk.hellos[vector["wants_alone"]].alone:
        return "not_alone"
    if "wants_dials" in vector and len(desk.dials) < vector["wants_dials"]:
        return "not_dialled"
    if "wants_dialled" in vector and unhexed(vector["wants_dialled"]) not in desk.dials:
        return "not_dialled"
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
        "acked": [message.count for _, message in desk.sent if isinstance(message, Ack)],
        "pulled": desk.pulled,
        "named": [[link, message.short.hex(), message.now] for link, message in desk.sent if isinstance(message, Have)],
        "preferred": [
            [message.origins.hex(), message.eager] for _, message in desk.sent if isinstance(message, Prefer)
        ],
        "eager": [message.eager for message in desk.hellos],
        "alone": [message.alone for message in desk.hellos],
        "dials": len(desk.dials),
        "sketches": [
            [message.count, message.first, message.symbols.hex()]
            for _, message in desk.sent
            if isinstance(message, Sketch)
        ],
        "listed": [one.hex() for _, message in desk.sent if isinstance(message, Ids) for one in message.ids],
        "recent": [
            [message.age, sorted(split_shorts(message.short)), message.final]
            for _, message in desk.sent
            if isinstance(message, Recent)
        ],
        "lacking": [[message.short.hex(), message.final] for _, message in desk.sent if isinstance(message, Lack)],
        "cursor": None if cursor is None else [cursor[0].hex(), cursor[1], cursor[2].hex()],
    }

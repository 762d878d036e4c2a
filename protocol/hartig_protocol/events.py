"""The two unions that are the table of contents of the protocol: events are facts, actions are orders.

`Hub.handle(event, now)` returns actions in the order in which they must be done: store, then send, then tell.
"""

from dataclasses import dataclass

from hartig_protocol.catalog.commit import Commit, Cursor, Notice, Now, PrivateRow, Told
from hartig_protocol.records.record import Wire

# --- Events: what happened ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LinkOpened:
    """A channel to another node stands; `peer_node` was proven by it. `nonce`: 16 fresh random bytes for the hello."""

    link: int
    peer_node: bytes
    opened_by_us: bool
    nonce: bytes


@dataclass(frozen=True)
class FrameReceived:
    """A whole frame came in."""

    link: int
    frame: bytes


@dataclass(frozen=True)
class LinkClosed:
    """The channel is gone, whoever ended it."""

    link: int
    reason: str


@dataclass(frozen=True)
class RecordsPublished:
    """The people of this hub, or a client that signs for itself, hand in records in wire form.

    `private` rows are stored in the same commit. `ticket` names the caller's wait; `PublishAnswered` carries it back.
    """

    ticket: int
    records: tuple[Wire, ...]
    private: tuple["PrivateRow", ...] = ()


@dataclass(frozen=True)
class ArrivalsRead:
    """Answer to `ReadArrivals`: rows with arrival numbers above `after`, rising; `through` is what was looked at."""

    link: int
    after: int
    through: int
    rows: tuple[Wire, ...]


@dataclass(frozen=True)
class RecordsRead:
    """Answer to `ReadRecords`: what is still held of the ids."""

    link: int
    rows: tuple[Wire, ...]


@dataclass(frozen=True)
class NewcomerAdmitted:
    """Answer to `AskAdmission`: the invite was good and `grant` is signed; `private` rows record its use."""

    link: int
    grant: Wire
    private: tuple["PrivateRow", ...] = ()


@dataclass(frozen=True)
class NewcomerRefused:
    """Answer to `AskAdmission`: no, and why."""

    link: int
    code: str
    reason: str


@dataclass(frozen=True)
class TimePassed:
    """The moment that `Hub.next_timer_ms` named has come."""


Event = (
    LinkOpened
    | FrameReceived
    | LinkClosed
    | RecordsPublished
    | ArrivalsRead
    | RecordsRead
    | NewcomerAdmitted
    | NewcomerRefused
    | TimePassed
)


# --- Parts of actions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """Why a published record was not accepted."""

    code: str
    reason: str


# --- Actions: what is to be done ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SendFrame:
    """Send one frame on a link."""

    link: int
    frame: bytes


@dataclass(frozen=True)
class CloseLink:
    """End a link; `code` and `reason` are for the log and for `hartig peers`."""

    link: int
    code: str
    reason: str


@dataclass(frozen=True)
class ReadArrivals:
    """Read the next accepted records after arrival number `after`, for a peer that is behind.

    With `governance` only charters, grants and revocations are wanted, with arrival numbers up to `upto`.
    """

    link: int
    after: int
    upto: int
    governance: bool
    records_max: int
    bytes_max: int


@dataclass(frozen=True)
class ReadRecords:
    """Read these records, which a peer asked for."""

    link: int
    ids: tuple[bytes, ...]


@dataclass(frozen=True)
class AskAdmission:
    """A newcomer holds out an invite: is it good? If so, sign a grant for `hub_key`."""

    link: int
    peer_node: bytes
    hub_key: bytes
    secret: bytes
    recovery: tuple[bytes, bytes] | None


@dataclass(frozen=True)
class OwnRecordClaimed:
    """A peer has shown a record that our key signed and that was not held here: was it ever signed here?"""

    record: bytes
    seq: int
    peer: bytes


@dataclass(frozen=True)
class PublishAnswered:
    """What became of `RecordsPublished`: for each record its refusal, or None where it was accepted or known."""

    ticket: int
    refusals: tuple[Refusal | None, ...]


@dataclass(frozen=True)
class PeerChanged:
    """A peer came, went, or was turned away; for the list of peers and for the dialer."""

    link: int
    peer_node: bytes
    peer_hub: bytes | None
    state: str  # "open", "closed", "refused"
    code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Admitted:
    """This hub has become a member: it can publish its card now."""


Action = (
    Commit
    | SendFrame
    | CloseLink
    | ReadArrivals
    | ReadRecords
    | AskAdmission
    | OwnRecordClaimed
    | PublishAnswered
    | PeerChanged
    | Admitted
)

__all__ = [
    "Action",
    "Admitted",
    "ArrivalsRead",
    "AskAdmission",
    "CloseLink",
    "Commit",
    "Cursor",
    "Event",
    "FrameReceived",
    "LinkClosed",
    "LinkOpened",
    "NewcomerAdmitted",
    "NewcomerRefused",
    "Notice",
    "Now",
    "OwnRecordClaimed",
    "PeerChanged",
    "PrivateRow",
    "PublishAnswered",
    "ReadArrivals",
    "ReadRecords",
    "RecordsPublished",
    "RecordsRead",
    "Refusal",
    "SendFrame",
    "TimePassed",
    "Told",
]

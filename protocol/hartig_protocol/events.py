"""The two unions that are the table of contents of the protocol: events are facts, actions are orders.

`Hub.handle(event, now)` returns actions in the order in which they must be done: store, then send, then tell.
"""

from typing import Any

from hartig_protocol.catalog.commit import Commit, Cursor, Notice, Now, PrivateRow, Told
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.values import value

# --- Events: what happened ------------------------------------------------------------------------------------------


@value
class LinkOpened:
    """A channel to another node stands; `peer_node` was proven by it. `nonce`: 16 fresh random bytes for the hello."""

    link: int
    peer_node: bytes
    opened_by_us: bool
    nonce: bytes


@value
class FrameReceived:
    """A whole frame came in."""

    link: int
    frame: bytes


@value
class FramesReceived:
    """Several whole frames came in together on one link, in this order; records among them are dealt with together."""

    link: int
    frames: tuple[bytes, ...]


@value
class LinkClosed:
    """The channel is gone, whoever ended it."""

    link: int
    reason: str


@value
class RecordsPublished:
    """The people of this hub, or a client that signs for itself, hand in records, opened or in wire form.

    `private` rows are stored in the same commit. `ticket` names the caller's wait; `PublishAnswered` carries it back.
    """

    ticket: int
    records: tuple[Record | Wire, ...]
    private: tuple["PrivateRow", ...] = ()


@value
class ArrivalsRead:
    """Answer to `ReadArrivals`: rows with arrival numbers above `after`, rising; `through` is what was looked at."""

    link: int
    after: int
    through: int
    rows: tuple[Wire, ...]


@value
class RecordsRead:
    """Answer to `ReadRecords`: what is still held of the ids."""

    link: int
    rows: tuple[Wire, ...]


@value
class NewcomerAdmitted:
    """Answer to `AskAdmission`: the invite was good and `grant` is signed.

    `private` rows are kept with the grant where the core takes it; `used`, which tell of the invite's use, where the
    newcomer belongs by it, too.
    """

    link: int
    grant: Wire
    private: tuple["PrivateRow", ...] = ()
    used: tuple["PrivateRow", ...] = ()


@value
class NewcomerRefused:
    """Answer to `AskAdmission`: no, and why. `shows_network`: the newcomer may see the charter all the same."""

    link: int
    code: str
    reason: str
    shows_network: bool = False


@value
class RecordsCarried:
    """Records out of a bundle that `hub` wrote; `CarriedAnswered` says what became of them."""

    ticket: int
    records: tuple[Wire, ...]
    hub: bytes


@value
class BundleEnded:
    """A bundle of `hub` was whole and true: all that it had accepted through `n` of its store `epoch` was in it."""

    ticket: int
    hub: bytes
    epoch: bytes
    n: int
    check: bytes


@value
class NodeUnreachable:
    """All known addresses of a node were tried, and none answered."""

    node: bytes


@value
class NodeHeard:
    """A hint that a node is near (mDNS, a new address)."""

    node: bytes


@value
class WorkContinued:
    """Answer to `ContinueWork`: everything else that was due has had its turn."""


@value
class TimePassed:
    """The moment that `Hub.next_timer_ms` named has come."""


@value
class PartnerNamed:
    """A person has named nodes that speak for a network with which there is an agreement, or is to be one."""

    network: bytes
    nodes: tuple[bytes, ...]


@value
class PartitionOpened:
    """Answer to `OpenPartition`: what its store holds, as `sync.state.LoadedRows`."""

    partition: bytes
    loaded: Any


@value
class Within:
    """Something happened in a partition: the answer to what `Inside` ordered."""

    partition: bytes
    event: "ArrivalsRead | RecordsRead | WorkContinued | RecordsCarried | BundleEnded"


Event = (
    LinkOpened
    | FrameReceived
    | FramesReceived
    | LinkClosed
    | RecordsPublished
    | ArrivalsRead
    | RecordsRead
    | NewcomerAdmitted
    | NewcomerRefused
    | RecordsCarried
    | BundleEnded
    | NodeUnreachable
    | NodeHeard
    | WorkContinued
    | TimePassed
    | PartnerNamed
    | PartitionOpened
    | Within
)


# --- Parts of actions -----------------------------------------------------------------------------------------------


@value
class Refusal:
    """Why a published record was not accepted."""

    code: str
    reason: str


# --- Actions: what is to be done ------------------------------------------------------------------------------------


@value
class SendFrame:
    """Send one frame on a link."""

    link: int
    frame: bytes


@value
class CloseLink:
    """End a link; `code` and `reason` are for the log and for `hartig peers`."""

    link: int
    code: str
    reason: str


@value
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


@value
class ReadRecords:
    """Read these records, which a peer asked for."""

    link: int
    ids: tuple[bytes, ...]


@value
class AskAdmission:
    """A newcomer wants in: is its invite good? If so, sign a grant for `hub_key`.

    An empty `secret` is good in an open network, or for a node that a person lets in. Who does not even know the
    network (`names_network` false) is never admitted: it asks for the charter.
    """

    link: int
    peer_node: bytes
    hub_key: bytes
    secret: bytes
    recovery: tuple[bytes, bytes] | None
    names_network: bool = True


@value
class OwnRecordClaimed:
    """A peer has shown a record that our key signed and that was not held here: was it ever signed here?"""

    record: bytes
    kind: int
    seq: int
    peer: bytes


@value
class PublishAnswered:
    """What became of `RecordsPublished`: for each record its refusal, or None where it was accepted or known."""

    ticket: int
    refusals: tuple[Refusal | None, ...]


@value
class PeerChanged:
    """A peer came, went, or was turned away; for the list of peers and for the dialer."""

    link: int
    peer_node: bytes
    peer_hub: bytes | None
    state: str  # "open", "closed", "refused"
    code: str = ""
    reason: str = ""


@value
class Admitted:
    """This hub has become a member: it can publish its card now."""


@value
class CarriedAnswered:
    """What became of the records out of a bundle: for each its refusal, or None where it is held or waits."""

    ticket: int
    refusals: tuple[Refusal | None, ...]
    waiting: int = 0  # how many wait for something that has not come


@value
class TimeHeard:
    """A hub that seats or organisers granted has said what time it is, and whether it trusts its clock."""

    hub: bytes
    wall_ms: int
    trusted: bool


@value
class LinksWanted:
    """Keep links with these nodes, and dial no others."""

    nodes: tuple[bytes, ...]


@value
class ContinueWork:
    """Long work is left: answer with `WorkContinued` as soon as everything else that is due has had its turn."""


@value
class OpenPartition:
    """Open the store of a partner network's records, made where there is none; answer with `PartitionOpened`."""

    partition: bytes


@value
class DropPartition:
    """Let go of a partner network's records, the file and all."""

    partition: bytes


@value
class Inside:
    """To be done in a partition: with its store, or, for `ContinueWork`, answered with `Within`."""

    partition: bytes
    action: "Commit | ReadArrivals | ReadRecords | ContinueWork | CarriedAnswered"


@value
class PactProposed:
    """A hub that speaks for another network, with which there is no agreement, has shown its side of one.

    `records` are charters, grants and a card that prove it offline, and last that side; all are verified.
    """

    network: bytes
    records: tuple[Wire, ...]


@value
class GatewaysWanted:
    """Keep links with these nodes of partner networks, beside those of `LinksWanted`."""

    nodes: tuple[bytes, ...]


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
    | CarriedAnswered
    | TimeHeard
    | LinksWanted
    | ContinueWork
    | OpenPartition
    | DropPartition
    | Inside
    | PactProposed
    | GatewaysWanted
)

__all__ = [
    "Action",
    "Admitted",
    "ArrivalsRead",
    "AskAdmission",
    "BundleEnded",
    "CarriedAnswered",
    "CloseLink",
    "Commit",
    "ContinueWork",
    "Cursor",
    "DropPartition",
    "Event",
    "FrameReceived",
    "FramesReceived",
    "GatewaysWanted",
    "Inside",
    "LinkClosed",
    "LinkOpened",
    "LinksWanted",
    "NewcomerAdmitted",
    "NewcomerRefused",
    "NodeHeard",
    "NodeUnreachable",
    "Notice",
    "Now",
    "OpenPartition",
    "OwnRecordClaimed",
    "PactProposed",
    "PartitionOpened",
    "PartnerNamed",
    "PeerChanged",
    "PrivateRow",
    "PublishAnswered",
    "ReadArrivals",
    "ReadRecords",
    "RecordsCarried",
    "RecordsPublished",
    "RecordsRead",
    "Refusal",
    "SendFrame",
    "TimeHeard",
    "TimePassed",
    "Told",
    "Within",
    "WorkContinued",
]

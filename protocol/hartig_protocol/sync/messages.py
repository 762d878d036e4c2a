"""Messages: what two hubs say to each other, one dataclass each (SPEC, part M).

`framing` turns them into frames and back. Records inside are still unread wire forms: one bad record is dropped, and
the link stays. `said` is the CRC-32 of all that its sender has said before on this link (SPEC M5); the step that sends
a message fills it in, and two messages that differ in it alone say the same.
"""

from dataclasses import field
from typing import Any

from hartig_protocol.values import value

# Why records are sent: just accepted here; asked for; or older than that (catching up, ahead of their turn, repairs).
LIVE, ANSWER, BEHIND = 0, 1, 2
REASON_BYTES_MAX = 240
_RecordList = tuple[Any, ...]


@value
class Hello:
    """The first words of a member on a link.

    `cursor` says what we have of the other: epoch, n and check, or nil; `count` how many records we hold. With `eager`
    we want the records of the other's stream, else their short ids will do. `alone`: we have no other neighbour.
    `time` (ms) and `trusted` are our clock's.
    """

    lowest: int
    highest: int
    network: bytes
    own_node: bytes
    peer_node: bytes
    nonce: bytes
    hub: bytes
    records: _RecordList
    epoch: bytes
    cursor: tuple[bytes, int, bytes] | None
    newest: bytes | None
    time: int
    trusted: bool
    count: int
    eager: bool
    alone: bool


@value
class Join:
    """The first words of a newcomer; `proof` is its hub key's signature over both ends.

    `secret` is that of an invite, or empty. `records`, of governance, may prove that the key stands already. A network
    that is all zero is not known to the newcomer: it asks which one this is.
    """

    lowest: int
    highest: int
    network: bytes
    own_node: bytes
    peer_node: bytes
    secret: bytes
    hub: bytes
    recovery: tuple[bytes, bytes] | None
    proof: bytes
    records: _RecordList


@value
class Admit:
    """The answer to a good invite: charter, grants down to the newcomer and to the inviter, the inviter's card."""

    records: _RecordList


@value
class Records:
    """Records, and why they come; `final` ends an answer. The same frame may go out on many links."""

    why: int
    records: _RecordList
    final: bool


@value
class Ack:
    """So many `Records` and `Have` messages of this link were dealt with, and are durable as far as accepted."""

    count: int


@value
class Want:
    """Please send these records."""

    ids: tuple[bytes, ...]
    said: int = field(default=0, compare=False)


@value
class Audit:
    """Count and fingerprint of my set `as_of` an hour; `hour` is my own next full hour."""

    hour: int
    trusted: bool
    as_of: int
    count: int
    fingerprint: bytes
    said: int = field(default=0, compare=False)


@value
class Equal:
    """My set as of that hour is the same."""

    as_of: int
    said: int = field(default=0, compare=False)


@value
class Ids:
    """A part of the full list of my ids as of an hour, rising over all parts; `final` marks the last."""

    as_of: int
    ids: tuple[bytes, ...]
    final: bool


@value
class Ping:
    """Are you there?"""

    number: int


@value
class Pong:
    """I am here."""

    number: int


@value
class Bye:
    """Why I close this link."""

    code: str
    reason: str


@value
class Through:
    """Complete through n: all that I had accepted up to n was sent or named to you, or came from you.

    `check` is the running hash of my arrivals at n; `final` says that nothing newer is held now.
    """

    n: int
    check: bytes
    final: bool
    said: int = field(default=0, compare=False)


@value
class Have:
    """Records that I have accepted, by the first 8 bytes of their ids.

    `now`: you have not said how you want records of their hubs, so nobody may be about to send them to you.
    """

    short: bytes
    now: bool


@value
class Pull:
    """Please send these records, which you have named."""

    short: bytes
    said: int = field(default=0, compare=False)


@value
class Prefer:
    """Records of these hubs (first 8 bytes of their keys): send them at once (`eager`), or name them only."""

    origins: bytes
    eager: bool


@value
class Sketch:
    """Symbols of the sketch of my `count` ids as of an hour, from the symbol with index `first` on."""

    as_of: int
    count: int
    first: int
    symbols: bytes


@value
class More:
    """Please send the symbols up to index `upto`, exclusive; or what is recent, if that is less.

    `older`: for each age the sum of my short ids of all that is older; or nothing, then only symbols will do.
    """

    as_of: int
    upto: int
    older: bytes


@value
class List:
    """The sketch does not decode: please send your full list."""

    as_of: int


@value
class Recent:
    """My sketch's short ids of all that is of this age or younger: what is older is the same on both sides."""

    as_of: int
    age: int
    short: bytes
    final: bool


@value
class Lack:
    """What I lack of your set, by the sketch's short ids; `final` ends the naming, and you may go on from that set."""

    as_of: int
    short: bytes
    final: bool
    said: int = field(default=0, compare=False)


@value
class Enclosed:
    """A frame of the session about this network's records that shares the link (SPEC X6).

    `turn`: which of several such sessions, one after the other. An empty frame says: I am ready for one.
    """

    network: bytes
    turn: int
    frame: bytes


@value
class Abroad:
    """The first words of a hub that speaks for its network to one of another (SPEC X7).

    `records`: charters, the grants down to `hub`, its card. `pact`: its network's side of the agreement, or nil.
    """

    lowest: int
    highest: int
    network: bytes
    other: bytes
    own_node: bytes
    peer_node: bytes
    hub: bytes
    records: _RecordList
    pact: Any


Message = (
    Hello
    | Join
    | Admit
    | Records
    | Ack
    | Want
    | Audit
    | Equal
    | Ids
    | Ping
    | Pong
    | Bye
    | Through
    | Have
    | Pull
    | Prefer
    | Sketch
    | More
    | List
    | Lack
    | Recent
    | Enclosed
    | Abroad
)

# On these a cursor comes to rest, or an answer that it rests on: each shows whether all before it has come.
Checked = Want | Audit | Equal | Through | Pull | Lack

"""What the core remembers of one link: where it stands, what goes out on it, what comes in.

The rooms of this package read and change it; `state` holds one for each link.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from zlib import crc32

from hartig_protocol.errors import MessageError
from hartig_protocol.limits import RTT_MS_GUESS, SILENCE_MS_MAX
from hartig_protocol.sync.audit_run import AuditRun
from hartig_protocol.sync.fairness import Branch, FairQueue
from hartig_protocol.sync.intake import Part
from hartig_protocol.sync.messages import Message
from hartig_protocol.values import value


class Phase(Enum):
    """Where a session stands.

    GREETING: nobody is known yet; the side that dialled speaks first, so that a stranger learns nothing.
    JOINING: an invite was held out (by us or by them) and no answer has come. OPEN: a member, everything flows.
    """

    GREETING = "greeting"
    JOINING = "joining"
    OPEN = "open"


@dataclass(slots=True)
class Answering:
    """What is left to send of an answer; one `listed` by an audit may be longer than what is asked for at will.

    Until it `is_ready` it holds its place among the answers, and nothing behind it is sent.
    """

    ids: deque[bytes]
    listed: bool
    is_ready: bool = True


@dataclass
class Outbound:
    """Our stream to one peer. `sent`: through which arrival number it was sent or named; `told`: what we last told.

    `is_live` once the peer was told that it has everything, until it falls behind. While `held` the stream waits for
    the audit, because nothing is known of what the peer holds. With `by_name` it catches up by short ids alone. While
    `governance_upto` stands, proofs are sent first; `proofs_sent` says how far. `preview` is sent ahead of a newcomer's
    stream, and `ahead` left out of it. `weight` is what was sent in all, `acked` what of it the peer has dealt with: a
    full window stops sending until it has caught up. Meanwhile what is new waits in `line`, in its order fair to all;
    `line_from` is the arrival number before all of it. `named` waits to be named, in a batch: ids by their names;
    `preferences` says which hubs' records the peer wants at once (true) or by name (false). `said` is the CRC-32 of
    all frames so far.
    """

    said: int = 0
    sent: int = 0
    told: int = -1
    through_due_ms: int | None = None
    is_live: bool = False
    held: bool = False
    by_name: bool = False
    weight: int = 0
    acked: int = 0
    line: FairQueue[bytes] = field(default_factory=FairQueue)
    line_from: int = 0
    reading: bool = False
    governance_upto: int | None = None
    proofs_sent: int = 0
    preview: tuple[bytes, ...] = ()
    ahead: set[bytes] = field(default_factory=set)
    serve: deque[Answering] = field(default_factory=deque)
    asked: int = 0  # ids in `serve` that no audit has listed
    push: deque[bytes] = field(default_factory=deque)
    fetching: int | None = None  # why records are being read by id just now
    named: dict[bytes, bytes] = field(default_factory=dict)
    named_due_ms: int | None = None
    preferences: dict[bytes, bool] = field(default_factory=dict)

    @property
    def window_used(self) -> int:
        """What the peer has not dealt with yet."""
        return self.weight - self.acked


@value
class Question:
    """What we have asked a peer for: by id ("want"), by name ("pull") or by the audit's sketch ("lack")."""

    kind: str
    short: tuple[bytes, ...] = ()


@dataclass
class Inbound:
    """What one peer sends us. `pending` is a "complete through" that waits until nothing is set aside.

    `idle`: it has said that nothing newer is held there, or that its stream waits for the audit. `named`: what it has
    named and is not here yet. `wanted` is to be asked for, in its order; `asked` was asked for since the last audit
    and is not asked again. `questions` are open, oldest first; the end of an answer closes the oldest.
    `preferred` is what we have asked of the peer, by origin. `holds`: so many records, by its hello. `weight` is what
    was dealt with in all, `acked` what the peer knows of it. `held` is what waits in our intake, in the `lane` of this
    link; `parts` of answers of which something waits, or that come after one. `heard` is the CRC-32 of all frames so
    far.
    """

    heard: int = 0
    spilled: bool = False
    pending: tuple[int, bytes] | None = None
    idle: bool = False
    named: dict[bytes, None] = field(default_factory=dict)
    wanted: dict[bytes, None] = field(default_factory=dict)
    asked: set[bytes] = field(default_factory=set)
    questions: deque[Question] = field(default_factory=deque)
    answered_ms: int = 0  # when (steady ms) the oldest open question was asked, or the last part of an answer came
    preferred: dict[bytes, bool] = field(default_factory=dict)
    holds: int = 0
    weight: int = 0
    acked: int = 0
    held: int = 0
    lane: Branch = ()
    parts: deque[Part] = field(default_factory=deque)
    ack_due_ms: int | None = None
    old_threads: deque[bytes] = field(default_factory=deque)
    refused: int = 0

    def hear(self, frame: bytes, message: Message) -> None:
        """Count a frame in; raises `MessageError` where one before it was lost, doubled, changed or out of turn."""
        before, self.heard = self.heard, crc32(frame, self.heard)
        if getattr(message, "said", before) != before:  # those that are `Checked`
            raise MessageError("broken_stream", "frames of this link were lost, doubled, changed or came out of turn")

    def ask(self, question: Question, now_ms: int) -> None:
        """Note an open question."""
        if not self.questions:
            self.answered_ms = now_ms
        self.questions.append(question)

    def has_asked(self, kind: str) -> bool:
        """Whether a question of this kind is open."""
        return any(question.kind == kind for question in self.questions)


@dataclass
class Session:
    """One link to one node."""

    link: int
    peer_node: bytes
    opened_by_us: bool
    nonce: bytes
    opened_ms: int
    heard_ms: int
    pinged_ms: int
    phase: Phase = Phase.GREETING
    peer_hub: bytes = b""
    peer_epoch: bytes = b""
    peer_nonce: bytes = b""
    rtt_ms: int = RTT_MS_GUESS
    is_measured: bool = False
    out: Outbound = field(default_factory=Outbound)
    into: Inbound = field(default_factory=Inbound)
    audit: AuditRun = field(default_factory=AuditRun)
    is_source: bool = False  # it serves its own network's records, and takes none back (SPEC X6)
    short_by: int = 0  # so many records of ours it did not show at the last audit, although we have them from somebody

    def __repr__(self) -> str:
        return (
            f"<Session {self.link} {self.phase.value} node {self.peer_node.hex()[:8]} sent {self.out.sent} "
            f"unacked {self.out.window_used}>"
        )

    def pong_received(self, number: int, now_ms: int) -> None:
        """Measure the round trip by a pong, which repeats the time (ms) of its ping; smoothed like TCP's (RFC 6298)."""
        if 0 <= now_ms - number <= SILENCE_MS_MAX:
            self.rtt_ms += (now_ms - number - self.rtt_ms) // 4 if self.is_measured else now_ms - number - self.rtt_ms
            self.is_measured = True

    @property
    def is_open(self) -> bool:
        """Whether the other side is a known member and everything flows."""
        return self.phase is Phase.OPEN

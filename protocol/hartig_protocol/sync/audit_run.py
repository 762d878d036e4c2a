"""What the core remembers of auditing with one peer (SPEC, part F).

`session` holds one `AuditRun` for each link; only `audit` and `repair` change it. What belongs to one audit is an
`Attempt`, so that a job which ends late finds out by identity that its audit is over.
"""

from collections import deque
from dataclasses import dataclass, field

from hartig_protocol.catalog.fingerprint import Snapshot
from hartig_protocol.limits import AUDITS_PER_MINUTE_MAX
from hartig_protocol.sync.messages import Audit
from hartig_protocol.sync.recent import Ages
from hartig_protocol.sync.sketch_coding import Encoder
from hartig_protocol.sync.sketch_decoding import Decoder

BEGUN_PER_MINUTE_MAX = AUDITS_PER_MINUTE_MAX - 1


@dataclass(eq=False)
class Attempt:
    """One audit as of one hour. Who has sent the `Audit` asks, and decodes; the other compares, and answers.

    `working`: a job is under way. `symbols`: how many have been asked for, or sent. `listing`: the full list was asked
    for; `listed` gathers it. `ages`: those of our ids; `offered`: how many symbols had come when we said what is older;
    `recent`: age and short ids of what was listed in the place of symbols. `lacks`: short ids of what the asker lacks,
    in the order in which it named them. `touched_ms` (steady): when this audit last got further.
    """

    as_of: int
    asking: bool
    touched_ms: int
    waited: frozenset[bytes] = frozenset()
    working: bool = False
    snapshot: Snapshot | None = None
    encoder: Encoder | None = None
    decoder: Decoder | None = None
    ages: Ages | None = None
    offered: int | None = None
    recent: tuple[int, dict[int, None]] | None = None
    symbols: int = 0
    flights: int = 0
    listing: bool = False
    listed: list[bytes] = field(default_factory=list)
    lacks: dict[int, None] = field(default_factory=dict)


@dataclass
class AuditRun:
    """The state of auditing with one peer. Moments are steady ms.

    `due_ms`: when we ask next, if we have opened the link. `deferred` came at `deferred_ms`, while another peer fed us,
    and `deferred_waited` is what of its sender waited then. `listed_ms`: when we last sent our full list;
    `list_asked_ms`: when we last asked for theirs. `begun_ms`, `heard_ms`: the latest audits of ours and of the peer.
    """

    due_ms: int = 0
    attempt: Attempt | None = None
    deferred: Audit | None = None
    deferred_ms: int = 0
    deferred_waited: frozenset[bytes] = frozenset()
    listed_ms: int | None = None
    list_asked_ms: int | None = None
    begun_ms: deque[int] = field(default_factory=lambda: deque(maxlen=BEGUN_PER_MINUTE_MAX))
    heard_ms: deque[int] = field(default_factory=lambda: deque(maxlen=AUDITS_PER_MINUTE_MAX))

    @property
    def as_of(self) -> int | None:
        """The hour (ms) of the audit that runs, if one does."""
        return self.attempt.as_of if self.attempt is not None else None

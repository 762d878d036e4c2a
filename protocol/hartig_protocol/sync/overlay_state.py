"""What the core remembers of its neighbours beyond their links: whom it tries, who failed, what is due (SPEC, part O).

`state` holds one `OverlayState`; `overlay` and `overlay_choice` alone change it. Nodes are channel keys, moments are
steady ms. Everything is bounded by the number of hubs that are known, and goes when they do.
"""

from dataclasses import dataclass, field

from hartig_protocol.trust.authority import Authority
from hartig_protocol.values import value


@value
class Known:
    """The other hubs that stand and have a card, with their nodes, as of one authority and so many cards."""

    authority: Authority
    cards: int
    nodes_of_hub: dict[bytes, tuple[bytes, ...]]
    hubs: tuple[bytes, ...]
    nodes: frozenset[bytes]


@value
class Try:
    """A dial under way, since when; `visit`: on top of the links that are wanted, because the node may be far off."""

    since_ms: int
    visit: bool = False


@value
class Setback:
    """A node that did not answer, or turned us away (`refused`), so often in a row; not tried again before `due_ms`.

    `count` is 0 for one whose link was lost a moment ago, and which was not tried since.
    `hinted`: it had been heard of, and did not answer all the same. A new hint alone is then no reason to try again.
    """

    count: int
    due_ms: int
    refused: bool
    hinted: bool = False


@dataclass
class OverlayState:
    """The active view is the open sessions, the passive view is `known`; this is what lies between them.

    `wanted`: what the node was last told to dial. `due_ms`: when `refresh` has something to do. `links_changed`: a
    session has come, has opened or has gone since its last look; `seen`: the sessions then, with their nodes.
    `near`: nodes that were heard of, or have turned us away, so they are there.
    `redundant`: links that have brought what another had brought before, and when. `rest_until_ms` and `patience_ms`:
    how long a hub with enough links, but fewer than it would like, leaves the others alone.
    `probes_free`: so many nodes that failed are tried at once, because one of them has come back.
    """

    known: Known | None = None
    wanted: tuple[bytes, ...] = ()
    due_ms: int = 0
    links_changed: bool = True
    seen: dict[int, tuple[bytes, bool]] = field(default_factory=dict)
    tries: dict[bytes, Try] = field(default_factory=dict)
    setbacks: dict[bytes, Setback] = field(default_factory=dict)
    near: dict[bytes, None] = field(default_factory=dict)
    redundant: dict[int, int] = field(default_factory=dict)
    refusals: int = 0
    patience_ms: int = 0
    rest_until_ms: int = 0
    probes_free: int = 0
    lost_ms: int = 0
    probe_due_ms: int | None = None
    exchange_due_ms: int | None = None
    shed_due_ms: int | None = None
    draws: int = 0

    def cards_changed(self) -> None:
        """A hub's card has come, changed or gone: who can be a neighbour is looked up again."""
        self.known, self.due_ms = None, 0

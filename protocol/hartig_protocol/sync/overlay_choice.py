"""Whom to try next: what is known of the hubs, what was learnt of their nodes, and the draws (SPEC, part O).

Every choice is drawn with SHA-256 from `SyncState.seed` and a counter, so a seed replays it. Half of the draws are
among the nodes that were heard of or have answered, so that a hub to which most are out of reach soon finds those that
are not; half are among all, so that neighbours on one network do not close themselves off from the others.
Who calls: `overlay`.
"""

from collections.abc import Container, Iterable, Sequence

from hartig_protocol.limits import REFUSED_MS_MAX, SETBACK_MS_MAX, SETBACK_MS_MIN
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import sha256
from hartig_protocol.sync.overlay_state import Known, Setback
from hartig_protocol.sync.state import SyncState

_PREFIX_DRAW = b"hartig/1 draw\x00"  # of this hub alone: nothing that is sent follows from it
_LUCKY_DRAWS = 8  # among very many hubs nearly all can be tried: a few draws are quicker than to look at all
_FEW_HUBS = 32  # which are looked at all at once


def draw(state: SyncState, bound: int) -> int:
    """Return a random number from 0 to below `bound`."""
    if bound == 1:
        return 0
    state.overlay.draws += 1
    digest = sha256(_PREFIX_DRAW, state.seed, state.overlay.draws.to_bytes(8, "big"))
    return int.from_bytes(digest[:8], "big") % bound


def around(state: SyncState, span_ms: int) -> int:
    """Return a span from half to one and a half of the given one, so that hubs do not act in step."""
    return span_ms // 2 + draw(state, span_ms)


def known(state: SyncState) -> Known:
    """Return the other hubs that stand with rank hub or above and whose cards name nodes."""
    overlay, authority = state.overlay, state.catalog.authority
    held = overlay.known
    if held is not None and held.authority is authority and held.cards == len(state.nodes_of_hub):
        return held
    standings = authority.standings
    nodes_of_hub = {
        hub: nodes
        for hub in sorted(state.nodes_of_hub)
        if hub != state.hub_key.public
        and hub in standings
        and standings[hub].rank >= Rank.HUB
        and (nodes := tuple(sorted(state.nodes_of_hub[hub] - {state.node_id})))
    }
    all_nodes = frozenset(node for nodes in nodes_of_hub.values() for node in nodes)
    overlay.known = Known(authority, len(state.nodes_of_hub), nodes_of_hub, tuple(nodes_of_hub), all_nodes)
    overlay.setbacks = {node: one for node, one in overlay.setbacks.items() if node in all_nodes}
    overlay.tries = {node: one for node, one in overlay.tries.items() if node in all_nodes}
    overlay.near = {node: None for node in overlay.near if node in all_nodes}
    return overlay.known


def set_back(state: SyncState, node: bytes, now_ms: int, *, refused: bool) -> None:
    """Note that a node did not answer, or turned us away: it rests, each time twice as long."""
    overlay = state.overlay
    before = overlay.setbacks.get(node)
    count = 1 if before is None or before.refused != refused else before.count + 1
    delay_ms = min(REFUSED_MS_MAX if refused else SETBACK_MS_MAX, SETBACK_MS_MIN << min(count - 1, 16))
    overlay.setbacks[node] = Setback(count, now_ms + around(state, delay_ms), refused, node in overlay.near)
    if refused:
        overlay.near[node] = None  # it is there
    else:
        overlay.near.pop(node, None)


def miss(state: SyncState, node: bytes, now_ms: int) -> None:
    """Note that a link is lost of which nobody knows whether another way leads past it: the node is tried again."""
    if node in known(state).nodes:
        state.overlay.setbacks[node] = Setback(0, now_ms + around(state, SETBACK_MS_MIN), refused=False)


def busy_nodes(state: SyncState) -> set[bytes]:
    """Return the nodes that have a link or are being tried."""
    return {session.peer_node for session in state.sessions.values()} | set(state.overlay.tries)


def choose(state: SyncState, now_ms: int) -> bytes | None:
    """Return whom to try: anyone without a setback, else who has turned us away, else who did not answer."""
    busy = busy_nodes(state)
    linked = {session.peer_hub for session in state.open_sessions()}
    return choose_fresh(state, busy, linked, prefer_near=True) or _choose_again(state, now_ms, busy, linked)


def choose_fresh(state: SyncState, busy: set[bytes], linked: set[bytes], *, prefer_near: bool) -> bytes | None:
    """Return a random node without a setback, of a hub that has no link; None where there is none."""
    others = known(state)
    hubs = others.hubs
    setbacks = state.overlay.setbacks
    near = [
        node
        for node in state.overlay.near
        if node not in busy and node not in setbacks and not _is_of(state, node, linked)
    ]
    if prefer_near and near and draw(state, 2):
        return near[draw(state, len(near))]
    for _ in range(_LUCKY_DRAWS if len(hubs) > _FEW_HUBS else 0):
        hub = hubs[draw(state, len(hubs))]
        node = None if hub in linked else _of_nodes(state, others.nodes_of_hub[hub], busy, setbacks)
        if node is not None:
            return node
    left = (nodes for hub, nodes in others.nodes_of_hub.items() if hub not in linked)
    fresh = [node for nodes in left if (node := _of_nodes(state, nodes, busy, setbacks)) is not None]
    return fresh[draw(state, len(fresh))] if fresh else None


def _of_nodes(state: SyncState, nodes: Iterable[bytes], busy: set[bytes], without: Container[bytes]) -> bytes | None:
    """Return one of a hub's nodes, unless one of them is busy."""
    if not busy.isdisjoint(nodes):
        return None
    left = [node for node in nodes if node not in without]
    return left[draw(state, len(left))] if left else None


def _choose_again(state: SyncState, now_ms: int, busy: set[bytes], linked: set[bytes]) -> bytes | None:
    for refused in (True, False):
        rests = rested(state, now_ms, busy, refused=refused)
        again = [node for node in rests if not _is_of(state, node, linked)]
        if again:
            return again[draw(state, len(again))]
    return None


def rested(state: SyncState, now_ms: int, busy: set[bytes], *, refused: bool) -> Sequence[bytes]:
    """Return the nodes whose rest is over, of those that turned us away or of those that did not answer."""
    return [
        node
        for node, one in sorted(state.overlay.setbacks.items())
        if one.refused == refused and one.due_ms <= now_ms and node not in busy
    ]


def _is_of(state: SyncState, node: bytes, hubs: set[bytes]) -> bool:
    nodes_of_hub = known(state).nodes_of_hub
    return any(node in nodes_of_hub.get(hub, ()) for hub in hubs)

"""Who our neighbours are: everybody while few hubs are known, a few of all above that (SPEC, part O).

The active view of HyParView (Leitao, Pereira, Rodrigues, DSN 2007) is the open sessions; its passive view is all hubs
that stand, because their cards reach everybody, so no view is ever shuffled. Only the active view is kept here:

    links open     what we do                                              whoever knocks
    0 to 2         try several at once; after refusals ask to be taken in  is taken
    below LOW      try as many as are missing, with growing rests          is taken
    below AIM      nothing                                                 is taken
    AIM            nothing                                                 is taken only if it asks for it
    above AIM      let a redundant link go, now and then                   is taken only if it asks for it
    FULL           let another link go for whoever asks                    is taken only if it asks for it

On top come *visits*, which ask to be taken in whatever the count is: to a node that could not be reached and is heard
of, to one such node every 30 seconds without a hint, and every 10 minutes to anybody. So parts that were cut off, and
that each lack nothing, meet again. A link is let go only if it has just brought what another had brought before: there
is another way to whoever is behind it.

In: the sessions, cards and authority that `state` holds, `heard`, `unreachable`, `seen_twice`. Out: `LinksWanted`, and
now and then the end of a link. Duty of `hub`: call `refresh` after every event and whenever `next_due_ms` has come, and
`seen_twice` when a peer ends an open link as `crowded`; of `hub`, `state` and `greeting`: set
`OverlayState.links_changed` where a session comes, goes or opens; of `state`: `OverlayState.cards_changed` when a hub's
card came or went; of `greeting`: put `asks_in` into our hello's `alone`, ask `admit` before a member's session opens,
then call `evict` for one that asked; of `spreading` and `pulling`: call `seen_twice` when a peer sends or names live
what came from another peer, or was written here.
"""

from dataclasses import replace

from hartig_protocol.events import LinksWanted
from hartig_protocol.limits import (
    ASK_AFTER_REFUSALS,
    EXCHANGE_EVERY_MS,
    HINT_VISITS,
    LINKS_AIM,
    LINKS_FEW,
    LINKS_FULL,
    LINKS_LOW,
    LINKS_VISITED_MAX,
    MESH_HUBS_MAX,
    OVERLAY_LOOK_MS,
    PATIENCE_MS_MAX,
    PATIENCE_MS_MIN,
    PROBE_EVERY_MS,
    PROBES_AFTER_RETURN,
    REDUNDANT_MS_MAX,
    SETBACK_MS_MAX,
    SHED_EVERY_MS,
    TRIES_MAX,
    TRY_MS_MAX,
    TRY_SLOW_MS,
    VISITS_AT_ONCE,
)
from hartig_protocol.sync.overlay_choice import (
    around,
    busy_nodes,
    choose,
    choose_fresh,
    draw,
    known,
    miss,
    rested,
    set_back,
)
from hartig_protocol.sync.overlay_state import Try
from hartig_protocol.sync.state import Phase, Session, Step, SyncState

_NEVER_MS = 2**62
CROWDED = ("crowded", "this hub has enough neighbours; you are welcome at another")

# --- Asked by the other rooms


def is_mesh(state: SyncState) -> bool:
    """Tell whether so few hubs are known, ours included, that each has a link with each other."""
    if state.enclosure is not None:
        return False
    return len(state.nodes_of_hub) < MESH_HUBS_MAX or len(known(state).hubs) < MESH_HUBS_MAX


def asks_in(state: SyncState, session: Session) -> bool:
    """Tell whether our hello on this link asks to be taken in, although the other hub may have enough neighbours."""
    if state.enclosure is not None:
        return False
    overlay = state.overlay
    held = overlay.tries.get(session.peer_node)
    links = _link_count(state)
    if is_mesh(state):
        return links == 0
    return (held is not None and held.visit) or (links < LINKS_FEW and overlay.refusals >= ASK_AFTER_REFUSALS)


def admit(state: SyncState, session: Session, alone: bool) -> tuple[str, str] | None:  # noqa: FBT001 - as it was said
    """A member has greeted on this link: return why it is turned away, or None where it is taken."""
    if state.enclosure is not None:
        return None
    links = _link_count(state)
    is_linked = any(other.peer_node == session.peer_node for other in state.open_sessions())
    if session.opened_by_us or is_linked or is_mesh(state) or links < LINKS_AIM:
        return None
    has_room = links < LINKS_FULL or bool(_settled(state, session, session.opened_ms))
    return None if alone and has_room else CROWDED


def evict(state: SyncState, step: Step, for_session: Session) -> None:
    """Make room for one who asked to be taken in, where there are so many links that it costs another its own."""
    if _link_count(state) > LINKS_FULL:
        _let_go(state, step, _settled(state, for_session, step.now.steady_ms))


def _settled(state: SyncState, session: Session | None, now_ms: int) -> list[Session]:
    """Return the other links that have stood for a while, so that two who take turns do not do so all the time."""
    return [
        other
        for other in state.open_sessions()
        if other is not session and now_ms - other.opened_ms >= REDUNDANT_MS_MAX
    ]


def seen_twice(state: SyncState, session: Session, step: Step) -> None:
    """The peer has, live, what another brought here before, or says that it lets the link go: it will not be missed."""
    state.overlay.redundant[session.link] = step.now.steady_ms


def next_due_ms(state: SyncState) -> int:
    """Return when (steady ms) `refresh` has something to do of itself."""
    return _NEVER_MS if state.enclosure is not None else state.overlay.due_ms


# --- What the node has learnt


def unreachable(state: SyncState, step: Step, node: bytes) -> None:
    """No known address of a node answered: it rests, and another is tried."""
    if node in known(state).nodes:
        _failed(state, node, step.now.steady_ms)
        _look(state, step)


def heard(state: SyncState, step: Step, node: bytes) -> None:
    """A hint that a node is near: it is tried if links are missing, and visited if it could not be reached before.

    Of nodes of which nothing is known a few are visited, for they may be the other half of a network.
    """
    overlay, now_ms = state.overlay, step.now.steady_ms
    if node not in known(state).nodes:
        return
    setback, is_news = overlay.setbacks.get(node), node not in overlay.near
    overlay.near[node] = None
    if is_mesh(state) or node in busy_nodes(state):
        return
    is_lost = setback is not None and not setback.refused and (not setback.hinted or setback.due_ms <= now_ms)
    if _link_count(state) < LINKS_LOW:
        if (is_lost or setback is None) and _link_count(state) + _lively(state, now_ms) < LINKS_AIM:
            _try(state, node, now_ms)
    elif is_lost or (setback is None and is_news and draw(state, len(known(state).hubs)) < HINT_VISITS):
        _visit(state, node, now_ms)
    _look(state, step)


# --- Whom we want


def refresh(state: SyncState, step: Step) -> None:
    """Look again whom we want, and order `LinksWanted` when that has changed; costs nothing where nothing has."""
    if state.enclosure is not None:
        return
    overlay = state.overlay
    held = overlay.known
    is_news = held is None or held.authority is not state.catalog.authority or held.cards != len(state.nodes_of_hub)
    if overlay.links_changed or is_news or step.now.steady_ms >= overlay.due_ms:
        if overlay.links_changed:
            _follow(state, step.now.steady_ms)
        _look(state, step)


def _follow(state: SyncState, now_ms: int) -> None:
    """Learn from what has become of the sessions since the last look."""
    overlay = state.overlay
    overlay.links_changed = False
    seen = {link: (one.peer_node, one.is_open) for link, one in state.sessions.items()}
    before, overlay.seen = overlay.seen, seen
    for link, (node, was_open) in before.items():
        if link not in seen:
            redundant_ms = overlay.redundant.pop(link, None)
            if was_open:
                overlay.lost_ms, overlay.patience_ms, overlay.rest_until_ms = now_ms, 0, 0
                if redundant_ms is None or now_ms - redundant_ms >= EXCHANGE_EVERY_MS:
                    miss(state, node, now_ms)
            elif node in overlay.tries:
                _turned_away(state, node, now_ms)
    for link, (node, is_open) in seen.items():
        if is_open and before.get(link) != (node, True):
            _opened(state, node)


def _opened(state: SyncState, node: bytes) -> None:
    overlay = state.overlay
    overlay.tries.pop(node, None)
    setback = overlay.setbacks.pop(node, None)
    if setback is not None and setback.count and not setback.refused:
        # What kept it away may have kept others away.
        overlay.probes_free = PROBES_AFTER_RETURN
        for other, one in overlay.setbacks.items():
            overlay.setbacks[other] = one if one.refused else replace(one, due_ms=0)
    if _link_count(state) >= LINKS_FEW:
        overlay.refusals = 0


def _turned_away(state: SyncState, node: bytes, now_ms: int) -> None:
    """A node answered, and ended the link before it opened: mostly because it is crowded."""
    state.overlay.refusals += 1
    _ended(state, node, now_ms)
    set_back(state, node, now_ms, refused=True)


def _failed(state: SyncState, node: bytes, now_ms: int) -> None:
    _ended(state, node, now_ms)
    set_back(state, node, now_ms, refused=False)


def _ended(state: SyncState, node: bytes, now_ms: int) -> None:
    """A try came to nothing: who has enough links already lets some time go by."""
    overlay = state.overlay
    held = overlay.tries.pop(node, None)
    if held is not None and not held.visit and _link_count(state) >= LINKS_FEW:
        overlay.patience_ms = min(PATIENCE_MS_MAX, max(PATIENCE_MS_MIN, 2 * overlay.patience_ms))
        overlay.rest_until_ms = now_ms + around(state, overlay.patience_ms)


def _look(state: SyncState, step: Step) -> None:
    """Do what is due, and order what is wanted."""
    overlay, now_ms = state.overlay, step.now.steady_ms
    nodes: tuple[bytes, ...]
    if not state.is_member:
        nodes = () if state.joining is None else state.joining.nodes
        overlay.due_ms = now_ms + OVERLAY_LOOK_MS
    elif is_mesh(state):
        overlay.tries.clear()
        overlay.shed_due_ms = overlay.probe_due_ms = overlay.exchange_due_ms = None
        nodes = tuple(sorted(known(state).nodes))
        overlay.due_ms = now_ms + OVERLAY_LOOK_MS
    else:
        _keep_view(state, step)
        nodes = tuple(sorted(overlay.tries))
    if nodes != overlay.wanted:
        overlay.wanted = nodes
        step.order(LinksWanted(nodes))


def _keep_view(state: SyncState, step: Step) -> None:
    overlay, now_ms = state.overlay, step.now.steady_ms
    for node in [node for node, one in overlay.tries.items() if now_ms - one.since_ms >= TRY_MS_MAX]:
        _failed(state, node, now_ms)
    if _link_count(state) < LINKS_LOW:
        _fill(state, now_ms)
    else:
        overlay.tries = {node: one for node, one in overlay.tries.items() if one.visit}
    _exchange(state, now_ms)
    _probe(state, now_ms)
    _shed(state, step)
    overlay.due_ms = _due_ms(state, now_ms)


def _fill(state: SyncState, now_ms: int) -> None:
    """Try others until links may be enough; a dial that takes long keeps no other waiting."""
    overlay = state.overlay
    links = _link_count(state)
    if links >= LINKS_FEW and now_ms < overlay.rest_until_ms:
        return
    enough = LINKS_FEW if links < LINKS_FEW else LINKS_LOW  # no more at once, since others try us, too
    while len(overlay.tries) < TRIES_MAX and links + _lively(state, now_ms) < enough:
        node = choose(state, now_ms)
        if node is None:
            return
        _try(state, node, now_ms)


def _lively(state: SyncState, now_ms: int) -> int:
    """How many tries began a moment ago, so that they may still come to something soon."""
    return sum(now_ms - one.since_ms < TRY_SLOW_MS for one in state.overlay.tries.values())


def _try(state: SyncState, node: bytes, now_ms: int) -> None:
    if len(state.overlay.tries) < TRIES_MAX:
        state.overlay.tries[node] = Try(now_ms)


def _visit(state: SyncState, node: bytes, now_ms: int) -> bool:
    """Go to a node beyond what is wanted, unless there are many links or visits already; tell whether we do."""
    visits = sum(one.visit for one in state.overlay.tries.values())
    if visits >= VISITS_AT_ONCE or _link_count(state) + visits >= LINKS_VISITED_MAX:
        return False
    state.overlay.tries[node] = Try(now_ms, visit=True)
    return True


def _exchange(state: SyncState, now_ms: int) -> None:
    """Open one link to anybody, now and then; the links that it makes redundant go one by one."""
    overlay = state.overlay
    if overlay.exchange_due_ms is not None and now_ms < overlay.exchange_due_ms:
        return
    is_first = overlay.exchange_due_ms is None
    overlay.exchange_due_ms = now_ms + around(state, EXCHANGE_EVERY_MS)
    if not is_first and LINKS_LOW <= _link_count(state) <= LINKS_AIM:
        linked = {session.peer_hub for session in state.open_sessions()}
        node = choose_fresh(state, busy_nodes(state), linked, prefer_near=False)
        if node is not None:
            _visit(state, node, now_ms)


def _probe(state: SyncState, now_ms: int) -> None:
    """Try one node again that could not be reached, however many links there are; several when one has come back."""
    overlay = state.overlay
    if overlay.probe_due_ms is None:
        overlay.probe_due_ms = now_ms + around(state, PROBE_EVERY_MS)
    elif now_ms >= overlay.probe_due_ms:
        overlay.probe_due_ms = now_ms + around(state, PROBE_EVERY_MS)
        _visit_lost(state, now_ms, SETBACK_MS_MAX * 2)
    while overlay.probes_free and _visit_lost(state, now_ms, 0):
        overlay.probes_free -= 1


def _visit_lost(state: SyncState, now_ms: int, early_ms: int) -> bool:
    """Go to one of those that did not answer, so long before its rest is over; tell whether we do."""
    lost = rested(state, now_ms + early_ms, busy_nodes(state), refused=False)
    if not lost:
        state.overlay.probes_free = 0
        return False
    return _visit(state, lost[draw(state, len(lost))], now_ms)


def _shed(state: SyncState, step: Step) -> None:
    """Let one link go that has proven redundant since the last one went, if there are more than we aim at."""
    overlay, now_ms = state.overlay, step.now.steady_ms
    if _link_count(state) <= LINKS_AIM:
        overlay.shed_due_ms = None
    elif overlay.shed_due_ms is None:
        overlay.shed_due_ms = now_ms + around(state, SHED_EVERY_MS)
    elif now_ms >= overlay.shed_due_ms:
        overlay.shed_due_ms = now_ms + around(state, SHED_EVERY_MS)
        since_ms = max(overlay.lost_ms + 1, now_ms - REDUNDANT_MS_MAX)
        settled = _settled(state, None, now_ms)
        _let_go(state, step, [one for one in settled if overlay.redundant.get(one.link, -1) >= since_ms])


def _let_go(state: SyncState, step: Step, sessions: list[Session]) -> None:
    """End one of these links, at random."""
    if sessions:
        session = sessions[draw(state, len(sessions))]
        seen_twice(state, session, step)  # it is not missed
        step.close(state, session, *CROWDED)


def _due_ms(state: SyncState, now_ms: int) -> int:
    """Return when (steady ms) there may be something to do."""
    overlay = state.overlay
    dues = [now_ms + OVERLAY_LOOK_MS]
    dues += [due_ms for due_ms in (overlay.exchange_due_ms, overlay.probe_due_ms, overlay.shed_due_ms) if due_ms]
    dues += [one.since_ms + TRY_MS_MAX for one in overlay.tries.values()]
    if _link_count(state) < LINKS_LOW:
        dues.append(overlay.rest_until_ms)
        dues += [one.since_ms + TRY_SLOW_MS for one in overlay.tries.values()]
        dues += [one.due_ms for one in overlay.setbacks.values()]
    return min(due_ms for due_ms in dues if due_ms > now_ms)


def _link_count(state: SyncState) -> int:
    return len({session.peer_hub for session in state.sessions.values() if session.phase is Phase.OPEN})

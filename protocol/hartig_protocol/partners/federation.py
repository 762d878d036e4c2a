"""A hub among networks: its own core, and for each partner network a core of that network's records (SPEC, part X).

Map of one frame's way: a link's own session is the home core's. A frame that is `Enclosed` goes to the core of the
network that it names, whose answers are wrapped again (`cores`). A link from another network's hub begins with `Abroad`
(`abroad`); once both sides of the agreement stand (`agreeing`) it carries two sessions: about theirs, which we keep
(`partner`), and about ours, which we serve (`serving`). Nothing goes from one core into another but the home catalog's
commits into what is served of them, so nothing of one partner ever reaches another.
Interface as of `Hub`: the engine calls `start`, `handle` and `next_timer_ms`, and does what comes out, in order.
"""

from collections.abc import Mapping, Sequence

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.errors import MessageError
from hartig_protocol.events import (
    Action,
    CloseLink,
    Commit,
    Event,
    FrameReceived,
    FramesReceived,
    LinkClosed,
    LinkOpened,
    Now,
    PartitionOpened,
    PartnerNamed,
    PeerChanged,
    RecordsRead,
    SendFrame,
    TimePassed,
    Within,
)
from hartig_protocol.hub import Hub
from hartig_protocol.limits import ABROAD_LINKS_EACH, HELLO_TIMEOUT_MS, NODES_MAX, SILENCE_MS_MAX
from hartig_protocol.partners import abroad
from hartig_protocol.partners.agreeing import OVER, Agreements
from hartig_protocol.partners.cores import Cores, Link, served
from hartig_protocol.partners.enclosing import is_abroad, is_enclosed, read_abroad, read_enclosed
from hartig_protocol.partners.partner import Partner, speaks
from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.messages import Abroad, Bye
from hartig_protocol.sync.proving import TOO_OFTEN
from hartig_protocol.sync.state import SyncState, shortened

_NEVER_MS = 2**62
NODES_KNOWN_MAX = 64  # of one partner, whose greetings have come to nothing
_DOUBLED = ("doubled", "two links to one hub; one is enough")


class Federation:
    """One hub, its own network, and its partner networks."""

    def __init__(self, home: Hub) -> None:
        self.home = home
        self._cores = Cores(home.state, self._close)
        self._agreements = Agreements(home.state, self._cores)
        self._strangers = abroad.Strangers()
        self._links = self._cores.links

    def __repr__(self) -> str:
        return f"<Federation {self.home!r} {len(self.partners)} partners>"

    @property
    def state(self) -> SyncState:
        """The state of the home core."""
        return self.home.state

    @property
    def catalog(self) -> Catalog:
        """What this hub has accepted of its own network."""
        return self.home.catalog

    @property
    def partners(self) -> Mapping[bytes, Partner]:
        """The networks with which there is an agreement, or our own side of one, by id."""
        return self._cores.partners

    # --- As a hub

    def start(self, now: Now) -> list[Action]:
        """Judge anew what the home store holds, and have the stores of partners' records opened."""
        actions = self.home.start(now)
        return [*actions, *self._agreements.look(now)]

    def handle(self, event: Event, now: Now) -> list[Action]:
        """Take one fact and return what is to be done, in order; never raises for anything from outside."""
        actions = self._happened(event, now)
        return [*actions, *self._agreements.look(now)]

    def _happened(self, event: Event, now: Now) -> list[Action]:
        match event:
            case FramesReceived(link, frames):
                return self._frames_received(link, frames, now)
            case FrameReceived(link, frame):
                return self._frames_received(link, (frame,), now)
            case TimePassed():
                return self._time_passed(now)
            case LinkOpened():
                return self._link_opened(event, now)
            case LinkClosed(link) if link in self._links:
                return self._link_closed(event, now)
            case RecordsRead(number, rows) if self._cores.reads(number):
                return self._cores.read_done(number, rows, now)
            case Within():
                return self._cores.within(event, now)
            case PartitionOpened():
                return self._agreements.opened(event, now)
            case PartnerNamed(network, nodes):
                self._agreements.named(network, nodes[:NODES_MAX])
                return []
            case _:
                return self._home(event, now)

    def next_timer_ms(self) -> int:
        """Return when (steady ms) `TimePassed` is wanted at the latest."""
        abroad_ms = min((_due_ms(link) for link in self._links.values() if link.network), default=_NEVER_MS)
        return min(self.home.next_timer_ms(), self._cores.next_timer_ms(), abroad_ms)

    def _time_passed(self, now: Now) -> list[Action]:
        actions = [*self._home(TimePassed(), now), *self._cores.time_passed(now)]
        for link in [one for one in self._links.values() if one.network]:
            if _due_ms(link) <= now.steady_ms:
                code, reason = ("silent", "nothing was heard for long") if link.hub else ("no_greeting", "no greeting")
                actions += self._close(link, code, reason, now)
        return actions

    # --- The home core

    def _home(self, event: Event, now: Now) -> list[Action]:
        return self._followed(self.home.handle(event, now), now)

    def _followed(self, actions: list[Action], now: Now) -> list[Action]:
        """Let what the home core has done have its effect on the others."""
        more: list[Action] = []
        for action in actions:
            if isinstance(action, Commit):
                for partner in self.partners.values():
                    if partner.ours is not None:
                        more += self._cores.out(served(partner.network), partner.ours.follow(action, now), now)
            elif isinstance(action, PeerChanged) and action.link in self._links:
                link = self._links[action.link]
                link.hub = (action.peer_hub or b"") if action.state == "open" else b""
                more += self._cores.open_on(link, now) if link.hub else self._cores.link_gone(link, now)
        return [*actions, *more]

    # --- Links

    def _link_opened(self, event: LinkOpened, now: Now) -> list[Action]:
        at = now.steady_ms
        link = Link(event.link, event.peer_node, event.opened_by_us, event.nonce, at, at)
        self._links[event.link] = link
        network = self._network_of(event.peer_node) if event.opened_by_us else None
        if network is None:
            return self._home(event, now)
        link.network = network
        return [self._greet_abroad(link)]

    def _network_of(self, node: bytes) -> bytes | None:
        """Return the partner network for which a node speaks that we have dialled."""
        if any(node in nodes for nodes in self.state.nodes_of_hub.values()):
            return None
        found = [one for one in self.partners.values() if node in one.nodes()]
        found.sort(key=lambda one: (node not in one.named, one.failed.get(node, 0)))  # a card can name anybody's node
        return found[0].network if found else None

    def _link_closed(self, event: LinkClosed, now: Now) -> list[Action]:
        link = self._links[event.link]
        gone = self._cores.link_gone(link, now)
        del self._links[event.link]
        if link.network:
            return [*gone, _left(link, "closed", event.reason)]
        return [*self._home(event, now), *gone]

    def _close(self, link: Link, code: str, reason: str, now: Now) -> list[Action]:
        """End a link, and say why: one at home as its core does, one that leads abroad ourselves."""
        if not link.network:
            session = self.state.sessions.get(link.number)
            if session is None:
                return []
            return self._followed(self.home.change(now, lambda at: at.close(self.state, session, code, reason)), now)
        gone = self._cores.link_gone(link, now)
        self._links.pop(link.number, None)
        self._note_failure(link)
        said = SendFrame(link.number, pack(Bye(code, shortened(reason))))
        return [*gone, said, CloseLink(link.number, code, reason), _left(link, code, reason)]

    def _note_failure(self, link: Link) -> None:
        """Remember that a node which we have dialled was not the partner's that its card says; others may name it."""
        partner = self.partners.get(link.network)
        if partner is not None and link.opened_by_us and not link.hub:
            partner.failed[link.peer_node] += 1
            if len(partner.failed) > NODES_KNOWN_MAX:
                del partner.failed[next(iter(partner.failed))]

    # --- Frames

    def _frames_received(self, number: int, frames: Sequence[bytes], now: Now) -> list[Action]:
        """Share frames out to the cores that they are for; where all are the home core's, together."""
        link = self._links.get(number)
        if link is None or not (link.network or any(is_enclosed(one) or is_abroad(one) for one in frames)):
            return self._home(FramesReceived(number, tuple(frames)), now)
        link.heard_ms = now.steady_ms
        actions: list[Action] = []
        for frame in frames:
            if number in self._links:
                actions += self._frame_received(link, frame, now)
        return actions

    def _frame_received(self, link: Link, frame: bytes, now: Now) -> list[Action]:
        if not link.network and link.number not in self.state.sessions:
            return []  # the home core has ended it a moment ago
        try:
            if is_enclosed(frame) and link.hub:
                return self._cores.frame_received(link, read_enclosed(frame), now)
            if is_abroad(frame) and (link.network or not (link.opened_by_us or link.hub)):
                return self._abroad(link, read_abroad(frame), now)
            if link.network:
                return self._said_abroad(link, frame, now)
        except MessageError as error:
            return self._close(link, error.code, str(error), now)
        return self._home(FrameReceived(link.number, frame), now)

    def _said_abroad(self, link: Link, frame: bytes, now: Now) -> list[Action]:
        message = unpack(frame)
        if not isinstance(message, Bye):
            raise MessageError("bad_message", f"{type(message).__name__} came on a link between two networks")
        gone = self._cores.link_gone(link, now)
        del self._links[link.number]
        self._note_failure(link)
        left = _left(link, message.code, f"it said: {message.reason}")
        return [*gone, CloseLink(link.number, message.code, message.reason), left]

    # --- Other networks' hubs

    def _greet_abroad(self, link: Link) -> Action:
        partner = self.partners.get(link.network)
        pact = None if partner is None else self.catalog.governance[partner.own_pact.id]
        return SendFrame(link.number, pack(abroad.greeting_for(self.state, link.network, link.peer_node, pact)))

    def _abroad(self, link: Link, message: Abroad, now: Now) -> list[Action]:
        """Judge another network's hub, and open the sessions if both networks have agreed."""
        is_answer = bool(link.network)
        if link.hub or (is_answer and message.network != link.network):
            raise MessageError("bad_message", "a second greeting on one link, or one of a third network")
        left = [] if is_answer else self._leave_home(link, message.network, now)
        return [*left, *self._judge_abroad(link, message, now, is_answer=is_answer)]

    def _leave_home(self, link: Link, network: bytes, now: Now) -> list[Action]:
        """Let the home core forget a link that leads to another network: it was nobody there."""
        link.network = network
        actions = self.home.handle(LinkClosed(link.number, "it leads to another network"), now)
        return [one for one in actions if not (isinstance(one, PeerChanged) and one.link == link.number)]

    def _judge_abroad(self, link: Link, message: Abroad, now: Now, *, is_answer: bool) -> list[Action]:
        abroad.check_ends(self.state, link.peer_node, message)
        if not speaks(self.state, self.state.hub_key.public):
            return self._close(link, "not_a_gateway", "this hub does not speak for its network; ask another", now)
        partner = self.partners.get(message.network)
        if partner is None:
            return self._proposed(link, message, now)
        theirs, looked = partner.theirs, list[bool]()
        if theirs is None:
            return self._close(link, *abroad.NOT_READY, now)
        taken = theirs.change(now, lambda step: looked.append(abroad.take_proofs(theirs.state, step, message)))
        actions = [*self._cores.out(partner.network, taken, now), *self._agreements.look(now)]
        actions += [] if is_answer else [self._greet_abroad(link)]
        refusal = self._refusal(partner, link, message)
        if refusal is not None:
            return [*actions, *self._close(link, *(refusal if looked[0] else TOO_OFTEN), now)]
        for other in self._others(link.peer_node):
            actions += self._close(other, *_DOUBLED, now)
        link.hub = message.hub
        actions.append(PeerChanged(link.number, link.peer_node, link.hub, "open"))
        return [*actions, *self._cores.open_on(link, now)]

    def _refusal(self, partner: Partner, link: Link, message: Abroad) -> tuple[str, str] | None:
        """Return why a partner's hub is turned away, or None."""
        refusal = partner.judge(message.hub, link.peer_node)
        if refusal is not None:
            return refusal
        if not partner.is_in_force:
            return OVER
        same = self._others(link.peer_node)
        with_it = [one for one in self._links.values() if one.network == link.network and one.hub]
        if len(with_it) - len(same) >= ABROAD_LINKS_EACH:
            return ("full", f"this hub has {ABROAD_LINKS_EACH} links with that network already")
        stays = link.opened_by_us == (self.state.node_id < link.peer_node)
        return _DOUBLED if any(one.opened_by_us != link.opened_by_us and not stays for one in same) else None

    def _others(self, node: bytes) -> list[Link]:
        """Return the links that stand with a node of another network."""
        return [one for one in self._links.values() if one.network and one.hub and one.peer_node == node]

    def _proposed(self, link: Link, message: Abroad, now: Now) -> list[Action]:
        """Keep what a network proposes with which there is no agreement, for people to look at."""
        found = self._strangers.look(self.state, message, now)
        if isinstance(found, tuple):
            return self._close(link, *found, now)
        return [self._greet_abroad(link), found, *self._close(link, *OVER, now)]


def _due_ms(link: Link) -> int:
    """Return when (steady ms) a link between two networks is given up, unless something is heard."""
    return link.heard_ms + SILENCE_MS_MAX if link.hub else link.opened_ms + HELLO_TIMEOUT_MS


def _left(link: Link, code: str, reason: str) -> Action:
    state = "closed" if link.hub else "refused"
    return PeerChanged(link.number, link.peer_node, link.hub or None, state, code, reason)

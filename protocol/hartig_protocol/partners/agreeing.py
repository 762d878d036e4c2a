"""What is agreed, and what follows from it: whose records are held here, and who is served ours (SPEC X3 to X5).

Looked at after every event, which costs next to nothing while no proof has come or gone and no moment has passed at
which one expires. In: the governance of the home network and of the partners. Out: stores opened and dropped, records
let go, sessions begun anew, the nodes with which links are wanted. Who calls: `federation`.
"""

from collections.abc import Sequence

from hartig_protocol.events import Action, DropPartition, GatewaysWanted, Inside, Now, OpenPartition, PartitionOpened
from hartig_protocol.limits import ABROAD_LINKS_EACH, EPOCH_BYTES, PARTNERS_MAX, RECORDS_PER_FRAME
from hartig_protocol.partners.cores import Cores, Link, served
from hartig_protocol.partners.partner import Partner, speaks
from hartig_protocol.partners.serving import Serving
from hartig_protocol.records.keys import PREFIX_PARTITION, sha256
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Wire
from hartig_protocol.sync.state import Step, SyncState
from hartig_protocol.trust.agreements import standing_pact
from hartig_protocol.trust.selection import Selection

OVER = ("no_agreement", "the two networks have not agreed to share anything, or no longer do")
LOST = ("not_ready", "what was held of that network is fetched anew")
_CHANGED = ("changed", "the agreement has changed")


class Agreements:
    """Follows what this network and its partners say."""

    def __init__(self, home: SyncState, cores: Cores) -> None:
        self._home, self._cores = home, cores
        self._named: dict[bytes, tuple[bytes, ...]] = {}
        self._wanted: tuple[bytes, ...] = ()
        self._seen: tuple[int, int] | None = None
        self._looked: object = None  # by what the nodes that are wanted were looked up last
        self._served = 0

    def __repr__(self) -> str:
        return f"<Agreements with {len(self._cores.partners)} networks>"

    def named(self, network: bytes, nodes: tuple[bytes, ...]) -> None:
        """A person has named nodes that speak for a network."""
        self._named[network] = nodes
        self._seen = None

    def opened(self, event: PartitionOpened, now: Now) -> list[Action]:
        """The store of a partner's records is open; where one was open already, that has failed and is lost."""
        partner, actions = self._cores.partners.get(event.partition), list[Action]()
        if partner is None:
            return []
        if partner.theirs is not None:
            for link in self._links(partner):
                actions += self._cores.close(link, *LOST, now)
            actions += self._cores.end_all(partner.network, *LOST, now)
            actions = [one for one in actions if not isinstance(one, Inside)]  # it would come into the new store
            partner.mark, partner.changing = b"", 0
        opened = partner.open(self._home, event.loaded, now)
        return [*actions, *self._cores.out(partner.network, opened.start(now), now)]

    # --- Looking

    def look(self, now: Now) -> list[Action]:
        """Follow what both sides say by now."""
        at_ms = now.wall_ms if now.trusted else None
        key, actions = self._home.catalog.moments.key(at_ms), list[Action]()
        if key != self._seen:
            self._seen = key
            actions += self._look_home(at_ms, now)
        for partner in list(self._cores.partners.values()):
            theirs = partner.theirs
            if theirs is not None and (theirs.catalog.moments.key(at_ms) != partner.seen or not partner.mark):
                partner.seen = theirs.catalog.moments.key(at_ms)
                actions += self._look_at(partner, at_ms, now)
        held = tuple((one.named, one.theirs and one.speakers_seen) for one in self._cores.partners.values())
        if (key, held) != self._looked:
            self._looked = (key, held)
            wanted = self._nodes_wanted()
            actions += [] if wanted == self._wanted else [GatewaysWanted(wanted)]
            self._wanted = wanted
        return actions

    def _nodes_wanted(self) -> tuple[bytes, ...]:
        """Return the nodes of partners with which a link is wanted: none unless this hub speaks for its network."""
        partners = self._cores.partners.values()
        if not partners or not speaks(self._home, self._home.hub_key.public):
            return ()
        return tuple(sorted({node for partner in partners for node in partner.nodes()[:ABROAD_LINKS_EACH]}))

    def _look_home(self, at_ms: int | None, now: Now) -> list[Action]:
        """Take up agreements that our side has begun, and let go of those that it has ended."""
        catalog, partners, actions = self._home.catalog, self._cores.partners, list[Action]()
        records = list(catalog.governance.values())
        subjects = sorted({one.head.subject for one in records if one.head.kind == Kind.PACT})
        found = [standing_pact(records, catalog.authority, one, at_ms) for one in subjects]
        standing = {pact.partner: pact for pact in [one for one in found if one is not None][:PARTNERS_MAX]}
        for network in [one for one in partners if one not in standing]:
            actions += self._leave(partners[network], now)
        for network, pact in standing.items():
            partner = partners.get(network)
            if partner is None:
                partner = partners[network] = Partner(network, pact)
                actions.append(OpenPartition(network))
            if partner.own_pact.id != pact.id:
                partner.own_pact, partner.mark = pact, b""
            partner.named, partner.seen = self._named.get(network, ()), None
        return actions

    def _leave(self, partner: Partner, now: Now) -> list[Action]:
        """Our side is over: all that is held of a partner goes at once."""
        actions = [one for link in self._links(partner) for one in self._cores.close(link, *OVER, now)]
        actions += self._cores.end_all(partner.network, "not_ready", OVER[1], now)
        del self._cores.partners[partner.network]
        self._cores.forget_reads(partner.network)
        self._cores.forget_reads(served(partner.network))
        return [*actions, DropPartition(partner.network)]

    def _look_at(self, partner: Partner, at_ms: int | None, now: Now) -> list[Action]:
        """Follow what a partner's side says."""
        assert partner.theirs is not None
        catalog = partner.theirs.catalog
        records, network = catalog.governance.values(), self._home.network
        partner.their_pact = standing_pact(records, catalog.authority, network, at_ms)
        actions, mark = list[Action](), partner.new_mark()
        for link in self._links(partner):
            refusal = partner.judge(link.hub, link.peer_node) if partner.is_in_force else OVER
            actions += self._cores.close(link, *refusal, now) if refusal else []
        if mark != partner.mark:
            return [*actions, *self._agree(partner, mark, now)]
        if self._may_serve(partner) != (partner.ours is not None):
            return [*actions, *self._serve(partner, now)]
        return actions

    def _links(self, partner: Partner) -> list[Link]:
        """Return the links with those who speak for a partner."""
        return [one for one in self._cores.links.values() if one.network == partner.network and one.hub]

    # --- Another agreement

    def _agree(self, partner: Partner, mark: bytes, now: Now) -> list[Action]:
        """Go by another agreement: what it does not select goes, and everybody is greeted anew."""
        theirs, cores = partner.theirs, self._cores
        assert theirs is not None
        actions = cores.end_all(partner.network, *_CHANGED, now)
        partner.mark, theirs.state.epoch = mark, partner.epoch(mark)
        selection, held = partner.selection(self._home), partner.posts()
        gone = () if partner.is_in_force else held

        def work(step: Step) -> None:
            theirs.catalog.reselect(selection, gone, step.commit)

        actions += cores.out(partner.network, theirs.change(now, work), now)
        actions += self._serve(partner, now)
        was_sifted, partner.sifted_by = partner.sifted_by == partner.terms, partner.terms
        if not partner.is_in_force or not held or was_sifted:
            return [*actions, *cores.open_everywhere(now)]
        partner.changing += 1
        return [*actions, *cores.out(partner.network, self._sift(partner, held), now)]

    def _sift(self, partner: Partner, left: Sequence[bytes]) -> list[Action]:
        """Look at held posts by the agreement that stands now, some at a time; then peers are greeted."""
        some, rest = tuple(left[:RECORDS_PER_FRAME]), left[RECORDS_PER_FRAME:]

        def sifted(rows: Sequence[Wire], now: Now) -> list[Action]:
            theirs, selection = partner.theirs, partner.selection(self._home)
            assert theirs is not None
            records = [open_record(row, verify_signature=False) for row in rows]
            gone = [one.id for one in records if not selection.crosses(one.head)]
            actions = theirs.change(now, lambda step: theirs.catalog.let_go(gone, step.commit)) if gone else []
            if rest:
                return [*actions, *self._sift(partner, rest)]
            partner.changing -= 1
            return actions

        return self._cores.reader(partner.network, at_home=False)(some, sifted)

    def _may_serve(self, partner: Partner) -> bool:
        """Tell whether this hub serves a partner: both sides have agreed, and it speaks for its network."""
        return partner.is_in_force and speaks(self._home, self._home.hub_key.public)

    def _serve(self, partner: Partner, now: Now) -> list[Action]:
        """Begin anew to serve a partner by the agreement as it stands, or end it."""
        partition, home, may = served(partner.network), self._home, self._may_serve(partner)
        if may and partner.ours is not None and partner.ours_by == partner.own_pact.id:
            return []  # it follows from our side alone
        actions = self._cores.end_all(partition, *_CHANGED, now)
        partner.ours, partner.ours_by = None, partner.own_pact.id
        if not may:
            return actions
        self._served += 1
        epoch = sha256(PREFIX_PARTITION, home.seed, partner.mark, self._served.to_bytes(8, "big"))[:EPOCH_BYTES]
        selection = Selection(home.network, partner.network, partner.own_pact)
        reader = self._cores.reader(partition, at_home=True)
        partner.ours = Serving(home, selection, epoch, now, reader)
        actions += self._cores.out(partition, partner.ours.start(now), now)
        return [*actions, *self._cores.open_everywhere(now)]

"""Partner networks: the use cases, composed. What is shared with them is agreed on by both, and ends by itself.

    code of theirs -> propose -> (they accept) -> agreed -> change, leave
    proposal of theirs -> accept -> agreed

In: ids, terms. Out: agreements, and what a change of them would change. Every change can be tried first (`preview`).
What is shared can be copied; how long a partner keeps it is asked, not assured (design, P16): pages and command line
say so wherever this is shown. Who calls: the API, the pages of the desk.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgpack

from hartig_node.board.belonging.allowed import not_allowed
from hartig_node.board.belonging.looking import People
from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.flags import Flags
from hartig_node.board.moderation.hiding import Hiding
from hartig_node.board.partners.agreed import (
    Agreement,
    agreement_of,
    agreements,
    partners_of,
    standing_in,
)
from hartig_node.board.partners.code import ADDRESSES_MAX, SPEAKERS_MAX, PartnerCode, Speaker, read_code
from hartig_node.board.partners.crossing import SHOWN_MAX, Crossing, Difference
from hartig_node.board.partners.foreign import network_of
from hartig_node.board.partners.minding import Minding
from hartig_node.board.partners.proposals import Proposal, Proposals
from hartig_node.board.partners.saying import OWN, Hand, Place, Saying
from hartig_node.board.partners.suggestions import Suggestions
from hartig_node.board.partners.terms import Terms, changed, terms_of
from hartig_node.board.times import rfc3339
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import PARTNERS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Kind
from hartig_protocol.records.writing import pact_times
from hartig_protocol.values import value

SPACE_SPEAKERS = "partner_speakers"  # by network: who was named as speaking for it, and where
SHARED_STATES = ("shared", "kept", "all")
Wishes = Mapping[str, Any]


@value
class Change:
    """A change of our side: what was agreed then (None: nothing any more), or only tried."""

    network: bytes
    terms: Terms | None
    until_ms: int
    difference: Difference
    place: Place | None = None

    def as_json(self, crossing: Crossing) -> dict[str, Any]:
        """The change as the node API gives it."""
        different = self.difference
        changes = {"gained": different.gained, "lost": different.lost}
        terms = None if self.terms is None else {**self.terms.as_json(), "until": rfc3339(self.until_ms)}
        return {
            "id": self.network.hex(),
            "terms": terms,
            "shared_count": different.shared,
            **{name: [crossing.json(one) for one in some[:SHOWN_MAX]] for name, some in changes.items()},
            **{f"{name}_count": len(some) for name, some in changes.items()},
            "place": None if self.place is None else self.place.as_json(),
        }


class Partners:
    """The use cases of partner networks."""

    def __init__(self, context: Context, people: People, hiding: Hiding, flags: Flags) -> None:
        self._context, self._people = context, people
        self._saying = Saying(context, people)
        self.proposals, self.minding = Proposals(context), Minding(context, people)
        self.suggestions = Suggestions(context, hiding, flags)
        self.on_speakers: Callable[[bytes, Sequence[Speaker]], None] = lambda _network, _speakers: None

    def __repr__(self) -> str:
        return f"<Partners {[one.hex()[:8] for one in partners_of(self._context)]}>"

    async def start(self) -> None:
        """Tell `on_speakers` again whom people have named as speaking for partner networks."""
        for network, packed in await self._context.store.private_list(SPACE_SPEAKERS):
            self.on_speakers(network, [Speaker(node, tuple(addresses)) for node, addresses in msgpack.unpackb(packed)])

    # --- Looking

    async def list(self) -> list[Agreement]:
        """Return what is agreed with other networks, or asked of them by us."""
        return sorted(await agreements(self._context), key=lambda one: (one.name.casefold(), one.network))

    async def get(self, network: bytes) -> Agreement:
        """Return what is agreed with one; raises `BoardError` where our side does not stand."""
        found = await agreement_of(self._context, network)
        if found is None:
            hint = "`hartig partner` lists the partner networks, and those that ask to be one"
            raise BoardError("not_found", f"there is no agreement with the network {network.hex()[:8]}", hint)
        return found

    async def hub_names(self, network: bytes) -> Mapping[bytes, str]:
        """Return what a partner network's hubs are called."""
        return await self._context.cards.names(network)

    @property
    def has_any(self) -> bool:
        """Whether there is an agreement with any network, or asked for by us."""
        return bool(partners_of(self._context))

    def crossing(self, network: bytes) -> Crossing:
        """Return what looks at our posts as a partner network would get them."""
        return Crossing(self._context, network)

    def own_pact(self, network: bytes) -> Pact | None:
        """Return our side as it stands."""
        return standing_in(self._context.pen.catalog, network, self._context.clock.now())

    def speakers(self) -> Sequence[bytes]:
        """Return the keys of our hubs that speak with partner networks."""
        return self.minding.speakers()

    async def code(self) -> PartnerCode:
        """Return what another network's organisers need to propose an agreement; raises `BoardError`."""
        catalog = self._context.pen.catalog
        speakers = [await self._speaker(key) for key in self.speakers()]
        known = [one for one in speakers if one is not None]
        if not known:
            hint = "a trustee, an organiser or whoever invited a hub lets it: `hartig member renew KEY --partners`"
            raise not_allowed("speakers", "no hub of this network speaks with partner networks yet", hint)
        charter = catalog.charter
        return PartnerCode(catalog.network, charter.name if charter else "", tuple(known[:SPEAKERS_MAX]))

    async def _speaker(self, key: bytes) -> Speaker | None:
        """Return a hub's node and addresses: ours as they are now, another's as its card says."""
        context = self._context
        if key == context.pen.key.public:
            return Speaker(context.node_id, context.settings.addresses[:ADDRESSES_MAX])
        for entry in context.pen.catalog.registers.of_kind(Kind.CARD):
            stored = await context.store.read_record(entry.id) if entry.author == key else None
            facts = {} if stored is None else open_record(stored.wire, verify_signature=False).head.facts
            if facts.get("nodes"):
                return Speaker(facts["nodes"][0], tuple(facts.get("addresses", ()))[:ADDRESSES_MAX])
        return None

    # --- Changing

    async def propose(
        self, code: str, wishes: Wishes, days: float | None, *, hand: Hand = OWN, preview: bool = False
    ) -> Change:
        """Ask another network, by its code, to be our partner; nothing crosses until it agrees."""
        named = read_code(code)
        self._check_new(named.network)
        terms = changed(Terms((), retention_days=self._retention_days()), wishes)
        change = await self._say(named.network, terms, self._saying.until(days), hand=hand, preview=preview)
        if not preview:
            await self._name(named.network, named.speakers)
        return change

    async def accept(
        self, network: bytes, wishes: Wishes, days: float | None, *, hand: Hand = OWN, preview: bool = False
    ) -> Change:
        """Say yes to a network that asks, on the same terms unless others are wished for."""
        proposal = await self.proposals.get(network)
        if proposal is None:
            hint = "`hartig partner` lists who asks; `hartig partner propose CODE` asks another network"
            raise BoardError("not_found", "this network does not ask to be our partner", hint)
        self._check_new(network)
        terms = changed(_lawful(proposal), wishes)
        until_ms = proposal.expires_ms if days is None else self._saying.until(days)
        change = await self._say(network, terms, until_ms, hand=hand, preview=preview)
        if not preview:
            await self._name(network, [proposal.speaker])
            await self.proposals.answered(network)
        return change

    async def change(
        self, network: bytes, wishes: Wishes, days: float | None, *, hand: Hand = OWN, preview: bool = False
    ) -> Change:
        """Share more or less, ask for another time, or let our side last longer."""
        ours = self._standing(network)
        terms = changed(terms_of(ours), wishes)
        until_ms = self._saying.until(days, ours.expires_ms)
        return await self._say(network, terms, until_ms, hand=hand, preview=preview)

    async def leave(self, network: bytes, *, hand: Hand = OWN, preview: bool = False) -> Change:
        """End our side: what of theirs is here goes at once; what they have of ours they are asked to let go."""
        ours = self._standing(network)
        change = await self._say(network, None, ours.expires_ms, hand=hand, preview=preview)
        if not preview:
            await self._context.keep_private([PrivateRow(SPACE_SPEAKERS, network, None)])
        return change

    async def _say(self, network: bytes, terms: Terms | None, until_ms: int, *, hand: Hand, preview: bool) -> Change:
        saying, before, own = self._saying, self.own_pact(network), self._context.pen.key.public
        rows: Sequence[PrivateRow] = ()
        if hand.wire is not None:
            record = saying.read(network, hand.wire)
        elif hand.key not in (None, own):
            return await self._tried(network, terms, until_ms, hand.key, preview=preview)
        else:
            saying.check_stands(own, network)
            signed = saying.sign(network, terms, until_ms)
            record, rows = signed.record, signed.private
        # Before it is published: what changes by it is seen from what stood.
        after = await saying.publish(network, record, rows, preview=True)
        difference = await self.crossing(network).difference(before, after)
        if not preview:
            await saying.publish(network, record, rows, preview=False)
        return Change(network, None if after is None else terms_of(after), record.head.expires or 0, difference)

    async def _tried(
        self, network: bytes, terms: Terms | None, until_ms: int, key: bytes | None, *, preview: bool
    ) -> Change:
        """Say what a change would do that another key is to sign, and where its word is to stand."""
        if not preview or key is None:
            hint = "sign it with that key, and hand it in: `hartig partner … --key FILE`"
            raise BoardError("bad_request", "this hub signs with its own key alone", hint, "/signer")
        self._saying.check_stands(key, network)
        place = self._saying.place_of(key, network)
        now, is_open = self._context.clock.now(), not self._context.clock.is_trusted() and terms is not None
        _, until_ms = pact_times(now.wall_ms, until_ms, place.expires_ms_min, approx=is_open)
        after = None if terms is None else terms.as_pact(network, until_ms)
        difference = await self.crossing(network).difference(self.own_pact(network), after)
        return Change(network, terms, until_ms, difference, place)

    def _standing(self, network: bytes) -> Pact:
        ours = self.own_pact(network)
        if ours is None:
            hint = "`hartig partner` lists the partner networks"
            raise BoardError("not_found", f"there is no agreement with the network {network.hex()[:8]}", hint)
        return ours

    def _check_new(self, network: bytes) -> None:
        if network == self._context.pen.network:
            raise BoardError("bad_request", "this is our own network", "take the code of another one", "/code")
        if self.own_pact(network) is not None:
            hint = "`hartig partner change` changes what is shared"
            raise BoardError("bad_request", "our side of an agreement with this network stands already", hint)
        if len(partners_of(self._context)) >= PARTNERS_MAX:
            detail = f"there are agreements with {PARTNERS_MAX} networks already"
            raise BoardError("too_many", detail, "leave one that is not needed any more")

    def _retention_days(self) -> int:
        charter = self._context.pen.catalog.charter
        return charter.defaults.retention_days if charter else Terms.retention_days

    # --- Who speaks for them

    async def _name(self, network: bytes, speakers: Sequence[Speaker]) -> None:
        packed = msgpack.packb([[one.node, list(one.addresses)] for one in speakers])
        await self._context.keep_private([PrivateRow(SPACE_SPEAKERS, network, packed)])
        self.on_speakers(network, speakers)


def _lawful(proposal: Proposal) -> Terms:
    """Return what a network shares, as far as we may share it: codes that this version does not know are left out."""
    terms = proposal.terms
    known = [one for one in terms.categories if not _is_refused({"categories": [one]})]
    if terms.categories and not known:
        hint = "say yourself what is shared: `hartig partner accept … --categories`"
        raise BoardError("bad_request", "none of its categories is known here", hint, "/categories")
    return Terms(terms.kinds, tuple(known), terms.areas, terms.retention_days)


def _is_refused(wishes: Wishes) -> bool:
    try:
        changed(Terms(("offer",)), wishes)
    except BoardError:
        return True
    return False


__all__ = ["SHARED_STATES", "Change", "Partners", "network_of"]

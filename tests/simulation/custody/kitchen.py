"""The strike kitchen: one offer of 10,000 portions, 500 needs at five hubs within an hour, two hubs cut off for half.

In: a seed. Out: a `Kitchen` after its hour, in virtual time, on real cores and a fake wire. Hub 1 cooks and has set
portions aside for hubs 4 and 5 before they are cut off. Every need asks the lot that its hub can hear; nodes answer by
the rule `first`; people come, late or never, and some cancel what is being handed over. At the end hubs 4 and 5 give
back what is left, and hub 1 counts it.
"""

from random import Random
from typing import Any

from hartig_protocol.exchange.judging import EndReason
from hartig_protocol.exchange.steward import Asked, answers, lapsed
from hartig_protocol.limits import MINUTE_MS
from hartig_protocol.records.record import Record
from hartig_protocol.records.steps import Verb, Why
from simulation.custody.neighbours import Neighbours, Post
from support.cores import Core

PORTIONS, NEEDS, HUBS, MINUTES = 10_000, 500, 5, 60
SET_ASIDE = 2_500  # for each of the two
CUT_OFF = range(15, 45)  # minutes
HOLD_MIN = 20


class Kitchen:
    """What happens in the hour, minute by minute."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.near = Neighbours(HUBS)
        self.cook, *_, one, other = self.near.cores
        self.away = (one, other)
        self.claims: dict[bytes, Post] = {}  # the need of each claim
        self.waiting: dict[Post, list[Asked]] = {}
        self.promised_at: dict[bytes, int] = {}
        self.main = self._open(self.near.offer(self.cook), PORTIONS)
        self.lots = [self.main, *(self._set_aside(core) for core in self.away)]

    def _open(self, lot: Post, quantity: int) -> Post:
        assert self.near.say(lot, Verb.COUNT, quantity=quantity, why=Why.OPENED.value)
        self.near.wire.deliver()
        self.waiting[lot] = []
        return lot

    def _set_aside(self, core: Core) -> Post:
        allotment = self.near.say(self.main, Verb.ALLOT, hub=core.key.public, quantity=SET_ASIDE)
        assert allotment
        self.near.wire.deliver()
        assert self.near.holds(core, allotment.id)
        return self._open(self.near.offer(core, allotment=allotment.id), SET_ASIDE)

    # --- The hour

    def run(self) -> None:
        """Live through the hour, and settle what is open then."""
        for minute in range(MINUTES):
            if minute == CUT_OFF.start:
                self.near.part(self.away)
            if minute == CUT_OFF.stop:
                self.near.heal()
            for _ in range(minute * NEEDS // MINUTES, (minute + 1) * NEEDS // MINUTES):
                self._ask(self.random.choice(self.near.cores))
            self._pass(minute)
        self._settle()

    def _ask(self, core: Core) -> None:
        need, quantity = self.near.need(core), self.random.randint(5, 40)
        assert self.near.say(need, Verb.COUNT, quantity=quantity, why=Why.NEEDED.value)
        own = next((lot for lot in self.lots if lot.core is core and lot.chain.total.free), None)
        self._claim(need, own or self.main, quantity)

    def _claim(self, need: Post, lot: Post, quantity: int) -> None:
        claim = self.near.say(need, Verb.CLAIM, lot=lot.thread, quantity=quantity, asks=quantity)
        assert claim
        self.claims[claim.id] = need
        self.waiting[lot].append(Asked(claim.id, quantity, None, len(self.claims)))

    def _pass(self, minute: int) -> None:
        """A minute passes: frames arrive, nodes answer, people come."""
        self.near.wire.pass_time(MINUTE_MS)
        self.near.wire.forget_said()
        for lot in self.lots:
            self._answer(lot, minute)
            for claim, promise in sorted(lot.chain.open_promise_of.items()):
                if self.random.random() < 0.2:
                    self._come(lot, claim, promise)
            held_min = {promise: minute - self.promised_at[promise] for promise in lot.chain.open_promise_of.values()}
            self._write(lot, lapsed(lot.chain, held_min))

    def _answer(self, lot: Post, minute: int) -> None:
        known = [asked for asked in self.waiting[lot] if self.near.holds(lot.core, asked.claim)]
        for promise in self._write(lot, answers(lot.chain, "first", None, known, 0, HOLD_MIN)):
            self.promised_at[promise.id] = minute

    def _write(self, lot: Post, drafts: list[Any]) -> list[Record]:
        written = [self.near.say(lot, draft.verb, **draft.facts) for draft in drafts]
        assert all(written), "what a node writes by itself is always allowed"
        return [record for record in written if record]

    def _come(self, lot: Post, claim: bytes, promise: bytes) -> None:
        """People come: for all, or for less, or they cancel at the same time; or they take and nobody notes it."""
        need, quantity = self.claims[claim], lot.chain.promises[promise].quantity
        what = self.random.randrange(10)
        if what == 0:
            self.near.say(need, Verb.CANCEL, of=claim)
        taken = max(1, quantity - 2) if what == 1 else quantity
        assert self.near.say(lot, Verb.HANDOVER, of=promise, quantity=taken)
        if what != 2:
            how = "ok" if taken == quantity else "short"
            self.near.say(need, Verb.RECEIVE, of=claim, how=how, quantity=taken)

    def _settle(self) -> None:
        """The hour is over: what is promised is fetched, what is left of what was set aside is given back."""
        self.near.heal()
        self._pass(MINUTES)
        for lot in self.lots:
            for claim, promise in sorted(lot.chain.open_promise_of.items()):
                self._come(lot, claim, promise)
        for lot in self.lots[1:]:
            left = lot.chain.total.free
            back = self.near.say(lot, Verb.SURRENDER, quantity=left) if left else None
            self.near.wire.pass_time(MINUTE_MS)
            if back:
                why = Why.SURRENDERED.value
                assert self.near.say(self.main, Verb.COUNT, quantity=left, why=why, of=back.id)
                assert not self.near.say(self.main, Verb.COUNT, quantity=left, why=why, of=back.id)
        self.near.wire.pass_time(10 * MINUTE_MS)

    # --- What came of it

    def handed_over(self) -> int:
        return sum(lot.chain.total.handed_over for lot in self.lots)

    def left(self) -> int:
        return sum(lot.chain.total.free + lot.chain.total.promised for lot in self.lots)

    def ended(self) -> list[EndReason]:
        catalogs = [core.hub.catalog for core in self.near.cores]
        chains = [self.near.chain(catalog, post) for catalog in catalogs for post in self.near.posts]
        return [chain.ended for chain in chains if chain.ended]

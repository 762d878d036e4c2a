"""Real hubs, real records, random lives: deals on two to five cores that cannot always hear each other.

Some offers are for one date or another, each with an account of its own. At every step, of each date: nothing is
promised that is not there, and what was counted is somewhere in the tree of lots. At the end
all have heard everything: equal records give equal states on all hubs, and in any other order of arrival, too.
"""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Commit, Now
from hartig_protocol.exchange.judging import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.steward import Asked, answers, given_up, lapsed
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.records.steps import Verb, Why
from simulation.custody.neighbours import Neighbours, Post
from support.steps import state_of_chain

HOLD_MIN = 60
LOTS_MAX, NEEDS_MAX = 2, 4  # few, so that they meet
MINUTE_MS = 60_000
any_one = st.integers(0, 1_000)
some = st.integers(1, 6)
dates = st.sampled_from([None, None, 1, 2])  # a bed for one night, or for the other


def dated(date: int | None) -> dict[str, int]:
    """The fact that says for which date something is."""
    return {} if date is None else {"date": date}


class Deals(RuleBasedStateMachine):
    """What people and nodes do, in any order; numbers pick among what there is."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = False  # frames arrive when a rule says so, otherwise at once, where hubs hear each other
        self.things: dict[tuple[Post, int | None], int] = {}  # by first lot and date: what was brought, less the lost

    @initialize(count=st.integers(2, 5), quantity=st.integers(4, 12))
    def begin(self, count: int, quantity: int) -> None:
        self.near = Neighbours(count)
        self.offered(0, quantity, are_dated=False)
        self.set_aside(0, 1, 2, None)
        for at in (1, count - 1):
            self.needed(at, 6)
            self.asked(at, 0, 3, None)

    # --- Finding

    def pick(self, posts: list[Post], at: int) -> Post | None:
        return posts[at % len(posts)] if posts else None

    def lots(self) -> list[Post]:
        return [post for post in self.near.posts if isinstance(post.chain, LotChain) and not self.is_doubtful(post)]

    def needs(self) -> list[Post]:
        return [post for post in self.near.posts if post.record.head.kind == Kind.NEED]

    def is_doubtful(self, post: Post) -> bool:
        """Whether its author has seen what another copy has signed; then it never goes on with that chain."""
        return not self.near.is_ours(post.core.hub.catalog, post)

    def first_lot(self, lot: Post) -> Post:
        return lot if lot.parent is None else self.first_lot(lot.parent)

    def write(self, post: Post, verb: str, **facts: Any) -> Record | None:
        """Write unless the author knows that another has."""
        record = None if self.is_doubtful(post) else self.near.say(post, verb, **facts)
        if not self.is_slow:
            self.near.wire.deliver()
        return record

    # --- People

    @rule(at=any_one, quantity=some, are_dated=st.booleans())
    def offered(self, at: int, quantity: int, are_dated: bool) -> None:
        if len({lot for lot, _ in self.things}) == LOTS_MAX:
            return
        lot = self.near.offer(self.near.cores[at % len(self.near.cores)])
        facts = {"dates": [1, 2]} if are_dated else {}
        assert self.write(lot, Verb.COUNT, quantity=quantity, why=Why.OPENED.value, **facts)
        self.things.update({(lot, date): quantity for date in lot.chain.accounts})

    @rule(at=any_one, quantity=some)
    def needed(self, at: int, quantity: int) -> None:
        if len(self.needs()) == NEEDS_MAX:
            return
        need = self.near.need(self.near.cores[at % len(self.near.cores)])
        assert self.write(need, Verb.COUNT, quantity=quantity, why=Why.NEEDED.value)

    @rule(at=any_one, quantity=st.integers(-4, 4).filter(bool), date=dates)
    def counted(self, at: int, quantity: int, date: int | None) -> None:
        lot = self.pick(self.lots(), at)
        why = Why.FOUND if quantity > 0 else Why.LOST
        if lot and self.write(lot, Verb.COUNT, quantity=quantity, why=why.value, **dated(date)):
            self.things[self.first_lot(lot), date] += quantity

    @rule(need=any_one, lot=any_one, quantity=some, date=dates)
    def asked(self, need: int, lot: int, quantity: int, date: int | None) -> None:
        one, other = self.pick(self.needs(), need), self.pick(self.lots(), lot)
        if one and other and self.near.holds(one.core, other.record.id):
            facts = {} if date is None else {"lot_date": date}
            self.write(one, Verb.CLAIM, lot=other.thread, quantity=quantity, asks=quantity, **facts)

    @rule(at=any_one, which=any_one, verb=st.sampled_from(["cancel", "ok", "short", "give_back"]))
    def settled_a_claim(self, at: int, which: int, verb: str) -> None:
        need = self.pick(self.needs(), at)
        claims = list(need.chain.claims.values()) if need else []
        if need and claims:
            claim = claims[which % len(claims)]
            if verb in ("ok", "short"):
                quantity = claim.quantity if verb == "ok" else claim.quantity // 2
                self.write(need, Verb.RECEIVE, of=claim.id, how=verb, quantity=quantity)
            elif verb == "cancel":
                self.write(need, Verb.CANCEL, of=claim.id)
            else:
                self.write(need, Verb.GIVE_BACK, of=claim.id, quantity=1)

    @rule(at=any_one, which=any_one, quantity=some, date=dates)
    def handed_over(self, at: int, which: int, quantity: int, date: int | None) -> None:
        lot = self.pick(self.lots(), at)
        promises = sorted(lot.chain.open_promise_of.values()) if lot else []
        if lot and promises and which % 3:
            self.write(lot, Verb.HANDOVER, of=promises[which % len(promises)], quantity=quantity)
        elif lot:
            self.write(lot, Verb.HANDOVER, quantity=quantity, **dated(date))

    @rule(at=any_one, which=any_one, quantity=some)
    def promised(self, at: int, which: int, quantity: int) -> None:
        lot = self.pick(self.lots(), at)
        claims = self.claims_on(lot) if lot else []
        if lot and claims:
            claim = claims[which % len(claims)]
            self.write(lot, Verb.PROMISE, claim=claim.id, quantity=quantity, hold=HOLD_MIN, **dated(claim.lot_date))

    # --- What nodes write by themselves

    @rule(which=st.sampled_from(["first", "fair"]))
    def answered(self, which: str) -> None:
        for lot in self.lots():
            claims = enumerate(self.claims_on(lot))
            waiting = [Asked(claim.id, claim.asks, claim.lot_date, number) for number, claim in claims]
            for draft in answers(lot.chain, which, 0, waiting, 1, HOLD_MIN):
                assert self.write(lot, draft.verb, **draft.facts) or self.is_doubtful(lot)

    def claims_on(self, lot: Post) -> list[Any]:
        claims = [claim for need in self.needs() for claim in need.chain.claims.values() if claim.lot == lot.thread]
        return [claim for claim in claims if self.near.holds(lot.core, claim.id)]

    @rule(at=any_one, which=any_one)
    def lapsed(self, at: int, which: int) -> None:
        lot = self.pick(self.lots(), at)
        promises = sorted(lot.chain.open_promise_of.values()) if lot else []
        if lot and promises:
            for draft in lapsed(lot.chain, {promises[which % len(promises)]: HOLD_MIN}):
                assert self.write(lot, draft.verb, **draft.facts) or self.is_doubtful(lot)

    @rule(at=any_one)
    def given_up(self, at: int) -> None:
        need = self.pick(self.needs(), at)
        if need and not self.is_doubtful(need):
            catalog = need.core.hub.catalog
            seen = {
                lot.thread: self.near.chain(catalog, lot) for lot in self.near.posts if lot.thread in catalog.chains
            }
            for draft in given_up(need.chain, {}, HOLD_MIN, seen):  # type: ignore[arg-type]
                assert self.write(need, draft.verb, **draft.facts) or self.is_doubtful(need)

    # --- Lots and their children

    @rule(at=any_one, hub=any_one, quantity=some, date=dates)
    def set_aside(self, at: int, hub: int, quantity: int, date: int | None) -> None:
        lot, core = self.pick(self.lots(), at), self.near.cores[hub % len(self.near.cores)]
        if lot and core is not lot.core:
            self.write(lot, Verb.ALLOT, hub=core.key.public, quantity=quantity, **dated(date))

    @rule()
    def accepted(self) -> None:
        for lot in self.lots():
            taken = {child.record.head.subject for child in lot.children}
            for allotment in lot.chain.allotments.values():
                core = next(core for core in self.near.cores if core.key.public == allotment.hub)
                if allotment.id not in taken and self.near.holds(core, allotment.id):
                    child = self.near.offer(core, allotment=allotment.id)
                    child.parent = lot
                    lot.children.append(child)
                    facts = {"quantity": allotment.quantity, "why": Why.OPENED.value, **dated(allotment.date)}
                    assert self.write(child, Verb.COUNT, **facts)

    @rule(at=any_one, quantity=some)
    def surrendered(self, at: int, quantity: int) -> None:
        lot = self.pick([lot for lot in self.lots() if lot.parent], at)
        if lot:
            (date,) = lot.chain.accounts
            self.write(lot, Verb.SURRENDER, quantity=quantity, **dated(date))

    @rule()
    def counted_back(self) -> None:
        for lot in self.lots():
            for child in lot.children:
                for back in child.chain.surrenders.values():
                    if self.near.holds(lot.core, back.id):
                        facts = {"quantity": back.quantity, "why": Why.SURRENDERED.value, **dated(back.date)}
                        self.write(lot, Verb.COUNT, of=back.id, **facts)

    # --- Trouble

    @rule(at=any_one, what=st.sampled_from(["part", "heal", "heal", "restart", "slow", "quick"]))
    def trouble(self, at: int, what: str) -> None:
        core = self.near.cores[at % len(self.near.cores)]
        if what == "heal":
            self.near.heal()
        elif what in ("slow", "quick"):
            self.is_slow = what == "slow"
        else:
            self.near.part([core])
            if what == "restart":
                self.near.wire.restart(core)

    @rule(count=st.integers(1, 30))
    def delivered(self, count: int) -> None:
        self.near.wire.deliver(count)

    @rule(at=any_one, hub=any_one, seq=any_one)
    def copied(self, at: int, hub: int, seq: int) -> None:
        """A copy of the folder signs beside it, and another hub hears it first."""
        post, core = self.pick([one for one in self.near.posts if one.last], at), None
        if post and at % 5 == 0:
            core = self.near.cores[hub % len(self.near.cores)]
        if post is None or core is None or core is post.core:
            return
        steps = core.hub.catalog.chains.get(post.thread)
        if steps is None or steps.fork or not steps.steps:
            return
        before = self.near.records[steps.steps[seq % len(steps.steps)]]
        rival = self.near.signed(post, before, Verb.CLOSE)
        self.near.records[rival.id] = rival
        self.near.wire.publish(core, rival)

    # --- What must be true

    @invariant()
    def nothing_is_promised_twice_and_all_is_somewhere(self) -> None:
        for (first, date), brought in self.things.items():
            tree = self.tree(first)
            assert not any(lot.chain.broken for lot in tree)
            accounts = [lot.chain.accounts[date] for lot in tree if date in lot.chain.accounts]
            here = sum(account.free + account.promised + account.handed_over for account in accounts)
            assert here + sum(self.under_way(lot, date) for lot in tree) == brought
            assert sum(account.promised + account.handed_over for account in accounts) <= brought
            assert all(account.free >= 0 for account in accounts)

    def tree(self, lot: Post) -> list[Post]:
        return [lot, *(one for child in lot.children for one in self.tree(child))]

    def under_way(self, lot: Post, date: int | None) -> int:
        """What was set aside and not accepted yet, or surrendered and not counted yet."""
        chain = lot.chain
        asides = [one for one in chain.allotments.values() if one.date == date]
        taken = {child.record.head.subject for child in lot.children}
        backs = [one for child in lot.children for one in child.chain.surrenders.values() if one.date == date]
        waiting = sum(one.quantity for one in asides if one.id not in taken)
        return waiting + sum(one.quantity for one in backs if one.id not in chain.counted_back)

    def teardown(self) -> None:
        if hasattr(self, "near"):
            self.all_are_equal()

    def all_are_equal(self) -> None:
        self.near.heal()
        self.near.wire.pass_time(20 * MINUTE_MS)
        first, *others = [core.hub.catalog for core in self.near.cores]
        assert all(set(other.entries) == set(first.entries) for other in others)
        catalogs = [*others, self.in_another_order(first)]
        for post in self.near.posts:
            expected = self.near.chain(first, post)
            if self.near.is_ours(first, post):
                assert state_of_chain(expected) == state_of_chain(post.chain)
            assert expected.ended in (None, EndReason.FORKED)
            for catalog in catalogs:
                other = self.near.chain(catalog, post)
                assert (state_of_chain(other), other.broken) == (state_of_chain(expected), expected.broken)

    def in_another_order(self, catalog: Catalog) -> Catalog:
        """A catalog that is handed the same records in another order, each until it is taken."""
        known = {record.id: record for record in (*self.near.records.values(), *self.founding())}
        todo = [known[one] for one in sorted(catalog.entries)]
        random.Random(len(todo)).shuffle(todo)
        fresh, now = Catalog(catalog.network), Now(self.near.wire.now.wall_ms, 0)
        while todo:
            fresh.take(todo, now, Commit())
            left = [record for record in todo if record.id not in fresh.entries]
            assert len(left) < len(todo), "in another order some are refused"
            todo = left
        return fresh

    def founding(self) -> list[Record]:
        return [record for core in self.near.cores for record in self.near.wire.proofs(core.number)]


pytestmark = pytest.mark.timeout(3_600)  # a deep run has 2,000 lives, of half a second each on a quiet core
TestDeals = Deals.TestCase
TestDeals.settings = settings(
    settings.get_profile(settings.get_current_profile_name()),
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

"""What crosses between networks, and what does not: hubs of several networks on one wire."""

from typing import Any

import pytest

from hartig_protocol.events import CloseLink, Commit, Inside, PactProposed, PartnerNamed, ReadRecords
from hartig_protocol.limits import DAY_MS, HOUR_MS, MINUTE_MS
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Kind, Record
from support.federated import Federated, Towns, pact_of
from support.records import NOW_MS, head


@pytest.fixture
def towns() -> Towns:
    return Towns("a", "b", "c")


def joined(towns: Towns, name: str, *numbers: int) -> list[Federated]:
    """Hubs of one network, each linked with each; all may speak for it."""
    hubs = [towns.hub(name, number) for number in numbers]
    for at, hub in enumerate(hubs):
        for other in hubs[:at]:
            towns.wire.connect(hub, other)
    towns.wire.deliver()
    towns.wire.pass_time(2_000)
    return hubs


def test_what_is_meant_for_partners_crosses_and_nothing_else(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    early = a.network.offer(a.key, place=1, audience="partners")
    towns.wire.publish(a, early)
    towns.agree(a, b)
    towns.wire.connect(a, b)
    towns.wire.deliver()
    at_home = a.network.offer(a.key, place=2)
    private = a.network.offer(a.key, place=2, audience="hub")
    need = a.network.need(a.key, place=3, audience="partners")
    child = a.network.need(a.key, place=4, audience=b.network.id)
    meant = a.network.post(a.key, Kind.OFFER, place=5, audience=b.network.id)
    other = a.network.offer(a.key, place=6, audience=towns.networks["c"].id)
    unknown = a.network.unknown(a.key, place=7, audience="partners")
    for record in (at_home, private, need, child, meant, other, unknown):
        assert towns.wire.publish(a, record) == (None,)
    towns.wire.pass_time(5_000)
    held = towns.held(b, "a")
    assert {early.id, child.id, meant.id} <= held
    assert held.isdisjoint({at_home.id, private.id, need.id, other.id, unknown.id})
    assert towns.partner(b, "a").name == "Maple Street"


def flag(hub: Federated, about: Record, place: int, audience: str | bytes, **more: Any) -> Record:
    """A flag of a post, by a hub in one of its places."""
    said = {"subject": about.head.thread, "facts": {"what": "flag", "why": "unsafe"}, "expires": NOW_MS + DAY_MS} | more
    made = head(hub.network.id, Kind.MARK, hub.key.public, place=place, audience=audience, **said)
    return sign_record(made, None, [hub.key])


def test_flags_for_partners_cross_while_it_is_agreed_and_go_when_taken_back(towns: Towns) -> None:
    a, b, c = towns.hub("a", 1), towns.hub("b", 1), towns.hub("c", 1)
    towns.agree(a, b)
    towns.agree(b, c, place=997)
    towns.wire.connect(a, b)
    towns.wire.connect(b, c)
    towns.wire.pass_time(2_000)
    ours = a.network.offer(a.key, place=1, audience="partners")
    theirs = b.network.offer(b.key, place=1, audience="partners")
    said = [
        flag(a, ours, 2, "partners"),
        flag(a, theirs, 3, b.network.id),
        flag(a, ours, 4, "network"),
        flag(a, ours, 5, c.network.id),
    ]
    for core, record in ((a, ours), (b, theirs), *((a, one) for one in said)):
        assert towns.wire.publish(core, record) == (None,)
    towns.wire.pass_time(5_000)
    assert {said[0].id, said[1].id} <= towns.held(b, "a")
    assert towns.held(b, "a").isdisjoint({said[2].id, said[3].id})
    assert not {one.id for one in said} & towns.held(c, "b")
    back = flag(a, theirs, 3, b.network.id, seq=2, stamp=NOW_MS + 1, facts={"what": "flag", "ends": True})
    assert towns.wire.publish(a, back) == (None,)
    towns.wire.pass_time(5_000)
    assert said[1].id not in towns.held(b, "a")
    assert back.id in towns.held(b, "a")


def test_records_spread_inside_by_every_hub_and_never_on_to_a_third_network(towns: Towns) -> None:
    a1, a2 = joined(towns, "a", 1, 2)
    b1, b2, b3 = joined(towns, "b", 1, 2, 3)
    (c1,) = joined(towns, "c", 1)
    towns.agree(a1, b1)
    towns.agree(b1, c1, place=997)
    towns.wire.connect(a1, b1)
    towns.wire.connect(b1, c1)
    towns.wire.pass_time(5_000)
    offer = a2.network.offer(a2.key, place=1, audience="partners")
    towns.wire.publish(a2, offer)
    towns.wire.pass_time(5_000)
    for hub in (b1, b2, b3):
        assert offer.id in towns.held(hub, "a")
    assert a1.network.id not in c1.federation.partners
    assert all(one.head.network != a1.network.id for one in _all_records(c1))
    pact = next(one for one in b1.hub.catalog.governance.values() if one.head.subject == a1.network.id)
    assert pact.id not in towns.held(c1, "b")  # with whom else they have agreed is not said


def _all_records(core: Federated) -> list[object]:
    catalogs = [core.hub.catalog, *(one.theirs.catalog for one in core.federation.partners.values() if one.theirs)]
    return [record for catalog in catalogs for record in catalog.governance.values()]


def test_by_categories_and_areas_whole_threads_are_selected(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.agree(a, b, categories=["food"], areas=["dr5"])
    towns.wire.connect(a, b)
    towns.wire.deliver()
    bread = a.network.offer(a.key, place=1, audience="partners", category="food.bread")
    tools = a.network.offer(a.key, place=2, audience="partners", category="tools")
    far = a.network.offer(a.key, place=3, audience="partners", area="u33db")
    towns.wire.publish(a, bread, tools, far)
    later = a.network.revise(a.key, bread)
    towns.wire.publish(a, later)
    towns.wire.pass_time(5_000)
    assert towns.held(b, "a") & {bread.id, later.id, tools.id, far.id} == {later.id}


def test_widened_older_records_follow_and_narrowed_they_go(towns: Towns) -> None:
    a, b1 = towns.hub("a", 1), towns.hub("b", 1)
    b2 = towns.hub("b", 2)
    towns.wire.connect(b1, b2)
    towns.agree(a, b1, categories=["food"])
    towns.wire.connect(a, b1)
    bread = a.network.offer(a.key, place=1, audience="partners", category="food.bread")
    tools = a.network.offer(a.key, place=2, audience="partners", category="tools")
    towns.wire.publish(a, bread, tools)
    towns.wire.pass_time(5_000)
    assert towns.held(b2, "a") & {bread.id, tools.id} == {bread.id}
    wider = pact_of(a.network, b1.network.id, a.key, seq=2, stamp=NOW_MS + HOUR_MS)
    assert towns.wire.publish(a, wider) == (None,)
    towns.wire.pass_time(MINUTE_MS)
    for hub in (b1, b2):
        assert towns.held(hub, "a") & {bread.id, tools.id} == {bread.id, tools.id}
    narrower = pact_of(a.network, b1.network.id, a.key, seq=3, stamp=NOW_MS + HOUR_MS + 1, categories=["tools"])
    assert towns.wire.publish(a, narrower) == (None,)
    towns.wire.pass_time(MINUTE_MS)
    for hub in (b1, b2):
        assert towns.held(hub, "a") & {bread.id, tools.id} == {tools.id}


def test_an_agreement_that_has_expired_lets_nothing_cross_and_what_had_crossed_goes(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.wire.publish(a, pact_of(a.network, b.network.id, a.key, expires=NOW_MS + 3 * HOUR_MS))
    towns.wire.publish(b, pact_of(b.network, a.network.id, b.key))
    for core, other in ((a, b), (b, a)):
        towns.wire.handle(core, PartnerNamed(other.network.id, (other.node,)))
    towns.wire.connect(a, b)
    offer = a.network.offer(a.key, place=1, audience="partners")
    towns.wire.publish(a, offer)
    towns.wire.pass_time(5_000)
    assert offer.id in towns.held(b, "a")
    towns.wire.pass_time(3 * HOUR_MS)
    assert offer.id not in towns.held(b, "a")
    assert a.network.id in b.federation.partners  # our side stands
    assert b.network.id not in a.federation.partners
    assert b.network.id not in a.disks


def test_leaving_drops_what_is_held_at_once(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.agree(a, b)
    towns.wire.connect(a, b)
    towns.wire.publish(a, a.network.offer(a.key, place=1, audience="partners"))
    towns.wire.pass_time(5_000)
    end = pact_of(b.network, a.network.id, b.key, seq=2, ends=True)
    assert towns.wire.publish(b, end) == (None,)
    assert b.disks == {}
    assert b.federation.partners == {}
    towns.wire.deliver()
    assert [action.code for action in towns.wire.told_of(b, CloseLink)] == ["no_agreement"]


def test_a_network_that_is_no_partner_yet_proposes_and_learns_nothing(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.wire.publish(a, pact_of(a.network, b.network.id, a.key))
    towns.wire.handle(a, PartnerNamed(b.network.id, (b.node,)))
    towns.wire.publish(b, b.network.offer(b.key, place=1, audience="partners"))
    towns.wire.connect(a, b)
    towns.wire.deliver()
    (proposed,) = towns.wire.told_of(b, PactProposed)
    assert proposed.network == a.network.id
    assert all(kind in (Kind.CHARTER, Kind.GRANT, Kind.CARD) for kind in _kinds_held(towns, a, "b"))
    assert [action.code for action in towns.wire.told_of(b, CloseLink)] == ["no_agreement"]


def _kinds_held(towns: Towns, core: Federated, name: str) -> set[int]:
    theirs = towns.partner(core, name).theirs
    assert theirs is not None
    return {entry.kind for entry in theirs.catalog.entries.values()}


def test_a_hub_that_may_not_speak_for_its_network_is_turned_away(towns: Towns) -> None:
    a, b = towns.hub("a", 1, speaks=False), towns.hub("b", 1)
    towns.agree(a, b)
    link = towns.wire.connect(b, a)
    towns.wire.deliver()
    assert [action.code for action in towns.wire.told_of(a, CloseLink)] == ["not_a_gateway"]
    assert link not in a.federation._links


def test_when_one_hub_that_speaks_is_gone_another_goes_on(towns: Towns) -> None:
    a1, a2 = joined(towns, "a", 1, 2)
    b1, b2 = joined(towns, "b", 1, 2)
    towns.agree(a1, b1)
    first = towns.wire.connect(a1, b1)
    towns.wire.pass_time(5_000)
    for core, other in ((a2, b2), (b2, a2)):
        towns.wire.handle(core, PartnerNamed(other.network.id, (other.node,)))
    towns.wire.connect(a2, b2)
    towns.wire.pass_time(5_000)
    towns.wire.cut(first)
    offer = a1.network.offer(a1.key, place=1, audience="partners")
    towns.wire.publish(a1, offer)
    towns.wire.pass_time(5_000)
    assert offer.id in towns.held(b1, "a")


def test_after_a_restart_all_goes_on(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.agree(a, b)
    towns.wire.connect(a, b)
    offer = a.network.offer(a.key, place=1, audience="partners")
    towns.wire.publish(a, offer)
    towns.wire.pass_time(5_000)
    towns.wire.restart(b)
    towns.wire.deliver()
    assert offer.id in towns.held(b, "a")
    towns.wire.restart(a)
    towns.wire.deliver()
    towns.wire.handle(a, PartnerNamed(b.network.id, (b.node,)))
    towns.wire.connect(a, b)
    more = a.network.offer(a.key, place=2, audience="partners")
    towns.wire.publish(a, more)
    towns.wire.pass_time(5_000)
    assert {offer.id, more.id} <= towns.held(b, "a")
    ended = a.network.revise(a.key, offer, ends=True)
    towns.wire.publish(a, ended)
    towns.wire.pass_time(5_000)
    assert {ended.id, more.id} <= towns.held(b, "a")
    assert offer.id not in towns.held(b, "a")


def test_chains_are_served_whole_also_when_their_post_was_written_anew(towns: Towns) -> None:
    """A register that is revised comes after its steps in the order of arrival."""
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    offers = [a.network.offer(a.key, place=place, audience="partners") for place in range(5)]
    steps = [a.network.step(a.key, offer, kind=Kind.STEP, facts={"verb": "close"}) for offer in offers]
    towns.wire.publish(a, *offers, *steps)
    towns.wire.publish(a, *(a.network.revise(a.key, offer) for offer in offers))
    towns.agree(a, b)
    towns.wire.connect(a, b)
    towns.wire.pass_time(5_000)
    assert {step.id for step in steps} <= towns.held(b, "a")


def test_what_is_published_while_a_partner_begins_to_be_served_crosses_too(towns: Towns) -> None:
    """It may rest on what is still being read."""
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    offer = a.network.offer(a.key, place=1, audience="partners")
    towns.wire.publish(a, offer)
    towns.agree(a, b)
    towns.wire.reads_held = True
    towns.wire.connect(a, b)
    towns.wire.deliver()
    assert not towns.partner(a, "b").serves
    step = a.network.step(a.key, offer, kind=Kind.STEP, facts={"verb": "close"})
    proof = a.network.grant(a.network.hub(7).public, place=7)
    towns.wire.publish(a, step, proof)
    towns.wire.reads_held = False
    for core in (a, b):
        for held in [one for one in towns.wire.told[core] if isinstance(one, (ReadRecords, Inside))]:
            answer = core.answer(held) if not isinstance(getattr(held, "action", None), Commit) else None
            if answer is not None:
                towns.wire.queue.append((core, answer))
    towns.wire.pass_time(5_000)
    assert {offer.id, step.id, proof.id} <= towns.held(b, "a")

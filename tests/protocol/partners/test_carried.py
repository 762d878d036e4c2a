"""Records of a partner network out of a bundle, at hubs that have no link with it."""

from hartig_protocol.events import BundleEnded, CarriedAnswered, Inside, RecordsCarried, Within
from hartig_protocol.records.record import Record
from hartig_protocol.sync.bundle import new_header
from hartig_protocol.sync.framing import unpack
from hartig_protocol.sync.messages import Enclosed, Records
from support.federated import Federated, Towns


def carry(towns: Towns, core: Federated, writer: Federated, records: list[Record]) -> list[str | None]:
    """Hand records to what a hub keeps of the writer's network; return why each was refused."""
    said = RecordsCarried(1, tuple(one.wire for one in records), writer.key.public)
    towns.wire.handle(core, Within(writer.network.id, said))
    told = [one.action for one in towns.wire.told_of(core, Inside) if isinstance(one.action, CarriedAnswered)]
    return [one and one.code for one in told[-1].refusals]


def test_what_a_hub_that_may_not_speak_has_read_spreads_inside_its_network() -> None:
    towns = Towns("a", "b")
    a, b, plain = towns.hub("a", 1), towns.hub("b", 1), towns.hub("b", 2, speaks=False)
    towns.agree(a, b)
    towns.wire.connect(b, plain)
    towns.wire.pass_time(2_000)
    towns.wire.publish(a, offer := a.network.offer(a.key, place=1, audience="partners"))
    home = a.network.offer(a.key, place=2)
    proofs = [*a.hub.catalog.governance.values(), a.network.card(a.key)]
    assert carry(towns, plain, a, [offer]) == ["not_shared"]
    assert carry(towns, plain, a, proofs) == [None] * len(proofs)
    assert carry(towns, plain, a, [offer, home]) == [None, "not_shared"]
    towns.wire.pass_time(5_000)
    assert offer.id in towns.held(b, "a")
    ours = towns.partner(b, "a").ours
    assert ours is not None
    assert offer.id not in ours.hub.catalog.entries


def test_how_far_a_bundle_reaches_is_said_of_what_the_partner_is_served() -> None:
    towns = Towns("a", "b")
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.agree(a, b)
    link = towns.wire.connect(a, b)
    towns.wire.pass_time(2_000)
    towns.wire.cut(link)
    towns.wire.publish(a, offer := a.network.offer(a.key, place=1, audience="partners"), a.network.need(a.key, place=2))
    serving = towns.partner(a, "b").ours
    assert serving is not None
    header = new_header(serving.hub.state, towns.wire.now, b.network.id)
    assert (header.network, header.reader) == (a.network.id, b.network.id)
    assert header.n == serving.hub.catalog.last_n < a.hub.catalog.last_n
    assert carry(towns, b, a, [offer]) == [None]
    end = BundleEnded(2, a.key.public, header.epoch, header.n, header.check)
    towns.wire.handle(b, Within(a.network.id, end))
    towns.wire.forget_said()
    towns.wire.connect(a, b)
    towns.wire.pass_time(2_000)
    assert offer.id in towns.held(b, "a")
    frames = [unpack(one.frame) for one in towns.wire.said(a, Enclosed) if one.frame]
    assert not any(one.records for one in frames if isinstance(one, Records)), "nothing is sent again"
    theirs = towns.partner(b, "a").theirs
    assert theirs is not None
    assert theirs.state.cursors.ours(a.key.public) == (header.epoch, header.n, header.check)

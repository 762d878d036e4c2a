"""What may go wrong between networks: silence, strangers, old and odd frames, two links, links that come and go."""

from dataclasses import replace
from typing import Any

import pytest

from hartig_protocol.events import (
    CloseLink,
    Commit,
    FrameReceived,
    FramesReceived,
    LinkClosed,
    LinksWanted,
    PactProposed,
    PartitionOpened,
    PartnerNamed,
    ReadArrivals,
    RecordsRead,
    SendFrame,
    Within,
    WorkContinued,
)
from hartig_protocol.limits import (
    ABROAD_GREETINGS_PER_MINUTE,
    ABROAD_LINKS_EACH,
    ENCLOSED_PER_MINUTE_MAX,
    ENCLOSED_RETRY_MS,
    HELLO_TIMEOUT_MS,
    MINUTE_MS,
    RECORDS_PER_FRAME,
    SILENCE_MS_MAX,
)
from hartig_protocol.partners.abroad import greeting_for
from hartig_protocol.partners.enclosing import ready
from hartig_protocol.partners.federation import NODES_KNOWN_MAX
from hartig_protocol.records.record import Wire as WireForm
from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.messages import Abroad, Bye, Enclosed, Hello, Ping, Pong, Records
from support.federated import Federated, Towns, pact_of
from support.records import NOW_MS, key, seeded
from support.wire import Puppet


@pytest.fixture
def towns() -> Towns:
    return Towns("a", "b", "c")


@pytest.fixture
def pair(towns: Towns) -> tuple[Federated, Federated, int]:
    """Two hubs of two networks that have agreed, and their link."""
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.agree(a, b)
    link = towns.wire.connect(a, b)
    towns.wire.pass_time(2_000)
    return a, b, link


class Foreigner(Puppet):
    """The far end of a link, which says what a test wants; it may claim to be any hub of network b."""

    def __init__(self, towns: Towns, core: Federated, number: int = 1, *, dials: bool = True) -> None:
        self.number, self.network = number, towns.networks["b"]
        node = key(f"node of {self.network.hub(number).public.hex()}").public
        super().__init__(towns.wire, number, core, dials=dials, node=node)
        self.hub_key = self.network.hub(number)

    def abroad(self, pact: WireForm | None = None, **changes: Any) -> Abroad:
        grant = self.network.grant(self.hub_key.public, place=self.number, rank="organiser", gateway=True)
        proofs = [self.network.charter, grant, self.network.card(self.hub_key)]
        said = Abroad(
            1, 1, self.network.id, self.core.network.id, self.node, self.core.node, self.hub_key.public,
            tuple(one.wire for one in proofs), pact,
        )  # fmt: skip
        return replace(said, **changes)

    def agreeing(self) -> Abroad:
        return self.abroad(pact_of(self.network, self.core.network.id, self.hub_key).wire)

    @property
    def why(self) -> str | None:
        """The code with which the link was ended, by whomever."""
        codes = [one.code for one in self.wire.told_of(self.core, CloseLink) if one.link == self.link]
        return codes[-1] if codes else None


@pytest.fixture
def at_a(towns: Towns) -> Federated:
    """A hub of network a which has agreed to share with b."""
    a = towns.hub("a", 1)
    towns.wire.publish(a, pact_of(a.network, towns.networks["b"].id, a.key))
    towns.wire.deliver()
    return a


# --- Greetings


def test_a_greeting_opens_two_sessions_and_says_which(towns: Towns, at_a: Federated) -> None:
    b = Foreigner(towns, at_a)
    b.say(b.agreeing())
    kinds = [type(one) for one in b.heard]
    assert kinds[0] is Abroad
    assert {one.network for one in b.heard if isinstance(one, Enclosed) and not one.frame} == {
        at_a.network.id,
        b.network.id,
    }
    for text in (at_a.federation, at_a.federation._cores, at_a.federation._agreements, at_a.federation._strangers):
        assert repr(text).startswith("<")
    assert repr(towns.partner(at_a, "b").ours).startswith("<Serving")
    assert repr(at_a.federation._cores._enclosures) == "<Enclosures of 0 sessions>"


def test_who_says_nothing_or_stops_saying_anything_is_let_go(towns: Towns, at_a: Federated) -> None:
    silent = Foreigner(towns, at_a, 2)
    silent.say(silent.agreeing())
    towns.wire.pass_time(HELLO_TIMEOUT_MS + 1_000)
    assert silent.why is None
    towns.wire.pass_time(SILENCE_MS_MAX)
    assert silent.why == "silent"


def test_a_gateway_that_was_dialled_and_does_not_answer_is_let_go(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.agree(a, b)
    quiet = Foreigner(towns, a, 1, dials=False)
    towns.wire.pass_time(HELLO_TIMEOUT_MS + 1_000)
    assert quiet.why == "no_greeting"
    quiet = Foreigner(towns, a, 1, dials=False)
    quiet.say(quiet.abroad(network=towns.networks["c"].id))
    assert quiet.why == "bad_message"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Ping(1), "bad_message"),
        (b"\x9a\x17" + bytes(3), "not_msgpack"),
        (b"\x94\x16" + bytes(3), "bad_message"),
        (Bye("tired", "enough"), "tired"),
    ],
)
def test_what_does_not_belong_on_such_a_link_ends_it(towns: Towns, at_a: Federated, said: Any, code: str) -> None:
    b = Foreigner(towns, at_a)
    b.say(b.agreeing())
    b.say(said)
    assert b.why == code
    assert b.link not in at_a.federation._links


def test_a_side_that_is_none_is_no_agreement(towns: Towns, at_a: Federated) -> None:
    spoiled = (b"\x90", bytes(64), None)
    other = pact_of(towns.networks["b"], towns.networks["c"].id, towns.networks["b"].hub(1)).wire
    for pact in (spoiled, other, towns.networks["b"].charter.wire):
        b = Foreigner(towns, at_a)
        b.say(b.abroad(pact))
        assert b.why == "no_agreement"


def test_strangers_are_looked_at_only_so_often_and_never_as_if_they_belonged(towns: Towns) -> None:
    a = towns.hub("a", 1)
    plain = towns.networks["b"].grant(towns.networks["b"].hub(1).public, place=1)
    b = Foreigner(towns, a)
    b.say(b.abroad(records=()))
    assert b.why == "not_a_member"
    b = Foreigner(towns, a)
    b.say(b.abroad(records=(b.network.charter.wire, plain.wire, b.network.card(b.hub_key).wire)))
    assert b.why == "not_a_gateway"
    for _ in range(ABROAD_GREETINGS_PER_MINUTE):
        b = Foreigner(towns, a)
        b.say(b.agreeing())
    assert b.why == "too_often"
    assert len(towns.wire.told_of(a, PactProposed)) == ABROAD_GREETINGS_PER_MINUTE - 2
    towns.wire.pass_time(MINUTE_MS)
    b = Foreigner(towns, a)
    b.say(b.agreeing())
    assert b.why == "no_agreement"
    assert a.federation.partners == {}


def test_a_store_that_is_not_open_yet_is_no_reason_to_forget_the_other(towns: Towns) -> None:
    a = towns.hub("a", 1)
    towns.wire.reads_held = True
    towns.wire.publish(a, pact_of(a.network, towns.networks["b"].id, a.key))
    b = Foreigner(towns, a)
    b.say(b.agreeing())
    assert b.why == "not_ready"
    assert towns.partner(a, "b").name == ""
    assert list(a.federation._cores.items()) == []


def test_of_two_links_between_two_hubs_one_stays(towns: Towns, pair: tuple[Federated, Federated, int]) -> None:
    a, b, first = pair
    second = towns.wire.connect(a, b)
    towns.wire.deliver()
    assert set(a.federation._links) == set(b.federation._links) == {second}
    third = towns.wire.connect(b, a)
    towns.wire.deliver()
    stays = second if (a.node < b.node) else third
    assert set(a.federation._links) == {stays}
    assert first not in b.federation._links


def test_only_so_many_links_lead_abroad(towns: Towns, at_a: Federated) -> None:
    for number in range(1, ABROAD_LINKS_EACH + 2):
        b = Foreigner(towns, at_a, number)
        b.say(b.agreeing())
        assert b.why == (None if number <= ABROAD_LINKS_EACH else "full")


# --- Sessions on a link


def test_frames_of_a_session_that_is_over_are_passed_over(towns: Towns, pair: tuple[Federated, Federated, int]) -> None:
    a, b, link = pair
    said = pack(Enclosed(b.network.id, 999, pack(Ping(1))))
    for core in (a, b):
        towns.wire.handle(core, FrameReceived(link, said))
        towns.wire.handle(core, FramesReceived(link, (said, ready(b.network.id))))
    towns.wire.deliver()
    assert link in a.federation._links
    assert towns.partner(a, "b").is_in_force


def test_a_third_network_cannot_be_asked_for_on_a_link_between_two(
    towns: Towns, pair: tuple[Federated, Federated, int]
) -> None:
    """Else who has an agreement with one could read what another shares with it."""
    a, b, link = pair
    c = towns.hub("c", 1)
    towns.agree(b, c, place=997)
    towns.wire.connect(b, c)
    towns.wire.publish(c, c.network.offer(c.key, place=1, audience="partners"))
    towns.wire.pass_time(3_000)
    hello = pack(Hello(1, 1, c.network.id, a.node, b.node, bytes(16), a.key.public, (), bytes(16), None, None, 0, True,
                       0, True, False))  # fmt: skip
    towns.wire.forget_said()
    towns.wire.handle(b, FrameReceived(link, pack(Enclosed(c.network.id, 10**6, hello))))
    towns.wire.deliver()
    assert link not in b.federation._links
    assert all(c.network.id not in frame for core, to, frame in towns.wire.sent if core is b and to == link)


def test_a_peer_may_have_only_so_many_sessions_begun(towns: Towns, at_a: Federated) -> None:
    """Each costs a look at all that is held."""
    b = Foreigner(towns, at_a)
    b.say(b.agreeing())
    network = b.network.id
    for turn in range(1, ENCLOSED_PER_MINUTE_MAX + 3):
        hello = Hello(1, 1, network, b.node, at_a.node, bytes(16), b.hub_key.public, (), bytes(16), None, None, 0, True,
                      0, True, False)  # fmt: skip
        b.say(Enclosed(network, turn, pack(hello)))
    refused = [one for one in b.heard if isinstance(one, Enclosed) and one.frame and isinstance(unpack(one.frame), Bye)]
    assert [unpack(one.frame).code for one in refused] == ["not_ready"] * 2  # type: ignore[union-attr]
    assert b.why is None


def test_a_link_that_is_dialled_is_greeted_as_its_named_network_whatever_cards_say(towns: Towns) -> None:
    """A card can name anybody's node; after a greeting that came to nothing another network is tried."""
    a, b, c = (towns.hub(name, 1) for name in "abc")
    towns.agree(a, b)
    towns.agree(a, c, place=997)
    towns.wire.connect(a, b)
    towns.wire.pass_time(2_000)
    greedy = b.network.card(b.key, nodes=[b.node, c.node], seq=2, stamp=NOW_MS + 1)
    towns.wire.publish(b, greedy)
    towns.wire.pass_time(2_000)
    assert c.node in towns.partner(a, "b").nodes()
    assert a.federation._network_of(c.node) == c.network.id
    a.federation._agreements.named(c.network.id, ())
    towns.partner(a, "c").named = ()
    towns.partner(a, "b").failed[c.node] += 1
    link = towns.wire.connect(a, c)
    towns.wire.deliver()
    assert link not in a.federation._links or a.federation._links[link].network == c.network.id


def test_a_strangers_greeting_costs_nothing_that_the_home_core_has_ordered(towns: Towns) -> None:
    a, other = towns.hub("a", 1), towns.hub("a", 2)
    towns.wire.connect(a, other)
    towns.wire.deliver()
    wanted = a.hub.state.overlay.wanted
    for _ in range(4):
        b = Foreigner(towns, a)
        b.say(b.agreeing())
    told = [one.nodes for one in towns.wire.told_of(a, LinksWanted)]
    assert told[-1] == a.hub.state.overlay.wanted
    assert wanted


def test_about_a_network_of_which_nothing_is_here_the_answer_is_not_ready(towns: Towns) -> None:
    a1, a2 = towns.hub("a", 1), towns.hub("a", 2)
    link = towns.wire.connect(a1, a2)
    towns.wire.deliver()
    nobody = seeded("nobody", 16)
    hello = pack(Hello(1, 1, nobody, a1.node, a2.node, bytes(16), a1.key.public, (), bytes(16), None, None, 0, True, 0,
                       True, False))  # fmt: skip
    towns.wire.forget_said()
    towns.wire.handle(a2, FrameReceived(link, pack(Enclosed(nobody, 4, hello))))
    (answer,) = [one for one in towns.wire.said(a2) if isinstance(one, Enclosed)]
    assert unpack(answer.frame) == Bye("not_ready", "this hub has nothing of that network, or not yet")
    assert link in a2.hub.state.sessions


def test_a_greeting_in_another_hubs_name_costs_the_link(towns: Towns, at_a: Federated) -> None:
    b = Foreigner(towns, at_a)
    b.say(b.agreeing())
    wrong = Hello(1, 1, b.network.id, b.node, at_a.node, bytes(16), key("x").public, (), bytes(16), None, None, 0, True,
                  0, True, False)  # fmt: skip
    b.say(Enclosed(b.network.id, 1, pack(wrong)))
    assert b.why == "bad_message"


def test_what_is_said_wrongly_about_a_partner_costs_the_link_at_home(towns: Towns) -> None:
    a1, a2, b = towns.hub("a", 1), towns.hub("a", 2), towns.hub("b", 1)
    towns.agree(a1, b)
    link = towns.wire.connect(a1, a2)
    towns.wire.pass_time(3_000)
    ((number, way),) = a2.federation._cores._enclosures.on_link(link)
    _, turn = a2.federation._cores._enclosures.of(way) or (0, 0)
    towns.wire.handle(a2, FrameReceived(link, pack(Enclosed(b.network.id, turn, b"\xc1"))))
    towns.wire.deliver()
    assert link not in a2.hub.state.sessions
    assert a2.federation._cores._enclosures.wrap(number, b"") is None


def test_a_link_that_closes_at_home_takes_the_sessions_on_it_with_it(towns: Towns) -> None:
    a1, a2, b = towns.hub("a", 1), towns.hub("a", 2), towns.hub("b", 1)
    towns.agree(a1, b)
    link = towns.wire.connect(a1, a2)
    towns.wire.pass_time(3_000)
    assert a1.federation._cores._enclosures.on_link(link)
    towns.wire.cut(link)
    for core in (a1, a2):
        assert core.federation._cores._enclosures.on_link(link) == []
        assert towns.partner(core, "b").theirs.state.sessions == {}  # type: ignore[union-attr]
    towns.wire.handle(a1, LinkClosed(99, "nobody knew it"))


def test_a_session_that_has_ended_mildly_begins_again_after_a_while(
    towns: Towns, pair: tuple[Federated, Federated, int]
) -> None:
    a, b, link = pair
    theirs = towns.partner(a, "b").theirs
    assert theirs is not None
    (number,) = theirs.state.sessions
    actions = theirs.change(
        towns.wire.now, lambda step: step.close(theirs.state, theirs.state.sessions[number], "silent", "a test")
    )
    towns.wire._carry_out(a, a.federation._cores.out(b.network.id, actions, towns.wire.now))
    towns.wire.deliver()
    assert theirs.state.sessions == {}
    towns.wire.pass_time(ENCLOSED_RETRY_MS + 2_000)
    assert len(theirs.state.sessions) == 1
    towns.wire.cut(link)
    assert a.federation._cores._retries == {}


def test_answers_that_come_after_all_is_dropped_find_nobody(
    towns: Towns, pair: tuple[Federated, Federated, int]
) -> None:
    a, b, _ = pair
    offers = [a.network.offer(a.key, place=place, audience="partners") for place in range(3)]
    towns.wire.publish(a, *offers)
    towns.wire.pass_time(2_000)
    towns.wire.reads_held = True
    towns.wire.forget_said()
    wider = pact_of(a.network, b.network.id, a.key, seq=2, stamp=NOW_MS + 1, categories=["tools"])
    towns.wire.publish(a, wider)
    towns.wire.pass_time(3_000)
    assert towns.partner(b, "a").changing == 1  # it waits for its store
    (number,) = b.federation._cores._reads
    towns.wire.publish(b, pact_of(b.network, a.network.id, b.key, seq=2, ends=True))
    assert b.federation._cores._reads == {}
    towns.wire.handle(b, Within(a.network.id, RecordsRead(number, ())))
    towns.wire.handle(b, Within(a.network.id, WorkContinued()))
    towns.wire.handle(b, PartitionOpened(a.network.id, None))
    assert b.federation.partners == {}


def test_frames_of_both_kinds_come_together_and_none_is_read_behind_the_end(towns: Towns) -> None:
    a1, a2, b = towns.hub("a", 1), towns.hub("a", 2), towns.hub("b", 1)
    towns.agree(a1, b)
    link = towns.wire.connect(a1, a2)
    towns.wire.pass_time(3_000)
    old = pack(Enclosed(b.network.id, 999, pack(Ping(1))))
    towns.wire.forget_said()
    towns.wire.handle(a2, FramesReceived(link, (old, pack(Ping(4)))))
    assert [one.number for one in towns.wire.said(a2, Pong)] == [4]
    spoiled = pack(Enclosed(b.network.id, 999, b"\xc1"))
    towns.wire.handle(a1, FramesReceived(link, (b"\x94\x16" + bytes(3), old, spoiled)))
    assert link not in a1.hub.state.sessions
    cores, gone = a1.federation._cores, a1.federation._links.get(link)
    assert cores.out(b.network.id, [CloseLink(-999, "silent", "long gone")], towns.wire.now) == []
    assert gone is None or a1.federation._close(gone, "again", "it has ended already", towns.wire.now) == []


def test_a_side_whose_author_proves_nothing_of_the_hub_is_proven_by_the_greeting(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    author = key("an organiser")
    assert towns.wire.publish(a, a.network.grant(author.public, place=9, rank="organiser")) == (None,)
    towns.wire.publish(a, towns.pact("a", "b", author, place=3))
    towns.wire.handle(a, PartnerNamed(b.network.id, (b.node,)))
    towns.wire.connect(a, b)
    towns.wire.deliver()
    (proposed,) = towns.wire.told_of(b, PactProposed)
    assert proposed.network == a.network.id
    towns.wire.publish(b, towns.pact("b", "a"))
    towns.wire.connect(a, b)
    towns.wire.pass_time(1_000)
    assert towns.partner(a, "b").is_in_force
    assert towns.partner(b, "a").is_in_force


def test_a_side_whose_author_nothing_proves_is_no_side(towns: Towns, at_a: Federated) -> None:
    b = Foreigner(towns, at_a)
    said = b.agreeing()
    broken = (b"\xc1", b"", None)
    unknown = pact_of(towns.networks["b"], at_a.network.id, key("nobody"), place=3)
    b.say(replace(said, records=(said.records[0], broken, *said.records[1:]), pact=unknown.wire))
    assert [one.code for one in towns.wire.told_of(at_a, CloseLink)] == ["no_agreement"]
    assert unknown.id not in towns.held(at_a, "b")


def test_on_a_link_between_two_networks_nothing_is_read_behind_the_end(towns: Towns, at_a: Federated) -> None:
    b = Foreigner(towns, at_a)
    b.say(b.agreeing())
    towns.wire.handle(at_a, FramesReceived(b.link, (pack(Ping(1)), pack(Ping(2)))))
    assert len([one for one in towns.wire.told_of(at_a, CloseLink) if one.link == b.link]) == 1


# --- What is served


def test_a_large_set_is_looked_at_in_parts_when_the_agreement_changes(towns: Towns) -> None:
    a, b = towns.hub("a", 1), towns.hub("b", 1)
    towns.agree(a, b)
    towns.wire.connect(a, b)
    count = RECORDS_PER_FRAME + 10
    kinds = ("food", "tools")
    offers = [
        a.network.offer(a.key, place=place, audience="partners", category=kinds[place % 2]) for place in range(count)
    ]
    towns.wire.publish(a, *offers)
    towns.wire.pass_time(5_000)
    assert {one.id for one in offers} <= towns.held(b, "a")
    narrower = pact_of(a.network, b.network.id, a.key, seq=2, stamp=NOW_MS + 1, categories=["tools"])
    towns.wire.publish(a, narrower)
    towns.wire.pass_time(MINUTE_MS)
    assert towns.held(b, "a") & {one.id for one in offers} == {one.id for one in offers[1::2]}


def test_arrivals_of_what_is_served_are_read_in_parts_and_only_so_far(
    towns: Towns, pair: tuple[Federated, Federated, int]
) -> None:
    a, _, _ = pair
    offers = [a.network.offer(a.key, place=place, audience="partners") for place in range(5)]
    towns.wire.publish(a, *offers)
    ours = towns.partner(a, "b").ours
    assert ours is not None
    asked: list[int] = []
    ours._read = lambda ids, _then: [asked.append(len(ids))]  # type: ignore[assignment,func-returns-value,list-item]
    ours.read_arrivals(ReadArrivals(-1, 0, ours.hub.catalog.last_n - 2, False, 100, 1_000), towns.wire.now)
    ours.read_arrivals(ReadArrivals(-1, 0, 100, False, 2, 1_000), towns.wire.now)
    ours.read_arrivals(ReadArrivals(-1, 0, 100, True, 100, 1_000), towns.wire.now)
    assert asked == [ours.hub.catalog.last_n - 2, 2, len(ours.hub.catalog.governance)]


def test_what_a_partner_sends_about_our_own_network_is_taken_from_nobody(
    towns: Towns, pair: tuple[Federated, Federated, int]
) -> None:
    a, _, link = pair
    forged = a.network.offer(a.key, place=9, audience="partners")
    number, way = next(
        (number, way) for number, way in a.federation._cores._enclosures.on_link(link) if way.network == a.network.id
    )
    _, turn = a.federation._cores._enclosures.of(way) or (0, 0)
    ours = towns.partner(a, "b").ours
    assert ours is not None
    frame = pack(Records(0, (forged.wire,), False))
    towns.wire.handle(a, FrameReceived(link, pack(Enclosed(a.network.id, turn, frame))))
    assert forged.id not in ours.hub.catalog.entries
    assert ours.hub.state.sessions[number].into.refused == 1


def test_who_may_speak_no_longer_serves_nobody_any_more(towns: Towns, pair: tuple[Federated, Federated, int]) -> None:
    a, b, link = pair
    plain = a.network.grant(a.key.public, place=1, rank="organiser", seq=2, stamp=NOW_MS + 1)
    towns.wire.publish(a, plain)
    towns.wire.deliver()
    assert towns.partner(a, "b").ours is None
    assert a.federation._agreements._wanted == ()
    assert link not in b.federation._links  # b heard of it, and ends the link
    assert all(b.node not in one.nodes for one in towns.wire.told_of(a, LinksWanted))


def test_our_greeting_names_both_networks_and_shows_our_side(towns: Towns, at_a: Federated) -> None:
    said = greeting_for(at_a.hub.state, towns.networks["b"].id, bytes(32), None)
    assert (said.network, said.other, said.pact) == (at_a.network.id, towns.networks["b"].id, None)
    assert SendFrame(1, pack(said)).frame == pack(unpack(pack(said)))


def test_what_was_to_be_read_for_who_is_served_no_more_finds_nobody(
    towns: Towns, pair: tuple[Federated, Federated, int]
) -> None:
    a, b, _ = pair
    reads = a.federation._cores._reads
    reads[-(10**6)] = (b"ours" + towns.networks["c"].id, lambda _rows, _now: [CloseLink(1, "never", "")])
    assert a.federation.handle(RecordsRead(-(10**6), ()), towns.wire.now) == []
    assert reads == {}
    assert towns.partner(a, "b").short == {}
    assert b.node in towns.partner(a, "b").nodes()


def test_a_chain_that_is_let_go_by_one_of_its_steps_goes_whole(
    towns: Towns, pair: tuple[Federated, Federated, int]
) -> None:
    a, _, _ = pair
    offer = a.network.offer(a.key, place=1, audience="partners")
    first = a.network.step(a.key, offer)
    towns.wire.publish(a, offer, first)
    catalog = a.hub.catalog
    catalog.let_go([seeded("not held", 32), first.id], Commit())
    assert offer.id in catalog.entries
    assert first.id not in catalog.entries


def test_of_nodes_whose_greetings_come_to_nothing_only_so_many_are_remembered(towns: Towns) -> None:
    a1, a2, b = towns.hub("a", 1), towns.hub("a", 2), towns.hub("b", 1)
    towns.wire.connect(a1, a2)
    towns.agree(a1, b)
    towns.wire.deliver()
    partner = towns.partner(a1, "b")
    partner.failed.update(seeded(number, 32) for number in range(NODES_KNOWN_MAX))
    quiet = Foreigner(towns, a1, 1, dials=False)
    quiet.say(Bye("tired", "another time"))
    assert partner.failed[quiet.node] == 1
    assert len(partner.failed) == NODES_KNOWN_MAX
    partner.named = (a2.node,)
    assert a1.federation._network_of(a2.node) is None

"""What members, or chance, did to the core under attack: each of these once stopped a sync or made a cursor untrue."""

import pytest

from hartig_protocol.catalog.fingerprint import next_hour_ms
from hartig_protocol.events import BundleEnded, CarriedAnswered, ReadRecords, RecordsCarried, RecordsRead
from hartig_protocol.limits import FEED_MS_MAX, HELLO_TIMEOUT_MS, HUB_CARDS_MAX, NODES_MAX, SHORT_PER_FRAME_MAX
from hartig_protocol.sync import outbound, pulling, spreading
from hartig_protocol.sync.messages import ANSWER, BEHIND, Audit, Equal, Have, Ping, Prefer, Pull, Records, Through
from hartig_protocol.sync.state import Step
from support.records import key, seeded
from support.talk import CHECK, cursors, have, live, needs, opened, stream
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_who_only_chats_does_not_keep_a_hub_from_catching_up(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    proofs = [proof for number in (1, 2, 3) for proof in wire.proofs(number)]
    wire.publish(a, *proofs, *needs(wire, a, 70))
    wire.publish(b, *proofs, *needs(wire, b, 100))
    chatterer = opened(wire, a, 3)
    wire.connect(a, b)
    for _ in range(4 * FEED_MS_MAX // 4_000):
        chatterer.say(Prefer(b"", eager=True))
        wire.pass_time(4_000)
    assert a.ids == b.ids


def test_a_chain_that_is_longer_than_the_waiting_place_comes_in_its_order(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    proofs = [proof for number in (1, 2) for proof in wire.proofs(number)]
    offer = wire.network.offer(a.key)
    steps = [wire.network.step(a.key, offer)]
    for _ in range(299):
        steps.append(wire.network.step(a.key, offer, steps[-1]))
    for core in (a, b):
        wire.publish(core, *proofs, offer, *[wire.network.need(a.key, place=100 + i) for i in range(110)])
    wire.publish(a, *steps)
    wire.connect(b, a)
    wire.pass_time(60_000)
    assert a.ids == b.ids
    assert not any(session.into.spilled for session in b.hub.state.open_sessions())


def test_one_hub_takes_only_so_many_links(wire: Wire) -> None:
    a = wire.member(1)
    hub = wire.network.hub(2)
    nodes = [key(f"node {number}") for number in range(NODES_MAX + 1)]
    cards = [
        wire.network.card(hub, place=400 + half, nodes=[node.public for node in some])
        for half, some in enumerate((nodes[:NODES_MAX], nodes[NODES_MAX:]))
    ]
    wire.publish(a, *wire.proofs(2)[:2], *cards)
    puppets = []
    for node in nodes:
        puppet = Puppet(wire, 2, a, node=node.public)
        puppet.say(puppet.hello(own_node=node.public))
        puppets.append(puppet)
    assert [puppet.closed for puppet in puppets[:-1]] == [None] * NODES_MAX
    assert puppets[-1].closed is not None
    assert puppets[-1].closed[0] == "full"


def test_of_a_hubs_many_cards_only_some_name_nodes(wire: Wire) -> None:
    a = wire.member(1)
    hub = wire.network.hub(2)
    cards = [
        wire.network.card(hub, place=400 + number, nodes=[key(f"node {number}").public])
        for number in range(HUB_CARDS_MAX + 3)
    ]
    wire.publish(a, *wire.proofs(2)[:2], *cards)
    assert len(a.hub.state.nodes_of_hub[hub.public]) == HUB_CARDS_MAX


def test_names_that_wait_for_a_busy_peer_are_not_looked_at_again_and_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "PULLS_PER_FRAME_MAX", 2)
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(stream(through=1))
    puppet.say(Have(b"".join(seeded(f"{number}", 8) for number in range(7)), now=True))
    assert len(puppet.all_heard(Pull)) == 2
    assert sum(one.due_ms == pulling.PARKED_MS for one in a.hub.state.missing.values()) == 3
    puppet.say(stream(why=ANSWER))
    assert len(puppet.all_heard(Pull)) == 3
    assert sum(one.due_ms == pulling.PARKED_MS for one in a.hub.state.missing.values()) == 1


def test_an_answer_that_takes_long_does_not_hold_the_cursor_for_ever(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(stream(through=1))
    need = wire.network.need(puppet.hub_key)
    puppet.say(have(need))
    wire.pass_time(7_000)
    puppet.say(stream(need, why=ANSWER), Through(9, CHECK, final=True))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 9]


def test_a_question_beside_a_large_answer_is_answered(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "SERVED_MAX", 4)
    a = wire.member(1)
    posts = needs(wire, a, 40)
    wire.publish(a, *posts)
    puppet = opened(wire, a)
    wire.reads_held = True
    session, step = puppet.session, Step(wire.now)
    outbound.serve_listed(session, outbound.hold_place(session), [post.id for post in posts[:30]])
    outbound.serve(a.hub.state, session, step, [post.id for post in posts[30:36]])
    assert [len(answer.ids) for answer in session.out.serve][1:] == [4]


def test_what_is_listed_again_and_again_is_queued_once(wire: Wire) -> None:
    a = wire.member(1)
    posts = needs(wire, a, 40)
    wire.publish(a, *posts)
    puppet = opened(wire, a)
    wire.reads_held = True
    session = puppet.session
    for _ in range(3):
        outbound.serve_listed(session, outbound.hold_place(session), [post.id for post in posts])
    waiting = [one for answering in session.out.serve for one in answering.ids]
    assert len(waiting) == len(set(waiting))


def test_what_is_asked_behind_a_long_list_waits_until_that_is_in_order(wire: Wire) -> None:
    a = wire.member(1)
    posts = needs(wire, a, 3)
    wire.publish(a, *posts)
    puppet = opened(wire, a)
    state, session, step = a.hub.state, puppet.session, Step(wire.now)
    answering = outbound.hold_place(session)
    outbound.serve(state, session, step, [posts[0].id])
    assert session.out.fetching is None
    session.out.push.append(posts[1].id)  # what is no answer goes on meanwhile
    outbound.pump(state, session, step)
    assert session.out.fetching == BEHIND
    outbound.records_read(state, session, step, RecordsRead(session.link, ()))
    assert session.out.fetching is None
    outbound.serve_listed(session, answering, [posts[2].id])
    outbound.pump(state, session, step)
    assert session.out.fetching == ANSWER
    assert step.actions()[-1] == ReadRecords(session.link, (posts[2].id,))


def test_what_came_and_waits_holds_the_cursor_no_longer_than_it_waits(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(stream(through=1))
    need = wire.network.need(puppet.hub_key)
    step = wire.network.step(puppet.hub_key, need)
    puppet.say(have(step), Through(9, CHECK, final=True))
    wire.pass_time(1_000)
    puppet.say(stream(step, why=ANSWER))
    assert [cursor.n for cursor in cursors(wire, a)] == [1]
    puppet.say(live(need))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 9]


def test_what_waits_is_forgotten_only_if_it_waited_when_the_audit_began(wire: Wire) -> None:
    b = wire.member(1)
    feeder, a = opened(wire, b, 2), opened(wire, b, 3)
    hour_ms = next_hour_ms(wire.now.wall_ms)
    snapshot = b.hub.state.audit_set.snapshot(hour_ms)
    author = wire.network.hub(9)
    grant, need = wire.network.grant(author.public, place=9), wire.network.need(author)
    a.say(Audit(hour_ms, True, hour_ms, snapshot.count, snapshot.fingerprint))
    a.say(have(grant), live(need), Through(12, CHECK, final=True))
    feeder.say(stream(through=3))
    assert a.all_heard(Equal) != []
    assert len(b.hub.state.waiting) == 1
    a.say(Records(ANSWER, (grant.wire,), final=True))
    assert {grant.id, need.id} <= b.ids
    assert [cursor.n for cursor in cursors(wire, b) if cursor.peer == a.hub_key.public] == [12]


def test_what_waits_out_of_a_bundle_outlives_a_link_with_its_hub(wire: Wire) -> None:
    a = wire.member(1)
    hub, author = wire.network.hub(2), wire.network.hub(9)
    need = wire.network.need(author)
    wire.publish(a, *wire.proofs(2))
    wire.handle(a, RecordsCarried(1, (need.wire,), hub.public))
    wire.cut(opened(wire, a).link)
    wire.handle(a, BundleEnded(2, hub.public, seeded("epoch 2 0", 16), 50, CHECK))
    assert [answer.waiting for answer in wire.told_of(a, CarriedAnswered)] == [1, 1]
    assert cursors(wire, a) == []
    wire.pass_time(61_000)
    assert len(a.hub.state.waiting) == 1, "it was tried again, and waits on"
    wire.publish(a, wire.network.grant(author.public, place=9))
    assert need.id in a.ids


def test_steps_that_were_let_go_hold_the_cursor_when_their_thread_stands_again(wire: Wire) -> None:
    a = wire.member(1)
    puppet, other = opened(wire, a, 2), opened(wire, a, 3)
    hub = puppet.hub_key
    first = wire.network.offer(hub, place=5, nonce=1)
    second = wire.network.offer(hub, place=5, nonce=2, expires=(first.head.expires or 0) + 1)
    other.say(live(second))
    puppet.say(live(first), live(wire.network.step(hub, first)), live(wire.network.revise(hub, first)))
    puppet.say(Through(9, CHECK, final=True))
    assert [cursor.n for cursor in cursors(wire, a) if cursor.peer == hub.public] == []


def test_a_hub_that_comes_back_after_a_power_cut_is_not_turned_away_for_its_old_link(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    wire.pass_time(HELLO_TIMEOUT_MS)
    again = opened(wire, a)
    assert puppet.closed is not None
    assert puppet.closed[0] == "doubled"
    assert again.closed is None
    again.say(Ping(1))


def test_many_names_go_in_frames_that_are_not_too_large(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.heard.clear()
    step = Step(wire.now)
    outbound.send_names(puppet.session, step, [seeded(f"{i}", 8) for i in range(SHORT_PER_FRAME_MAX + 3)], now=False)
    for action in step.actions():
        wire._carry_out(a, [action])
    assert [len(message.short) // 8 for message in puppet.all_heard(Have)] == [SHORT_PER_FRAME_MAX, 3]


def test_a_preference_can_change_when_there_is_no_room_for_another(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "ORIGINS_MAX", 1)
    puppet = opened(wire, wire.member(1))
    step = Step(wire.now)
    for origin, eager in ((b"a" * 8, False), (b"b" * 8, False), (b"a" * 8, True)):
        spreading.prefer(puppet.session, step, [origin], eager=eager)
    assert puppet.session.into.preferred == {b"a" * 8: True}

"""Nothing silently stops: sleepers, mutes, deaths in the middle, proofs that come late, first contacts amid traffic.

In virtual time and in an exact order of messages; the same with real daemons is in `tests/lab/test_liveness.py`.
"""

from collections import Counter

import pytest

from hartig_protocol.events import CloseLink, TimePassed
from hartig_protocol.limits import DAY_MS, FEED_SILENCE_MS, MINUTE_MS, SILENCE_MS_MAX, WINDOW_RECORDS_MAX
from hartig_protocol.records.record import Record, record_id
from hartig_protocol.sync.messages import LIVE, Hello, Records
from support.cores import Core
from support.talk import meet, needs, opened
from support.wire import Puppet, Wire

WHILE_IT_SLEPT = 2_100
SETTLED_MS = 10 * MINUTE_MS  # two rounds of audits: what is not equal by then stays so


@pytest.fixture
def wire() -> Wire:
    return Wire()


def say_records(puppet: Puppet, *records: Record) -> None:
    puppet.say(Records(LIVE, tuple(record.wire for record in records), final=True))


def copies_of(wire: Wire, *cores: Core) -> Counter[bytes]:
    """How often each record was sent, by its id."""
    messages = [message for core in cores for message in wire.said(core, Records)]
    return Counter(record_id(head) for message in messages for head, _, _ in message.records)


def fall_asleep(wire: Wire, core: Core) -> None:
    """The core hears nothing more and its time stands still; nobody is told."""
    wire.cores.remove(core)
    for at, link in list(wire.ends):
        if wire.ends[at, link] is core:
            wire.ends[at, link] = None


def wake_up(wire: Wire, core: Core) -> None:
    """All its time passes at once, and its links are found to be gone."""
    wire.cores.append(core)
    wire.handle(core, TimePassed())
    for at, link in list(wire.ends):
        if at is core:
            wire.cut(link)


def jump(wire: Wire, span_ms: int) -> None:
    """Let time pass without going through every ping and sweep of it."""
    wire._move_to(wire.now.steady_ms + span_ms)
    for core in wire.cores:
        wire.handle(core, TimePassed())
    wire.deliver()


def is_linked(one: Core, other: Core) -> bool:
    return any(session.peer_node == other.node for session in one.hub.state.open_sessions())


# --- Sleepers


def test_a_peer_that_slept_for_a_week_catches_up_from_its_cursor(wire: Wire) -> None:
    a, b, c = wire.member(1), wire.member(2), wire.member(3)
    wire.publish(a, *needs(wire, a, 100))
    meet(wire, a, b)
    meet(wire, a, c)
    wire.pass_time(SETTLED_MS)
    assert a.ids == b.ids == c.ids
    fall_asleep(wire, b)
    wire.pass_time(2 * SILENCE_MS_MAX)
    assert not is_linked(a, b), "the link to the sleeper is given up"
    assert is_linked(a, c)
    assert "silent" in {closed.code for closed in wire.told_of(a, CloseLink)}
    for day in range(7):
        author, at_ms = wire.network.hub(10 + day), wire.now.wall_ms
        said = [wire.network.need(author, place=place, stamp=at_ms) for place in range(299)]
        assert wire.publish(a, wire.network.grant(author.public, place=10 + day), *said) == (None,) * 300
        jump(wire, DAY_MS)
    assert len(a.ids) - len(b.ids) == WHILE_IT_SLEPT
    held = set(b.ids)
    wake_up(wire, b)
    wire.forget_said()
    meet(wire, b, a)
    wire.pass_time(MINUTE_MS)
    assert b.ids == a.ids
    assert wire.said(b, Hello)[0].cursor is not None
    copies = copies_of(wire, a)
    assert not held & set(copies), "what it held before is not sent again"
    assert copies.total() <= WHILE_IT_SLEPT + 7, "only the seven proofs, which go first, may come again in their place"


# --- Mutes


@pytest.mark.parametrize("greets", [False, True], ids=["from the start", "after its hello"])
def test_a_peer_that_falls_silent_is_dropped_within_bounds_and_disturbs_nobody(wire: Wire, *, greets: bool) -> None:
    a, b = wire.member(1), wire.member(2)
    meet(wire, a, b)
    mute = Puppet(wire, 3, a, dials=not greets)
    if greets:
        mute.say(mute.hello())
    wire.publish(a, *needs(wire, a, 50))
    wire.pass_time(1_000)
    assert a.ids == b.ids, "nobody waits for the mute"
    wire.pass_time(SILENCE_MS_MAX)
    assert mute.closed is not None
    assert mute.closed[0] == ("silent" if greets else "no_greeting")
    assert is_linked(a, b)
    again = opened(wire, a, 3)
    assert again.session.is_open, "when it speaks it is as welcome as before"


def test_a_newcomer_whose_feeder_falls_silent_is_fed_by_another(wire: Wire) -> None:
    a, newcomer = wire.member(1), wire.member(2)
    wire.publish(a, *needs(wire, a, 500))
    mute = Puppet(wire, 3, newcomer)
    mute.say(mute.hello(count=5_000))
    meet(wire, newcomer, a)
    wire.pass_time(MINUTE_MS)
    assert newcomer.ids >= a.ids


@pytest.mark.parametrize("count", [0, 20, 500])
def test_a_newcomer_has_everything_at_once_although_its_inviters_other_peer_sleeps(wire: Wire, count: int) -> None:
    founder, inviter = wire.member(1), wire.member(2)
    wire.publish(founder, *needs(wire, founder, count))
    meet(wire, inviter, founder)
    wire.pass_time(MINUTE_MS)
    fall_asleep(wire, founder)
    newcomer = wire.newcomer(3, inviter)
    meet(wire, newcomer, inviter)
    wire.publish(newcomer, wire.network.card(newcomer.key, place=7))
    meet(wire, newcomer, inviter)
    assert newcomer.ids == inviter.ids
    assert len(inviter.ids) == 1 + 2 * 3 + count
    assert is_linked(inviter, founder), "and nobody knows yet that it sleeps"


@pytest.mark.parametrize("dials", [False, True], ids=["that has dialled us", "that we have dialled"])
@pytest.mark.parametrize("steps", [3, 16])
def test_what_a_peer_owes_that_falls_silent_comes_from_another(wire: Wire, steps: int, *, dials: bool) -> None:
    a, b, c = wire.member(1), wire.member(2), wire.member(3)
    said = needs(wire, a, 100)
    wire.publish(a, *said)
    meet(wire, a, b)
    wire.pass_time(MINUTE_MS)
    wire.publish(c, *wire.proofs(1), *said[:60])
    wire.connect(c, a)
    wire.deliver(steps)
    fall_asleep(wire, a)
    assert len(c.ids) < len(b.ids)
    assert c.hub.state.feeding is not None, "it still counts on the sleeper"
    if dials:
        meet(wire, c, b)
    else:
        meet(wire, b, c)
    wire.pass_time(FEED_SILENCE_MS + 1_000)
    assert c.ids == b.ids


# --- Deaths in the middle


@pytest.mark.wide
@pytest.mark.parametrize("steps", [3, 15])
def test_both_sides_die_in_the_middle_and_nothing_is_fetched_twice_beyond_the_window(wire: Wire, steps: int) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.publish(a, *needs(wire, a, 3_000))
    wire.connect(b, a)
    wire.deliver(steps)
    held = len(b.ids)
    assert held < 3_000
    for core in (a, b):
        wire.restart(core)
    wire.queue.clear()
    assert len(b.ids) == held, "what was acknowledged is there"
    meet(wire, a, b)
    wire.pass_time(SETTLED_MS)
    assert a.ids == b.ids
    assert copies_of(wire, a).total() - len(a.ids) <= WINDOW_RECORDS_MAX


# --- What comes in another order than one would wish


@pytest.mark.parametrize("by_another", [False, True], ids=["from the same peer", "from another peer"])
def test_a_proof_that_comes_after_what_it_proves(wire: Wire, *, by_another: bool) -> None:
    a, c = wire.member(1), wire.member(3)
    meet(wire, a, c)
    puppet = opened(wire, a, 2)
    stranger = wire.network.hub(9)
    grant, card = wire.network.grant(stranger.public, place=9), wire.network.card(stranger)
    said = [wire.network.need(stranger, place=i) for i in range(5)]
    before = set(a.ids)
    say_records(puppet, *said, card)
    assert a.ids == before, "what is not proven counts for nothing"
    assert puppet.closed is None
    say_records(opened(wire, a, 4) if by_another else puppet, grant)
    assert a.ids >= {record.id for record in [*said, card, grant]}
    wire.pass_time(MINUTE_MS)
    assert c.ids == a.ids, "and it goes on to others"
    assert len(a.hub.state.waiting) == 0


@pytest.mark.wide
@pytest.mark.parametrize("steps", [1, 20, 80])
def test_first_contact_while_both_sync_with_others(wire: Wire, steps: int) -> None:
    a, b, c, d = (wire.member(number) for number in (1, 2, 3, 4))
    wire.publish(c, *needs(wire, c, 600))
    wire.publish(d, *needs(wire, d, 600))
    wire.connect(a, c)
    wire.connect(b, d)
    wire.deliver(steps)
    wire.connect(a, b)
    wire.publish(a, *needs(wire, a, 3))
    wire.publish(b, *needs(wire, b, 3))
    wire.deliver()
    wire.pass_time(SETTLED_MS)
    assert a.ids == b.ids == c.ids == d.ids
    assert len(a.ids) == 1_200 + 6 + 1 + 4 * 2
    assert all(is_linked(one, other) for one, other in ((a, b), (a, c), (b, d)))

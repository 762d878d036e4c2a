import pytest

from hartig_protocol.events import Now, TimeHeard
from hartig_protocol.limits import DAY_MS, MINUTE_MS, TIME_KEPT_MS, TIMES_APART_MS_MAX
from hartig_protocol.records.governance import Rank
from hartig_protocol.sync.timekeeping import HeardTime, agreed_ahead_ms, counts, vouched
from support.cores import Core
from support.records import NOW_MS
from support.wire import Puppet, Wire

T = NOW_MS  # what is true, less our steady clock
FAR = 3 * 365 * DAY_MS


def said(*ahead_ms: int, at_ms: int = 0) -> list[HeardTime]:
    return [HeardTime(one, at_ms) for one in ahead_ms]


@pytest.mark.parametrize(
    ("answers", "agreed"),
    [
        ([], None),
        ([T], None),
        ([T, T], None),
        ([T, T, T], T),
        ([T - 900, T, T + 1_500], T),
        ([T, T + TIMES_APART_MS_MAX, T + 2 * TIMES_APART_MS_MAX], T + TIMES_APART_MS_MAX),
        ([T, T + MINUTE_MS, T + MINUTE_MS + TIMES_APART_MS_MAX + 1], None),  # two are no three
        ([T, T, T + FAR], None),
        ([T, T, T, T + FAR], T),  # one liar among four
        ([T, T, T, T + FAR, T + FAR], T),  # two among five, who agree
        ([T, T, T, T + FAR, T - FAR], T),
        ([T, T, T, T + FAR, T + FAR, T + FAR], None),  # two camps: nobody can say which is right
        ([T, T, T - FAR, T - FAR, T + FAR, T + FAR, T], None),  # three agree, but are no majority
        ([T, T + FAR, T + FAR, T + FAR], T + FAR),  # a lying majority wins: SPEC says so
    ],
)
def test_three_that_agree_and_are_most_of_all_are_believed(answers: list[int], agreed: int | None) -> None:
    assert agreed_ahead_ms(said(*answers), 0) == agreed
    assert agreed_ahead_ms(said(*reversed(answers)), 0) == agreed


def test_an_answer_counts_for_a_day() -> None:
    old, fresh = said(T, at_ms=0), said(T, T, at_ms=DAY_MS // 2)
    assert agreed_ahead_ms([*old, *fresh], TIME_KEPT_MS - 1) == T
    assert agreed_ahead_ms([*old, *fresh], TIME_KEPT_MS) is None


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (Now(1, 1, trusted=False), False),
        (Now(1, 1, trusted=True), True),
        (Now(1, 1, trusted=True, first_hand=False), False),
    ],
)
def test_only_first_hand_time_is_told_on(now: Now, told: bool) -> None:
    assert vouched(now) is told


# --- Whose word counts


def test_a_hub_that_a_seat_granted_counts_and_a_stranger_does_not() -> None:
    wire = Wire()
    core = wire.member(1)
    assert counts(core.hub.state, core.key.public)
    assert counts(core.hub.state, wire.network.seat.public)
    assert not counts(core.hub.state, wire.network.hub(9).public)


def granted_by(wire: Wire, core: Core, author_rank: str, number: int) -> bytes:
    """Return the key of a hub that a key of this rank granted."""
    network = wire.network
    author, hub = network.hub(number), network.hub(number + 1)
    records = [
        network.grant(author.public, rank=author_rank, place=50 + number, invites=5),
        network.grant(hub.public, author=author, place=0, invites=0),
    ]
    assert wire.publish(core, *records) == (None, None)
    return hub.public


def test_a_hub_that_an_organiser_granted_counts_and_one_that_a_hub_granted_does_not() -> None:
    wire = Wire()
    core = wire.member(1)
    assert counts(core.hub.state, granted_by(wire, core, "organiser", 20))
    assert not counts(core.hub.state, granted_by(wire, core, "hub", 30))


def test_a_hello_tells_the_node_what_time_a_hub_says_it_is() -> None:
    wire = Wire()
    core = wire.member(1)
    puppet = Puppet(wire, 2, core)
    puppet.say(puppet.hello(time=NOW_MS + 7, trusted=True))
    assert wire.told_of(core, TimeHeard) == [TimeHeard(puppet.hub_key.public, NOW_MS + 7, trusted=True)]


def test_a_hello_of_a_hub_that_a_hub_granted_says_nothing_about_time() -> None:
    wire = Wire()
    core = wire.member(1)
    other = granted_by(wire, core, "hub", 2)
    assert wire.publish(core, wire.network.card(wire.network.hub(3))) == (None,)
    puppet = Puppet(wire, 3, core)
    assert puppet.hub_key.public == other
    assert core.hub.catalog.authority.standing(other).rank == Rank.HUB  # type: ignore[union-attr]
    puppet.say(puppet.hello([wire.network.card(puppet.hub_key)], time=NOW_MS, trusted=True))
    assert puppet.session.is_open
    assert wire.told_of(core, TimeHeard) == []


def test_our_own_hello_says_our_time_and_whether_we_know_it_ourselves() -> None:
    from hartig_protocol.sync.messages import Hello

    wire = Wire()
    core = wire.member(1)
    wire.set_clock(core, ahead_ms=5_000, trusted=False)
    puppet = Puppet(wire, 2, core)
    puppet.say(puppet.hello())
    (hello,) = puppet.all_heard(Hello)
    assert (hello.time, hello.trusted) == (wire.clock(core).wall_ms, False)

"""One peer feeds us at a time; the others wait (SPEC S10)."""

import pytest

from hartig_protocol.limits import FEED_SILENCE_MS
from hartig_protocol.sync import feeding
from hartig_protocol.sync.messages import ANSWER, Have, Hello, Pull
from support.records import seeded
from support.talk import have, live, opened, stream
from support.wire import Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_only_the_first_peer_is_asked_for_records(wire: Wire) -> None:
    a = wire.member(1)
    puppets = [opened(wire, a, number) for number in (2, 3, 4)]
    assert [puppet.all_heard(Hello)[0].eager for puppet in puppets] == [True, False, False]


def test_when_the_first_is_done_the_next_may_feed_us(wire: Wire) -> None:
    a = wire.member(1)
    first = opened(wire, a, 2)
    first.say(stream(through=3))
    assert opened(wire, a, 3).all_heard(Hello)[0].eager


def test_what_others_name_meanwhile_is_pulled_when_the_first_is_done(wire: Wire) -> None:
    a = wire.member(1)
    first, second = opened(wire, a, 2), opened(wire, a, 3)
    one, two = (wire.network.need(first.hub_key, place=place) for place in (1, 2))
    second.say(have(one, two))
    wire.pass_time(1_000)
    assert second.all_heard(Pull) == []
    first.say(stream(one, through=3))
    assert second.all_heard(Pull) == [Pull(two.id[:8])]


def test_a_peer_that_falls_silent_feeds_nobody(wire: Wire) -> None:
    a = wire.member(1)
    first, second = opened(wire, a, 2), opened(wire, a, 3)
    second.say(Have(seeded("name", 8), now=False))
    first.say(live(wire.network.need(first.hub_key)))
    wire.pass_time(FEED_SILENCE_MS)
    assert a.hub.state.feeding is None
    assert len(second.all_heard(Pull)) == 1


def test_a_peer_that_goes_feeds_nobody(wire: Wire) -> None:
    a = wire.member(1)
    first, second = opened(wire, a, 2), opened(wire, a, 3)
    second.say(Have(seeded("name", 8), now=False))
    wire.cut(first.link)
    assert a.hub.state.feeding is None
    assert len(second.all_heard(Pull)) == 1
    second.say(stream(why=ANSWER))


def test_progress_is_told_while_it_lasts_and_when_it_ended(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a, count=500)
    progress = feeding.progress(a.hub.state)
    assert (progress.hub, progress.held, progress.total) == (puppet.hub_key.public, len(a.ids), 500)
    assert progress.complete_ms is None
    puppet.say(stream(through=3))
    progress = feeding.progress(a.hub.state)
    assert (progress.hub, progress.total) == (b"", len(a.ids))
    assert progress.complete_ms == wire.now.steady_ms

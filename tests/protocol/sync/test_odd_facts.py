"""Facts that no rule names may be anything: what is read of a record must be one that its kind has checked."""

from dataclasses import replace
from typing import Any

import pytest

from hartig_protocol.encoding import encode
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Kind, Record
from support.records import NOW_MS, UNKNOWN_REGISTER, head, key
from support.talk import joined, live
from support.wire import Puppet, Wire

NAMES = ("signers", "successor", "consent", "recovery", "seats", "nodes", "type", "of", "claim", "lot", "date", "what")
ODD: tuple[Any, ...] = (5, None, True, [1], {"a": [1]}, b"x", "text", [[b"a"], b"b"])


def poisoned(wire: Wire, odd: Any, subject: bytes, author: bytes) -> Any:
    """Return a grant that nobody has signed, with a fact that belongs to other kinds."""
    facts = {"rank": "hub", "places": 1, "invites": 0, "signers": odd}
    made = head(
        wire.network.id, Kind.GRANT, author, place=500, subject=subject, facts=facts, expires=NOW_MS + 100 * DAY_MS
    )
    return (encode(made.as_list()), bytes(64), None)


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("greeting", ["hello", "join"])
def test_a_stranger_whose_greeting_says_odd_things_is_turned_away(greeting: str, odd: Any) -> None:
    wire = Wire()
    hub = wire.member(1)
    stranger = Puppet(wire, 66, hub)
    said = stranger.hello([]) if greeting == "hello" else joined(wire, stranger)
    grant = poisoned(wire, odd, stranger.hub_key.public, wire.network.seat.public)
    stranger.say(replace(said, records=(grant,)))
    assert stranger.closed is not None
    assert wire.connect(hub, wire.member(2))
    wire.deliver()
    assert len(hub.hub.state.open_sessions()) == 1


def odd_records(wire: Wire, author: Any) -> list[Record]:
    """Return valid records of every kind that say odd things under every name that some kind reads."""
    network = wire.network
    said = [{name: odd} for name in NAMES for odd in ODD]
    posts = network.need(author, place=1)
    free = [{name: odd for name, odd in one.items() if name not in ("type", "nodes")} for one in said]
    records = [
        *(network.grant(key("anybody").public, author=author, place=0, seq=at, invites=0, **_but(one, "recovery"))
          for at, one in enumerate(free, 1)),
        *(network.post(author, Kind.OFFER, place=2, seq=at, **one) for at, one in enumerate(free, 1)),
        *(_with_facts(network.unknown(author, place=3, seq=at), one, author) for at, one in enumerate(said, 1)),
        posts,
    ]  # fmt: skip
    step = None
    for one in said:
        step = network.step(author, posts, step, facts={"verb": "close", **one}, kind=Kind.STEP)
        records.append(step)
    return records


def _but(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {one: odd for one, odd in facts.items() if one != name}


def _with_facts(record: Record, facts: dict[str, Any], author: Any) -> Record:
    return sign_record(replace(record.head, facts=facts), record.body_bytes, [author])


def test_valid_records_that_say_odd_things_end_nobody() -> None:
    """Something waits at the hub meanwhile: what comes is looked at for what that waits for."""
    wire = Wire()
    hub = wire.member(1)
    member = Puppet(wire, 2, hub)
    member.say(member.hello())
    member.say(live(wire.network.need(key("nobody"))))
    assert len(hub.hub.state.waiting) == 1
    records = odd_records(wire, member.hub_key)
    for record in records:
        member.say(live(record))  # one by one: each stands for a moment
        wire.pass_time(100)
    assert member.closed is None
    assert records[-1].id in hub.ids
    assert UNKNOWN_REGISTER in {entry.kind for entry in hub.hub.catalog.entries.values()}

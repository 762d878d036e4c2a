"""P12: sensitive categories stay: nothing of such a record is in any frame of its hub, whoever asks for whatever.

Looked at is the border of the core: all frames that go out, before any encryption.
"""

from random import Random

import pytest

from hartig_protocol.errors import RecordError
from hartig_protocol.events import TimePassed
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.records import categories
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync.messages import (
    Ack,
    Audit,
    Equal,
    Have,
    Ids,
    Lack,
    List,
    Message,
    More,
    Ping,
    Prefer,
    Pull,
    Recent,
    Sketch,
    Through,
    Want,
)  # fmt: skip
from support.cores import Core
from support.records import Network, seeded
from support.wire import Puppet, Wire

SENSITIVE = [code for code in categories.all_codes() if categories.is_sensitive(code)]
SHOWN, HIDDEN = "umbrella for anybody", "a word for one hub alone"


def secrets_of(wire: Wire, core: Core) -> list[Record]:
    """A sensitive need, a later version of it, and steps on it."""
    network, number = wire.network, 50
    need = network.need(core.key, place=number, title=HIDDEN, category=SENSITIVE[0], audience="hub")
    wire.publish(core, need)
    revised = network.revise(core.key, need)
    count = network.step(core.key, revised, kind=Kind.STEP, facts={"verb": "count", "quantity": 2, "why": "needed"})
    unknown = network.step(core.key, revised, facts={"note": HIDDEN})
    assert wire.publish(core, revised, count, unknown) == (None,) * 3
    return [need, revised, count, unknown]


def assert_nothing_of(secrets: list[Record], wire: Wire, core: Core, *, ids_were_said: bool = False) -> None:
    frames = [frame for sender, _, frame in wire.sent if sender is core]
    assert any(SHOWN.encode() in frame for frame in frames)  # else this shows nothing
    traces = [HIDDEN.encode(), *(code.encode() for code in SENSITIVE)]
    for one in secrets:
        traces += [one.head.thread, one.signature, one.head_bytes[-64:]]
        traces += [] if ids_were_said else [one.id, one.id[:8]]
    for trace in traces:
        assert not any(trace in frame for frame in frames), trace


def stage() -> tuple[Wire, Core, list[Record]]:
    wire = Wire()
    core = wire.member(1)
    assert wire.publish(core, wire.network.need(core.key, place=1, title=SHOWN)) == (None,)
    return wire, core, secrets_of(wire, core)


def test_p12_between_two_hubs_nothing_of_it_travels() -> None:
    wire, core, secrets = stage()
    other = wire.member(2)
    wire.connect(core, other)
    wire.pass_time(3 * HOUR_MS)  # streams, audits, repair
    wire.publish(core, wire.network.revise(core.key, secrets[1]))
    wire.restart(core)
    wire.connect(other, core)
    wire.pass_time(HOUR_MS)
    assert wire.said(core, Equal) + wire.said(other, Equal)  # nor does the audit count it
    assert not wire.said(core, Sketch) + wire.said(other, Sketch)
    assert_nothing_of(secrets, wire, core)
    assert other.ids == core.ids
    assert not any(one.id in other.hub.catalog.entries for one in secrets)


def questions(secrets: list[Record], hour: int) -> list[Message]:
    """Whatever may be asked of a hub by somebody who knows the ids."""
    ids, short = tuple(sorted(one.id for one in secrets)), b"".join(one.id[:8] for one in secrets)
    return [
        Want(ids), Pull(short), Have(short, now=True), Have(short, now=False), Lack(hour, short, final=True),
        List(hour), Ids(hour, ids, final=True), More(hour, 400, b""), Recent(hour, 9, short, final=True),
        Sketch(hour, 4, 0, seeded("symbols", 400)), Audit(hour, True, hour, 9, seeded("print", 16)), Equal(hour),
        Prefer(secrets[0].head.author[:8], eager=True), Through(9, seeded("check", 16), final=True), Ack(1), Ping(1),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_p12_whoever_knows_its_ids_gets_nothing_in_whatever_order_they_ask(seed: int) -> None:
    wire, core, secrets = stage()
    random = Random(seed)
    for number in range(2, 6):
        puppet = Puppet(wire, number, core)
        puppet.say(puppet.hello(cursor=None))
        hour = (wire.now.wall_ms // HOUR_MS + random.choice((0, 1))) * HOUR_MS
        asked = questions(secrets, hour)
        random.shuffle(asked)
        if seed % 2:
            puppet.say(Audit(hour, True, hour, 9, seeded("print", 16)))
        for question in asked:
            if puppet.closed is None:
                puppet.say(question)
        wire.pass_time(random.choice((0, HOUR_MS)))
        wire.handle(core, TimePassed())
    assert_nothing_of(secrets, wire, core, ids_were_said=True)  # who names what is not held is asked for it


@pytest.mark.parametrize("code", [*SENSITIVE, f"{SENSITIVE[0]}.x-more"])
@pytest.mark.parametrize("audience", ["network", "partners", bytes(16)])
def test_p12_with_any_other_audience_it_is_no_record(code: str, audience: str | bytes) -> None:
    network = Network()
    with pytest.raises(RecordError, match="sensitive"):
        network.need(network.hub(1), category=code, audience=audience)
    assert open_record(network.need(network.hub(1), category=code, audience="hub").wire).head.audience == "hub"

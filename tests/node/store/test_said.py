"""What steps name is handed to a starting core, by both stores alike: it decides when bodies go (SPEC L8)."""

from hartig_node.ports import Store
from hartig_protocol.catalog.contacts import naming
from hartig_protocol.encoding import encode
from hartig_protocol.limits import CONTACT_KEPT_MS, HOUR_MS
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync.state import load_state
from node.store.arrivals import Arrivals
from support.records import NOW_MS, Network, key, seeded

NET = Network()
HUB = NET.hub(1)
OFFER = NET.offer(HUB)
CLAIM = seeded("claim", 32)


def said(before: Record | None, verb: str, **facts: object) -> Record:
    body = encode({"box": bytes(60)}) if verb == "contact" else None
    return NET.step(HUB, OFFER, before, kind=Kind.STEP, facts={"verb": verb, **facts}, body=body)


async def test_a_starting_core_knows_what_has_ended(store: Store) -> None:
    count = said(None, "count", quantity=9, why="opened")
    found = said(count, "count", quantity=1, why="given_back", of=CLAIM)
    promise = said(found, "promise", claim=CLAIM, quantity=1, hold=60)
    contact = said(promise, "contact", of=promise.id)
    free = said(contact, "handover", quantity=1)
    end = said(free, "release", of=CLAIM, why="lapsed")
    steps = [count, found, promise, contact, free, end]
    first = [*NET.founding(1), OFFER]
    await store.commit(Arrivals().commit(*first, *steps))
    loaded = await store.load()
    start = len(first)
    named = [(start + at, *name) for at, step in enumerate(steps, 1) if (name := naming(step.head)) is not None]
    assert [*loaded.said] == [(start + 3, "promise", CLAIM), (start + 4, "contact", promise.id),
                              (start + 6, "release", CLAIM)] == named  # fmt: skip
    catalog = load_state(NET.id, key("hub"), bytes(32), loaded).catalog
    assert catalog.contact_due_ms(contact.id) == end.head.stamp + CONTACT_KEPT_MS
    assert catalog.contact_due_ms(promise.id) is None
    assert end.head.stamp < NOW_MS + HOUR_MS

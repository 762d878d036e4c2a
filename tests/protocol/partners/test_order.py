"""Which side of an agreement counts, and what crosses by it, follow from the set: not from what came first."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.verdict import Outcome
from hartig_protocol.events import Commit, Now
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.partners.cores import Cores, Link
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.trust.agreements import standing_pact
from hartig_protocol.trust.selection import Selection
from support.federated import Towns, pact_of
from support.records import NOW_MS, Network, key, seeded

NETWORK, PARTNER, THIRD = Network(), seeded("partner", 16), seeded("third", 16)
NOON = Now(NOW_MS + HOUR_MS, 0)
SEAT, ONE, OTHER = NETWORK.seat, NETWORK.hub(1), NETWORK.hub(2)
PROOFS = [
    NETWORK.charter,
    NETWORK.grant(ONE.public, place=1, rank="organiser"),
    NETWORK.grant(OTHER.public, place=2, rank="organiser"),
]
PACTS = [
    pact_of(NETWORK, PARTNER, ONE),
    pact_of(NETWORK, PARTNER, ONE, seq=2, stamp=NOW_MS + 1, categories=["tools"]),
    pact_of(NETWORK, PARTNER, OTHER, stamp=NOW_MS + 2),
    pact_of(NETWORK, PARTNER, OTHER, seq=2, stamp=NOW_MS + 3, ends=True),
    pact_of(NETWORK, PARTNER, SEAT, stamp=NOW_MS - HOUR_MS),
    pact_of(NETWORK, THIRD, ONE, place=997),
]
LOWERED = NETWORK.grant(ONE.public, place=1, rank="hub", seq=2, stamp=NOW_MS + 4)


def offered(records: list[Record], selection: Selection | None = None) -> Catalog:
    """Return a catalog that was offered these, one by one, until nothing more comes of it."""
    catalog = Catalog(NETWORK.id, selection)
    waiting = list(records)
    while True:
        left = [one for one in waiting if _waits(catalog, one)]
        if len(left) == len(waiting):
            return catalog
        waiting = left


def _waits(catalog: Catalog, record: Record) -> bool:
    ((_, verdict),) = catalog.take([record], NOON, Commit())
    return verdict.outcome is Outcome.WAITS


def counting(catalog: Catalog) -> Pact | None:
    return standing_pact(catalog.governance.values(), catalog.authority, PARTNER, NOON.wall_ms)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_side_that_counts_is_the_same_in_every_order(data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from([*PACTS, LOWERED]), unique_by=lambda one: one.id))
    records = [*PROOFS, *some]
    first = offered(records)
    other = offered(data.draw(st.permutations(records)))
    assert set(first.entries) == set(other.entries)
    assert counting(first) == counting(other)


def crossing_records() -> list[Record]:
    """Threads of all sorts, two versions of some, chains with contacts, and what fills one place after another."""
    records: list[Record] = [NETWORK.card(ONE), NETWORK.card(OTHER, audience="hub")]
    for place, (category, audience) in enumerate(
        [("food", "partners"), ("food.bread", PARTNER), ("tools", "partners"), ("food", "network"), ("food", THIRD)]
    ):
        offer = NETWORK.offer(ONE, place=place, category=category, audience=audience)
        contact = NETWORK.step(ONE, offer, kind=Kind.STEP, facts={"verb": "close"})
        records += [offer, NETWORK.revise(ONE, offer), contact]
        later = NETWORK.offer(
            ONE, place=place, nonce=1, category="tools", audience=audience, expires=NOW_MS + 10**9 * 2
        )
        records += [later] if place % 2 else []
    return [*records, NETWORK.need(ONE, place=9, audience=PARTNER), NETWORK.need(ONE, place=8, audience="partners")]


PACT = PACTS[0]
SELECTION = Selection(NETWORK.id, PARTNER, Pact.of(PACT.id, PACT.head))


@settings(max_examples=40, deadline=None)
@given(st.permutations([*PROOFS, *crossing_records()]))
def test_what_crosses_is_the_same_in_every_order(records: list[Record]) -> None:
    expected = offered([*PROOFS, *crossing_records()], SELECTION)
    assert set(offered(records, SELECTION).entries) == set(expected.entries)


def test_a_filter_that_depends_on_arrival_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: of each author only the first that comes crosses."""
    seen: set[bytes] = set()

    def first_alone(_selection: Selection, head: Any) -> bool:
        if head.kind not in (Kind.OFFER, Kind.NEED):
            return True
        is_first = head.author not in seen
        seen.add(head.author)
        return is_first

    monkeypatch.setattr(Selection, "crosses", first_alone)
    held = set(offered([*PROOFS, *crossing_records()], SELECTION).entries)
    seen.clear()
    assert held != set(offered([*PROOFS, *reversed(crossing_records())], SELECTION).entries)


# --- Transit


def three_in_a_row() -> tuple[Network, Network, bytes]:
    """Let a and b agree, and b and c; return networks a and b, and all that b has said to c, as it went out."""
    towns = Towns("a", "b", "c")
    a, b, c = (towns.hub(name, 1) for name in "abc")
    towns.agree(a, b)
    towns.agree(b, c, place=997)
    towns.wire.connect(a, b)
    link = towns.wire.connect(b, c)
    towns.wire.deliver()
    towns.wire.publish(a, a.network.offer(a.key, place=1, audience="partners"))
    towns.wire.pass_time(5_000)
    assert towns.held(b, "a")
    return a.network, b.network, b"".join(frame for at, to, frame in towns.wire.sent if at is b and to == link)


def test_a_third_network_hears_nothing_not_even_that_there_is_another() -> None:
    a, b, heard = three_in_a_row()
    assert b.id in heard
    assert a.id not in heard
    assert a.hub(1).public not in heard
    assert key("seat a").public not in heard


def test_a_hub_that_passes_on_what_it_was_given_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: on a link between two networks there are sessions about all partners' records."""

    def about_all(cores: Cores, link: Link, now: Now) -> list[Any]:
        networks = dict.fromkeys([*cores.partners, link.network or cores._home.network])
        return [action for network in networks for action in cores._begin(link, network, now)]

    monkeypatch.setattr(Cores, "open_on", about_all)
    a, _, heard = three_in_a_row()
    assert a.id in heard

"""Networks that ask to be our partner: verified offline, few of them kept, and taken or left by people."""

from dataclasses import replace

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.partners.proposals import KEPT_MAX, SPACE_PROPOSAL
from hartig_protocol.encoding import encode
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.record import Wire
from node.board.belonging.belonging import become
from node.board.partners.abroad import Abroad, open_partner
from support.boards import Bench
from support.records import NOW_MS


@pytest.fixture
def abroad() -> Abroad:
    return Abroad()


async def proposed(bench: Bench) -> list[bytes]:
    return [one.network for one in await bench.board.partners.proposals.list()]


async def hear(bench: Bench, abroad: Abroad, wires: "list[Wire] | None" = None) -> None:
    shown = abroad.wires(bench.founding.network) if wires is None else wires
    await bench.board.partners.proposals.pact_proposed(abroad.id, shown)


async def test_a_proposal_is_shown_and_accepted_on_the_same_terms(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    shown = abroad.wires(bench.founding.network, categories=["food"], days=50)
    await hear(bench, abroad, [*shown])
    (one,) = await bench.board.partners.proposals.list()
    assert (one.name, one.terms.categories, one.expires_ms) == ("Maple Street", ("food",), NOW_MS + 50 * DAY_MS)
    tried = await bench.board.partners.accept(abroad.id, {}, None, preview=True)
    assert tried.terms == one.terms
    assert await proposed(bench) == [abroad.id]
    done = await bench.board.partners.accept(abroad.id, {"areas": ["u3"]}, None)
    assert done.terms == replace(one.terms, areas=("u3",))
    assert done.until_ms == one.expires_ms
    assert await proposed(bench) == []
    with pytest.raises(BoardError, match="does not ask"):
        await bench.board.partners.accept(abroad.id, {}, None)
    await hear(bench, abroad)  # they call again before they have heard
    assert await proposed(bench) == []


async def test_who_asks_is_told_of_once_and_again_on_other_terms(bench: Bench, abroad: Abroad) -> None:
    async def told() -> int:
        _, last = await bench.store.feed_bounds()
        return [item.name for item in await bench.store.feed(0, last)].count("agreement.asked")

    await hear(bench, abroad)
    await hear(bench, abroad)
    assert await told() == 1
    await hear(bench, abroad, [*abroad.wires(bench.founding.network, days=60)])
    assert await told() == 2
    await become(bench, "organiser")
    await bench.board.partners.accept(abroad.id, {}, None)
    await hear(bench, abroad, [*abroad.wires(bench.founding.network, days=70)])
    assert await told() == 2


async def test_what_does_not_prove_itself_is_dropped(bench: Bench, abroad: Abroad) -> None:
    own = bench.founding.network
    charter, grant, card, pact = abroad.wires(own)
    other = Abroad(9)
    lies: list[list[Wire]] = [
        [],
        [charter, grant, card],  # asks for nothing
        [charter, card, pact],  # shows no proof of its hub
        [grant, card, pact],
        [charter, grant, pact],  # nobody speaks
        [one.wire for one in abroad.proofs(gateway=False)] + [pact],
        [charter, grant, card, abroad.pact(b"o" * 16).wire],  # of another network than ours
        [charter, grant, card, abroad.pact(own, author=abroad.hub).wire],  # by a hub, which may not
        [charter, grant, card, abroad.pact(own, ends=True).wire],
        [charter, grant, card, (pact[0], bytes(64), None)],
        [charter, grant, card, (encode(["what"]), bytes(64), None)],
        [charter, grant, card, *[pact] * 200],
        [*other.wires(own)],
        [bench.founding.charter.wire, bench.founding.grant.wire, pact],
    ]
    for lie in lies:
        await hear(bench, abroad, lie)
        assert await proposed(bench) == [], lies.index(lie)
    await bench.board.partners.proposals.pact_proposed(own, [charter, grant, card, pact])
    assert await proposed(bench) == []
    await hear(bench, abroad)
    assert await proposed(bench) == [abroad.id]


async def test_one_that_was_dismissed_stays_away_until_it_asks_for_something_else(bench: Bench, abroad: Abroad) -> None:
    proposals = bench.board.partners.proposals
    await hear(bench, abroad)
    await proposals.dismiss(abroad.id)
    await hear(bench, abroad)
    assert await proposed(bench) == []
    with pytest.raises(BoardError, match="does not ask"):
        await proposals.dismiss(abroad.id)
    await hear(bench, abroad, [*abroad.wires(bench.founding.network, seq=2, areas=["u3"])])
    assert await proposed(bench) == [abroad.id]


async def test_of_many_those_stay_that_people_have_seen(bench: Bench, abroad: Abroad) -> None:
    await hear(bench, abroad)
    assert await proposed(bench) == [abroad.id]
    others = [Abroad(100 + number) for number in range(KEPT_MAX + 3)]
    for other in others:
        bench.time.advance(1)
        await hear(bench, other)
    rows = await bench.store.private_list(SPACE_PROPOSAL)
    assert {network for network, _ in rows} == {abroad.id, *(one.id for one in others[4:])}
    assert sum(len(value) for _, value in rows) < 16 * 600


async def test_a_proposal_ends_with_its_time(bench: Bench, abroad: Abroad) -> None:
    await hear(bench, abroad)
    bench.time.advance(101 * DAY_MS / 1000)
    assert await proposed(bench) == []


async def test_it_is_kept_over_a_start_and_needs_no_answer_where_ours_stands(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    await hear(bench, abroad)
    await bench.board.partners.accept(abroad.id, {}, None)
    await open_partner(bench, abroad)
    await bench.board.partners.leave(abroad.id)
    await hear(bench, abroad)
    assert await proposed(bench) == [abroad.id]
    await bench.board.partners.accept(abroad.id, {}, None)
    assert [one.state for one in await bench.board.partners.list()] == ["agreed"]


async def test_codes_that_are_not_known_here_are_left_out(bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    await hear(bench, abroad, [*abroad.wires(bench.founding.network, categories=["food", "quanta"])])
    done = await bench.board.partners.accept(abroad.id, {}, None, preview=True)
    assert done.terms is not None
    assert done.terms.categories == ("food",)
    other = Abroad(8)
    await hear(bench, other, [*other.wires(bench.founding.network, categories=["quanta"])])
    with pytest.raises(BoardError) as caught:
        await bench.board.partners.accept(other.id, {}, None)
    assert caught.value.pointer == "/categories"


async def test_a_full_disk_ends_nothing(
    bench: Bench, abroad: Abroad, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> None:
        raise BoardError("disk_full", "no room")

    monkeypatch.setattr(bench.board.context, "keep_private", full)
    await hear(bench, abroad)
    assert "is not kept" in caplog.text

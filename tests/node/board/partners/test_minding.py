"""What is wrong with partner networks is said in words, told once, and remembered: silence, and what is kept back."""

import pytest

from hartig_node.board.partners.minding import SILENT_MS
from hartig_node.peers import Peer
from hartig_protocol.limits import DAY_MS
from node.board.belonging.belonging import become, invite
from node.board.partners.abroad import Abroad, open_partner
from node.board.partners.test_partners import OFFERS, code_of
from support.boards import Bench
from support.records import key

OTHER = key("another hub of ours")


@pytest.fixture
async def abroad(bench: Bench) -> Abroad:
    """A partner network of two hubs that speak, with which all is agreed."""
    await become(bench, "organiser", gateway=True)
    await invite(bench, None, OTHER)
    await bench.board.changing.grant(OTHER.public, gateway=True)
    made = Abroad()
    await open_partner(bench, made)
    await bench.board.partners.propose(code_of(made), OFFERS, None)
    await made.take(made.network.grant(key("second").public, place=2, gateway=True))
    return made


async def codes(bench: Bench) -> list[str]:
    return [code for code, _, _ in await bench.board.partners.minding.problems()]


async def told(bench: Bench) -> list[str]:
    await bench.board.partners.minding.look()
    _, last = await bench.store.feed_bounds()
    return [item.name for item in await bench.store.feed(0, last) if item.name.startswith("agreement.")][1:]


@pytest.fixture
def connected(bench: Bench, abroad: Abroad, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(b"n" * 32, hub=key("second").public, state="open")
    monkeypatch.setattr(bench.engine.peers, "open", lambda: [peer])


async def test_all_is_well(bench: Bench, abroad: Abroad) -> None:
    assert (await codes(bench), await told(bench)) == ([], [])


async def test_a_hub_that_gives_less_is_named_and_told_of_once(bench: Bench, abroad: Abroad, connected: None) -> None:
    abroad.short = {abroad.hub.public: 3}
    ((code, what, _),) = await bench.board.partners.minding.problems()
    assert code == "partner_short"
    assert what == f"Abroad hub of Maple Street did not give 3 entries that {key('second').public.hex()[:8]} gave"
    assert [await told(bench), await told(bench)] == [["agreement.short"]] * 2
    abroad.short = {}
    assert (await codes(bench), await told(bench)) == ([], ["agreement.short"])
    abroad.short = {abroad.hub.public: 1}
    assert await told(bench) == ["agreement.short"] * 2  # it has begun again


async def test_a_network_of_which_one_hub_speaks_is_a_note(bench: Bench, abroad: Abroad) -> None:
    await abroad.take(abroad.network.grant(key("second").public, place=2, seq=2, gateway=False))
    assert await codes(bench) == ["partner_few_speakers"]


async def test_a_network_that_is_not_met_for_long_is_named_by_who_speaks(bench: Bench, abroad: Abroad) -> None:
    await told(bench)
    bench.time.advance(SILENT_MS / 1000 - 1)
    assert await codes(bench) == []
    bench.time.advance(1)
    ((code, what, _),) = await bench.board.partners.minding.problems()
    assert (code, what) == ("partner_silent", "no hub of Maple Street was met for 7 days")


async def test_who_is_connected_is_not_silent(bench: Bench, abroad: Abroad, connected: None) -> None:
    await told(bench)
    bench.time.advance(SILENT_MS / 1000)
    assert await codes(bench) == []
    await told(bench)
    bench.time.advance(DAY_MS / 1000)
    assert (await bench.board.partners.list())[0].links == 1


async def test_an_agreement_that_ends_soon_is_told_of_once_for_each_end(bench: Bench, abroad: Abroad) -> None:
    bench.time.advance(310 * DAY_MS / 1000)
    assert await told(bench) == await told(bench) == ["agreement.ending"]
    assert "agreements_end" in await codes(bench)
    await bench.board.partners.change(abroad.id, {}, 100)
    bench.time.advance(60 * DAY_MS / 1000)
    assert (await told(bench)).count("agreement.ending") == 2


async def test_figures_count_what_is_here_of_each(bench: Bench, abroad: Abroad) -> None:
    (one,) = await bench.board.partners.minding.figures()
    assert one == {
        "id": abroad.id.hex(), "name": "Maple Street", "state": "agreed", "records": len(abroad.catalog.entries),
        "links": 0,
    }  # fmt: skip
    assert (await bench.board.status.report())["partners"] == [one]

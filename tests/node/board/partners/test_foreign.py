"""Posts of partner networks among our own: listed after them, found, hidden, and never changed."""

from unittest.mock import AsyncMock

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.partners.held import HeldSets
from hartig_node.board.posts.posts import ListQuery
from hartig_node.ports import Store
from hartig_protocol.records.record import Kind, Record
from node.board.belonging.belonging import become
from node.board.partners.abroad import Abroad, open_partner
from node.board.partners.test_partners import BLANKET, OFFERS, code_of
from support.boards import Bench


@pytest.fixture
async def abroad(bench: Bench) -> Abroad:
    made = Abroad()
    await open_partner(bench, made)
    return made


async def post(abroad: Abroad, number: int) -> Record:
    made = abroad.network.offer(
        abroad.hub, place=number, nonce=number, audience="partners", title=f"Foreign {number}", text="Come by"
    )
    await abroad.take(made)
    return made


async def titles(bench: Bench, **query: object) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await bench.board.posts.list(ListQuery(cursor=cursor, **query))  # type: ignore[arg-type]
        assert len(page.items) <= query.get("limit", 50)  # type: ignore[operator]
        found += [view.title["en"] for view in page.items]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_ours_come_first_then_those_of_each_partner(bench: Bench, abroad: Abroad, limit: int) -> None:
    second = Abroad(8)
    await open_partner(bench, second)
    for number in range(3):
        await bench.board.posts.publish({**BLANKET, "title": f"Ours {number}"})
        await post(abroad, number)
    await post(second, 7)
    ours = ["Ours 2", "Ours 1", "Ours 0"]
    theirs = {abroad.id: ["Foreign 2", "Foreign 1", "Foreign 0"], second.id: ["Foreign 7"]}
    both = [title for network in sorted(theirs) for title in theirs[network]]
    assert await titles(bench, limit=limit) == [*ours, *both]
    assert await titles(bench, limit=limit, network=bench.founding.network.hex()) == ours
    assert await titles(bench, limit=limit, network=abroad.id.hex()) == theirs[abroad.id]
    assert await titles(bench, limit=limit, network="ab" * 16) == []
    assert await titles(bench, limit=limit, author="me") == ours
    assert await titles(bench, q="foreign 1") == ["Foreign 1"]
    with pytest.raises(BoardError):
        await titles(bench, network="zz")
    with pytest.raises(BoardError):
        await bench.board.posts.list(ListQuery(cursor="pzz"))


async def test_a_foreign_post_says_its_network_and_what_is_left(bench: Bench, abroad: Abroad) -> None:
    record = await post(abroad, 1)
    view = await bench.board.posts.get(record.head.thread.hex())
    assert (view.network, view.network_name, view.author_name) == (abroad.id.hex(), "Maple Street", "Abroad hub")
    assert (view.is_mine, view.progress and view.progress["state"]) == (False, "available")
    assert view.as_json()["network"] == abroad.id.hex()
    own = await bench.board.posts.publish(BLANKET)
    assert "network" not in own.as_json()
    said = {"verb": "count", "why": "opened", "quantity": 4}
    step = abroad.network.step(abroad.hub, record, kind=Kind.STEP, facts=said)
    await abroad.take(step)
    again = await bench.board.posts.get(record.head.thread.hex())
    assert again.progress is not None
    assert again.progress["free"] == "4"
    assert (await bench.board.context.holder_of(record.head.thread)) == (abroad.catalog, abroad.store)
    assert (await bench.board.context.holder_of(bytes.fromhex(own.id))) == (bench.engine.hub.catalog, bench.store)
    assert await bench.board.context.holder_of(b"x" * 16) is None


async def test_a_foreign_post_is_nobodys_here_to_change(bench: Bench, abroad: Abroad) -> None:
    thread = (await post(abroad, 1)).head.thread.hex()
    for act in (bench.board.posts.withdraw, bench.board.posts.renew):
        with pytest.raises(BoardError) as caught:
            await act(thread)
        assert caught.value.code == "not_yours"
    with pytest.raises(BoardError, match="no such post"):
        await bench.board.posts.get("ab" * 16)


async def test_what_is_hidden_or_muted_here_is_left_out(bench: Bench, abroad: Abroad) -> None:
    first, _ = await post(abroad, 1), await post(abroad, 2)
    board = bench.board
    hidden = await board.hiding.hide(first.head.thread.hex(), "no")
    assert await titles(bench, limit=1) == ["Foreign 2"]
    assert await titles(bench, hidden=True) == ["Foreign 2", "Foreign 1"]
    assert (await board.posts.called(hidden))["title"] == {"en": "Foreign 1"}
    await board.hiding.show(first.head.thread.hex())
    muted = await board.hiding.mute(abroad.hub.public.hex())
    assert await titles(bench) == []
    assert await board.posts.called(muted) == {"name": "Abroad hub"}


async def test_of_a_foreign_shelf_its_own_people_are_told(bench: Bench, abroad: Abroad) -> None:
    shelf = abroad.network.offer(abroad.hub, place=9, audience="partners", level="low")
    await abroad.take(shelf)
    with pytest.raises(BoardError, match="partner network"):
        await bench.board.shelves.mark_low(shelf.head.thread.hex())


async def test_a_post_may_be_for_one_partner_alone(bench: Bench, abroad: Abroad) -> None:
    with pytest.raises(BoardError) as caught:
        await bench.board.posts.publish({**BLANKET, "audience": "ab" * 16})
    assert caught.value.pointer == "/audience"
    await become(bench, "organiser")
    await bench.board.partners.propose(code_of(abroad), OFFERS, None)
    view = await bench.board.posts.publish({**BLANKET, "audience": abroad.id.hex()})
    assert view.audience == abroad.id.hex()
    changed = await bench.board.posts.revise(view.id, {"title": "Red blanket"})
    assert changed.audience == abroad.id.hex()
    for audience in ("everybody", 5, "zz" * 16, "ab" * 15):
        with pytest.raises(BoardError) as caught:
            await bench.board.posts.publish({**BLANKET, "audience": audience})
        assert caught.value.pointer == "/audience"
    with pytest.raises(BoardError, match="sensitive"):
        await bench.board.posts.publish(
            {"kind": "need", "category": "health.hiv", "title": "x", "audience": "partners"}
        )


async def test_a_set_that_cannot_be_read_costs_nobody_else_anything(
    bench: Bench, abroad: Abroad, caplog: pytest.LogCaptureFixture
) -> None:
    await become(bench, "organiser")
    await bench.board.partners.propose(code_of(abroad), OFFERS, None)
    second = Abroad(8)
    await open_partner(bench, second)
    record, other = await post(abroad, 1), await post(second, 2)
    await abroad.store.close()
    assert await titles(bench) == ["Foreign 2"]
    assert await bench.board.context.holder_of(record.head.thread) is None
    with pytest.raises(BoardError, match="no such post"):
        await bench.board.posts.get(record.head.thread.hex())
    assert (await bench.board.posts.get(other.head.thread.hex())).network == second.id.hex()
    (agreement,) = await bench.board.partners.list()
    assert (agreement.state, agreement.heard_ms) == ("agreed", None)
    assert await bench.board.context.cards.find_name(abroad.hub.public) is None
    assert "cannot be read now" in caplog.text


async def test_a_running_node_shows_sets_as_they_are_at_the_moment(bench: Bench, abroad: Abroad) -> None:
    stores: dict[bytes, Store] = {}
    sets = HeldSets({abroad.id: abroad}, stores)
    assert (len(sets), list(sets), repr(sets)) == (1, [abroad.id], "<HeldSets 1>")
    bench.board.context.partners = sets
    await post(abroad, 1)
    assert await titles(bench) == []
    stores[abroad.id] = abroad.store
    assert await titles(bench) == ["Foreign 1"]


async def test_a_card_that_is_not_on_the_disk_yet_is_read_when_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    abroad = Abroad()
    await open_partner(bench, abroad)
    cards = bench.board.context.cards
    with monkeypatch.context() as patch:
        patch.setattr(abroad.store, "read_record", AsyncMock(return_value=None))
        assert await cards.of(abroad.id) == {}
    assert (await cards.names(abroad.id)) == {abroad.hub.public: "Abroad hub"}

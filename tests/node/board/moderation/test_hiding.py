"""What a hub does not show: it is left out of lists there alone, nothing is lost, and it is back when it is undone."""

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.moderation import hiding
from hartig_node.board.moderation.hiding import HUB, POST
from hartig_node.board.posts.listing import ListQuery
from node.board.keepers import BLANKETS, WANTED, posted
from support.boards import Bench, meet, running_board, running_boards


async def listed(bench: Bench, **query: object) -> list[str]:
    page = await bench.board.posts.list(ListQuery(**query))  # type: ignore[arg-type]
    return [view.id for view in page.items]


async def test_a_hidden_post_is_left_out_here_alone_until_that_is_undone() -> None:
    async with running_boards(2) as [ours, theirs]:
        one, other = await posted(theirs, BLANKETS), await posted(theirs, BLANKETS, title="Other ones")
        await meet(ours, theirs)
        before = ours.store.disk.last_n
        hidden = await ours.board.hiding.hide(one, " Not what\x07 it says ", "phone at the desk")
        assert (hidden.note, hidden.who) == ("Not what it says", "phone at the desk")
        assert await listed(ours) == await listed(ours, q="blankets") + [other] == [other]
        assert await listed(ours, hidden=True) == [other, one]
        assert len(await listed(theirs)) == 2
        said = (await ours.board.posts.get(one)).as_json()["hidden"]
        assert said == {"why": "hidden", "at": said["at"]}
        assert hidden.as_json() == {**said, "by": "phone at the desk", "note": "Not what it says"}
        assert "hidden" not in (await ours.board.posts.get(other)).as_json()
        await meet(ours, theirs)
        assert ours.store.disk.last_n == before  # nothing was signed, so nobody hears of it
        assert [one.subject.hex() for one in (await ours.board.hiding.page(POST))[0]] == [one]
        await ours.board.hiding.show(one)
        assert await listed(ours) == [other, one]
        assert (await ours.board.posts.get(one)).hidden is None


async def test_a_muted_hub_is_left_out_with_all_that_it_posts_later_and_its_deals_go_on() -> None:
    async with running_boards(3) as [ours, theirs, third]:
        offer = await posted(theirs, BLANKETS)
        others = await posted(third, BLANKETS)
        need = await posted(ours, WANTED)
        await meet(ours, theirs, third)
        deal = await ours.board.deals.ask(need, offer, 4)
        await meet(ours, theirs)
        await ours.board.hiding.mute(theirs.key.public.hex(), "sells things")
        later = await posted(theirs, WANTED)
        await meet(ours, theirs)
        assert set(await listed(ours)) == {need, others}
        assert set(await listed(ours, hidden=True)) == {offer, later, others, need}
        assert (await ours.board.posts.get(later)).as_json()["hidden"]["why"] == "muted"
        assert await listed(ours, author=theirs.key.public.hex()) == []
        assert [view.id for view in (await ours.board.deals.deals()).items] == [deal.id]
        assert (await ours.board.deals.deal(deal.id)).lot.id == offer
        await theirs.board.deals.promise(deal.id)
        await meet(ours, theirs)
        assert (await ours.board.deals.deal(deal.id)).state == "promised"
        await ours.board.hiding.unmute(theirs.key.public.hex())
        assert (await ours.board.hiding.page(HUB)) == ([], None)
        assert len(await listed(ours)) == 4


async def test_what_is_hidden_is_no_alternative_for_a_need() -> None:
    async with running_boards(2) as [ours, theirs]:
        offer = await posted(theirs, BLANKETS)
        need = await posted(ours, WANTED)
        await meet(ours, theirs)
        assert [one.id for one in await ours.board.elsewhere.offers(need)] == [offer]
        await ours.board.hiding.hide(offer)
        assert await ours.board.elsewhere.offers(need) == []


async def test_own_posts_and_what_is_not_known_cannot_be_hidden() -> None:
    async with running_boards(2) as [ours, theirs]:
        own = await posted(ours, BLANKETS)
        hide, mute = ours.board.hiding.hide, ours.board.hiding.mute
        for call, given, code in (
            (hide, own, "bad_request"),
            (hide, "00" * 16, "not_found"),
            (hide, "nothing", "not_found"),
            (mute, ours.key.public.hex(), "bad_request"),
            (mute, "ab" * 32, "not_found"),
            (mute, theirs.key.public.hex()[:8], "not_found"),
            (mute, "x" * 64, "not_found"),
        ):
            with pytest.raises(BoardError) as caught:
                await call(given)
            assert caught.value.code == code
        with pytest.raises(BoardError) as caught:
            await mute(theirs.key.public.hex(), "é" * 241)
        assert caught.value.pointer == "/note"
        for undo, given in ((ours.board.hiding.show, own), (ours.board.hiding.unmute, theirs.key.public.hex())):
            with pytest.raises(BoardError) as caught:
                await undo(given)
            assert caught.value.code == "not_found"


async def test_it_is_remembered_over_a_start_and_said_anew_where_it_is_said_again() -> None:
    async with running_boards(2) as [ours, theirs]:
        post = await posted(theirs, BLANKETS)
        await meet(ours, theirs)
        await ours.board.hiding.hide(post, "first")
        ours.time.advance(60)
        await ours.board.hiding.hide(post, "second", "somebody")
        async with running_board(ours.store.disk) as again:
            assert await listed(again) == []
            (found,), cursor = await again.board.hiding.page(POST)
            assert (found.note, found.who, cursor) == ("second", "somebody", None)


async def test_so_many_are_hidden_and_no_more_but_those_that_are_gone_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hiding, "ROWS_MAX", {POST: 2, HUB: 1})
    async with running_boards(3) as [ours, theirs, third]:
        posts = [await posted(theirs, BLANKETS, title=f"Blanket {one}") for one in range(4)]
        await meet(ours, theirs)
        for one in posts[:2]:
            await ours.board.hiding.hide(one)
        await ours.board.hiding.hide(posts[0], "once more")
        with pytest.raises(BoardError) as caught:
            await ours.board.hiding.hide(posts[2])
        assert caught.value.code == "too_many"
        gone = ours.store.disk.numbers[bytes.fromhex((await ours.board.posts.get(posts[1])).record)]
        del ours.store.disk.rows[gone]
        await ours.board.hiding.hide(posts[3])
        assert {one.subject.hex() for one in (await ours.board.hiding.page(POST))[0]} == {posts[0], posts[3]}
        await ours.board.hiding.mute(theirs.key.public.hex())
        with pytest.raises(BoardError) as caught:
            await ours.board.hiding.mute(third.key.public.hex())
        assert caught.value.code == "too_many"


async def test_pages_of_lists_are_full_and_their_cursors_stay_right_while_posts_are_hidden() -> None:
    async with running_boards(3) as [ours, theirs, muted]:
        shown = []
        for number in range(12):
            shown.append(await posted(theirs, BLANKETS, title=f"Kept {number}"))
            await posted(muted, BLANKETS, title=f"Left out {number}")
            await meet(ours, theirs, muted)
        await ours.board.hiding.mute(muted.key.public.hex())
        first = await ours.board.posts.list(ListQuery(limit=5))
        assert [view.id for view in first.items] == shown[:-6:-1]
        await ours.board.hiding.hide(shown[-6])
        second = await ours.board.posts.list(ListQuery(limit=5, cursor=first.cursor))
        assert [view.id for view in second.items] == shown[5:0:-1]
        third = await ours.board.posts.list(ListQuery(limit=5, cursor=second.cursor))
        assert ([view.id for view in third.items], third.cursor) == (shown[:1], None)


async def test_lists_of_what_is_hidden_come_in_pages() -> None:
    async with running_boards(2) as [ours, theirs]:
        posts = [await posted(theirs, BLANKETS, title=f"Blanket {one}") for one in range(5)]
        await meet(ours, theirs)
        for one in posts:
            ours.time.advance(1)
            await ours.board.hiding.hide(one)
        found: list[str] = []
        cursor: str | None = None
        for _ in range(3):
            page, cursor = await ours.board.hiding.page(POST, cursor, 2)
            found += [one.subject.hex() for one in page]
        assert (found, cursor) == (posts[::-1], None)
        for cursor, limit, code in (("m1.zz", 5, "bad_cursor"), ("later", 5, "bad_cursor"), (None, 0, "bad_request")):
            with pytest.raises(BoardError) as caught:
                await ours.board.hiding.page(POST, cursor, limit)
            assert caught.value.code == code

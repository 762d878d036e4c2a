"""How far posts have come, deals in lists, and what an account says beside its sums."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hartig_node.board.accounts import kin as kin_module
from hartig_node.board.posts.posts import ListQuery
from hartig_protocol.records.record import Record
from node.board.neighbours import let_in, network_of, said
from node.board.stories import amounts, book, failed, need, offer, progress, written
from support.boards import Bench, meet, running_boards
from support.records import key

OTHER = key("another hub")


@pytest.fixture
async def two() -> AsyncIterator[list[Bench]]:
    async with running_boards(2) as benches:
        yield benches


async def shown(bench: Bench, post: str) -> dict[str, Any]:
    found: dict[str, Any] = (await bench.board.posts.get(post)).as_json()["progress"]
    return found


# --- One word beside a post


async def test_a_post_without_an_account_is_shown_by_what_it_says(bench: Bench) -> None:
    assert await shown(bench, await need(bench, "4")) == {"state": "open", "needed": "4"}
    assert await shown(bench, await need(bench, None)) == {"state": "open"}
    assert await shown(bench, await offer(bench)) == {"state": "available", "free": "10"}
    assert await shown(bench, await offer(bench, None)) == {"state": "available"}


async def test_a_post_that_is_over_is_ended_unless_it_was_met(bench: Bench) -> None:
    wanted, there, other = await need(bench, days=1), await offer(bench, days=1), await need(bench, days=1)
    deal = await bench.board.deals.ask(wanted, there)
    await bench.board.deals.receive(deal.id)
    await bench.board.deals.hand_over(None, "1", there)
    bare = await offer(bench, days=1)
    bench.time.advance(2 * 86_400)
    states = [await progress(bench, one) for one in (wanted, there, other, bare)]
    assert states == ["met", "ended", "ended", "ended"]


async def test_the_words_for_what_is_left_of_an_offer(bench: Bench) -> None:
    there = await offer(bench, "2")
    words = [await progress(bench, there)]
    deals = [await bench.board.deals.ask(await need(bench, "1"), there) for _ in range(2)]
    for deal in deals:
        await bench.board.deals.promise(deal.id)
        words.append(await progress(bench, there))
    for deal in deals:
        await bench.board.deals.hand_over(deal.id)
    words.append(await progress(bench, there))
    await bench.board.deals.close(there)
    words.append(await progress(bench, there))
    assert words == ["available", "partly_promised", "all_promised", "gone", "ended"]


async def test_a_list_reads_no_account_of_posts_that_have_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(20):
        await need(bench)
        await offer(bench)
    wanted = await need(bench)
    await bench.board.deals.need_count(wanted, "2")
    read: list[bytes] = []
    read_thread = bench.store.read_thread

    async def reading(thread: bytes) -> Any:
        read.append(thread)
        return await read_thread(thread)

    monkeypatch.setattr(bench.store, "read_thread", reading)
    page = await bench.board.posts.list(ListQuery())
    assert len(page.items) == 41
    assert all(view.progress for view in page.items)
    assert read == []  # the one account that there is is in memory already
    bench.board.ledger._books.clear()
    bench.board.ledger._weights.clear()
    await bench.board.posts.list(ListQuery())
    assert read == [bytes.fromhex(wanted)]


# --- Groups


async def test_a_group_need_is_the_exact_sum_of_its_parts(bench: Bench) -> None:
    group = await need(bench, None, unit="DZN", smallest_part=12)
    there = await offer(bench, "100")
    parts = [await need(bench, quantity, parent=group) for quantity in ("6", "18")]
    assert await shown(bench, group) == {
        "state": "open", "needed": "2", "asked": "0", "promised": "0", "received": "0", "parts": 2,
    }  # fmt: skip
    deals = [await bench.board.deals.ask(one, there) for one in parts]
    await bench.board.deals.promise(deals[0].id)
    assert (await shown(bench, group))["state"] == "partly_promised"
    await bench.board.deals.promise(deals[1].id)
    assert await shown(bench, group) == {
        "state": "promised", "needed": "2", "asked": "2", "promised": "2", "received": "0", "parts": 2,
    }  # fmt: skip
    for deal in deals:
        await bench.board.deals.receive(deal.id)
    assert await shown(bench, group) == {
        "state": "met", "needed": "2", "asked": "0", "promised": "0", "received": "2", "parts": 2,
    }  # fmt: skip
    account = (await book(bench, group)).as_json()
    assert [one["progress"]["state"] for one in account["parts"]] == ["met", "met"]
    assert account["progress"]["state"] == "met"


async def test_a_group_may_ask_for_itself_too_and_have_parts_of_parts(bench: Bench) -> None:
    group = await need(bench, "10")
    part = await need(bench, "4", parent=group)
    await need(bench, "2", parent=part)
    await need(bench, "3", unit="KGM", category="food.dry", parent=group)  # measures something else
    there = await offer(bench)
    deal = await bench.board.deals.ask(group, there, "3")
    await bench.board.deals.receive(deal.id)
    assert (await shown(bench, group))["received"] == "3"
    await bench.board.deals.receive((await bench.board.deals.ask(part, there, "1")).id)
    assert (await shown(bench, group)) == {
        "state": "partly_promised", "needed": "10", "asked": "0", "promised": "0", "received": "4", "parts": 2,
    }  # fmt: skip


async def test_a_circle_of_groups_ends(bench: Bench) -> None:
    one = await need(bench, "1")
    other = await need(bench, "1", parent=one)
    await bench.board.posts.revise(one, {"parent": other})
    assert (await shown(bench, one))["parts"] == 1


async def test_nobody_else_makes_a_need_seem_met(two: list[Bench]) -> None:
    hall, store = two
    group = await need(hall, "2")
    await need(store, "2", parent=group)
    await meet(*two)
    assert "parts" not in await shown(hall, group)
    hall.board.posts.progressing.kin._parts.clear()  # as after a new start
    assert "parts" not in await shown(hall, group)
    await need(hall, "1", parent=group)
    assert (await shown(hall, group))["parts"] == 1


async def test_a_part_that_is_over_counts_with_what_it_received(bench: Bench) -> None:
    group = await need(bench, "4")
    part = await need(bench, "2", parent=group)
    await bench.board.deals.receive((await bench.board.deals.ask(part, await offer(bench), "1")).id)
    await bench.board.posts.withdraw(part)
    assert (await shown(bench, group))["state"] == "open"  # it names no parent any more
    await bench.board.posts.withdraw(group)
    assert await progress(bench, group) == "ended"


async def test_a_group_that_is_withdrawn_is_ended_whatever_its_parts_do(bench: Bench) -> None:
    group = await need(bench, "4")
    part = await need(bench, "2", parent=group)
    await bench.board.deals.promise((await bench.board.deals.ask(part, await offer(bench))).id)
    assert await progress(bench, group) == "partly_promised"
    await bench.board.posts.withdraw(group)
    assert (await shown(bench, group))["state"] == "ended"


async def test_parts_are_read_anew_when_many_hubs_were_looked_at(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kin_module, "AUTHORS_MAX", 1)
    group = await need(bench, "2")
    await need(bench, "1", parent=group)
    await let_in(bench, OTHER)
    theirs = network_of(bench).need(OTHER, place=1)
    await bench.engine.publish([theirs])
    for _ in range(2):
        assert (await shown(bench, group))["parts"] == 1
        assert "parts" not in await shown(bench, theirs.head.thread.hex())


# --- What was written and does not count


async def test_what_an_account_does_not_allow_is_shown_with_the_rule_and_in_units(bench: Bench) -> None:
    await let_in(bench, OTHER)
    there = network_of(bench).offer(OTHER, place=1, smallest_part=2)
    steps: list[Record] = []
    for facts in (
        {"verb": "count", "quantity": 3, "why": "opened"},
        {"verb": "handover", "quantity": 4},
        {"verb": "barter"},
        {"verb": "close"},
    ):
        steps.append(said(bench, OTHER, there, steps[-1] if steps else None, **facts))  # type: ignore[arg-type]
    assert await bench.engine.publish([there, *steps]) == (None,) * 5
    view = await book(bench, there.head.thread.hex())
    assert [(one.rule, one.hint) for one in view.broken[:1]] == [("not_free", "at most 1.5 are free")]
    assert [one.as_json()["rule"] for one in view.broken[1:]] == ["newer", "newer"]
    assert (view.note, view.is_opened, view.post.is_mine) == (
        "something a newer version wrote stands here: go on with that version", True, False,
    )  # fmt: skip


async def test_what_a_newer_version_wrote_stops_this_one(bench: Bench) -> None:
    wanted, there = await need(bench), await offer(bench)
    deal = await bench.board.deals.ask(wanted, there)
    await bench.board.deals.count(there, "10")
    ledger = bench.board.ledger
    for post in (wanted, there):
        async with ledger.writing(bytes.fromhex(post)):
            held = await ledger.book(bytes.fromhex(post))
            assert held is not None
            signed = bench.board._context.pen.step(held.post, {"verb": "barter"})
            await bench.engine.publish([signed.record])
    for doing in (bench.board.deals.promise(deal.id), bench.board.deals.cancel(deal.id)):
        error = await failed(doing, "not_allowed")
        assert (error.rule, error.hint[:25]) == ("newer", "something a newer version")
    assert (await bench.board.deals.deal(deal.id)).what_next == ()


async def test_the_deal_of_an_offer_that_is_gone_is_shown_and_arrives_all_the_same(two: list[Bench]) -> None:
    hall, store = two
    wanted, there = await need(hall, days=90), await offer(store, days=1)
    await meet(*two)
    deal = await hall.board.deals.ask(wanted, there)
    hall.time.advance(37 * 86_400)
    hall.engine._time_passed()
    await hall.engine.publish([])
    view = await hall.board.deals.deal(deal.id)
    assert (view.lot.as_json(), view.asks) == ({"id": there, "held": False, "mine": False}, None)
    assert (await hall.board.deals.receive(deal.id)).received == "2"
    await failed(hall.board.deals.ask(wanted, there), "not_found", "/lot")


# --- Lists of deals


async def test_deals_are_listed_by_side_and_state_and_page_by_page(two: list[Bench]) -> None:
    hall, store = two
    there = await offer(store)
    needs = [await need(hall, "1") for _ in range(3)]
    own = await need(store, "1")
    await meet(*two)
    deals = [(await hall.board.deals.ask(one, there)).id for one in needs]
    both = (await store.board.deals.ask(own, there)).id
    await meet(*two)
    await store.board.deals.promise(deals[0])
    await store.board.deals.decline(deals[1])

    async def listed(bench: Bench, *query: Any) -> set[str]:
        return {view.id for view in (await bench.board.deals.deals(*query)).items}

    assert await listed(hall) == await listed(hall, "receiving") == set(deals)
    assert await listed(hall, "giving") == set()
    assert await listed(store) == await listed(store, "giving") == {*deals, both}
    assert await listed(store, "receiving") == {both}
    assert await listed(store, None, "promised") == {deals[0]}
    assert await listed(store, "giving", "open") == {deals[0], deals[2], both}
    assert await listed(store, None, "over") == {deals[1]}
    for _ in range(2):
        await store.board.deals.ask(await need(store, "1"), await offer(store))
    everything = await listed(store)
    for role in (None, "giving", "receiving"):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = await store.board.deals.deals(role, None, 1, cursor)
            seen += [view.id for view in page.items]
            cursor = page.cursor
            if cursor is None:
                break
        assert sorted(seen) == sorted(await listed(store, role))
    assert len(everything) == 6


async def test_a_list_of_deals_says_what_it_takes(bench: Bench) -> None:
    listing = bench.board.deals.deals
    await failed(listing("onlooker"), "bad_request", "/role")
    await failed(listing(None, "lost"), "bad_request", "/state")
    await failed(listing(None, None, 0), "bad_request", "/limit")
    await failed(listing(None, None, 5, "x"), "bad_cursor", "/cursor")
    await offer(bench)
    assert (await listing()).items == []


# --- What can be done


@pytest.mark.wide
async def test_what_can_be_done_next_is_what_is_not_refused(bench: Bench) -> None:
    """Whatever a page offers works; what it does not offer is refused, or says nothing new."""
    deals = bench.board.deals
    uses: dict[str, Any] = {
        "promise": deals.promise,
        "decline": deals.decline,
        "release": deals.release,
        "hand_over": deals.hand_over,
        "returned": deals.returned,
        "cancel": deals.cancel,
        "receive": deals.receive,
        "give_back": deals.give_back,
    }
    seen: set[tuple[str, ...]] = set()
    stories = [()] + [(one,) for one in uses]
    for _length in range(3):
        longer = []
        for story in stories:
            for mode in ("give", "lend"):
                deal = await deals.ask(await need(bench, "1"), await offer(bench, "1", mode=mode))
                for action in story:
                    view = await deals.deal(deal.id)
                    if action not in view.what_next:
                        break
                    assert (await uses[action](deal.id)).id == deal.id
                else:
                    view = await deals.deal(deal.id)
                    seen.add(tuple(view.what_next))
                    longer += [(*story, action) for action in view.what_next]
                    if len(story) < 3:
                        await _others_say_nothing(bench, deal.id, uses, view.what_next)
        stories = sorted(set(longer))
    assert len(seen) >= 8


async def _others_say_nothing(bench: Bench, deal: str, uses: dict[str, Any], offered: Any) -> None:
    for action, use in uses.items():
        if action in offered:
            continue
        before = written(bench)
        (result,) = await asyncio.gather(use(deal), return_exceptions=True)
        assert getattr(result, "code", "not_allowed") == "not_allowed", (action, result)
        assert written(bench) == before, action


async def test_an_account_is_shown_whole(bench: Bench) -> None:
    there = await offer(bench)
    deal = await bench.board.deals.ask(await need(bench), there)
    await bench.board.deals.promise(deal.id)
    view = (await book(bench, there)).as_json()
    assert view["kind"] == "offer"
    assert (view["opened"], view["written"], view["room"], view["deals_total"]) == (True, 2, 4_094, 1)
    assert view["deals"][0]["marks"] == ["asked", "promised"]
    assert "source" not in view
    assert "ended" not in view
    assert await amounts(bench, there, "free") == ["8"]

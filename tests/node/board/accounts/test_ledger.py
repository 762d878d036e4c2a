"""The ledger keeps books that are as the disk is, and writes only what the chain allows."""

import asyncio
from typing import Any

import pytest

from hartig_node.board.accounts import ledger as ledger_module
from hartig_node.board.accounts import shelves
from hartig_node.board.accounts.books import Asked
from hartig_node.board.errors import BoardError
from hartig_node.glossary import words_used
from hartig_protocol.errors import LocalError
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.exchange.deal import DealState
from hartig_protocol.records.record import Kind
from node.board.ledgers import (
    NEED,
    NEEDED,
    OFFER,
    OPENED,
    OTHER,
    book,
    claim_of,
    lot,
    posted,
    promise_of,
    shown,
    state,
    write,
)
from node.board.neighbours import let_in, network_of, said
from support.boards import Bench, running_board
from support.records import seeded

# --- Asking


async def test_a_book_shows_the_post_and_its_chain(bench: Bench) -> None:
    thread = await posted(bench, OFFER, OPENED)
    found = await book(bench, thread)
    assert (found.thread, found.kind, found.is_mine, found.ended) == (thread, Kind.OFFER, True, None)
    assert found.last is not None
    assert found.last[0] == 1
    assert found.chain.is_opened
    assert (await lot(bench, thread)).total.free == 10


async def test_there_is_no_book_of_what_is_no_need_or_offer(bench: Bench) -> None:
    card = next(entry for entry in bench.board._context.pen.catalog.registers.of_kind(Kind.CARD))
    assert await bench.board.ledger.book(card.thread) is None
    assert await bench.board.ledger.book(bytes(16)) is None
    assert await bench.board.ledger.deals_of(bytes(16)) == []


async def test_a_post_that_this_version_cannot_read_has_no_book(bench: Bench) -> None:
    thread = await posted(bench, OFFER, OPENED)
    async with running_board(bench.store.disk) as again:
        disk = again.store.disk
        n = max(disk.rows)
        disk.rows[n] = disk.rows[n]._replace(head=b"\x00")
        assert await again.board.ledger.book(thread) is None


async def test_after_a_new_start_a_book_is_as_it_was(bench: Bench) -> None:
    thread = await posted(bench, OFFER, OPENED, {"verb": "surrender", "quantity": 3})
    before = await book(bench, thread)
    async with running_board(bench.store.disk) as again:
        assert shown(await book(again, thread)) == shown(before)


async def test_a_new_version_keeps_the_chain(bench: Bench) -> None:
    thread = await posted(bench, OFFER, OPENED)
    before = await book(bench, thread)
    await bench.board.posts.revise(thread.hex(), {"title": "Rolls"})
    after = await book(bench, thread)
    assert after is before
    assert after.post.body["title"] == {"en": "Rolls"}
    assert (await lot(bench, thread)).total.free == 10


async def test_a_text_that_goes_leaves_the_book(bench: Bench) -> None:
    thread = await posted(bench, OFFER, OPENED)
    post = (await book(bench, thread)).post
    assert post.body
    bench.time.advance((post.head.expires or 0) / 1000 - bench.time.wall_s + 8 * 86_400)
    bench.engine._time_passed()
    await bench.engine.publish([])
    assert (await book(bench, thread)).post.body is None


# --- Deals


async def test_a_deal_is_followed_from_asking_to_arriving(bench: Bench) -> None:
    offer, need = await posted(bench, OFFER, OPENED), await posted(bench, NEED, NEEDED)
    claim = await write(bench, need, claim_of(offer))
    states = [await state(bench, claim.id)]
    promise = await write(bench, offer, promise_of(claim.id))
    states.append(await state(bench, claim.id))
    await write(bench, offer, {"verb": "handover", "quantity": 2, "of": promise.id})
    states.append(await state(bench, claim.id))
    await write(bench, need, {"verb": "receive", "of": claim.id, "how": "ok", "quantity": 2})
    states.append(await state(bench, claim.id))
    assert states == [DealState.ASKED, DealState.PROMISED, DealState.HANDED_OVER, DealState.ARRIVED]
    deal = await bench.board.ledger.deal(claim.id)
    assert deal is not None
    assert deal.promise is not None
    assert (deal.id, deal.promise.id, deal.lot and deal.lot.thread) == (claim.id, promise.id, offer)


async def test_the_deals_of_a_post_are_those_of_each_side(bench: Bench) -> None:
    first, second = await posted(bench, OFFER, OPENED), await posted(bench, OFFER, OPENED)
    one, two = await posted(bench, NEED, NEEDED), await posted(bench, NEED, NEEDED)
    asked = [await write(bench, need, claim_of(offer, 1)) for need in (one, two) for offer in (first, second)]
    await write(bench, second, promise_of(asked[1].id, 1))
    of_need = await bench.board.ledger.deals_of(one)
    assert [(deal.id, deal.state) for deal in of_need] == [
        (asked[0].id, DealState.ASKED),
        (asked[1].id, DealState.PROMISED),
    ]
    of_offer = await bench.board.ledger.deals_of(second)
    assert [(deal.id, deal.need.thread, deal.promise is not None) for deal in of_offer] == [
        (asked[1].id, one, True),
        (asked[3].id, two, False),
    ]
    assert await bench.board.ledger.deals_of(first) == [
        deal for deal in [*of_need, *await bench.board.ledger.deals_of(two)] if deal.claim.lot == first
    ]


async def test_more_claims_than_a_page_are_all_deals(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "CLAIMS_A_PAGE", 2)
    offer, need = await posted(bench, OFFER, OPENED), await posted(bench, NEED, NEEDED)
    claims = [(await write(bench, need, claim_of(offer, 1))).id for _ in range(4)]
    assert [deal.id for deal in await bench.board.ledger.deals_of(offer)] == claims


async def test_of_an_offer_only_what_was_asked_since_is_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    offer, need = await posted(bench, OFFER, OPENED), await posted(bench, NEED, NEEDED)
    ledger, read = bench.board.ledger, list[int]()
    claims_on = bench.store.claims_on

    async def noted(lot: bytes, after: int, count_max: int) -> Any:
        page = await claims_on(lot, after, count_max)
        read.append(len(page))
        return page

    monkeypatch.setattr(bench.store, "claims_on", noted)
    first = await write(bench, need, claim_of(offer, 1))
    read.clear()
    assert [deal.id for deal in await ledger.deals_of(offer)] == [first.id]
    second = await write(bench, need, claim_of(offer, 1))
    assert [deal.id for deal in await ledger.deals_of(offer)] == [first.id, second.id]
    assert await ledger.deals_of(offer) == await ledger.deals_of(offer)
    assert read == [1, 1, 0, 0]
    weight = ledger._weight
    monkeypatch.setattr(ledger_module, "ASKED_MAX", 1)
    assert len(await ledger.deals_of(offer)) == 2
    assert ledger._weight == weight - 1
    assert len(await ledger.deals_of(offer)) == 2
    assert read[4:] == [0, 2]


async def test_what_asks_of_an_offer_and_came_back_stands_where_it_came_back(bench: Bench) -> None:
    asked = Asked()
    for claim in (b"a", b"b", b"b", b"a"):
        asked.take(claim, b"need")
    assert list(asked.needs) == [b"b", b"a"]


async def test_the_need_of_a_claim_is_read_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    offer, need = await posted(bench, OFFER, OPENED), await posted(bench, NEED, NEEDED)
    read_record, read = bench.store.read_record, list[bytes]()

    async def noted(record_id: bytes) -> Any:
        read.append(record_id)
        return await read_record(record_id)

    monkeypatch.setattr(bench.store, "read_record", noted)
    monkeypatch.setattr(ledger_module, "NEEDS_KNOWN_MAX", 2)
    claims = [(await write(bench, need, claim_of(offer, 1))).id for _ in range(3)]
    read.clear()
    for claim in (*claims[1:], claims[0], claims[0], claims[1]):
        deal = await bench.board.ledger.deal(claim)
        assert deal is not None
        assert (deal.id, deal.need.thread) == (claim, need)
    assert read == claims[:2]  # commits tell of each; of more than are known the first one goes


async def test_a_claim_that_its_chain_does_not_allow_is_no_deal(bench: Bench) -> None:
    await let_in(bench, OTHER)
    offer = await posted(bench, OFFER, OPENED)
    need = network_of(bench).need(OTHER, place=1)
    needed = said(bench, OTHER, need, None, **NEEDED)
    too_much = said(bench, OTHER, need, needed, **claim_of(offer, 5))
    on_a_need = said(bench, OTHER, need, too_much, **claim_of(need.head.thread, 1))
    await bench.engine.publish([need, needed, too_much, on_a_need])
    ledger = bench.board.ledger
    assert await ledger.deal(too_much.id) is None
    assert await ledger.deals_of(offer) == []
    assert await ledger.deal(needed.id) is None
    assert await ledger.deal(need.id) is None
    assert await ledger.deal(bytes(32)) is None
    odd = await ledger.deal(on_a_need.id)
    assert odd is not None
    assert (odd.lot, odd.state) == (None, DealState.ASKED)


async def test_what_is_lent_is_lent_by_the_offer_or_as_long_as_it_is_not_here_by_the_need(bench: Bench) -> None:
    offer = await posted(bench, {**OFFER, "mode": "lend"}, OPENED)
    need = await posted(bench, NEED, NEEDED)
    claim = await write(bench, need, claim_of(offer))
    elsewhere = await write(bench, need, claim_of(bytes(16)))
    for one in (claim, elsewhere):
        await write(bench, need, {"verb": "receive", "of": one.id, "how": "ok", "quantity": 2})
    assert await state(bench, claim.id) is DealState.LENT
    assert await state(bench, elsewhere.id) is DealState.ARRIVED


# --- Ends


async def test_why_a_chain_has_ended_is_asked_anew_each_time(bench: Bench) -> None:
    offer, need = await posted(bench, OFFER, OPENED), await posted(bench, NEED, NEEDED)
    claim = await write(bench, need, claim_of(offer))
    await write(bench, offer, promise_of(claim.id))
    held = await book(bench, offer)
    assert (held.ended, held.chain.ended) == (None, None)
    until_ms = held.post.head.expires
    assert until_ms is not None
    bench.time.wall_s = until_ms / 1000
    assert (held.ended, held.chain.ended) == (EndReason.EXPIRED, EndReason.EXPIRED)
    assert await state(bench, claim.id) is DealState.VOID
    bench.time.wall_s -= 1
    assert (held.ended, held.chain.ended) == (None, None)
    assert await state(bench, claim.id) is DealState.PROMISED
    await bench.board.posts.withdraw(offer.hex(), force=True)
    assert (await book(bench, offer)).ended is EndReason.WITHDRAWN
    assert await state(bench, claim.id) is DealState.VOID


async def test_by_a_clock_that_nobody_vouches_for_nothing_ends() -> None:
    async with running_board(trusted=False) as bench:
        offer = await posted(bench, OFFER, OPENED)
        bench.time.advance(400 * 86_400)
        assert (await book(bench, offer)).ended is None


async def test_a_fork_ends_a_chain_where_it_is(bench: Bench) -> None:
    await let_in(bench, OTHER)
    offer = network_of(bench).offer(OTHER, place=1)
    opened = said(bench, OTHER, offer, None, **OPENED)
    one, two = (said(bench, OTHER, offer, opened, verb="surrender", quantity=some) for some in (1, 2))
    await bench.engine.publish([offer, opened, one])
    assert (await lot(bench, offer.head.thread)).total.free == 9
    await bench.engine.publish([two])
    found = await book(bench, offer.head.thread)
    assert (found.ended, found.last) == (EndReason.FORKED, (1, opened.id))
    assert (await lot(bench, offer.head.thread)).total.free == 10


async def test_whoever_is_removed_leaves_no_book(bench: Bench) -> None:
    await let_in(bench, OTHER)
    network = network_of(bench)
    offer = network.offer(OTHER, place=1)
    await bench.engine.publish([offer, said(bench, OTHER, offer, None, **OPENED)])
    held = await book(bench, offer.head.thread)
    await bench.engine.publish([network.revoke(OTHER.public)])
    assert held.ended is EndReason.VOID
    assert await bench.board.ledger.book(offer.head.thread) is None


# --- Writing


async def test_what_is_written_is_durable_and_in_its_book(bench: Bench) -> None:
    offer = await posted(bench, OFFER)
    record = await write(bench, offer, OPENED)
    assert record.id in bench.store.disk.numbers
    assert await bench.store.private_get("signed", record.id) == b""
    assert (await book(bench, offer)).last == (1, record.id)


async def test_what_the_chain_does_not_allow_is_not_written(bench: Bench) -> None:
    offer = await posted(bench, OFFER, OPENED)
    records = len(bench.store.disk.rows)
    with pytest.raises(BoardError) as caught:
        await write(bench, offer, promise_of(seeded("claim", 32), 11))
    error = caught.value
    assert (error.code, error.status, error.rule, error.most) == ("not_allowed", 409, "not_free", 10)
    assert error.hint == "at most 10 are free"
    assert not words_used(f"{error.title} {error.detail} {error.hint}")
    assert len(bench.store.disk.rows) == records


async def test_several_are_written_together_or_not_at_all(bench: Bench) -> None:
    offer = await posted(bench, OFFER, OPENED)
    ledger = bench.board.ledger
    async with ledger.writing(offer):
        two = [(promise_of(seeded(name, 32), 5), None) for name in "ab"]
        with pytest.raises(BoardError, match="does not allow"):
            await ledger.write_all(offer, [*two, (promise_of(seeded("c", 32), 1), None)])
        assert (await lot(bench, offer)).seq == 1
        records = await ledger.write_all(offer, two)
    assert [record.head.seq for record in records] == [2, 3]
    assert (await lot(bench, offer)).total.free == 0


async def test_only_own_posts_that_go_on_are_written_about(bench: Bench) -> None:
    await let_in(bench, OTHER)
    theirs = network_of(bench).offer(OTHER, place=1)
    await bench.engine.publish([theirs])
    ended = await posted(bench, OFFER, OPENED)
    await bench.board.posts.withdraw(ended.hex())
    for thread, code in ((theirs.head.thread, "not_yours"), (bytes(16), "not_found"), (ended, "chain_ended")):
        with pytest.raises(BoardError) as caught:
            await write(bench, thread, OPENED)
        assert caught.value.code == code


async def test_nobody_writes_without_the_lock(bench: Bench) -> None:
    offer = await posted(bench, OFFER)
    with pytest.raises(LocalError, match="lock"):
        await bench.board.ledger.write(offer, OPENED)


async def test_what_the_hub_does_not_take_is_an_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = await posted(bench, OFFER)
    monkeypatch.setattr(bench.board._context.pen, "network", bytes(range(16)))
    with pytest.raises(BoardError) as caught:
        await write(bench, offer, OPENED)
    assert caught.value.code == "refused"
    assert (await book(bench, offer)).last is None


async def test_who_writes_next_waits_for_what_was_handed_in_before(bench: Bench) -> None:
    """Whoever asked for the first promise went away while it was on its way to the disk."""
    offer = await posted(bench, OFFER, OPENED)
    await book(bench, offer)
    bench.store.hold()
    first = asyncio.ensure_future(write(bench, offer, promise_of(seeded("a", 32), 6)))  # noqa: TID251 - cancelled here
    for _turn in range(20):
        await asyncio.sleep(0)
    assert bench.store.held == 1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = asyncio.ensure_future(write(bench, offer, promise_of(seeded("b", 32), 6)))  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    assert not second.done()
    bench.store.release()
    with pytest.raises(BoardError, match="does not allow") as caught:
        await second
    assert caught.value.rule == "not_free"
    assert (await lot(bench, offer)).total.promised == 6


async def test_while_the_disk_is_full_nobody_waits_for_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = await posted(bench, OFFER, OPENED)
    held = await book(bench, offer)
    monkeypatch.setattr(held, "last", None)  # as long as something is on its way
    bench.engine.disk.stuck = "full"
    with pytest.raises(BoardError) as caught:
        await write(bench, offer, OPENED)
    assert caught.value.code == "disk_full"

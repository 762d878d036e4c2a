"""Books stay as the disk is, whatever comes, goes and comes back, in whatever order."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_node.board.accounts import ledger as ledger_module
from hartig_node.board.accounts.books import Book, book_of
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.board import EVENT_NAMES, event_json
from hartig_protocol.events import Commit
from hartig_protocol.limits import DAY_MS, HOUR_MS
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from node.board.ledgers import (
    NEED,
    NEEDED,
    OFFER,
    OPENED,
    OTHER,
    SlowStore,
    book,
    claim_of,
    lot,
    posted,
    promise_of,
    shown,
    write,
)
from node.board.neighbours import let_in, network_of, said
from support.boards import Bench, running_board
from support.records import NOW_MS, seeded

# --- Keeping up


async def test_whoever_looks_after_deals_is_told_what_changed(bench: Bench) -> None:
    told: list[set[bytes]] = []
    bench.board.ledger.on_touched = told.append
    offer, need = await posted(bench, OFFER, OPENED), await posted(bench, NEED, NEEDED)
    await write(bench, need, claim_of(offer))
    await bench.board.posts.revise(offer.hex(), {"title": "Rolls"})
    await bench.board._context.keep_private([])
    await bench.board.membership.announce()
    assert told == [{offer}, {offer}, {need}, {need}, {need, offer}, {offer}]


async def test_whoever_looks_after_deals_is_told_what_went(bench: Bench) -> None:
    await let_in(bench, OTHER)
    network = network_of(bench)
    offer = network.offer(OTHER, place=1)
    await bench.engine.publish([offer, said(bench, OTHER, offer, None, **OPENED)])
    await book(bench, offer.head.thread)
    told: list[set[bytes]] = []
    bench.board.ledger.on_touched = told.append
    await bench.engine.publish([network.revoke(OTHER.public)])
    assert told == [{offer.head.thread}]


async def test_a_step_is_told_in_the_feed(bench: Bench) -> None:
    offer = await posted(bench, OFFER)
    record = await write(bench, offer, OPENED)
    last = (await bench.store.feed(0, 99))[-1]
    assert (last.name, last.thread, last.record, last.kind) == ("deal.changed", offer, record.id, Kind.STEP)
    told = event_json(last)
    assert (told["name"], told["thread"], told["record"]) == ("deal.changed", offer.hex(), record.id.hex())
    assert told["name"] in EVENT_NAMES


async def test_no_more_books_are_kept_than_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "BOOKS_MAX", 3)
    ledger = bench.board.ledger
    offers = [await posted(bench, OFFER, OPENED) for _ in range(5)]
    assert list(ledger._books) == offers[2:]
    async with ledger.writing(offers[2]):
        await ledger.book(offers[0])
        assert list(ledger._books) == [offers[2], offers[4], offers[0]]  # what is being written stays
    await ledger.book(offers[2])
    await ledger.book(offers[1])
    assert list(ledger._books) == [offers[0], offers[2], offers[1]]


async def test_long_chains_and_long_texts_weigh_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = bench.board.ledger
    found = {"verb": "count", "quantity": 1, "why": "found"}
    light, long = await posted(bench, OFFER, OPENED), await posted(bench, {**OFFER, "text": "x" * 3_000}, OPENED, found)
    assert (await book(bench, light)).weight == 1
    assert ledger._weight == (await book(bench, long)).weight + 1 > 7
    monkeypatch.setattr(ledger_module, "WEIGHT_MAX", 7)
    await posted(bench, OFFER, OPENED)
    assert len(ledger._books) == 1
    assert ledger._weight == 1


async def test_two_who_ask_at_once_get_the_same_book(bench: Bench) -> None:
    thread = await posted(bench, OFFER, OPENED)
    bench.board.ledger._drop(thread)
    bench.board._context.store = SlowStore(bench.store)  # type: ignore[assignment]
    one, two = await asyncio.gather(book(bench, thread), book(bench, thread))
    assert one is two


async def test_a_fork_that_a_third_step_joins_stays_where_it_is(bench: Bench) -> None:
    await let_in(bench, OTHER)
    offer = network_of(bench).offer(OTHER, place=1)
    opened = said(bench, OTHER, offer, None, **OPENED)
    rivals = [said(bench, OTHER, offer, opened, verb="surrender", quantity=some) for some in (1, 2, 3)]
    lowest, *others = sorted(rivals, key=lambda one: one.id)
    await bench.engine.publish([offer, opened, *others])
    assert (await lot(bench, offer.head.thread)).seq == 1
    await bench.engine.publish([lowest])
    assert (await lot(bench, offer.head.thread)).total.free == 10


async def test_what_comes_out_of_order_is_read_anew(bench: Bench) -> None:
    """As after a full disk, when commits are tried again one by one."""
    offer = await posted(bench, OFFER, OPENED)
    ledger, pen = bench.board.ledger, bench.board._context.pen
    found = {"verb": "count", "quantity": 1, "why": "found"}
    bench.store.hold()
    post = (await book(bench, offer)).post
    handed_in = []
    for _each in range(2):
        third = pen.step(post, found).record
        handed_in.append(bench.engine.start_publish([third]))
    ledger.committed(Commit(added=[(pen.catalog.entries[third.id], third)]))
    assert offer not in ledger._books
    bench.store.release()
    await asyncio.gather(*handed_in)
    assert (await book(bench, offer)).last == (3, third.id)


async def test_a_post_that_comes_back_in_another_version_has_lost_its_steps(bench: Bench) -> None:
    await let_in(bench, OTHER)
    network = network_of(bench)
    offer = network.offer(OTHER, place=1)
    rival = network.need(OTHER, place=1, expires=NOW_MS + 20 * DAY_MS)
    back = network.revise(OTHER, offer, expires=NOW_MS + 21 * DAY_MS)
    await bench.engine.publish([offer, said(bench, OTHER, offer, None, **OPENED)])
    slow = SlowStore(bench.store)
    bench.board._context.store = slow  # type: ignore[assignment]
    for is_kept in (True, False):  # while the book is kept, and while it is read
        await bench.engine.publish([offer, said(bench, OTHER, offer, None, **OPENED)])
        assert (await book(bench, offer.head.thread)).last is not None
        asked = None
        if not is_kept:
            bench.board.ledger._drop(offer.head.thread)
            slow.turns_after = 30
            asked = asyncio.ensure_future(book(bench, offer.head.thread))  # noqa: TID251 - awaited below
            for _turn in range(5):
                await asyncio.sleep(0)
        gone = bench.engine.start_publish([rival])  # both in one commit, since they wait together
        await asyncio.gather(gone, bench.engine.start_publish([back]))
        if asked is not None:
            assert (await asked).last is None
        assert (await book(bench, offer.head.thread)).last is None
        rival = network.revise(OTHER, rival, expires=NOW_MS + 22 * DAY_MS)
        offer, back = back, network.revise(OTHER, back, expires=NOW_MS + 23 * DAY_MS)


async def test_what_becomes_durable_while_a_book_is_read_is_in_it(bench: Bench) -> None:
    offer = await posted(bench, OFFER, OPENED)
    post = (await book(bench, offer)).post
    bench.board.ledger._drop(offer)
    slow = SlowStore(bench.store, turns_after=30)
    bench.board._context.store = slow  # type: ignore[assignment]
    asked = asyncio.ensure_future(book(bench, offer))  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    step = bench.board._context.pen.step(post, {"verb": "surrender", "quantity": 1})
    await bench.engine.publish([step.record])
    assert not asked.done()
    assert (await asked).last == (2, step.record.id)
    assert (await lot(bench, offer)).total.free == 9


class Town:
    """Threads of another hub, of which two share a place; the test says everything that it could ever say."""

    SAID = (
        OPENED,
        NEEDED,
        {"verb": "count", "quantity": 3, "why": "found"},
        promise_of(seeded("claim", 32), 3),
        {"verb": "release", "of": seeded("claim", 32), "why": "declined"},
        claim_of(bytes(16), 1),
        {"verb": "surrender", "quantity": 4},
        {"verb": "barter"},
        {"verb": "close"},
    )

    def __init__(self, bench: Bench) -> None:
        self.bench, self.network = bench, network_of(bench)
        places = ((Kind.OFFER, 1), (Kind.OFFER, 2), (Kind.NEED, 2), (Kind.NEED, 3))
        self.posts = [self.network.post(OTHER, kind, place=place) for kind, place in places]
        self.steps: list[list[Record]] = [[] for _ in places]
        self.until_ms = NOW_MS + 14 * DAY_MS
        self.asked: list[asyncio.Future[Any]] = []

    def put(self, *records: Record) -> None:
        self.asked.append(self.bench.engine.start_publish(records))

    def do(self, what: str, at: int, number: int) -> None:
        """Do one thing to one thread; whether the hub takes it depends on what came before."""
        steps, post = self.steps[at], self.posts[at]
        match what:
            case "say":
                steps.append(said(self.bench, OTHER, post, steps[-1] if steps else None, **self.SAID[number % 9]))
                self.put(steps[-1])
            case "fork" if steps:
                seq = number % len(steps)
                before = steps[seq - 1] if seq else None
                self.put(said(self.bench, OTHER, post, before, **OPENED, note=number))
            case "again":
                self.put(post, *steps)
            case "revise":
                self.until_ms += HOUR_MS
                self.posts[at] = self.network.revise(OTHER, post, expires=self.until_ms, ends=number % 5 == 0)
                self.put(self.posts[at])
            case "hold":
                self.bench.store.hold()
            case "some":
                self.bench.store.release(number % 3)
            case "ask":
                thread = post.head.thread
                self.asked.append(asyncio.ensure_future(self.bench.board.ledger.book(thread)))  # noqa: TID251 - gathered

    async def settle(self) -> None:
        while not all(one.done() for one in self.asked):
            self.bench.store.release()
            await asyncio.sleep(0)
        await asyncio.gather(*self.asked)

    async def anew(self, thread: bytes) -> Book | None:
        """Fold what is on disk."""
        records = [open_record(one.wire) for one in await self.bench.store.read_thread(thread)]
        post = next((record for record in records if not record.head.is_chain), None)
        steps = [(record.id, record.head) for record in records if record.head.is_chain]
        return None if post is None else book_of(post, steps, self.bench.board._context.pen)


acts = st.sampled_from(
    ["say"] * 6 + ["fork", "again", "again", "revise", "revise", "hold", "some", "some", "ask", "ask", "ask"]
)
stories = st.lists(st.tuples(acts, st.integers(0, 3), st.integers(0, 99), st.integers(0, 4)), min_size=5, max_size=60)


@pytest.mark.wide
@given(stories)
@settings(max_examples=60, deadline=None)
def test_whatever_comes_a_book_is_what_folding_anew_gives(story: list[tuple[str, int, int, int]]) -> None:
    async def live() -> None:
        async with running_board() as bench:
            await let_in(bench, OTHER)
            bench.board._context.store = SlowStore(bench.store, len(story) % 7)  # type: ignore[assignment]
            town = Town(bench)
            town.put(*town.posts)
            for what, at, number, sleeps in story:
                town.do(what, at, number)
                for _turn in range(sleeps):
                    await asyncio.sleep(0)
            await town.settle()
            kept = Ledger(bench.board._context)
            for post in town.posts:
                thread = post.head.thread
                found = await bench.board.ledger.book(thread)
                assert shown(found) == shown(await town.anew(thread)) == shown(await kept.book(thread))
                assert found is None or found.is_level()

    asyncio.run(live())

"""What a hub does by itself: promises by the rule of an offer, ends holds, gives up, renews, tells contacts, counts."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hartig_node.board.contact.seals import SEALED_MAX
from hartig_node.board.errors import BoardError
from hartig_node.board.keeping.holds import SPACE_HOLD, WRITE_EVERY_MS
from hartig_node.board.keeping.keeper import RENEW_BEFORE_MS
from hartig_node.board.keeping.lots import ANSWERED_AT_ONCE, RETURN_MS
from hartig_node.board.times import rfc3339
from hartig_node.store.memory import MemoryStore
from hartig_node.tasks import Tasks
from hartig_protocol.events import TimePassed
from hartig_protocol.exchange.need import ClaimState
from hartig_protocol.limits import DAY_MS, HOUR_MS
from hartig_protocol.records.steps import Why
from node.board.keepers import (
    BLANKETS,
    HOUR_S,
    MINUTE_S,
    WANTED,
    book,
    deal,
    lot,
    meet,
    need,
    passes,
    posted,
    settle,
    share,
)
from node.board.neighbours import let_in
from support.boards import Bench, box_key_of, running_board
from support.records import NOW_MS

FIRST: dict[str, Any] = BLANKETS | {"rule": "first"}
SOON = rfc3339(NOW_MS + 2 * HOUR_MS)
FAIR: dict[str, Any] = BLANKETS | {"rule": "fair", "closes": SOON}
LATER = "is looked at again later"


@pytest.fixture
async def other(bench: Bench) -> AsyncIterator[Bench]:
    """A second hub of the same network; both keepers are ready."""
    async with running_board(seed=2, founded=False) as running:
        await let_in(bench, running.key)
        await meet(bench, running)
        await bench.board.keeper.load()
        await running.board.keeper.load()
        yield running


async def held(bench: Bench) -> dict[bytes, bytes]:
    return dict(await bench.store.private_list(SPACE_HOLD))


# --- Promising by rule


async def test_first_promises_in_the_order_in_which_it_was_asked_and_what_is_free(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, FIRST)
    await meet(bench, other)
    asks = [await other.board.deals.ask(await posted(other, WANTED), offer) for _ in range(3)]
    await settle(other, bench)
    views = [await deal(other, ask) for ask in asks]
    assert [(view.state, view.promised) for view in views] == [("promised", "4"), ("promised", "4"), ("promised", "2")]
    assert (await lot(bench, offer)).total.free == 0


async def test_what_asks_waits_for_a_person(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, BLANKETS)
    await meet(bench, other)
    asked = await other.board.deals.ask(await posted(other, WANTED), offer)
    await settle(other, bench)
    assert (await deal(bench, asked)).state == "asked"
    assert (await bench.board.deals.promise(asked.id)).state == "promised"


async def test_what_comes_free_goes_to_who_waits_longest(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, FIRST, quantity=4)
    await meet(bench, other)
    asks = [await other.board.deals.ask(await posted(other, WANTED), offer, 4) for _ in range(3)]
    await settle(other, bench)
    await other.board.deals.cancel(asks[0].id)
    await settle(other, bench)
    assert [(await deal(bench, ask)).state for ask in asks] == ["cancelled", "promised", "asked"]
    assert (await lot(bench, offer)).declined[bytes.fromhex(asks[0].id)] is Why.CANCELLED


async def test_what_was_promised_for_a_need_that_was_withdrawn_goes_to_who_waits(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, FIRST | {"quantity": 4})
    await meet(bench, other)
    gone = await posted(other, WANTED)
    first = await other.board.deals.ask(gone, offer)
    await settle(bench, other)
    waiting = await other.board.deals.ask(await posted(other, WANTED), offer, 4)
    await settle(bench, other)
    assert [(await deal(bench, one)).state for one in (first, waiting)] == ["promised", "asked"]
    await other.board.posts.withdraw(gone)
    await settle(bench, other)
    assert [(await deal(bench, one)).state for one in (first, waiting)] == ["taken_back", "promised"]


async def test_what_was_cancelled_while_a_person_had_promised_it_waits_for_that_person(
    bench: Bench, other: Bench
) -> None:
    offer = await posted(bench, BLANKETS)
    await meet(bench, other)
    asked = await other.board.deals.ask(await posted(other, WANTED), offer)
    await meet(bench, other)
    await bench.board.deals.promise(asked.id)
    await settle(bench, other)
    await other.board.deals.cancel(asked.id)
    await settle(bench, other)
    assert (await deal(bench, asked)).state == "cancelled"
    assert (await lot(bench, offer)).open_promise_of
    assert (await bench.board.deals.hand_over(asked.id)).state == "crossed"


async def test_many_who_ask_are_answered_in_several_turns_and_none_twice(bench: Bench, other: Bench) -> None:
    count = ANSWERED_AT_ONCE + 5
    offer = await posted(bench, FIRST, quantity=count)
    await meet(bench, other)
    asked_by = await posted(other, WANTED, quantity=2)
    for _ in range(count):
        async with other.board.ledger.writing(bytes.fromhex(asked_by)):
            if not (await need(other, asked_by)).is_opened:
                opened = {"verb": "count", "quantity": count, "why": "needed"}
                await other.board.ledger.write(bytes.fromhex(asked_by), opened)
            claim = {"verb": "claim", "lot": bytes.fromhex(offer), "quantity": 1, "asks": 1}
            await other.board.ledger.write(bytes.fromhex(asked_by), claim)
    await share(other, bench)
    await bench.board.keeper.look()
    assert len((await lot(bench, offer)).open_promise_of) == count
    before = bench.store.disk.last_n
    bench.board.keeper.look_at_all()
    await bench.board.keeper.look()
    assert bench.store.disk.last_n == before


async def test_where_nothing_is_free_who_asks_in_vain_costs_no_look_at_all_the_others(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = await posted(bench, FIRST | {"quantity": 1})
    await meet(bench, other)
    first = await other.board.deals.ask(await posted(other, WANTED), offer, 1)
    await settle(bench, other)
    looked: list[bytes] = []
    keeping, still = bench.board.keeper._lots, bench.board.keeper._lots._need_chain
    monkeypatch.setattr(keeping, "_need_chain", lambda thread: looked.append(thread) or still(thread))
    waiting = [await other.board.deals.ask(await posted(other, WANTED), offer, 1) for _ in range(5)]
    await settle(bench, other)
    assert {one.hex() for one in looked} <= {first.need.id}  # what is promised is looked at, and nothing that waits
    await bench.board.deals.release(first.id)
    await settle(bench, other)
    assert (await deal(bench, waiting[0])).state == "promised"


async def test_own_posts_that_went_are_forgotten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.board.keeping.keeper.OWN_SPARE", 3)
    bench.board.keeper.look_at_all()
    for _ in range(7):
        ids = [await posted(bench, BLANKETS | {"days": 1}) for _ in range(5)]
        bench.time.advance(40 * DAY_MS / 1000)
        bench.engine.handle(TimePassed())
    assert len(bench.board.keeper._own) <= 2 * 5 + 3
    assert {bytes.fromhex(one) for one in ids} <= bench.board.keeper._own


async def test_fair_shares_once_when_it_closes(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, FAIR)
    await meet(bench, other)
    asks = [await other.board.deals.ask(await posted(other, WANTED, quantity=20), offer, 10) for _ in range(3)]
    await settle(other, bench)
    assert [(await deal(bench, ask)).state for ask in asks] == ["asked"] * 3
    await passes(2 * HOUR_S + 1, bench)
    quantities = [(await deal(bench, ask)).promised for ask in asks]
    assert sorted(quantities, key=str) == ["3", "3", "4"]
    late = await other.board.deals.ask(await posted(other, WANTED), offer, 1)
    await share(other, bench)
    await bench.board.deals.count(offer, 5, "found")
    await bench.board.keeper.look()
    assert (await deal(bench, late)).state == "asked", "what is left is for a person"


async def test_what_closed_while_the_hub_was_off_waits_for_what_was_asked_meanwhile(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, FAIR)
    await meet(bench, other)
    first = await other.board.deals.ask(await posted(other, WANTED, quantity=20), offer, 10)
    await meet(bench, other)
    second = await other.board.deals.ask(await posted(other, WANTED, quantity=20), offer, 10)
    async with running_board(bench.store.disk) as again:
        again.time.advance(3 * HOUR_S)
        again.board.keeper._lots._began = again.engine.clock.now()
        await again.board.keeper.load()
        await again.board.keeper.look()
        assert (await deal(again, first)).state == "asked"
        await share(other, again)
        await passes(RETURN_MS / 1000, again)
        assert [(await deal(again, ask)).promised for ask in (first, second)] == ["5", "5"]


async def test_a_draft_that_shares_fairly_says_until_when(bench: Bench) -> None:
    view = await bench.board.posts.publish(BLANKETS | {"rule": "fair"})
    assert view.facts["closes"] == NOW_MS + DAY_MS
    short = await bench.board.posts.publish(BLANKETS | {"rule": "fair", "days": 0.5})
    assert short.facts["closes"] == NOW_MS + DAY_MS // 2
    assert (await bench.board.posts.revise(view.id, {"title": "Wool"})).facts["closes"] == NOW_MS + DAY_MS


# --- Holds


async def promised(bench: Bench, other: Bench, draft: dict[str, Any] = BLANKETS) -> tuple[str, str, Any]:
    """An offer, a need, and what a person has promised."""
    offer = await posted(bench, draft)
    await meet(bench, other)
    asked_by = await posted(other, WANTED | {"category": draft["category"]})
    asked = await other.board.deals.ask(asked_by, offer)
    await meet(bench, other)
    await bench.board.deals.promise(asked.id)
    await settle(bench, other)
    return offer, asked_by, asked


async def test_what_nobody_fetched_in_48_powered_on_hours_is_free_again(bench: Bench, other: Bench) -> None:
    offer, asked_by, asked = await promised(bench, other)
    await passes(48 * HOUR_S - MINUTE_S, bench, other)
    assert (await lot(bench, offer)).total.promised == 4
    await passes(MINUTE_S, bench, other)
    assert (await lot(bench, offer)).total.free == 10
    assert (await deal(bench, asked)).state == "lapsed"
    await settle(bench, other)
    assert (await need(other, asked_by)).total.left == 4, "the need gave it up, and can ask anew"


async def test_what_perishes_is_held_for_four_hours(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other, BLANKETS | {"category": "food.cooked", "days": 2})
    await passes(4 * HOUR_S - MINUTE_S, bench)
    assert (await lot(bench, offer)).total.promised == 4
    await passes(MINUTE_S, bench)
    assert (await lot(bench, offer)).total.promised == 0


async def test_a_hold_runs_in_powered_on_time_alone_over_restarts(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    await passes(24 * HOUR_S, bench)
    async with running_board(bench.store.disk) as again:
        again.time.wall_s = bench.time.wall_s + 3 * 86_400  # dark for three days
        await again.board.keeper.load()
        await again.board.keeper.look()
        assert (await lot(again, offer)).total.promised == 4
        await passes(24 * HOUR_S - MINUTE_S, again)
        assert (await lot(again, offer)).total.promised == 4
        await passes(MINUTE_S, again)
        assert (await lot(again, offer)).total.promised == 0


async def test_what_has_arrived_does_not_lapse(bench: Bench, other: Bench) -> None:
    offer, _, asked = await promised(bench, other)
    await other.board.deals.receive(asked.id)
    await settle(bench, other)
    await passes(100 * HOUR_S, bench)
    assert (await lot(bench, offer)).total.promised == 4, "it is not on the shelf"
    await bench.board.deals.hand_over(asked.id)


async def test_holds_are_written_at_most_every_ten_minutes_and_not_at_all_when_nothing_is_open(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[object] = []
    commit = MemoryStore.commit

    async def counted(self: MemoryStore, what: Any) -> Any:
        if self is bench.store:
            commits.append(what)
        return await commit(self, what)

    await passes(WRITE_EVERY_MS / 1000, bench, other)
    monkeypatch.setattr(MemoryStore, "commit", counted)
    for _ in range(30):
        await passes(MINUTE_S, bench, other)
    assert commits == []
    await promised(bench, other)
    await passes(WRITE_EVERY_MS / 1000, bench)
    commits.clear()
    for _ in range(60):
        await passes(MINUTE_S, bench)
    assert 1 <= len(commits) <= 6
    await passes(48 * HOUR_S, bench)
    await passes(WRITE_EVERY_MS / 1000, bench)
    assert len(await held(bench)) == 1
    commits.clear()
    for _ in range(30):
        await passes(MINUTE_S, bench)
    assert commits == []


# --- Giving up


async def test_what_nobody_promises_is_given_up_after_the_same_time(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, BLANKETS, days=20)
    await meet(bench, other)
    asked_by = await posted(other, WANTED)
    asked = await other.board.deals.ask(asked_by, offer)
    await other.board.keeper.look()
    await passes(48 * HOUR_S - MINUTE_S, other)
    assert (await deal(other, asked)).state == "asked"
    await passes(MINUTE_S, other)
    assert (await deal(other, asked)).state == "cancelled"


@pytest.mark.parametrize("how", ["decline", "withdraw"])
async def test_what_is_declined_or_over_is_given_up_at_once(bench: Bench, other: Bench, how: str) -> None:
    offer = await posted(bench, BLANKETS)
    await meet(bench, other)
    asked_by = await posted(other, WANTED)
    asked = await other.board.deals.ask(asked_by, offer)
    await settle(bench, other)
    if how == "decline":
        await bench.board.deals.decline(asked.id)
    else:
        await bench.board.posts.withdraw(offer)
    await settle(bench, other)
    (claim,) = (await need(other, asked_by)).claims.values()
    assert claim.state is ClaimState.CANCELLED


async def test_an_offer_that_expires_elsewhere_is_noticed_within_the_hour(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, BLANKETS, days=1)
    await meet(bench, other)
    asked_by = await posted(other, WANTED)
    await other.board.deals.ask(asked_by, offer)
    await settle(bench, other)
    for _ in range(25):
        await passes(HOUR_S, other)
    assert (await need(other, asked_by)).total.left == 4


# --- Renewing


async def stands_until(bench: Bench, post: str) -> int:
    """Until when the record of a post stands, whatever people asked."""
    return (await book(bench, post)).post.head.expires or 0


async def test_a_post_is_kept_up_while_something_is_open_in_it_and_ends_when_people_meant_it_to(
    bench: Bench, other: Bench
) -> None:
    offer, asked_by, asked = await promised(bench, other, BLANKETS | {"days": 2})
    others = await posted(bench, BLANKETS | {"title": "Others", "days": 2})
    asked_end_ms = NOW_MS + 2 * DAY_MS
    for _ in range(47):
        await passes(HOUR_S, bench, other)
        await bench.board.timekeeper.look()
    assert await stands_until(bench, offer) > asked_end_ms + RENEW_BEFORE_MS
    assert (await bench.board.posts.get(offer)).expires_ms == asked_end_ms
    assert (await bench.board.posts.get(others)).expires_ms == await stands_until(bench, others) == asked_end_ms
    await bench.board.deals.hand_over(asked.id)
    await settle(bench, other)
    for _ in range(2):
        assert (await bench.board.posts.get(offer)).state == "standing"
        await passes(HOUR_S / 2, bench)
        await bench.board.timekeeper.look()
    await passes(HOUR_S / 2, bench)
    await bench.board.timekeeper.look()
    assert (await bench.board.posts.get(offer)).state == "ended"
    assert (await book(other, asked_by)).ended is None


async def test_past_the_end_that_people_meant_a_post_stays_for_what_is_open_and_promises_nothing_new(
    bench: Bench, other: Bench
) -> None:
    offer, _, _ = await promised(bench, other, FIRST | {"days": 1})
    await passes(DAY_MS / 1000, bench, other)
    await bench.board.timekeeper.look()
    late = await other.board.deals.ask(await posted(other, WANTED), offer)
    await settle(bench, other)
    assert (await bench.board.posts.get(offer)).state == "standing"
    assert (await deal(bench, late)).state == "asked"
    assert len((await lot(bench, offer)).open_promise_of) == 1
    await passes(24 * HOUR_S, bench)
    await bench.board.timekeeper.look()
    assert (await bench.board.posts.get(offer)).state == "ended"


async def test_what_is_open_is_kept_up_before_anything_expires_by_a_time_that_was_not_known(
    bench: Bench, other: Bench
) -> None:
    offer, _, _ = await promised(bench, other, FIRST | {"days": 1})
    bench.board._context.clock.hold_back()
    bench.time.advance(4 * DAY_MS / 1000)  # it was kept up for three when something was promised
    await bench.board.timekeeper.look()
    assert not bench.board._context.clock.is_held_back
    assert len((await lot(bench, offer)).open_promise_of) == 1
    assert (await lot(bench, offer)).ended is None


async def test_a_person_who_renews_it_says_a_new_end(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other, FIRST | {"days": 1})
    await passes(DAY_MS / 1000, bench)
    await bench.board.posts.renew(offer, 1)
    await bench.board.timekeeper.look()
    late = await other.board.deals.ask(await posted(other, WANTED), offer)
    await settle(bench, other)
    assert (await deal(bench, late)).state == "promised"
    assert (await bench.board.posts.get(offer)).expires_ms == NOW_MS + 2 * DAY_MS


async def test_a_need_past_its_end_stays_while_it_waits_for_what_it_asked(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, BLANKETS)
    await meet(bench, other)
    asked_by = await posted(other, WANTED | {"days": 1})
    asked = await other.board.deals.ask(asked_by, offer)
    await settle(bench, other)
    await passes(DAY_MS / 1000, other)
    await other.board.timekeeper.look()
    assert (await other.board.posts.get(asked_by)).state == "standing"
    await other.board.deals.cancel(asked.id)
    await other.board.timekeeper.look()
    assert (await other.board.posts.get(asked_by)).state == "ended"


# --- Contact


async def test_both_sides_are_told_how_to_reach_each_other_when_something_is_promised(
    bench: Bench, other: Bench
) -> None:
    _, _, asked = await promised(bench, other, BLANKETS | {"contact": "Ana, the green door"})
    assert await other.board.contacts.contact_of(bytes.fromhex(asked.id)) == "Ana, the green door"
    assert await bench.board.contacts.contact_of(bytes.fromhex(asked.id)) is not None


async def new_box_key(bench: Bench, seed: int, *others: Bench) -> None:
    """A hub has lost the key with which contacts are opened, and says its new one on its card."""
    bench.board.context.box = box_key_of(seed)
    await bench.board.membership.announce()
    await meet(bench, *others)


async def test_what_a_lost_key_had_opened_is_sealed_anew_for_the_new_one(bench: Bench, other: Bench) -> None:
    offer, asked_by, asked = await promised(bench, other, BLANKETS | {"contact": "Ana, the green door"})
    claim = bytes.fromhex(asked.id)
    written = (await lot(bench, offer)).seq
    await new_box_key(other, 77, bench)
    assert await other.board.contacts.contact_of(claim) is None
    await settle(bench, other)
    assert await other.board.contacts.contact_of(claim) == "Ana, the green door"
    assert ((await lot(bench, offer)).seq, (await need(other, asked_by)).contacts.keys()) == (written + 1, {claim})
    await bench.board.keeper.load()  # as after a new start: all is said
    await settle(bench, other)
    assert (await lot(bench, offer)).seq == written + 1


async def test_a_key_that_came_while_this_hub_was_off_is_noticed_at_its_start(bench: Bench, other: Bench) -> None:
    _, _, asked = await promised(bench, other, BLANKETS | {"contact": "Ana, the green door"})
    bench.board.membership.on_boxes_changed = other.board.keeper.boxes_changed  # nobody tells the first hub
    await new_box_key(other, 77, bench)
    await settle(bench, other)
    assert await other.board.contacts.contact_of(bytes.fromhex(asked.id)) is None
    await bench.board.keeper.load()
    await settle(bench, other)
    assert await other.board.contacts.contact_of(bytes.fromhex(asked.id)) == "Ana, the green door"


async def test_who_changes_keys_again_and_again_fills_no_account(bench: Bench, other: Bench) -> None:
    offer, _, _ = await promised(bench, other)
    written = (await lot(bench, offer)).seq
    for seed in range(100, 110):
        await new_box_key(other, seed, bench)
        await settle(bench, other)
    assert (await lot(bench, offer)).seq == written + SEALED_MAX - 1


# --- Stock set aside


async def test_what_was_given_back_is_counted_once(
    bench: Bench, other: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    offer = await posted(bench, BLANKETS)
    await bench.board.deals.count(offer, 10)
    await bench.board.deals.set_aside(offer, other.key.public.hex(), 6)
    await settle(bench, other)
    (aside,) = (await other.board.deals.set_aside_for_us()).items
    child = (await other.board.deals.accept(aside.id)).post.id
    await settle(bench, other)
    await other.board.deals.surrender(child, 2)
    await settle(bench, other)
    assert (await lot(bench, offer)).total.free == 6
    for _ in range(3):
        bench.board.keeper.touched([bytes.fromhex(child)])
        await bench.board.keeper.look()
    async with running_board(bench.store.disk) as again:
        await again.board.keeper.load()
        await again.board.keeper.look()
        assert (await lot(again, offer)).total.free == 6
    assert LATER not in caplog.text, "nothing was even tried that the account does not allow"


async def test_what_comes_back_to_an_offer_that_is_over_is_let_be(bench: Bench, other: Bench) -> None:
    offer = await posted(bench, BLANKETS)
    await bench.board.deals.count(offer, 10)
    await bench.board.deals.set_aside(offer, other.key.public.hex(), 6)
    await settle(bench, other)
    (aside,) = (await other.board.deals.set_aside_for_us()).items
    child = (await other.board.deals.accept(aside.id)).post.id
    await settle(bench, other)
    await bench.board.posts.withdraw(offer)
    await other.board.deals.surrender(child, 2)
    await settle(bench, other)
    assert bench.board.keeper._idle_s() is None


async def test_an_offer_made_of_stock_that_was_set_aside_is_found_again_after_a_start(
    bench: Bench, other: Bench
) -> None:
    offer = await posted(bench, BLANKETS)
    await bench.board.deals.count(offer, 10)
    await bench.board.deals.set_aside(offer, other.key.public.hex(), 6)
    await settle(bench, other)
    (aside,) = (await other.board.deals.set_aside_for_us()).items
    child = (await other.board.deals.accept(aside.id)).post.id
    await other.board.deals.surrender(child, 2)
    await share(other, bench)  # and before its keeper looks, the hub is off
    async with running_board(bench.store.disk) as again:
        await again.board.keeper.load()
        await again.board.keeper.look()
        assert (await lot(again, offer)).total.free == 6


# --- What is somebody else's, and what fails


async def test_nothing_is_written_about_posts_of_other_hubs(
    bench: Bench, other: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    offer, asked_by, _ = await promised(bench, other)
    before = [(await book(bench, post)).last for post in (offer, asked_by)]
    await passes(200 * HOUR_S, other)  # the hub that holds it is cut off
    other.board.keeper._ask_for([bytes.fromhex(offer)])
    await other.board.keeper.look()
    assert LATER not in caplog.text, "nothing was even tried"
    assert (await lot(other, offer)).open_promise_of
    assert [(await book(bench, post)).last for post in (offer, asked_by)] == before
    own = other.key.public
    steps = [entry for entry in map(other.engine.hub.catalog.entries.get, chain_of(other, offer)) if entry]
    assert {entry.author == own for entry in steps} == {False}


def chain_of(bench: Bench, post: str) -> list[bytes]:
    return list(bench.engine.hub.catalog.chains[bytes.fromhex(post)].steps)


async def test_one_post_that_cannot_be_looked_at_stops_no_other(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    offers = [await posted(bench, FIRST, title=f"Blankets {number}") for number in range(3)]
    await meet(bench, other)
    asks = [await other.board.deals.ask(await posted(other, WANTED), offer) for offer in offers]
    write = bench.board.ledger.write_all

    async def failing(thread: bytes, said: Any, private: Any = ()) -> Any:
        if thread == bytes.fromhex(offers[0]):
            raise BoardError("refused", "a fault of the test")
        return await write(thread, said, private)

    monkeypatch.setattr(bench.board.ledger, "write_all", failing)
    await share(other, bench)
    await bench.board.keeper.look()
    assert "a fault of the test" in caplog.text
    assert [(await deal(bench, ask)).state for ask in asks] == ["asked", "promised", "promised"]
    monkeypatch.undo()
    await passes(HOUR_S, bench)
    assert (await deal(bench, asks[0])).state == "promised"


async def test_the_task_wakes_for_what_comes_and_sleeps_when_there_is_nothing(bench: Bench, other: Bench) -> None:
    tasks = Tasks()
    keeper = bench.board.keeper
    await keeper.look()
    assert keeper._idle_s() is None
    running = tasks.start(keeper.run(), "keeper")
    offer = await posted(bench, FIRST)
    await meet(bench, other)
    asked = await other.board.deals.ask(await posted(other, WANTED), offer)
    await share(other, bench)
    listener = bench.engine.feed.listen()
    while not (await lot(bench, offer)).open_promise_of:
        async with asyncio.timeout(10):
            await listener.next()
    bench.engine.feed.close(listener)
    assert (await deal(bench, asked)).state == "promised"
    await tasks.close()
    assert running.cancelled()


async def test_a_full_disk_only_delays(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    offer, _, _ = await promised(bench, other)

    async def full(_rows: Any) -> None:
        raise BoardError("disk_full", "a fault of the test")

    monkeypatch.setattr(bench.board.keeper._context, "keep_private", full)
    await passes(WRITE_EVERY_MS / 1000, bench)
    assert "written down later" in caplog.text
    monkeypatch.undo()
    await passes(WRITE_EVERY_MS / 1000, bench)
    assert len(await held(bench)) == 2
    assert bytes.fromhex(offer) in bench.board.keeper._holds.threads()

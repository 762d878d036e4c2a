"""Deals between two networks: real cores, engines and boards on both sides, and a link between them."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import ListQuery
from hartig_protocol.events import TimePassed
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Kind
from support.towns import Town, found, linked, rest, running, say, towns

BLANKETS = {
    "kind": "offer",
    "category": "household.bedding",
    "title": "Blankets",
    "quantity": 10,
    "audience": "partners",
}
COLD = {
    "kind": "need",
    "category": "household.bedding",
    "title": "Cold nights",
    "text": "Behind the school",
    "quantity": 3,
}


class Pair(NamedTuple):
    """Two towns that share offers: one gives, one needs."""

    giver: Town
    needer: Town
    lot: str
    need: str

    async def rest(self) -> None:
        """Let word travel, and both look after their posts."""
        await rest(self.giver, self.needer)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    giver, needer = towns()
    async with running(giver), running(needer):
        await found(giver, needer)
        await found(needer, giver)
        async with linked(needer, giver):
            lot = await giver.board.posts.publish({**BLANKETS, "contact": "Ring twice"})
            need = await needer.board.posts.publish({**COLD, "contact": "Ask for the tall one"})
            both = Pair(giver, needer, lot.id, need.id)
            await both.rest()
            yield both


async def asked(pair: Pair, quantity: int | None = None) -> str:
    view = await pair.needer.board.deals.ask(pair.need, pair.lot, quantity)
    await pair.rest()
    return view.id


async def states(pair: Pair, deal: str) -> tuple[str, str]:
    return (await pair.giver.board.deals.deal(deal)).state, (await pair.needer.board.deals.deal(deal)).state


async def test_a_deal_from_asked_to_arrived(pair: Pair) -> None:
    giver, needer = pair.giver.board, pair.needer.board
    deal = await asked(pair)
    assert await states(pair, deal) == ("asked", "asked")
    (view,) = (await giver.deals.deals(role="giving")).items
    assert (view.id, view.quantity, view.need.title) == (deal, "3", {"en": "Cold nights"})
    assert (view.need.network, view.need.hub_name) == (pair.needer.network.id.hex(), "Hub of 52")
    await giver.deals.promise(deal)
    await pair.rest()
    assert await states(pair, deal) == ("promised", "promised")
    assert await giver.contacts.contact_of(bytes.fromhex(deal)) == "Ask for the tall one"
    assert await needer.contacts.contact_of(bytes.fromhex(deal)) == "Ring twice"
    await giver.deals.hand_over(deal)
    await pair.rest()
    assert await states(pair, deal) == ("handed_over", "handed_over")
    await needer.deals.receive(deal)
    await pair.rest()
    assert await states(pair, deal) == ("arrived", "arrived")
    assert (await giver.deals.book_view(pair.lot)).total.amounts["handed_over"] == "3"
    assert (await giver.posts.get(view.need.id)).progress == {"state": "met", "needed": "3", "asked": "0"} | {
        "promised": "0", "received": "3",
    }  # fmt: skip
    assert (await needer.posts.get(pair.need)).progress == {"state": "met", "needed": "3", "asked": "0"} | {
        "promised": "0", "received": "3",
    }  # fmt: skip


async def test_what_crosses_says_what_has_to_be_known_to_help_and_no_more(pair: Pair) -> None:
    deal = await asked(pair, 2)
    child = (await pair.needer.board.deals.deal(deal)).need
    there = await pair.giver.board.posts.get(child.id)
    assert (there.title, there.text, there.quantity) == ({"en": "Cold nights"}, {}, "2")
    assert child.part_of == pair.need
    with pytest.raises(BoardError, match="no such post"):
        await pair.giver.board.posts.get(pair.need)


async def test_people_see_one_need_and_its_deals(pair: Pair) -> None:
    deal = await asked(pair, 2)
    (listed,) = (await pair.needer.board.posts.list(ListQuery(kind="need"))).items
    assert listed.id == pair.need
    book = await pair.needer.board.deals.book_view(pair.need)
    assert ([one.id for one in book.deals], list(book.parts), book.progress["asked"]) == ([deal], [], "2")


async def test_an_offer_that_promises_by_itself_promises_abroad_too(pair: Pair) -> None:
    first = await pair.giver.board.posts.publish({**BLANKETS, "rule": "first"})
    await pair.rest()
    deal = await pair.needer.board.deals.ask(pair.need, first.id, 2)
    await pair.rest()
    assert await states(pair, deal.id) == ("promised", "promised")
    await pair.needer.board.deals.cancel(deal.id)
    await pair.rest()
    assert await states(pair, deal.id) == ("cancelled", "cancelled")
    assert (await pair.giver.board.deals.book_view(first.id)).total.amounts["free"] == "10"


async def test_what_was_declined_frees_the_need_to_ask_others(pair: Pair) -> None:
    deal = await asked(pair)
    await pair.giver.board.deals.decline(deal)
    await pair.rest()
    assert await states(pair, deal) == ("cancelled", "cancelled")  # the needing hub gives up by itself
    again = await asked(pair, 1)
    book = await pair.needer.board.deals.book_view(pair.need)
    assert [(one.id, one.state) for one in book.deals] == [(again, "asked"), (deal, "cancelled")]
    child = await pair.needer.board.deals.book_view(book.deals[0].need.id)
    assert (child.total.amounts["needed"], len(child.deals)) == ("1", 2)


async def test_no_more_is_asked_here_and_abroad_than_is_needed(pair: Pair) -> None:
    here = await pair.needer.board.posts.publish({**BLANKETS, "audience": "network"})
    await asked(pair, 2)
    deals = pair.needer.board.deals
    for lot in (here.id, pair.lot):
        with pytest.raises(BoardError) as caught:
            await deals.ask(pair.need, lot, 3)
        assert (caught.value.rule, caught.value.hint) == ("more_than_needed", "at most 1 are still needed")
    assert (await deals.ask(pair.need, here.id)).quantity == "1"
    with pytest.raises(BoardError, match="does not allow it"):
        await deals.ask(pair.need, pair.lot, 1)


async def test_the_same_asked_twice_is_asked_once(pair: Pair) -> None:
    assert await asked(pair, 2) == await asked(pair, 2) == await asked(pair)


async def test_a_need_that_never_leaves_its_hub_asks_nobody_abroad(pair: Pair) -> None:
    private = await pair.needer.board.posts.publish({**COLD, "audience": "hub"})
    with pytest.raises(BoardError, match="never leaves this hub"):
        await pair.needer.board.deals.ask(private.id, pair.lot)
    assert await pair.giver.held(pair.needer) == []


async def test_nobody_posts_by_hand_what_asking_posts(pair: Pair) -> None:
    draft = {**COLD, "audience": pair.giver.network.id.hex()}
    with pytest.raises(BoardError, match="not posted for a partner network") as caught:
        await pair.needer.board.posts.publish({**draft, "parent": pair.need})
    assert caught.value.pointer == "/parent"
    posted = await pair.needer.board.posts.publish(draft)
    with pytest.raises(BoardError, match="not posted for a partner network"):
        await pair.needer.board.posts.revise(posted.id, {"parent": pair.need})
    assert posted.id in [one.id for one in (await pair.needer.board.posts.list(ListQuery(kind="need"))).items]


async def test_what_cannot_be_asked_leaves_nothing_abroad(pair: Pair) -> None:
    boxes = await pair.needer.board.posts.publish({**COLD, "unit": "XBX"})
    with pytest.raises(BoardError, match="nobody can tell how much"):
        await pair.needer.board.deals.ask(boxes.id, pair.lot)
    assert await pair.giver.held(pair.needer) == []


async def test_whoever_withdraws_a_need_withdraws_what_partner_networks_read_of_it(pair: Pair) -> None:
    deal = await asked(pair)
    child = (await pair.needer.board.deals.deal(deal)).need.id
    await pair.needer.board.posts.withdraw(pair.need)
    await pair.rest()
    assert (await pair.needer.board.posts.get(child)).state == "ended"
    assert (await pair.giver.board.posts.get(child)).title == {}
    assert await states(pair, deal) == ("void", "void")


async def test_a_need_is_closed_when_nothing_is_asked_abroad_either(pair: Pair) -> None:
    deals = pair.needer.board.deals
    await deals.need_count(pair.need, 3)
    deal = await asked(pair)
    with pytest.raises(BoardError) as caught:
        await deals.close(pair.need)
    assert caught.value.rule == "still_asked"
    assert caught.value.hint == "receive or cancel what is asked for first: 1 is open"
    await deals.receive(deal)
    await deals.close(pair.need)
    await pair.rest()
    child = (await deals.deal(deal)).need.id
    assert (await pair.needer.board.posts.get(child)).state == "ended"
    assert (await deals.deal(deal)).state == "arrived"


async def test_when_the_agreement_is_over_nothing_is_asked_any_more(pair: Pair) -> None:
    deal = await asked(pair)
    await say(pair.needer, pair.giver, seq=2, ends=True)
    await pair.rest()
    view = await pair.needer.board.deals.deal(deal)
    assert (view.state, view.lot.is_held) == ("cancelled", False)
    assert (await pair.needer.board.deals.book_view(pair.need)).progress["asked"] == "0"
    assert (await pair.giver.board.deals.deals(role="giving")).items == []


async def test_a_promise_is_free_again_when_who_asked_is_gone(pair: Pair) -> None:
    deal = await asked(pair)
    await pair.giver.board.deals.promise(deal)
    await pair.rest()
    await say(pair.giver, pair.needer, seq=2, ends=True)
    await pair.rest()
    assert (await pair.giver.board.deals.book_view(pair.lot)).total.amounts["promised"] == "3"
    pair.giver.time.advance(49 * 3600)
    await pair.rest()
    assert (await pair.giver.board.deals.book_view(pair.lot)).total.amounts["free"] == "10"


async def test_both_sides_restart_in_the_middle_of_a_deal() -> None:
    giver, needer = towns()
    async with running(giver), running(needer):
        await found(giver, needer)
        await found(needer, giver)
        async with linked(needer, giver):
            lot = await giver.board.posts.publish(BLANKETS)
            need = await needer.board.posts.publish(COLD)
            await rest(giver, needer)
            deal = (await needer.board.deals.ask(need.id, lot.id)).id
            await rest(giver, needer)
    for board in (giver, needer):
        board.boards.clear()
    async with running(giver), running(needer):
        for town in (giver, needer):
            await town.board.membership.start()
            await rest(town)
            await town.board.keeper.load()
        assert (await giver.board.deals.deal(deal)).state == "asked"
        await giver.board.deals.promise(deal)
        async with linked(giver, needer):
            await rest(giver, needer)
            assert (await needer.board.deals.deal(deal)).state == "promised"
            assert await needer.board.contacts.contact_of(bytes.fromhex(deal)) == "Hub of 51"
            assert await giver.board.contacts.contact_of(bytes.fromhex(deal)) == "Hub of 52"


async def test_a_contact_is_written_anew_for_a_hub_that_lost_its_key(pair: Pair) -> None:
    deal = await asked(pair)
    await pair.giver.board.deals.promise(deal)
    await pair.rest()
    giver = pair.giver.board
    giver.context.box = type(giver.context.box)(bytes(range(32)))
    assert await giver.contacts.contact_of(bytes.fromhex(deal)) is None
    await giver.membership.announce()
    await pair.rest()
    assert await giver.contacts.contact_of(bytes.fromhex(deal)) == "Ask for the tall one"


async def test_offers_of_partner_networks_are_among_what_else_there_is(pair: Pair) -> None:
    elsewhere = pair.needer.board.elsewhere
    assert [one.id for one in await elsewhere.offers(pair.need)] == [pair.lot]
    await asked(pair, 1)
    assert await elsewhere.offers(pair.need) == []
    private = await pair.needer.board.posts.publish({**COLD, "audience": "hub"})
    assert await elsewhere.offers(private.id) == []


async def test_what_is_not_shared_with_a_network_is_not_promised_to_it(pair: Pair) -> None:
    """A hub abroad that has learnt the id of an offer asks it all the same; it would promise by itself."""
    giver, needer = pair.giver, pair.needer
    draft = {**BLANKETS, "audience": "network", "rule": "first"}
    private = await giver.board.posts.publish(draft)
    await asked(pair, 1)
    (child,) = await needer.board.keeper._posts.progressing.parts_of(await head_of(needer, pair.need))
    claim = {"verb": "claim", "lot": bytes.fromhex(private.id), "quantity": 1, "asks": 1}
    async with needer.board.ledger.writing(child.thread):
        await needer.board.ledger.write(child.thread, {"verb": "count", "quantity": 2, "why": "needed"})
        await needer.board.ledger.write(child.thread, claim)
    await pair.rest()
    assert len(await giver.board.ledger.deals_of(child.thread)) == 2  # it is held, and counts for nothing
    book = await giver.board.deals.book_view(private.id)
    assert (book.is_opened, book.deals) == (False, [])
    shared = await giver.board.posts.publish({**draft, "audience": needer.network.id.hex()})
    await pair.rest()
    await needer.board.deals.ask(pair.need, shared.id, 1)
    await pair.rest()
    assert (await giver.board.deals.book_view(shared.id)).total.amounts["promised"] == "1"


async def head_of(town: Town, post: str) -> Head:
    book = await town.board.ledger.book(bytes.fromhex(post))
    assert book is not None
    return book.post.head


async def test_nothing_sealed_is_kept_longer_than_two_days_after_a_deal(pair: Pair) -> None:
    deal = await asked(pair)
    await pair.giver.board.deals.promise(deal)
    await pair.rest()
    assert boxes_in(pair.giver) == boxes_in(pair.needer) == 2
    await pair.giver.board.deals.hand_over(deal)
    await pair.needer.board.deals.receive(deal)
    await pair.rest()
    for town in pair[:2]:
        town.time.advance(49 * 3600)
        town.engine.handle(TimePassed())
    await pair.rest()
    assert boxes_in(pair.giver) == boxes_in(pair.needer) == 0


def boxes_in(town: Town) -> int:
    """How many sealed boxes all stores of a hub hold."""
    wires = [row.wire for disk in (town.home, *town.disks.values()) for row in disk.rows.values()]
    heads = [open_record(wire, verify_signature=False).head for wire in wires if wire[2] is not None]
    return sum(head.kind == Kind.STEP for head in heads)

"""What accounts ask of changes to posts: promised dates stay, quantities are counted, an end asks first."""

import asyncio
from pathlib import Path
from typing import Any

from hartig_node.board.accounts.refusing import Rule as NodeRule
from hartig_protocol.exchange.rules import Rule
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.record import Kind
from node.board.stories import amounts, book, day, need, offer, progress, refused, state
from support.boards import Bench
from support.records import NOW_MS


async def dates(bench: Bench, post: str) -> list[Any]:
    found: list[Any] = (await bench.board.posts.get(post)).as_json()["dates"]
    return found


async def test_dates_that_somebody_asked_for_or_was_promised_stay(bench: Bench) -> None:
    beds = await offer(bench, "6", dates=[day(1), day(2), day(3), day(4)])
    nights = await need(bench, "2", dates=[day(1), day(2), day(4)])
    asked = await bench.board.deals.ask(nights, beds, None, day(1))
    promised = await bench.board.deals.ask(nights, beds, None, day(2))
    await bench.board.deals.promise(promised.id)
    await bench.board.posts.revise(beds, {"dates": [day(4)]})
    assert await dates(bench, beds) == [day(1), day(2), day(4)]
    await bench.board.posts.revise(nights, {"dates": [day(4)]})
    assert await dates(bench, nights) == [day(1), day(2), day(4)]
    await bench.board.deals.cancel(asked.id)
    await bench.board.posts.revise(beds, {"dates": [day(4)]})
    assert await dates(bench, beds) == [day(2), day(4)]


async def test_what_is_counted_is_not_changed_by_an_edit(bench: Bench) -> None:
    wanted, there = await need(bench), await offer(bench)
    await bench.board.posts.revise(there, {"quantity": "8"})  # nobody has counted yet
    deal = await bench.board.deals.ask(wanted, there)
    await bench.board.deals.promise(deal.id)
    assert await amounts(bench, there, "counted") == ["8"]
    for post in (wanted, there):
        await refused(bench.board.posts.revise(post, {"quantity": "9"}), "count_instead", "count it instead")
    await bench.board.posts.revise(there, {"quantity": "8", "title": "Woollen blankets"})


async def test_to_end_an_offer_of_which_something_is_promised_asks_first(bench: Bench) -> None:
    there = await offer(bench)
    needs = [await need(bench, title=f"Blankets for room {number}") for number in range(4)]
    deals = [await bench.board.deals.ask(one, there) for one in needs]
    for deal in deals:
        await bench.board.deals.promise(deal.id)
    error = await refused(bench.board.posts.withdraw(there), "still_promised", "4 promises are open", "withdraw it all")
    assert "room 0" in error.detail
    assert "room 3" not in error.detail
    assert await progress(bench, there) == "partly_promised"
    view = await bench.board.posts.withdraw(there, force=True)
    assert (view.state, view.progress and view.progress["state"]) == ("ended", "ended")
    assert [await state(bench, deal) for deal in deals] == ["void"] * 4
    assert [await progress(bench, one) for one in needs] == ["open"] * 4
    account = await book(bench, there)
    assert account.ended is not None
    assert (account.ended.reason, account.ended.hint) == (
        "withdrawn",
        "count what is there, and post it anew with that quantity",
    )


async def test_an_offer_of_which_nothing_is_promised_ends_at_once(bench: Bench) -> None:
    wanted, there = await need(bench), await offer(bench)
    deal = await bench.board.deals.ask(wanted, there)
    await bench.board.posts.withdraw(there)
    assert await state(bench, deal) == "void"
    await bench.board.posts.withdraw(wanted)
    assert (await bench.board.deals.deal(deal.id)).what_next == ()


async def test_by_its_word_an_offer_ends_also_with_promises(bench: Bench) -> None:
    draft = {"kind": "offer", "category": "household.bedding", "title": "Blankets", "quantity": "3"}
    view, word = await bench.board.posts.publish_for_neighbour(draft)
    deal = await bench.board.deals.ask(await need(bench), view.id)
    await bench.board.deals.promise(deal.id)
    await refused(bench.board.posts.change_by_word(word, "withdraw"), "still_promised", "withdraw it all the same")
    assert (await bench.board.posts.change_by_word(word, "withdraw", force=True)).state == "ended"


async def test_a_change_waits_while_something_is_promised(bench: Bench) -> None:
    """Who withdraws while a promise is being written either comes before it, or is told of it."""
    there = await offer(bench)
    deal = await bench.board.deals.ask(await need(bench), there)
    results = await asyncio.gather(
        bench.board.deals.promise(deal.id), bench.board.posts.withdraw(there), return_exceptions=True
    )
    assert [getattr(result, "state", getattr(result, "rule", None)) for result in results] == [
        "promised",
        "still_promised",
    ]


async def test_a_post_that_is_kept_up_longer_keeps_its_account(bench: Bench) -> None:
    there = await offer(bench, days=1)
    deal = await bench.board.deals.ask(await need(bench), there)
    await bench.board.deals.promise(deal.id)
    assert (await bench.board.posts.renew(there, 30)).expires_ms >= NOW_MS + 20 * DAY_MS
    bench.time.advance(5 * 86_400)
    assert (await bench.board.deals.hand_over(deal.id)).state == "handed_over"
    found = await bench.board.ledger.book(bytes.fromhex(there))
    assert found is not None
    assert found.kind == Kind.OFFER


# These are told by id before any account is asked, or no use case can say what would break them.
UNREACHABLE = {Rule.NO_SUCH_CLAIM, Rule.WRONG_CHAIN, Rule.COUNTED_ALREADY}


def test_every_rule_that_people_can_meet_has_a_story_that_reads_its_hint() -> None:
    here = Path(__file__).parent
    stories = "".join(
        path.read_text() for path in (*here.glob("test_deals*.py"), here.parent / "posts" / "test_shelves.py")
    )
    told = {rule for rule in (*Rule, *NodeRule) if f'"{rule.value}"' in stories}
    assert {*Rule, *NodeRule} - told == UNREACHABLE

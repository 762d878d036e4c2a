"""Two boards of one network that hear of each other when the test says so, for tests of what hubs do by themselves."""

from typing import Any

from hartig_node.board.accounts.books import Book
from hartig_node.board.deals.views import DealView
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from support.boards import Bench

BLANKETS: dict[str, Any] = {"kind": "offer", "category": "household.bedding", "title": "Blankets", "quantity": 10}
WANTED: dict[str, Any] = {"kind": "need", "category": "household.bedding", "title": "A blanket", "quantity": 4}
MINUTE_S = 60.0
HOUR_S = 3_600.0


async def share(giver: Bench, taker: Bench) -> None:
    """Let one hub have all that another may share, and read what is on its card."""
    wires, _ = await giver.store.read_arrivals(0, giver.store.disk.last_n, 10_000, 2**30, governance=False)
    await taker.engine.publish(wires)
    await taker.board.membership.announce()
    await taker.board.membership.learn_names()


async def meet(*benches: Bench) -> None:
    """Let hubs tell each other what they hold."""
    for giver in benches:
        for taker in benches:
            if giver is not taker:
                await share(giver, taker)


async def settle(*benches: Bench) -> None:
    """Let hubs meet and do what is due, until nothing more comes of it."""
    before = None
    while before != (before := [bench.store.disk.last_n for bench in benches]):
        await meet(*benches)
        for bench in benches:
            await bench.board.keeper.look()


async def passes(seconds: float, *benches: Bench) -> None:
    """Let time pass, powered on, and each hub do what is due."""
    for bench in benches:
        bench.time.advance(seconds)
        await bench.board.keeper.look()


async def posted(bench: Bench, draft: dict[str, Any], **more: Any) -> str:
    return (await bench.board.posts.publish(draft | more)).id


async def deal(bench: Bench, view: DealView) -> DealView:
    return await bench.board.deals.deal(view.id)


async def book(bench: Bench, post: str) -> Book:
    found = await bench.board.ledger.book(bytes.fromhex(post))
    assert found is not None
    return found


async def lot(bench: Bench, post: str) -> LotChain:
    chain = (await book(bench, post)).chain
    assert isinstance(chain, LotChain)
    return chain


async def need(bench: Bench, post: str) -> NeedChain:
    chain = (await book(bench, post)).chain
    assert isinstance(chain, NeedChain)
    return chain

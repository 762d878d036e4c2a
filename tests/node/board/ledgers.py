"""Posts, books and stores for tests of the ledger."""

import asyncio
from typing import Any

from hartig_node.board.accounts.books import Book
from hartig_node.store.memory import MemoryStore
from hartig_protocol.exchange.deal import DealState
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.records.record import Record
from support.boards import Bench
from support.records import key

OFFER: dict[str, Any] = {"kind": "offer", "category": "food.bread", "title": "Bread", "quantity": "10", "unit": "C62"}
NEED: dict[str, Any] = {"kind": "need", "category": "food.bread", "title": "Bread", "quantity": "4", "unit": "C62"}
OPENED = {"verb": "count", "quantity": 10, "why": "opened"}
NEEDED = {"verb": "count", "quantity": 4, "why": "needed"}
OTHER = key("another hub")


async def posted(bench: Bench, draft: dict[str, Any], *said: dict[str, Any]) -> bytes:
    """Post something and say things about it; return its thread."""
    thread = bytes.fromhex((await bench.board.posts.publish(draft)).id)
    for facts in said:
        await write(bench, thread, facts)
    return thread


async def write(bench: Bench, thread: bytes, facts: dict[str, Any]) -> Record:
    async with bench.board.ledger.writing(thread):
        return await bench.board.ledger.write(thread, facts)


async def book(bench: Bench, thread: bytes) -> Book:
    found = await bench.board.ledger.book(thread)
    assert found is not None
    return found


async def lot(bench: Bench, thread: bytes) -> LotChain:
    chain = (await book(bench, thread)).chain
    assert isinstance(chain, LotChain)
    return chain


def claim_of(thread: bytes, quantity: int = 2) -> dict[str, Any]:
    return {"verb": "claim", "lot": thread, "quantity": quantity, "asks": quantity}


def promise_of(claim: bytes, quantity: int = 2) -> dict[str, Any]:
    return {"verb": "promise", "claim": claim, "quantity": quantity, "hold": 60}


async def state(bench: Bench, claim: bytes) -> DealState | None:
    deal = await bench.board.ledger.deal(claim)
    return deal and deal.state


class SlowStore:
    """Answers about a thread take some turns, in which commits may become durable."""

    def __init__(self, store: MemoryStore, turns_after: int = 2) -> None:
        self._store, self.turns_after = store, turns_after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read_thread(self, thread: bytes) -> Any:
        found = await self._store.read_thread(thread)
        for _turn in range(self.turns_after):
            await asyncio.sleep(0)
        return found


def shown(book: Book | None) -> Any:
    if book is None:
        return None
    state = vars(book.chain)
    assert isinstance(book.chain, NeedChain | LotChain)
    return book.post.wire, book.last, book.ended, state

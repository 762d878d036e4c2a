"""What stories of deals are told with: posts in few words, and refusals whose words are checked."""

from collections.abc import Awaitable
from typing import Any

import pytest

from hartig_node.board.deals.views import BookView, DealView
from hartig_node.board.errors import BoardError
from hartig_node.board.times import rfc3339
from hartig_node.glossary import words_used
from hartig_protocol.limits import DAY_MS
from support.boards import Bench, meet
from support.records import NOW_MS

BLANKETS: dict[str, Any] = {"category": "household.bedding", "title": "Blankets", "unit": "H87"}


async def need(bench: Bench, quantity: str | None = "2", **fields: Any) -> str:
    """Post a need for blankets, or what `fields` say; return its id."""
    said = {**BLANKETS, "kind": "need", **({} if quantity is None else {"quantity": quantity}), **fields}
    return (await bench.board.posts.publish(said)).id


async def offer(bench: Bench, quantity: str | None = "10", **fields: Any) -> str:
    """Offer blankets, or what `fields` say; return its id."""
    said = {**BLANKETS, "kind": "offer", **({} if quantity is None else {"quantity": quantity}), **fields}
    return (await bench.board.posts.publish(said)).id


async def refused(doing: Awaitable[Any], rule: str, *words: str) -> BoardError:
    """Expect a refusal for a rule of the account, in people's words, with a hint that says these words."""
    with pytest.raises(BoardError) as caught:
        await doing
    error = caught.value
    assert (error.code, error.rule) == ("not_allowed", rule), error
    assert error.status == 409
    assert error.hint
    assert words_used(f"{error.title} {error.detail} {error.hint}") == []
    for word in words:
        assert word in f"{error.detail}: {error.hint}"
    return error


async def failed(doing: Awaitable[Any], code: str, pointer: str = "") -> BoardError:
    """Expect any other error."""
    with pytest.raises(BoardError) as caught:
        await doing
    assert (caught.value.code, caught.value.pointer) == (code, pointer), caught.value
    assert words_used(f"{caught.value.title} {caught.value.hint}") == []
    return caught.value


def written(*benches: Bench) -> list[int]:
    """How many records each board holds: a story that writes nothing leaves it as it was."""
    return [len(bench.store.disk.numbers) for bench in benches]


def day(number: int) -> str:
    """A time so many days from the beginning of a story."""
    return rfc3339(NOW_MS + number * DAY_MS)


async def state(bench: Bench, deal: DealView) -> str:
    """What a board says of a deal."""
    return (await bench.board.deals.deal(deal.id)).state


async def book(bench: Bench, post: str) -> BookView:
    """The account of a post."""
    return await bench.board.deals.book_view(post)


async def amounts(bench: Bench, post: str, *names: str) -> list[str]:
    """What the account of a post says of some amounts, over all dates."""
    total = (await book(bench, post)).total.amounts
    return [total[name] for name in names]


async def progress(bench: Bench, post: str) -> str:
    """The one word that stands beside a post."""
    shown = (await bench.board.posts.get(post)).progress
    assert shown is not None
    return str(shown["state"])


async def promised_deal(hall: Bench, store: Bench) -> str:
    """Let a need of the hall be promised two of ten blankets by the store; return the deal's id."""
    wanted, there = await need(hall), await offer(store)
    await meet(hall, store)
    deal = await hall.board.deals.ask(wanted, there)
    await meet(hall, store)
    await store.board.deals.promise(deal.id)
    await meet(hall, store)
    return deal.id

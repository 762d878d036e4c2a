"""Steps are signed one after the other, and never in a chain that has ended."""

from typing import Any

import pytest

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_node.board.signing import BEFORE_THE_FIRST, Pen
from hartig_node.glossary import words_used
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.limits import DAY_MS, STEPS_MAX
from hartig_protocol.records.record import Kind, Record
from support.boards import Bench, running_board
from support.records import NOW_MS

OFFER: dict[str, Any] = {"kind": "offer", "category": "food.bread", "title": "Bread", "quantity": "10", "unit": "C62"}
OPENED = {"verb": "count", "quantity": 10, "why": "opened"}
FOUND = {"verb": "count", "quantity": 1, "why": "found"}


def context_of(bench: Bench) -> Context:
    return bench.board._context


def pen_of(bench: Bench) -> Pen:
    return context_of(bench).pen


async def offered(bench: Bench, **draft: Any) -> Record:
    """Post an offer; return its register."""
    view = await bench.board.posts.publish({**OFFER, **draft})
    book = await bench.board.ledger.book(bytes.fromhex(view.id))
    assert book is not None
    return book.post


async def publish(bench: Bench, *records: Record) -> None:
    assert await bench.engine.publish([record.wire for record in records]) == (None,) * len(records)


async def test_each_step_names_the_one_before(bench: Bench) -> None:
    post = await offered(bench)
    first = pen_of(bench).step(post, OPENED)
    assert (first.record.head.seq, first.record.head.prev, first.record.head.kind) == (1, None, Kind.STEP)
    assert (first.record.head.thread, first.record.head.place) == (post.head.thread, post.head.place)
    assert [row.key for row in first.private] == [first.record.id]
    await publish(bench, first.record)
    second = pen_of(bench).step(post, FOUND)
    assert (second.record.head.seq, second.record.head.prev) == (2, first.record.id)
    await publish(bench, second.record)


async def test_several_are_signed_in_one_batch_with_their_post(bench: Bench) -> None:
    pen = pen_of(bench)
    fixed = ["food.bread", "dr5rs", "C62", 1]
    place = pen.free_place(Kind.OFFER, "network", NOW_MS + DAY_MS)
    post = pen.first(Kind.OFFER, pen.nonce(), fixed, "network", {}, {"title": {"en": "Bread"}}, NOW_MS + DAY_MS, place)
    first = pen.step(post.record, OPENED, after=BEFORE_THE_FIRST)
    second = pen.step(post.record, FOUND, after=(1, first.record.id))
    await publish(bench, post.record, first.record, second.record)


async def test_a_step_is_never_dated_before_the_one_that_it_follows(bench: Bench) -> None:
    post = await offered(bench)
    first = pen_of(bench).step(post, OPENED)
    await publish(bench, first.record)
    bench.time.wall_s -= 300
    second = pen_of(bench).step(post, FOUND)
    third = pen_of(bench).step(post, FOUND, after=(2, second.record.id))
    assert [one.record.head.stamp for one in (first, second, third)] == [NOW_MS] * 3


async def test_a_contact_is_signed_with_its_body(bench: Bench) -> None:
    post = await offered(bench)
    await publish(bench, pen_of(bench).step(post, OPENED).record)
    contact = pen_of(bench).step(post, {"verb": "contact", "of": bytes(32)}, {"box": bytes(49)})
    assert contact.record.body == {"box": bytes(49)}


async def test_while_nobody_vouches_for_the_time_a_step_says_so() -> None:
    async with running_board(trusted=False) as bench:
        post = await offered(bench)
        signed = pen_of(bench).step(post, OPENED)
        assert signed.record.head.facts["approx"] is True
        await publish(bench, signed.record)
        assert signed.private[0].expires_ms is None


async def test_what_is_not_right_is_said_in_the_drafts_terms(bench: Bench) -> None:
    with pytest.raises(BoardError, match="quantity") as caught:
        pen_of(bench).step(await offered(bench), {**OPENED, "quantity": -1})
    assert caught.value.code == "bad_draft"


async def refused(bench: Bench, post: Record) -> BoardError:
    with pytest.raises(BoardError) as caught:
        pen_of(bench).step(post, FOUND)
    error = caught.value
    assert not words_used(f"{error.title} {error.hint} {error.detail}"), error
    return error


async def test_nothing_is_signed_after_a_fork(bench: Bench) -> None:
    post = await offered(bench)
    pen = pen_of(bench)
    await publish(
        bench, *(pen.step(post, {**OPENED, "quantity": some}, after=BEFORE_THE_FIRST).record for some in (1, 2))
    )
    assert pen.end_of(post.head) is EndReason.FORKED
    assert (await refused(bench, post)).code == "chain_ended"


async def test_nothing_is_signed_on_a_post_that_ended_or_expired_or_lost_its_place(bench: Bench) -> None:
    pen = pen_of(bench)
    withdrawn, expired = await offered(bench), await offered(bench)
    await bench.board.posts.withdraw(withdrawn.head.thread.hex())
    assert pen.end_of(withdrawn.head) is EndReason.WITHDRAWN
    assert (await refused(bench, withdrawn)).code == "chain_ended"
    bench.time.advance(40 * 86_400)
    assert pen.end_of(expired.head) is EndReason.EXPIRED
    assert (await refused(bench, expired)).hint.startswith("count what is there")
    later = NOW_MS + 80 * DAY_MS
    place = withdrawn.head.place
    assert place is not None
    other = pen.first(
        Kind.NEED, pen.nonce(), withdrawn.head.fixed, "network", {}, {"title": {"en": "New"}}, later, place
    )
    await publish(bench, other.record)
    assert pen.end_of(withdrawn.head) is EndReason.VOID
    assert (await refused(bench, withdrawn)).code == "chain_ended"
    assert pen.end_of(other.record.head) is None


async def test_a_hub_that_was_restored_does_not_go_on_where_it_stood(bench: Bench) -> None:
    old = await offered(bench)
    pen_of(bench).seq_floor = 65_536
    assert pen_of(bench).end_of(old.head) is EndReason.RESTORED
    assert (await refused(bench, old)).code == "chain_ended"
    new = await offered(bench)
    assert pen_of(bench).end_of(new.head) is None


async def test_a_chain_that_is_full_ends(bench: Bench) -> None:
    post = await offered(bench)
    with pytest.raises(BoardError, match="as much was said") as caught:
        pen_of(bench).step(post, FOUND, after=(STEPS_MAX, bytes(32)))
    assert caught.value.code == "chain_ended"


async def test_a_hub_that_stopped_posting_writes_no_step(bench: Bench) -> None:
    post = await offered(bench)
    pen_of(bench).stopped = "a copy of its folder is in use"
    assert (await refused(bench, post)).code == "stopped_signing"

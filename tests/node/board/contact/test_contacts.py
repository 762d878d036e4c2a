"""Two hubs and one deal: each learns how to reach the other's people when something is promised, and for so long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hartig_node.board.contact.contacts import GIVING, RECEIVING, Contacts
from hartig_node.board.contact.texts import SPACE_CONTACT
from hartig_node.board.errors import BoardError
from hartig_node.board.sealing import Binding, seal
from hartig_protocol.events import Commit
from hartig_protocol.limits import CONTACT_KEPT_MS, DAY_MS
from hartig_protocol.records.opening import open_record, sign_record
from hartig_protocol.records.record import Kind, Record
from node.board.neighbours import let_in, network_of
from support.boards import Bench, box_key_of, running_board
from support.records import key

LOT: dict[str, Any] = {"kind": "offer", "category": "food.bread", "title": "Bread", "area": "dr5rs"}
NEED: dict[str, Any] = {"kind": "need", "category": "food.bread", "title": "Bread"}
ANA, BEN = "Ana, at the desk, 555 0100", "Ben, blue door"


@pytest.fixture
async def other() -> AsyncIterator[Bench]:
    """A second hub of the same network."""
    async with running_board(seed=2, founded=False) as running:
        yield running


async def share(giver: Bench, taker: Bench) -> None:
    """Let one hub have all that another may share, and read what is on its card."""
    wires, _ = await giver.store.read_arrivals(0, giver.store.disk.last_n, 10_000, 2**30, governance=False)
    await taker.engine.publish(wires)
    await taker.board.membership.announce()
    await taker.board.membership.learn_names()


async def meet(one: Bench, two: Bench) -> None:
    await share(one, two)
    await share(two, one)


async def say(bench: Bench, thread: bytes, **facts: Any) -> Record:
    async with bench.board.ledger.writing(thread):
        return await bench.board.ledger.write(thread, facts)


async def posted(bench: Bench, draft: dict[str, Any]) -> bytes:
    return bytes.fromhex((await bench.board.posts.publish(draft)).id)


@dataclass
class Story:
    """A need of one hub that asks the offer of another."""

    giver: Bench
    asker: Bench
    lot: bytes
    need: bytes
    claim: bytes
    promise: bytes = b""

    @classmethod
    async def begin(cls, giver: Bench, asker: Bench, lot: str | None = ANA, need: str | None = BEN) -> "Story":
        """Both have posted, and one asks the other."""
        if giver is not asker:
            await let_in(giver, asker.key)
            await meet(giver, asker)
        offered = await posted(giver, LOT | {"contact": lot})
        await say(giver, offered, verb="count", quantity=9, why="opened")
        needed = await posted(asker, NEED | {"contact": need})
        await say(asker, needed, verb="count", quantity=2, why="needed")
        claim = await say(asker, needed, verb="claim", lot=offered, quantity=2, asks=2)
        await meet(giver, asker)
        return cls(giver, asker, offered, needed, claim.id)

    async def promised(self) -> "Story":
        """It is promised, and both know."""
        promise = await say(self.giver, self.lot, verb="promise", claim=self.claim, quantity=2, hold=60)
        self.promise = promise.id
        await meet(self.giver, self.asker)
        return self

    async def told(self) -> "Story":
        """Both have said how to reach their people, and both know."""
        assert await self.giver.board.contacts.bring(self.claim)
        assert await self.asker.board.contacts.bring(self.claim)
        await meet(self.giver, self.asker)
        return self

    async def read(self) -> tuple[str | None, str | None]:
        """What the asker reads of the giver, and the giver of the asker."""
        asker, giver = self.asker.board.contacts, self.giver.board.contacts
        return await asker.contact_of(self.claim), await giver.contact_of(self.claim)

    async def brings(self) -> tuple[bool, bool]:
        """Whether the giver and the asker still have something to say."""
        return (
            await self.giver.board.contacts.bring(self.claim),
            await self.asker.board.contacts.bring(self.claim),
        )


async def test_each_side_reads_the_other_once_something_is_promised(bench: Bench, other: Bench) -> None:
    story = await Story.begin(bench, other)
    assert await story.brings() == (False, False)
    await story.promised()
    assert await story.read() == (None, None)
    await story.told()
    assert await story.read() == (ANA, BEN)
    assert await story.brings() == (False, False)


async def test_no_record_says_it_openly(bench: Bench, other: Bench) -> None:
    story = await (await (await Story.begin(bench, other)).promised()).told()
    for one in (bench, other):
        rows = one.store.disk.rows.values()
        for text in (ANA.encode(), BEN.encode()):
            assert not any(text in part for row in rows for part in (row.head, row.body or b""))
    boxes = [open_record(row.wire).body["box"] for row in bench.store.disk.rows.values() if row.kind == Kind.STEP
             and row.body is not None]  # fmt: skip
    assert {len(box) for box in boxes} == {448}
    assert len(boxes) == 2
    assert "contact" not in repr(await bench.board.posts.get(story.lot.hex()))


async def test_where_nothing_was_said_the_hub_is_named(bench: Bench, other: Bench) -> None:
    story = await (await (await Story.begin(bench, other, None, None)).promised()).told()
    assert await story.read() == (f"{bench.board.config.name} (dr5rs)", other.board.config.name)


async def test_who_only_hears_of_both_sides_says_and_reads_nothing(bench: Bench, other: Bench) -> None:
    story = await (await (await Story.begin(bench, other)).promised()).told()
    async with running_board(seed=3, founded=False) as third:
        await share(bench, third)
        assert not await third.board.contacts.bring(story.claim)
        assert await third.board.contacts.contact_of(story.claim) is None
        assert await third.board.contacts.contact_of(bytes(32)) is None


async def test_without_a_box_key_on_the_card_it_waits_for_one(bench: Bench, other: Bench) -> None:
    story = await (await Story.begin(bench, other)).promised()
    boxes = bench.board._context.hub_boxes
    key = boxes.pop(other.key.public)
    assert not await bench.board.contacts.bring(story.claim)
    boxes[other.key.public] = bytes(32)  # of low order
    assert not await bench.board.contacts.bring(story.claim)
    boxes[other.key.public] = key
    assert await bench.board.contacts.bring(story.claim)


async def test_a_key_that_changes_while_a_contact_is_written_has_it_sealed_anew(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = await (await Story.begin(bench, other)).promised()
    write = bench.board.ledger.write

    async def and_meanwhile(*said: Any) -> Record:
        record = await write(*said)
        bench.board._context.hub_boxes[other.key.public] = box_key_of(77).public
        return record

    monkeypatch.setattr(bench.board.ledger, "write", and_meanwhile)
    assert await bench.board.contacts.bring(story.claim)
    assert await bench.board.contacts.bring(story.claim)
    assert not await bench.board.contacts.bring(story.claim)


async def test_who_receives_may_say_it_when_the_thing_is_on_its_way(bench: Bench, other: Bench) -> None:
    story = await (await Story.begin(bench, other)).promised()
    await say(bench, story.lot, verb="handover", of=story.promise, quantity=2)
    await meet(bench, other)
    assert await story.brings() == (False, True)


async def test_nothing_is_said_about_what_is_over(bench: Bench, other: Bench) -> None:
    story = await (await Story.begin(bench, other)).promised()
    await say(other, story.need, verb="cancel", of=story.claim)
    await meet(bench, other)
    assert await story.brings() == (False, False)


@pytest.mark.parametrize("who", ["giver", "asker"])
async def test_nothing_is_said_to_or_by_a_post_that_was_withdrawn(bench: Bench, other: Bench, who: str) -> None:
    story = await (await Story.begin(bench, other)).promised()
    ending, thread = (bench, story.lot) if who == "giver" else (other, story.need)
    post = await ending.board.ledger.book(thread)
    assert post is not None
    signed = ending.board._context.pen.next_version(post.post, {"ends": True}, None, post.post.head.expires or 0)
    await ending.engine.publish([signed.record])
    await meet(bench, other)
    assert await story.brings() == (False, False)


async def test_after_a_release_and_a_new_promise_it_is_said_again(bench: Bench, other: Bench) -> None:
    story = await (await (await Story.begin(bench, other)).promised()).told()
    await say(bench, story.lot, verb="release", of=story.promise, why="lapsed")
    await story.promised()
    assert await other.board.contacts.contact_of(story.claim) is None
    assert await story.brings() == (True, False)
    await meet(bench, other)
    assert await story.read() == (ANA, BEN)


async def test_it_is_written_once_whoever_asks_at_the_same_time(
    bench: Bench, other: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = await (await Story.begin(bench, other)).promised()
    contacts, found = bench.board.contacts, []
    due_of = contacts.due

    async def raced(deal: Any) -> Any:
        due = await due_of(deal)
        if not found:
            found.append(due)
            async with running_first():
                pass
        return due

    @asynccontextmanager
    async def running_first() -> AsyncIterator[None]:
        assert await Contacts(bench.board._context, bench.board.ledger).bring(story.claim)
        yield

    monkeypatch.setattr(contacts, "due", raced)
    assert not await contacts.bring(story.claim)


# --- How long


def later(story: Story, since: Record, extra_ms: int) -> None:
    """Move both clocks to so long after 48 hours from a step."""
    for bench in {id(one): one for one in (story.giver, story.asker)}.values():
        wall_ms = since.head.stamp + CONTACT_KEPT_MS + extra_ms
        bench.time.advance(wall_ms / 1000 - bench.time.wall_s)


async def test_48_hours_after_the_end_nothing_can_be_read_and_then_nothing_is_there(bench: Bench, other: Bench) -> None:
    story = await (await (await Story.begin(bench, other)).promised()).told()
    given = await say(bench, story.lot, verb="handover", of=story.promise, quantity=2)
    await meet(bench, other)
    later(story, given, -1)
    assert await story.read() == (ANA, BEN)
    later(story, given, 0)
    assert await story.read() == (None, BEN)  # before any sweep has come by
    received = await say(other, story.need, verb="receive", of=story.claim, how="ok", quantity=2)
    await meet(bench, other)
    assert await story.read() == (None, BEN)
    later(story, received, 1)
    assert await story.read() == (None, None)
    for one in (bench, other):
        one.engine.hub.catalog.sweep(one.engine.clock.now(), commit := Commit())
        await one.store.commit(commit)
        await one.engine.publish(())  # comes after a sweep of its own that may be on its way to the disk
        assert not any(row.body for row in one.store.disk.rows.values() if row.kind == Kind.STEP)
        one.engine.clock.hold_back()
    assert await story.read() == (None, None)


async def test_after_a_new_start_what_was_sealed_opens_still(bench: Bench, other: Bench) -> None:
    story = await (await (await Story.begin(bench, other)).promised()).told()
    async with running_board(other.store.disk, seed=2, founded=False) as again:
        assert await again.board.contacts.contact_of(story.claim) == ANA


# --- What does not open


async def test_what_was_sealed_to_another_hub_does_not_open(bench: Bench, other: Bench) -> None:
    story = await (await Story.begin(bench, other)).promised()
    bench.board._context.hub_boxes[other.key.public] = box_key_of(3).public
    await story.told()
    assert await story.read() == (None, BEN)


async def test_what_was_sealed_for_another_deal_does_not_open(bench: Bench, other: Bench) -> None:
    story = await (await Story.begin(bench, other)).promised()
    binding = Binding(bench.founding.network, bench.key.public, story.lot, other.key.public, bytes(32))
    box = seal(ANA, other.board._context.box.public, binding)
    async with bench.board.ledger.writing(story.lot):
        await bench.board.ledger.write(story.lot, {"verb": "contact", "of": story.promise}, {"box": box})
    await meet(bench, other)
    assert await other.board.contacts.contact_of(story.claim) is None


async def test_what_another_hub_sends_is_cleaned(bench: Bench, other: Bench) -> None:
    story = await (await Story.begin(bench, other)).promised()
    binding = Binding(bench.founding.network, bench.key.public, story.lot, other.key.public, story.promise)
    box = seal("\u202eAna\x07", other.board._context.box.public, binding)
    async with bench.board.ledger.writing(story.lot):
        await bench.board.ledger.write(story.lot, {"verb": "contact", "of": story.promise}, {"box": box})
    await meet(bench, other)
    assert await other.board.contacts.contact_of(story.claim) == "Ana"


# --- Both sides on one hub


async def test_on_one_hub_nothing_is_sealed_and_each_side_reads_the_other(bench: Bench) -> None:
    story = await Story.begin(bench, bench)
    assert await bench.board.contacts.contact_of(story.claim, RECEIVING) is None
    await story.promised()
    contacts = bench.board.contacts
    assert not await contacts.bring(story.claim)
    assert await contacts.contact_of(story.claim, RECEIVING) == ANA
    assert await contacts.contact_of(story.claim, GIVING) == await contacts.contact_of(story.claim) == BEN
    given = await say(bench, story.lot, verb="handover", of=story.promise, quantity=2)
    later(story, given, 1)
    assert await contacts.contact_of(story.claim, RECEIVING) is None
    assert await contacts.contact_of(story.claim, GIVING) == BEN
    await bench.board.posts.withdraw(story.need.hex())
    assert await contacts.contact_of(story.claim, GIVING) is None


# --- The private row


async def contact_row(bench: Bench, thread: bytes) -> tuple[bytes, int | None] | None:
    return bench.store.disk.private.get((SPACE_CONTACT, thread))


async def test_the_text_lasts_as_long_as_its_post_and_changes_with_it(bench: Bench) -> None:
    posts = bench.board.posts
    thread = await posted(bench, LOT | {"contact": f" {ANA}\x07 ", "days": 2})
    row = await contact_row(bench, thread)
    assert row is not None
    assert row[0].decode() == ANA
    before_ms = row[1] or 0
    await posts.revise(thread.hex(), {"title": "Rolls"})
    assert await contact_row(bench, thread) == (ANA.encode(), before_ms)
    await posts.renew(thread.hex(), 5)
    row = await contact_row(bench, thread)
    assert row is not None
    assert (row[1] or 0) - before_ms == 3 * DAY_MS
    await posts.revise(thread.hex(), {"contact": BEN})
    assert await bench.board.contacts.texts.of(thread) == BEN
    await posts.revise(thread.hex(), {"contact": None})
    assert await contact_row(bench, thread) is None
    await posts.revise(thread.hex(), {"contact": BEN})
    await posts.withdraw(thread.hex())
    assert await contact_row(bench, thread) is None


async def test_many_posts_at_once_and_a_neighbours_keep_their_texts(bench: Bench) -> None:
    views = await bench.board.posts.publish_many([LOT | {"contact": ANA}, NEED], dry_run=False)
    texts = [await bench.board.contacts.texts.of(bytes.fromhex(view.id)) for view in views]  # type: ignore[union-attr]
    assert texts == [ANA, None]
    view, _ = await bench.board.posts.publish_for_neighbour(NEED | {"contact": BEN})
    assert await bench.board.contacts.texts.of(bytes.fromhex(view.id)) == BEN


async def test_while_nobody_knows_the_time_the_text_stays() -> None:
    async with running_board(trusted=False) as bench:
        thread = await posted(bench, LOT | {"contact": ANA})
        assert await contact_row(bench, thread) == (ANA.encode(), None)
        bench.engine.clock.confirm(None)
        await bench.board.timekeeper.look()
        row = await contact_row(bench, thread)
        assert row is not None
        assert row[1] is not None


async def test_too_long_a_text_is_refused(bench: Bench) -> None:
    for wrong in ("x" * 401, 5):
        with pytest.raises(BoardError) as caught:
            await bench.board.posts.publish(LOT | {"contact": wrong})
        assert caught.value.pointer == "/contact"


# --- Cards


async def test_the_card_names_the_box_key_and_the_lowest_place_counts(bench: Bench) -> None:
    context, own = bench.board._context, {bench.key.public: bench.board._context.box.public}
    assert context.hub_boxes == own
    hub = key("another hub")
    await let_in(bench, hub)

    async def boxes_after(place: int, seq: int, **box: bytes) -> dict[bytes, bytes]:
        plain = network_of(bench).card(hub, place=place, seq=seq)
        card = sign_record(replace(plain.head, facts={**plain.head.facts, **box}), plain.body_bytes, [hub])
        assert await bench.engine.publish([card.wire]) == (None,)
        await bench.board.membership.learn_names()
        return context.hub_boxes

    first, second = bytes([5]) * 32, bytes([6]) * 32
    assert await boxes_after(3, 1, box=first) == own | {hub.public: first}
    assert await boxes_after(4, 1, box=second) == own | {hub.public: first}
    assert await boxes_after(2, 1, box=second) == own | {hub.public: second}
    assert await boxes_after(2, 2) == own

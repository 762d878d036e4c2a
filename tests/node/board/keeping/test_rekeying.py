"""What a hub takes along to a new key: posts, memberships that it gave, and whoever posted still finds their post."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.keeping.rekeying import posts_taken_along, said_again, said_by, start_clean, staying
from hartig_node.board.signing import KEY_SEQ_FLOOR, SEQ_RAISE, SPACE_SETTING, logged
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import LIFE_REVOKE_MS_MAX
from hartig_protocol.records.keys import SigningKey, recovery_hash
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Wire
from hartig_protocol.records.writing import grant_head, recovery_of, revoke_head
from node.board.keepers import BLANKETS, WANTED, posted
from node.board.neighbours import let_in
from support.boards import Bench, running_board
from support.records import NOW_MS, Network, random_bytes_from

NEW = SigningKey(random_bytes_from("hub 2")(32))
RECOVERY = SigningKey(random_bytes_from("recovery 1")(32))
ASKED: dict[str, Any] = {**WANTED, "contact": "ring 2", "days": 3}


def removal(bench: Bench) -> Wire:
    network = bench.founding.network
    head = revoke_head(
        network=network, author=RECOVERY.public, subject=bench.key.public, stamp=NOW_MS,
        expires=NOW_MS + LIFE_REVOKE_MS_MAX, successor=NEW.public,
        recovery=recovery_of(NEW, network, recovery_hash(bytes(32))),
        consent=recovery_of(bench.key, network, recovery_hash(RECOVERY.public))[1],
    )  # fmt: skip
    return sign_record(head, None, [RECOVERY]).wire


async def go_over(bench: Bench) -> None:
    rows = [*await posts_taken_along(bench.board.context), *start_clean(NEW.public)]
    assert await bench.engine.publish([removal(bench)], rows) == (None,)


async def renewed(bench: Bench) -> AsyncIterator[Bench]:
    async with running_board(bench.store.disk, seed=2, founded=False) as running:
        await running.board.membership.start()
        await running.board.keeper.load()
        yield running


async def test_a_need_is_posted_again_and_whoever_posted_it_still_finds_it(bench: Bench) -> None:
    view, word = await bench.board.posts.publish_for_neighbour(ASKED)
    await go_over(bench)
    async for hub in renewed(bench):
        assert hub.board.keeper.anew.waiting() == []
        await hub.board.keeper.anew.publish_again()
        assert hub.board.keeper.anew.again() == []
        thread = await hub.board.posts.pick_ups.thread_of(word)
        again = await hub.board.posts.get(thread.hex())
        assert (again.author, again.title, again.expires_ms) == (NEW.public.hex(), view.title, view.expires_ms)
        assert thread.hex() != view.id
        assert await hub.board.posts.contact_texts.of(thread) == "ring 2"
        assert await hub.board.posts.contact_texts.of(bytes.fromhex(view.id)) is None
        await hub.board.keeper.anew.publish_again()
        assert len(list(hub.board.context.pen.own_posts())) == 1


async def test_an_offer_waits_to_be_counted_and_is_begun_anew_with_its_word(bench: Bench) -> None:
    view, word = await bench.board.posts.publish_for_neighbour(BLANKETS)
    await go_over(bench)
    async for hub in renewed(bench):
        await hub.board.keeper.anew.publish_again()
        (begun,) = hub.board.keeper.anew.waiting()
        assert (begun.thread.hex(), begun.as_json()["quantity"]) == (view.id, "10")
        new = await hub.board.keeper.anew.open(view.id, 7)
        assert (await hub.board.posts.pick_ups.thread_of(word)).hex() == new


async def test_what_is_over_stays_behind(bench: Bench) -> None:
    gone = await posted(bench, ASKED)
    await bench.board.posts.withdraw(gone)
    await posted(bench, {**ASKED, "days": 1})
    bench.time.advance(2 * 24 * 3600)
    assert await posts_taken_along(bench.board.context) == []


async def test_a_hub_that_waits_to_be_let_in_posts_again_later(bench: Bench) -> None:
    await posted(bench, ASKED)
    rows = [*await posts_taken_along(bench.board.context), *start_clean(NEW.public)]
    await bench.engine.keep_private(rows)
    async for hub in renewed(bench):
        await hub.board.keeper.anew.publish_again()
        assert len(hub.board.keeper.anew.again()) == 1
        with pytest.raises(BoardError, match="post and let in nobody"):
            await hub.board.posts.publish(ASKED)
        await hub.engine.publish([removal(bench)])
        await hub.board.keeper.anew.publish_again()
        assert hub.board.keeper.anew.again() == []


async def test_the_new_key_starts_without_the_doubts_about_the_old(bench: Bench) -> None:
    for number in range(2):
        bench.board.membership.times_claimed = number
    await bench.engine.keep_private([PrivateRow(SPACE_SETTING, KEY_SEQ_FLOOR, b"\xce\x00\x02\x00\x00")])
    await bench.board.membership.load()
    assert bench.board.context.pen.seq_floor == 2 * SEQ_RAISE
    await go_over(bench)
    async for hub in renewed(bench):
        assert (hub.board.context.pen.seq_floor, hub.board.context.pen.stopped) == (0, None)
        assert hub.board.membership.problems() == []
        assert (await hub.board.posts.publish(ASKED)).seq == 1


async def test_memberships_that_this_folder_gave_are_known_and_others_are_not(bench: Bench) -> None:
    friend, stranger = (SigningKey(random_bytes_from(name)(32)) for name in ("friend", "stranger"))
    await let_in(bench, friend)
    (grant,) = [one.record for one in await said_by(bench.board.context)]
    await bench.engine.keep_private([logged(grant)])
    theirs = grant_head(
        network=bench.founding.network, author=bench.key.public, place=40, subject=stranger.public, rank="hub",
        places=10, invites=0, stamp=NOW_MS, expires=NOW_MS + LIFE_REVOKE_MS_MAX // 2,
    )  # fmt: skip
    await bench.engine.publish([sign_record(theirs, None, [bench.key])])
    given = {one.key: one for one in await said_by(bench.board.context)}
    assert {key: one.known for key, one in given.items()} == {friend.public: True, stranger.public: False}
    signed = said_again(list(given.values()), NEW, NOW_MS)
    assert await bench.engine.publish([removal(bench), *(record for record, _ in signed)]) == (None,) * (
        len(signed) + 1
    )
    authority = bench.board.context.pen.catalog.authority
    assert authority.standing(bench.key.public) is None
    assert all(authority.standing(key) is not None for key in given)


async def test_removals_that_this_folder_made_are_made_again_and_others_are_asked_about(bench: Bench) -> None:
    """Of five keys that this hub has let in one was removed by it, one by a thief; the others are as they were."""
    network = Network(seat=bench.founding.seats[0].key)
    network.charter = bench.founding.charter
    kit = recovery_of(bench.key, network.id, recovery_hash(RECOVERY.public))
    ours, theirs, both, plain = (SigningKey(random_bytes_from(name)(32)).public for name in "abcd")
    let_in_ = [network.grant(one, author=bench.key, place=40 + at, invites=0) for at, one in enumerate((ours, theirs))]
    removals = [network.revoke(one, author=bench.key) for one in (ours, theirs, both)]
    removals.append(network.revoke(both))  # a trustee has removed it, too: that stands by itself
    made = network.grant(bench.key.public, rank="organiser", place=1, invites=90, recovery=list(kit))
    others = [network.grant(plain, author=bench.key, place=45, invites=0), network.grant(both, place=46)]
    records = [made, *let_in_, *others, *removals]
    assert await bench.engine.publish(records) == (None,) * len(records)
    known = (*let_in_, others[0], removals[0])
    await bench.engine.keep_private([logged(one) for one in known])
    said = await said_by(bench.board.context)
    assert {(one.key, one.known) for one in said if one.is_removal} == {(ours, True), (theirs, False)}

    def kept(keep: set[bytes], drop: set[bytes]) -> set[tuple[bytes, bool]]:
        return {(one.key, one.is_removal) for one in staying(said, keep, drop)}

    assert kept(set(), set()) == {(ours, True), (theirs, False), (plain, False)}
    assert kept({theirs}, {plain}) == {(ours, True), (theirs, True)}
    assert kept(set(), {ours, theirs}) == {(ours, False), (theirs, False), (plain, False)}
    signed = said_again(staying(said, (), ()), NEW, NOW_MS)
    changed = [removal(bench), *(record for record, _ in signed)]
    assert await bench.engine.publish(changed) == (None,) * len(changed)
    authority = bench.board.context.pen.catalog.authority
    assert {one for one in (ours, theirs, both, plain) if authority.standing(one)} == {theirs, plain}

"""Flags: hubs say why people should look again, everybody reads it, and nobody's record has to go for it."""

from typing import Any

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.marks import PER_AUTHOR_MAX, Marks
from hartig_node.board.moderation import flags as flagging
from hartig_node.board.moderation.flags import SHOWN_MAX, flags_json
from hartig_node.board.posts.listing import ListQuery
from hartig_protocol.limits import DAY_MS, LIFE_MS_MAX
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.marks import FLAG
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Kind, Record
from node.board.keepers import BLANKETS, posted
from node.board.neighbours import network_of
from support.boards import Bench, meet, running_board, running_boards
from support.records import NOW_MS, head, random_bytes_from


async def said(bench: Bench, post: str) -> list[tuple[str, str, str]]:
    """What stands beside a post at a hub: about what, why, by whom."""
    flags = (await bench.board.posts.get(post)).as_json().get("flags", {"count": 0, "first": []})
    assert flags["count"] == len(flags["first"])
    return [(one["about"], one["why"], one["hub_name"]) for one in flags["first"]]


def kept(bench: Bench, author: bytes | None = None) -> set[bytes]:
    """All that a hub holds of others, or of one author."""
    return {row.id for row in bench.store.disk.rows.values() if author is None or row.author == author}


def flag_of(bench: Bench, key: SigningKey, subject: bytes, place: int, why: str) -> Record:
    """A flag that somebody else has signed."""
    facts, expires = {"what": FLAG, "why": why}, NOW_MS + LIFE_MS_MAX
    made = head(network_of(bench).id, Kind.MARK, key.public, place=place, subject=subject, facts=facts, expires=expires)
    return sign_record(made, None, [key])


def standing(bench: Bench) -> list[Any]:
    return [one for one in bench.engine.hub.catalog.registers.of_kind(Kind.MARK) if not one.ends]


async def test_every_hub_reads_who_flagged_a_post_and_why_and_that_it_was_taken_back() -> None:
    async with running_boards(3) as [ours, theirs, third]:
        post = await posted(theirs, BLANKETS)
        await meet(ours, theirs, third)
        flag = await ours.board.flags.flag(post, "unsafe", {"en": "Mould.", "es": "Moho."})
        assert (flag.why, flag.is_mine, flag.is_of_hub) == ("unsafe", True, False)
        await third.board.flags.flag(post, "false")
        await meet(ours, theirs, third)
        by = {"Test hub": "unsafe", "Test hub 3": "false"}
        for bench in (ours, theirs, third):
            assert {name: why for _, why, name in await said(bench, post)} == by
            ((found, text),) = [one for one in (await bench.board.flags.page(post)).items if one[0].why == "unsafe"]
            assert text == {"en": "Mould.", "es": "Moho."}
            assert found.as_json(text)["id"] == post
            assert (await bench.board.posts.list(ListQuery())).items[0].flags is not None
        assert (await said(third, post))[0] == ("post", "false", "Test hub 3")  # our own word comes first
        await ours.board.flags.take_back(post)
        await meet(ours, theirs, third)
        for bench in (ours, theirs, third):
            assert await said(bench, post) == [("post", "false", "Test hub 3")]
        assert "flags" not in (await posted_view(theirs)).as_json()


async def posted_view(bench: Bench) -> Any:
    return await bench.board.posts.publish(BLANKETS)


async def test_a_flagged_hub_shows_on_its_posts() -> None:
    async with running_boards(3) as [ours, theirs, third]:
        post, elsewhere = await posted(theirs, BLANKETS), await posted(third, BLANKETS)
        await meet(ours, theirs, third)
        await ours.board.flags.flag(theirs.key.public.hex(), "spam")
        await meet(ours, theirs, third)
        assert await said(third, post) == [("hub", "spam", "Test hub")]
        assert await said(third, elsewhere) == []
        await third.board.flags.flag(post, "rude")
        assert len(await said(third, post)) == 2
        await ours.board.flags.take_back(theirs.key.public.hex())
        assert await said(ours, post) == []


async def test_said_again_it_says_what_is_said_now_in_the_same_place() -> None:
    async with running_boards(2) as [ours, theirs]:
        post = await posted(theirs, BLANKETS)
        await meet(ours, theirs)
        await ours.board.flags.flag(post, "spam", "Again and again")
        ours.time.advance(1)
        await ours.board.flags.flag(post, "rude")
        assert len(standing(ours)) == 1
        ((flag, text),) = (await ours.board.flags.page(mine=True)).items
        assert (flag.why, text) == ("rude", {})
        await ours.board.flags.take_back(post)
        with pytest.raises(BoardError) as caught:
            await ours.board.flags.take_back(post)
        assert caught.value.code == "not_found"
        ours.time.advance(1)
        await ours.board.flags.flag(post, "false")
        assert await said(ours, post) == [("post", "false", "Test hub")]


async def test_flags_are_over_after_their_time() -> None:
    async with running_boards(2) as [ours, theirs]:
        post = await posted(theirs, BLANKETS)
        await meet(ours, theirs)
        await ours.board.flags.flag(theirs.key.public.hex(), "other")
        ours.time.advance(LIFE_MS_MAX / 1000)
        assert await said(ours, post) == []
        await ours.board.flags.flag(theirs.key.public.hex(), "other")
        assert len(await said(ours, post)) == 1


async def test_flags_of_a_muted_hub_count_for_nothing_here() -> None:
    async with running_boards(3) as [ours, theirs, third]:
        post = await posted(theirs, BLANKETS)
        await meet(ours, theirs, third)
        await third.board.flags.flag(post, "rude")
        await meet(ours, theirs, third)
        await ours.board.hiding.mute(third.key.public.hex())
        assert await said(ours, post) == []
        assert (await ours.board.flags.page()).items == []
        assert len(await said(theirs, post)) == 1


async def test_a_flag_hides_nothing() -> None:
    async with running_boards(2) as [ours, theirs]:
        post = await posted(theirs, BLANKETS)
        await meet(ours, theirs)
        await ours.board.flags.flag(post, "unsafe")
        for bench in (ours, theirs):
            view = (await bench.board.posts.list(ListQuery())).items[0]
            assert (view.id, view.hidden, view.state) == (post, None, "standing")


async def test_what_is_ours_or_not_known_or_says_no_reason_cannot_be_flagged() -> None:
    async with running_boards(2) as [ours, theirs]:
        own, other = await posted(ours, BLANKETS), await posted(theirs, BLANKETS)
        await meet(ours, theirs)
        flag, before = ours.board.flags.flag, ours.store.disk.last_n
        cases: list[tuple[str, str, Any, str]] = [
            (own, "spam", "", "bad_request"),
            (ours.key.public.hex(), "spam", "", "bad_request"),
            ("00" * 16, "spam", "", "not_found"),
            ("ab" * 32, "spam", "", "not_found"),
            (other, "ugly", "", "bad_request"),
            (other, "spam", "a" * 481, "bad_request"),
            (other, "spam", {"English": "a"}, "bad_request"),
            (other, "spam", {f"a{one}": "a" for one in "bcdefghij"}, "bad_request"),
        ]
        for subject, why, text, code in cases:
            with pytest.raises(BoardError) as caught:
                await flag(subject, why, text)
            assert caught.value.code == code
        assert ours.store.disk.last_n == before


async def test_flags_whatever_their_number_replace_nothing_of_anybody() -> None:
    """One hub flags with all the places that it has: it runs out of room, and everything else stays where it was."""
    async with running_boards(3) as [first, flooder, third]:
        posts = [await posted(third, BLANKETS, title=f"Blanket {one}") for one in range(49)]
        own = [await posted(flooder, BLANKETS, title=f"Ours {one}") for one in range(4)]
        await meet(first, flooder, third)
        before = {bench.key.public: kept(bench) for bench in (first, flooder, third)}
        room = flooder.engine.hub.catalog.authority.standing(flooder.key.public)
        assert room is not None
        flagged = room.places - 1 - len(own)
        subjects = [*posts, third.key.public.hex(), first.key.public.hex()]
        for subject in subjects[:flagged]:
            flooder.time.advance(1)
            await flooder.board.flags.flag(subject, "spam", "x" * 480)
        with pytest.raises(BoardError) as caught:
            await flooder.board.flags.flag(subjects[flagged], "spam")
        assert caught.value.code == "no_room"
        assert "flags" in caught.value.hint
        await meet(first, flooder, third)
        for bench in (first, flooder, third):
            assert before[bench.key.public] <= kept(bench)
            assert len(kept(bench, flooder.key.public)) == 1 + len(own) + flagged
            page = await bench.board.posts.list(ListQuery(limit=200))
            assert {view.id for view in page.items} == {*posts, *own}
        await flooder.board.flags.take_back(posts[0])
        flooder.time.advance(1)
        await flooder.board.flags.flag(posts[-1], "spam")
        await meet(first, flooder, third)
        assert all(before[bench.key.public] <= kept(bench) for bench in (first, flooder, third))


async def test_one_hub_that_says_one_thing_in_all_its_places_counts_once(bench: Bench) -> None:
    network, hub = network_of(bench), SigningKey(random_bytes_from("noisy")(32))
    grant = network.grant(hub.public, author=bench.key, place=7, places=60, invites=0)
    assert await bench.engine.publish([grant.wire]) == (None,)
    own = await posted(bench, BLANKETS)
    marks = [flag_of(bench, hub, bytes.fromhex(own), place, "rude") for place in range(1, 60)]
    assert set(await bench.engine.publish([one.wire for one in marks[:30]])) == {None}
    assert len(await said(bench, own)) == 1  # read from what is held
    assert set(await bench.engine.publish([one.wire for one in marks[30:]])) == {None}
    assert len(await said(bench, own)) == 1  # and as it comes
    held = bench.board.posts.flags._marks
    assert len(held._topics) == PER_AUTHOR_MAX
    revoke = network.revoke(hub.public)
    assert await bench.engine.publish([revoke.wire]) == (None,)
    assert await said(bench, own) == []
    assert (held._topics, held._held) == ({}, {})
    assert list(await held.newest(FLAG)) == []


async def test_a_member_may_flag_and_nobody_without_a_membership(bench: Bench) -> None:
    network = network_of(bench)
    member, stranger = (SigningKey(random_bytes_from(name)(32)) for name in ("member", "stranger"))
    grant = network.grant(member.public, author=bench.key, rank="member", place=8, places=3, invites=0)
    assert await bench.engine.publish([grant.wire]) == (None,)
    own = bytes.fromhex(await posted(bench, BLANKETS))
    flags = [flag_of(bench, key, own, 1, "private") for key in (member, stranger)]
    await bench.engine.publish([one.wire for one in flags])
    assert await said(bench, own.hex()) == [("post", "private", "")]


async def test_beside_a_post_stand_so_many_and_all_of_them_in_their_list(bench: Bench) -> None:
    network, count = network_of(bench), SHOWN_MAX + 3
    own = bytes.fromhex(await posted(bench, BLANKETS))
    for number in range(count):
        key = SigningKey(random_bytes_from(f"member {number}")(32))
        grant = network.grant(key.public, author=bench.key, rank="member", place=10 + number, places=3, invites=0)
        flag = flag_of(bench, key, own, 1, "other")
        assert await bench.engine.publish([grant.wire, flag.wire]) == (None, None)
    flags = (await bench.board.posts.get(own.hex())).flags
    assert flags is not None
    assert (flags["count"], len(flags["first"])) == (count, SHOWN_MAX)
    found = []
    cursor = None
    for _ in range(3):
        page = await bench.board.flags.page(own.hex(), cursor=cursor, limit=3)
        found += [flag.id for flag, _ in page.items]
        cursor = page.cursor
    assert (len(set(found)), cursor) == (count, None)
    assert flags_json([]) is None


async def all_pages(bench: Bench, limit: int, **wanted: bool) -> tuple[list[bytes], int]:
    """Return the ids of all flags, page by page, and how many pages these were."""
    found, pages, cursor = list[bytes](), 0, None
    while pages == 0 or cursor is not None:
        page = await bench.board.flags.page(cursor=cursor, limit=limit, **wanted)
        found += [flag.id for flag, _ in page.items]
        pages, cursor = pages + 1, page.cursor
    return found, pages


async def test_all_flags_are_listed_page_by_page_the_newest_first_and_little_is_looked_at_for_each(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_of(bench)
    noisy, mild = (SigningKey(random_bytes_from(name)(32)) for name in ("noisy", "mild"))
    grants = [network.grant(one.public, author=bench.key, place=20 + at) for at, one in enumerate((noisy, mild))]
    flags = [flag_of(bench, noisy, random_bytes_from(f"thing {at}")(16), at, "rude") for at in range(12)]
    flags.append(flag_of(bench, mild, flags[0].head.subject, 1, "false"))
    assert set(await bench.engine.publish([one.wire for one in (*grants, *flags)])) == {None}
    own = await bench.board.flags.flag(noisy.public.hex(), "spam")
    for limit, expected in ((3, 5), (7, 2), (14, 1)):
        found, pages = await all_pages(bench, limit)
        assert (set(found), len(found), pages) == ({own.id, *(one.id for one in flags)}, 14, expected)
    assert await all_pages(bench, 5, mine=True) == ([own.id], 1)
    await bench.board.hiding.mute(noisy.public.hex())
    assert set((await all_pages(bench, 5))[0]) == {own.id, flags[-1].id}
    await bench.board.hiding.unmute(noisy.public.hex())
    monkeypatch.setattr(flagging, "LOOKED_AT_MAX", 4)
    found, pages = await all_pages(bench, 14)
    assert (len(set(found)), pages) == (14, 4)


async def test_a_flag_from_before_the_time_was_known_is_dated_anew() -> None:
    async with running_board(trusted=False) as bench:
        network, hub = network_of(bench), SigningKey(random_bytes_from("other")(32))
        grant = network.grant(hub.public, author=bench.key, place=7, places=9, invites=0)
        assert await bench.engine.publish([grant.wire]) == (None,)
        await bench.board.flags.flag(hub.public.hex(), "other", "So it is")
        await bench.board.flags.date_anew()
        (before,) = standing(bench)
        bench.engine.clock.confirm(int(bench.time.wall_s * 1000) + DAY_MS)
        await bench.board.flags.date_anew()
        (after,) = standing(bench)
        assert after.stamp >= before.stamp + DAY_MS
        ((_, text),) = (await bench.board.flags.page()).items
        assert text == {"en": "So it is"}


async def test_marks_are_read_once_however_many_ask_at_first() -> None:
    async with running_boards(2) as [ours, theirs]:
        post = await posted(theirs, BLANKETS)
        await meet(ours, theirs)
        await ours.board.flags.flag(post, "spam")
        marks = Marks(ours.board.context)
        assert [one.facts for one in await marks.of(FLAG, bytes.fromhex(post), Kind.MARK)] == [("spam",)]
        ((_, listed),) = await marks.newest(FLAG)
        assert marks.author_of(listed) == ours.key.public
        assert await marks.newest(FLAG, own=True) == await marks.newest(FLAG)

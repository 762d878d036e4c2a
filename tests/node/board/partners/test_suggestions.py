"""Whom a partner network has removed: suggested with who did it, taken or left by people, and nothing by itself."""

from typing import Any

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.partners.suggestions import PER_AUTHOR_MAX
from hartig_protocol.encoding import encode
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record, sign_record
from hartig_protocol.records.record import Kind
from node.board.belonging.belonging import become, invite
from node.board.keepers import BLANKETS, posted
from node.board.partners.abroad import Abroad, open_partner
from node.board.partners.test_partners import OFFERS, code_of
from support.boards import Bench
from support.records import NOW_MS, Record, head, key

BAD, WORSE = key("bad"), key("worse")


@pytest.fixture
async def abroad(bench: Bench) -> Abroad:
    await become(bench, "organiser")
    made = Abroad()
    await open_partner(bench, made)
    await bench.board.partners.propose(code_of(made), OFFERS, None)
    return made


async def removed(abroad: Abroad, *keys: bytes) -> list[Record]:
    said = []
    for number, one in enumerate(keys, 20):
        grant = abroad.network.grant(one, place=number)
        revoke = abroad.network.revoke(one)
        await abroad.take(grant, revoke)
        said.append(revoke)
    return said


async def test_a_removal_is_suggested_with_who_did_it_and_does_nothing(bench: Bench, abroad: Abroad) -> None:
    (said,) = await removed(abroad, BAD.public)
    (one,) = await bench.board.partners.suggestions.list()
    assert (one.id, one.subject, one.by, one.network_name) == (
        said.id, BAD.public, abroad.network.seat.public, "Maple Street",
    )  # fmt: skip
    assert not one.belongs_here
    assert one.as_json()["key"] == BAD.public.hex()
    assert not await bench.board.hiding.muted()


async def test_who_is_taken_over_is_muted_and_who_is_left_stays_away(bench: Bench, abroad: Abroad) -> None:
    bad, worse = await removed(abroad, BAD.public, WORSE.public)
    suggestions = bench.board.partners.suggestions
    await suggestions.take(bad.id, "Rosa")
    assert list(await bench.board.hiding.muted()) == [BAD.public]
    assert [one.subject for one in await suggestions.list()] == [WORSE.public]
    await suggestions.leave(worse.id)
    assert await suggestions.list() == []
    for act in (suggestions.take, suggestions.leave):
        with pytest.raises(BoardError, match="nothing of this kind"):
            await act(worse.id)


async def test_that_somebody_belongs_here_too_is_said(bench: Bench, abroad: Abroad) -> None:
    await invite(bench, None, BAD)
    await removed(abroad, BAD.public)
    assert (await bench.board.partners.suggestions.list())[0].belongs_here


async def test_a_network_that_is_no_partner_any_more_suggests_nothing(bench: Bench, abroad: Abroad) -> None:
    await removed(abroad, BAD.public)
    await bench.board.partners.leave(abroad.id)
    assert await bench.board.partners.suggestions.list() == []


# --- Flags


def flagged(
    abroad: Abroad, subject: bytes, place: int, *, by: SigningKey | None = None, why: str = "unsafe",
    body: dict[str, Any] | None = None, **more: Any,
) -> Record:  # fmt: skip
    """A flag of a post, as somebody of a partner network says it to us."""
    author = abroad.hub if by is None else by
    facts = {"what": "flag", "why": why}
    said = {"place": place, "audience": "partners", "subject": subject, "expires": NOW_MS + DAY_MS, "facts": facts}
    text = None if body is None else encode(body)
    made = head(abroad.id, Kind.MARK, author.public, body=text, **{**said, **more})
    return sign_record(made, text, [author])


async def their_post(abroad: Abroad) -> Record:
    post = abroad.network.offer(abroad.hub, place=30, audience="partners")
    await abroad.take(post)
    return post


async def test_a_flag_is_suggested_with_its_reason_and_hides_nothing(bench: Bench, abroad: Abroad) -> None:
    post = await their_post(abroad)
    said = flagged(abroad, post.head.thread, 31, body={"text": {"en": "The tins are bulging."}})
    await abroad.take(said)
    (one,) = await bench.board.partners.suggestions.list()
    assert (one.id, one.subject, one.why, one.text) == (
        said.id, post.head.thread, "unsafe", {"en": "The tins are bulging."},
    )  # fmt: skip
    assert (one.by, one.by_name, one.belongs_here, one.is_own) == (abroad.hub.public, "Abroad hub", False, False)
    assert (one.as_json()["about"], one.as_json()["post"], one.as_json()["key"]) == ("post", one.subject.hex(), None)
    assert (await bench.board.posts.get(one.subject.hex())).hidden is None


async def test_a_flag_is_taken_by_hiding_or_flagging_or_left_for_good(bench: Bench, abroad: Abroad) -> None:
    posts = [abroad.network.offer(abroad.hub, place=30 + number, audience="partners") for number in range(3)]
    said = [flagged(abroad, one.head.thread, 40 + number) for number, one in enumerate(posts)]
    await abroad.take(*posts, *said)
    suggestions = bench.board.partners.suggestions
    assert len(await suggestions.list()) == 3
    await suggestions.take(said[0].id, "Rosa")
    hidden = (await bench.board.posts.get(posts[0].head.thread.hex())).hidden
    assert hidden is not None
    assert (hidden["by"], hidden["note"]) == ("Rosa", "Maple Street flags it as unsafe")
    await suggestions.take(said[1].id, is_shared=True)
    (flag,) = await bench.board.flags.of(posts[1].head.thread, b"")
    assert (flag.is_mine, flag.why) == (True, "unsafe")
    assert bench.engine.hub.catalog.entries[flag.id].audience == abroad.id  # it goes to them, too, and to nobody else
    await suggestions.leave(said[2].id)
    again = flagged(abroad, posts[2].head.thread, 42, seq=2, stamp=NOW_MS + 1, why="spam")
    await abroad.take(again)
    assert await suggestions.list() == []


async def test_a_flag_that_is_taken_back_or_expires_is_suggested_no_more(bench: Bench, abroad: Abroad) -> None:
    post = await their_post(abroad)
    await abroad.take(flagged(abroad, post.head.thread, 31), flagged(abroad, post.head.thread, 32, stamp=NOW_MS - 1))
    (one,) = await bench.board.partners.suggestions.list()  # one of each author and post
    ended = {"facts": {"what": "flag", "ends": True}, "seq": 2, "stamp": NOW_MS + 1}
    await abroad.take(flagged(abroad, post.head.thread, 31, **ended))
    (other,) = await bench.board.partners.suggestions.list()
    assert one.id != other.id
    bench.time.advance(86_400)
    assert await bench.board.partners.suggestions.list() == []


async def test_only_posts_that_are_held_are_suggested_and_whom_we_mute_suggests_nothing(
    bench: Bench, abroad: Abroad
) -> None:
    await abroad.take(flagged(abroad, bytes(16), 31))
    assert await bench.board.partners.suggestions.list() == []
    post = await their_post(abroad)
    await abroad.take(flagged(abroad, post.head.thread, 32))
    assert len(await bench.board.partners.suggestions.list()) == 1
    await bench.board.hiding.mute(abroad.hub.public.hex())
    assert await bench.board.partners.suggestions.list() == []


async def test_one_author_cannot_push_out_what_others_flag(bench: Bench, abroad: Abroad) -> None:
    other = key("other hub")
    posts = [abroad.network.offer(abroad.hub, place=50 + number, audience="partners") for number in range(13)]
    loud = [
        flagged(abroad, one.head.thread, 80 + number, by=other, stamp=NOW_MS + 1) for number, one in enumerate(posts)
    ]
    await abroad.take(abroad.network.grant(other.public, place=3, places=200), *posts, *loud)
    await abroad.take(flagged(abroad, posts[0].head.thread, 31))
    said = await bench.board.partners.suggestions.list()
    assert [one.by for one in said] == [other.public] * PER_AUTHOR_MAX + [abroad.hub.public]


async def test_a_flag_of_our_own_post_is_shown_where_it_can_be_changed(bench: Bench, abroad: Abroad) -> None:
    ours = bytes.fromhex(await posted(bench, {**BLANKETS, "audience": "partners"}))
    await abroad.take(flagged(abroad, ours, 31, audience=bench.founding.network))
    (one,) = await bench.board.partners.suggestions.list()
    assert (one.belongs_here, one.is_own) == (True, True)
    with pytest.raises(BoardError, match="this is a post of this hub"):
        await bench.board.partners.suggestions.take(one.id)


async def test_p10_who_flags_with_a_key_of_their_own_is_not_named(bench: Bench, abroad: Abroad) -> None:
    member, post = key("a member"), await their_post(abroad)
    await abroad.take(abroad.network.grant(member.public, place=4, rank="member"))
    await abroad.take(flagged(abroad, post.head.thread, 1, by=member))
    (one,) = await bench.board.partners.suggestions.list()
    assert member.public.hex() not in str(one.as_json())
    assert (one.by, one.by_name) == (None, None)


async def test_p10_nothing_that_counts_people_crosses(bench: Bench, abroad: Abroad) -> None:
    post = await their_post(abroad)
    for facts in ({"what": "flag", "why": "unsafe", "count": 3}, {"what": "me-too"}, {"what": "join", "count": 9}):
        with pytest.raises(RecordError):
            open_record(flagged(abroad, post.head.thread, 31, facts=facts).wire)

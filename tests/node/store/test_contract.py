"""What both stores promise. Each test runs against SQLite and against the twin in dicts."""

import asyncio
from dataclasses import replace

import pytest

from hartig_node.ports import PostFilter, PostPage, Store, StoreError
from hartig_protocol.catalog.entry import Body
from hartig_protocol.errors import LocalError
from hartig_protocol.events import Commit, Cursor, Notice, PrivateRow, Told
from hartig_protocol.limits import CHECK_BYTES, DAY_MS, TOLD_PER_PEER_MAX
from node.store.arrivals import Arrivals
from support.federated import pact_of
from support.records import NOW_MS, Network, post_body

NET = Network()
HUB = NET.hub(1)
STANDING = PostFilter(NOW_MS)
MANY = 1_000_000


def ns(page: PostPage) -> list[int]:
    """Arrival numbers of a page."""
    return [post.n for post in page.posts]


# --- Starting


async def test_an_empty_store_loads_nothing(store: Store) -> None:
    loaded = await store.load()
    assert (loaded.last_n, loaded.running) == (0, bytes(CHECK_BYTES))
    assert not any((loaded.entries, loaded.governance, loaded.cursors, loaded.told))
    assert len(loaded.epoch) == 16


async def test_what_was_committed_is_loaded_as_it_was(store: Store) -> None:
    arrivals = Arrivals()
    need = NET.need(HUB)
    private = NET.need(HUB, place=1, audience="hub", category="health")
    abroad = NET.offer(HUB, place=2, audience=bytes(range(16)))
    pact = pact_of(NET, bytes(16), HUB)
    records = [*NET.founding(1), need, NET.step(HUB, need), private, abroad, NET.unknown(HUB, place=3), pact]
    commit = arrivals.commit(*records)
    await store.commit(commit)
    loaded = await store.load()
    assert list(loaded.entries) == [entry for entry, _ in commit.added]
    assert (loaded.last_n, loaded.running) == (arrivals.last_n, arrivals.running)
    proofs = [*NET.founding(1), pact]
    assert loaded.governance == {record.id: record.wire for record in proofs}


async def test_an_entry_that_changed_before_its_commit_keeps_row_and_body_in_step(store: Store) -> None:
    commit = Arrivals().commit(NET.need(HUB))
    ((entry, record),) = commit.added
    commit.added[0] = (entry._replace(body=Body.GONE), record)
    await store.commit(commit)
    assert [entry.body for entry in (await store.load()).entries] == [Body.HERE]


async def test_arrival_numbers_outlive_the_records_that_had_them(store: Store) -> None:
    arrivals = Arrivals()
    first, second = NET.need(HUB), NET.need(HUB, place=1)
    await store.commit(arrivals.commit(first, second))
    await store.commit(Commit(removed=[first.id, second.id]))
    loaded = await store.load()
    assert (loaded.last_n, loaded.running, list(loaded.entries)) == (2, arrivals.running, [])


# --- Commits


async def test_a_repeated_commit_changes_nothing_more(store: Store) -> None:
    arrivals = Arrivals()
    await store.commit(arrivals.commit(old := NET.need(HUB)))
    new = NET.revise(HUB, old)
    commit = arrivals.commit(new, removed=[old.id])
    commit.cursors.append(Cursor(b"p" * 32, b"e" * 16, 7, b"c" * 16))
    commit.private.append(PrivateRow("tokens", b"k", b"v"))
    await store.commit(commit)
    once = await store.load()
    await store.commit(commit)
    assert await store.load() == once
    assert [entry.id for entry in once.entries] == [new.id]


async def test_a_commit_repeated_after_indexing_is_not_indexed_twice(store: Store) -> None:
    commit = Arrivals().commit(record := NET.need(HUB))
    for _ in range(2):
        await store.commit(commit)
        await store.index_some()
    await store.commit(Commit(bodies_removed=[record.id]))
    await store.commit(commit)
    assert (await store.status()).unindexed == 0


async def test_what_comes_and_goes_in_one_commit_is_gone_and_leaves_its_number(store: Store) -> None:
    arrivals = Arrivals()
    first = NET.need(HUB)
    second = NET.revise(HUB, first)
    await store.commit(arrivals.commit(first, second, removed=[first.id]))
    assert [(entry.n, entry.id) for entry in (await store.load()).entries] == [(2, second.id)]
    last = NET.revise(HUB, second)
    await store.commit(arrivals.commit(last, removed=[last.id]))
    assert (await store.load()).last_n == 3
    assert await store.read_record(last.id) is None


async def test_what_goes_and_comes_back_in_one_commit_has_its_new_number(store: Store) -> None:
    arrivals = Arrivals()
    record = NET.need(HUB)
    await store.commit(arrivals.commit(record))
    commit = arrivals.commit(record, removed=[record.id])
    for _ in range(2):
        await store.commit(commit)
        assert [(entry.n, entry.id) for entry in (await store.load()).entries] == [(2, record.id)]
        assert ns(await store.posts(STANDING, None, 10)) == [2]


async def test_a_number_cannot_be_given_twice(store: Store) -> None:
    arrivals = Arrivals()
    await store.commit(arrivals.commit(NET.need(HUB)))
    clash = Arrivals().commit(NET.need(HUB, place=1))
    clash.private.append(PrivateRow("tokens", b"k", b"v"))
    with pytest.raises(LocalError, match="cannot be arrival 1"):
        await store.commit(clash)
    assert await store.private_get("tokens", b"k") is None
    await store.commit(arrivals.commit(NET.need(HUB, place=2)))
    assert len((await store.load()).entries) == 2


async def test_many_commits_at_once_are_all_there_in_order(store: Store) -> None:
    arrivals = Arrivals()
    commits = [arrivals.commit(NET.need(HUB, place=place)) for place in range(40)]
    for number, commit in enumerate(commits):
        commit.notices.append(Notice("post.added", number))
    answers = await asyncio.gather(*(store.commit(commit) for commit in commits))
    assert [item.seq for items in answers for item in items] == list(range(1, 41))
    assert [entry.n for entry in (await store.load()).entries] == list(range(1, 41))


# --- Bodies


async def test_a_body_goes_and_the_head_stays(store: Store) -> None:
    record = NET.need(HUB, title="Blankets")
    await store.commit(Arrivals().commit(record))
    await store.index_some()
    for _ in range(2):
        await store.commit(Commit(bodies_removed=[record.id]))
        found = await store.read_record(record.id)
        assert found is not None
        assert found.wire == record.without_body().wire
        assert [entry.body for entry in (await store.load()).entries] == [Body.GONE]
        assert ns(await store.posts(replace(STANDING, terms=("blanket",)), None, 10)) == []
        assert ns(await store.posts(STANDING, None, 10)) == [1]


async def test_a_body_that_arrives_later_is_kept_and_found(store: Store) -> None:
    record = NET.need(HUB, title="Blankets")
    await store.commit(Arrivals().commit(record.without_body()))
    await store.commit(Commit(bodies_added=[record]))
    found = await store.read_record(record.id)
    assert found is not None
    assert found.wire == record.wire
    assert [entry.body for entry in (await store.load()).entries] == [Body.HERE]
    assert ns(await store.posts(replace(STANDING, terms=("blanket",)), None, 10)) == [1]


async def test_bodies_of_records_that_are_not_held_are_left_out(store: Store) -> None:
    record = NET.need(HUB)
    await store.commit(Commit(bodies_added=[record], bodies_removed=[record.id], removed=[record.id]))
    assert list((await store.load()).entries) == []


# --- Reading for peers


async def test_arrivals_rise_and_leave_out_what_never_leaves(store: Store) -> None:
    records = [NET.need(HUB, place=place, audience="hub" if place == 1 else "network") for place in range(4)]
    await store.commit(Arrivals().commit(*records))
    rows, through = await store.read_arrivals(0, 99, 100, MANY, governance=False)
    assert (list(rows), through) == ([records[0].wire, records[2].wire, records[3].wire], 4)
    rows, through = await store.read_arrivals(1, 3, 100, MANY, governance=False)
    assert (list(rows), through) == ([records[2].wire], 3)
    assert await store.read_arrivals(4, 99, 100, MANY, governance=False) == ([], 4)
    assert await store.read_arrivals(9, 99, 100, MANY, governance=False) == ([], 9)


async def test_arrivals_stop_at_the_bounds_but_give_one_at_least(store: Store) -> None:
    records = [NET.need(HUB, place=place) for place in range(5)]
    await store.commit(Arrivals().commit(*records))
    assert await store.read_arrivals(0, 5, 2, MANY, governance=False) == ([record.wire for record in records[:2]], 2)
    size = sum(map(len, (part or b"" for part in records[0].wire)))
    rows, through = await store.read_arrivals(0, 5, 100, size * 3 + 10, governance=False)
    assert (len(rows), through) == (3, 3)
    assert await store.read_arrivals(3, 5, 100, 1, governance=False) == ([records[3].wire], 4)
    rows, through = await store.read_arrivals(0, 5, 5, MANY, governance=False)
    assert (len(rows), through) == (5, 5)


async def test_governance_alone_can_be_read(store: Store) -> None:
    records = [NET.need(HUB), *NET.founding(2), NET.revoke(HUB.public), pact_of(NET, bytes(16), HUB)]
    await store.commit(Arrivals().commit(*records))
    rows, through = await store.read_arrivals(0, 99, 100, MANY, governance=True)
    wanted = [record.wire for record in records if record.head.kind in (1, 2, 3, 4)]
    assert (list(rows), through) == (wanted, len(records))


async def test_records_are_read_in_the_order_asked_for_but_private_ones_not(store: Store) -> None:
    open_, private, other = NET.need(HUB), NET.need(HUB, place=1, audience="hub"), NET.need(HUB, place=2)
    await store.commit(Arrivals().commit(open_, private, other))
    asked = [other.id, b"?" * 32, private.id, open_.id, other.id]
    assert list(await store.read_records(asked)) == [other.wire, open_.wire]
    assert (await store.read_record(private.id)) is not None
    assert list(await store.read_records([])) == []


async def test_a_thread_is_read_with_its_steps(store: Store) -> None:
    need = NET.need(HUB)
    first = NET.step(HUB, need)
    second = NET.step(HUB, need, first)
    await store.commit(Arrivals().commit(need, NET.need(HUB, place=1), first, second))
    thread = await store.read_thread(need.head.thread)
    assert [(item.n, item.wire) for item in thread] == [(1, need.wire), (3, first.wire), (4, second.wire)]
    found = await store.post(need.head.thread)
    assert found is not None
    assert found.wire == need.wire
    assert await store.post(b"?" * 16) is None
    assert list(await store.read_thread(b"?" * 16)) == []


# --- Lists


async def test_lists_are_newest_first_and_page_without_gaps(store: Store) -> None:
    await store.commit(Arrivals().commit(*(NET.need(HUB, place=place) for place in range(7))))
    seen, after = [], None
    while True:
        page = await store.posts(STANDING, after, 3)
        seen.append(ns(page))
        after = page.after
        if after is None:
            break
    assert seen == [[7, 6, 5], [4, 3, 2], [1]]
    assert (await store.posts(STANDING, None, 7)).after is None


POSTS = [
    NET.need(HUB, place=0, category="food", area="dr5rs"),
    NET.need(HUB, place=1, category="food.bread", area="dr5rt", urgency="urgent"),
    NET.offer(HUB, place=2, category="food.bread.x-rye", area="dr5rs", mode="lend"),
    NET.offer(HUB, place=3, category="food-waste", area="dr5r", level="low"),
    NET.offer(NET.hub(2), place=0, category="food.bread-x", area="u33db", urgency="low"),
    NET.need(HUB, place=4, category="food.bread", stamp=NOW_MS - 9 * DAY_MS, expires=NOW_MS),
    NET.need(HUB, place=5, category="food.bread", ends=True),
    NET.need(HUB, place=6, category="health", audience="hub"),
]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (STANDING, [8, 5, 4, 3, 2, 1]),
        (PostFilter(NOW_MS, standing=False), [8, 7, 6, 5, 4, 3, 2, 1]),
        (PostFilter(NOW_MS - 1), [8, 6, 5, 4, 3, 2, 1]),
        (PostFilter(NOW_MS, kind=16), [8, 2, 1]),
        (PostFilter(NOW_MS, kind=17), [5, 4, 3]),
        (PostFilter(NOW_MS, category="food"), [5, 3, 2, 1]),
        (PostFilter(NOW_MS, category="food.bread"), [3, 2]),
        (PostFilter(NOW_MS, category="food.bread", standing=False), [7, 6, 3, 2]),
        (PostFilter(NOW_MS, category="food.bread.x-rye"), [3]),
        (PostFilter(NOW_MS, category="foo"), []),
        (PostFilter(NOW_MS, author=NET.hub(2).public), [5]),
        (PostFilter(NOW_MS, author=HUB.public, category="food"), [3, 2, 1]),
        (PostFilter(NOW_MS, area="dr5r"), [8, 4, 3, 2, 1]),
        (PostFilter(NOW_MS, area="dr5rs"), [8, 3, 1]),
        (PostFilter(NOW_MS, area=""), [8, 5, 4, 3, 2, 1]),
        (PostFilter(NOW_MS, urgency="urgent"), [2]),
        (PostFilter(NOW_MS, urgency="normal", kind=17), [4, 3]),
        (PostFilter(NOW_MS, level="low"), [4]),
        (PostFilter(NOW_MS, mode="lend"), [3]),
        (PostFilter(NOW_MS, mode="give", area="u"), [5]),
    ],
)
async def test_filters(store: Store, wanted: PostFilter, numbers: list[int]) -> None:
    await store.commit(Arrivals().commit(*POSTS))
    assert ns(await store.posts(wanted, None, 50)) == numbers
    with_terms = replace(wanted, terms=("wa", "water"))
    held = [n for n in numbers if n != 7]  # what ended has no text
    assert ns(await store.posts(with_terms, None, 50)) == held
    await store.index_some()
    assert ns(await store.posts(with_terms, None, 50)) == held
    assert ns(await store.posts(replace(wanted, terms=("wa",)), None, 50)) == held
    if len(numbers) > 1:
        page = await store.posts(wanted, numbers[0], 1)
        assert ns(page) == numbers[1:2]


LEFT_OUT = [
    ({}, [8, 5, 4, 3, 2, 1]),
    ({"unless_thread_in": "hidden"}, [8, 5, 4, 2]),
    ({"unless_author_in": "muted"}, [8, 4, 3, 2, 1]),
    ({"unless_thread_in": "hidden", "unless_author_in": "muted"}, [8, 4, 2]),
    ({"unless_thread_in": "another", "unless_author_in": "hidden"}, [8, 5, 4, 3, 2, 1]),
]


@pytest.mark.parametrize(("spaces", "numbers"), LEFT_OUT)
async def test_posts_are_left_out_whose_thread_or_author_stands_in_a_private_space(
    store: Store, spaces: dict[str, str], numbers: list[int]
) -> None:
    commit = Arrivals().commit(*POSTS)
    commit.private += [PrivateRow("hidden", POSTS[index].head.thread, b"") for index in (0, 2)]
    commit.private += [PrivateRow("muted", NET.hub(2).public, b"why"), PrivateRow("muted", HUB.public[:8], b"")]
    await store.commit(commit)
    for changes in ({}, {"category": "food.bread"}, {"author": HUB.public}, {"kind": 17}, {"area": "dr5rs"}):
        wanted = replace(STANDING, **changes)
        passing = [n for n in ns(await store.posts(wanted, None, 50)) if n in numbers]
        wanted = replace(wanted, **spaces)
        assert ns(await store.posts(wanted, None, 50)) == passing
        for terms in (("water",), ("wa",)):
            searched = replace(wanted, terms=terms)
            assert ns(await store.posts(searched, None, 50)) == passing
            await store.index_some()
            assert ns(await store.posts(searched, None, 50)) == passing
    first = await store.posts(replace(STANDING, **spaces), None, 2)
    following = await store.posts(replace(STANDING, **spaces), first.after, 50)
    assert ns(first) + (ns(following) if first.after else []) == numbers
    assert len(ns(first)) == 2


async def test_a_search_pages_through_what_is_indexed_and_what_is_not(store: Store) -> None:
    arrivals = Arrivals()
    await store.commit(arrivals.commit(*(NET.need(HUB, place=place, title="Dlo pwòp") for place in range(6))))
    assert await store.index_some() == 0
    await store.commit(arrivals.commit(*(NET.need(HUB, place=place + 6, title="DLO") for place in range(6))))
    assert (await store.status()).unindexed == 6
    seen: list[int] = []
    after = None
    for _ in range(3):
        page = await store.posts(replace(STANDING, terms=("dlo",)), after, 4)
        seen, after = seen + ns(page), page.after
    assert seen == list(range(12, 0, -1))
    assert after is None


# --- The feed, private rows, cursors


async def test_the_feed_is_numbered_and_read_from_anywhere(store: Store) -> None:
    assert await store.feed_bounds() == (0, 0)
    notices = [Notice("post.added", 5, b"t", b"r", 16, b"p"), Notice("peer.opened", 6)]
    items = await store.commit(Commit(notices=list(notices)))
    assert [(item.seq, item.name, item.at_ms) for item in items] == [(1, "post.added", 5), (2, "peer.opened", 6)]
    assert list(await store.feed(0, 10)) == list(items)
    assert [item.seq for item in await store.feed(1, 10)] == [2]
    assert [item.seq for item in await store.feed(0, 1)] == [1]
    assert await store.feed_bounds() == (1, 2)


async def test_the_feed_keeps_its_newest_lines(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.store.applying.FEED_LINES_MAX", 5)
    monkeypatch.setattr("hartig_node.store.memory_disk.FEED_LINES_MAX", 5)
    for at_ms in range(4):
        await store.commit(Commit(notices=[Notice("a", at_ms), Notice("b", at_ms)]))
    assert await store.feed_bounds() == (4, 8)
    assert [item.seq for item in await store.feed(0, 99)] == [4, 5, 6, 7, 8]


async def test_private_rows_are_written_replaced_and_deleted(store: Store) -> None:
    rows = [PrivateRow("b", b"1", b"x"), PrivateRow("a", b"2", b"y"), PrivateRow("a", b"1", b"z")]
    await store.commit(Commit(private=rows))
    assert list(await store.private_list("a")) == [(b"1", b"z"), (b"2", b"y")]
    await store.commit(Commit(private=[PrivateRow("a", b"1", b"w"), PrivateRow("a", b"2", None)]))
    assert await store.private_get("a", b"1") == b"w"
    assert await store.private_get("a", b"2") is None
    assert await store.private_get("b", b"1") == b"x"
    assert list(await store.private_list("c")) == []


async def test_private_rows_go_when_their_time_is_over(store: Store) -> None:
    rows = [PrivateRow("a", b"1", b"x", NOW_MS - 1), PrivateRow("a", b"2", b"y", NOW_MS), PrivateRow("a", b"3", b"z")]
    await store.commit(Commit(private=rows))
    await store.commit(Commit(private=[PrivateRow("b", b"1", b"-")]))
    assert [key for key, _ in await store.private_list("a")] == [b"2", b"3"]


async def test_there_is_one_cursor_a_peer_and_a_bounded_list_of_what_it_was_told(store: Store) -> None:
    peer, other = b"p" * 32, b"o" * 32
    await store.commit(Commit(cursors=[Cursor(peer, b"e" * 16, 3, b"c" * 16)]))
    newer = Cursor(peer, b"f" * 16, 1, b"d" * 16)
    told = [Told(peer, n, bytes([n]) * 16) for n in range(1, TOLD_PER_PEER_MAX + 4)]
    await store.commit(Commit(cursors=[newer], told=[*told, Told(other, 1, b"x" * 16)]))
    loaded = await store.load()
    assert list(loaded.cursors) == [newer]
    assert list(loaded.told) == [Told(other, 1, b"x" * 16), *told[3:]]


# --- Figures and the end


async def test_status_counts(store: Store) -> None:
    status = await store.status()
    assert (status.records, status.posts, status.unindexed, status.clean_start) == (0, 0, 0, True)
    await store.commit(Arrivals().commit(*NET.founding(1), NET.need(HUB), NET.need(HUB, place=1, ends=True)))
    status = await store.status()
    assert (status.records, status.posts, status.unindexed) == (5, 2, 1)
    assert status.bytes_used > 0
    assert list(status.problems) == []


async def test_index_some_ends(store: Store) -> None:
    records = [NET.need(HUB, place=place) for place in range(70)]
    await store.commit(Arrivals().commit(*records))
    lefts = [await store.index_some() for _ in range(3)]
    assert lefts == [6, 0, 0]


async def test_notes_are_kept(store: Store) -> None:
    assert await store.meta_get("restored") is None  # type: ignore[attr-defined]
    await store.meta_set("restored", 5)  # type: ignore[attr-defined]
    assert await store.meta_get("restored") == 5  # type: ignore[attr-defined]
    await store.meta_set("restored", None)  # type: ignore[attr-defined]
    assert await store.meta_get("restored") is None  # type: ignore[attr-defined]
    assert await store.meta_get("epoch") == (await store.load()).epoch  # type: ignore[attr-defined]
    assert list(await store.salvaged()) == []  # type: ignore[attr-defined]


async def test_a_closed_store_answers_nothing(store: Store) -> None:
    await store.close()
    await store.close()
    for call in (
        store.load(),
        store.commit(Commit()),
        store.read_arrivals(0, 1, 1, 1, governance=False),
        store.read_records([]),
        store.read_record(b""),
        store.read_thread(b""),
        store.post(b""),
        store.posts(STANDING, None, 1),
        store.feed(0, 1),
        store.feed_bounds(),
        store.private_get("a", b""),
        store.private_list("a"),
        store.index_some(),
        store.status(),
        store.backup("/nowhere/at/all"),
    ):
        with pytest.raises(StoreError, match="closed"):
            await call


async def test_other_scripts_are_found(store: Store) -> None:
    texts = {"zh": "需要饮用水", "ar": "أَحْتَاجُ ماء", "ht": "Bezwen dlo pwòp", "fr": "Été à l'École"}
    await store.commit(Arrivals().commit(NET.need(HUB, title=texts, body={"source": "Desk “A”"})))
    for _ in range(2):
        for term in ("饮用水", "水", "احتاج", "ماء", "pwop", "ECOLE", "été", "desk", "“a”"):
            assert ns(await store.posts(replace(STANDING, terms=(term,)), None, 5)) == [1], term
        for term in ("火", "pwopp", "%", "_", "*", '"', "de*"):
            assert ns(await store.posts(replace(STANDING, terms=(term,)), None, 5)) == [], term
        await store.index_some()


async def test_what_a_revision_no_longer_says_is_not_found(store: Store) -> None:
    arrivals = Arrivals()
    old = NET.need(HUB, title="Blankets")
    await store.commit(arrivals.commit(old))
    await store.index_some()
    new = NET.revise(HUB, old, body=post_body("Pillows"))
    await store.commit(arrivals.commit(new, removed=[old.id]))
    for _ in range(2):
        assert ns(await store.posts(replace(STANDING, terms=("blanket",)), None, 5)) == []
        assert ns(await store.posts(replace(STANDING, terms=("pillow",)), None, 5)) == [2]
        await store.index_some()


@pytest.mark.parametrize(("comes", "goes", "is_here"), [(1, 1, True), (1, 2, False), (2, 2, True)])
async def test_of_a_body_that_comes_and_goes_in_one_step_only_the_last_turn_counts(
    store: Store, comes: int, goes: int, *, is_here: bool
) -> None:
    need = NET.need(HUB)
    await store.commit(Arrivals().commit(need))
    await store.commit(Commit(bodies_added=[need] * comes, bodies_removed=[need.id] * goes))
    stored = await store.read_record(need.id)
    assert stored is not None
    assert (stored.wire[2] is not None) == is_here


async def test_a_body_that_goes_twice_and_comes_twice_stays_gone_where_it_was(store: Store) -> None:
    need = NET.need(HUB)
    await store.commit(Arrivals().commit(need))
    await store.commit(Commit(bodies_removed=[need.id]))
    await store.commit(Commit(bodies_added=[need], bodies_removed=[need.id]))
    stored = await store.read_record(need.id)
    assert stored is not None
    assert stored.wire[2] is None

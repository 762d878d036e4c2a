"""The columns of the catalog and the tables that point into them: found again whatever came and went."""

from itertools import islice
from random import Random
from unittest.mock import patch

import pytest

from hartig_protocol.catalog import arrivals, index
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.commit import Commit
from hartig_protocol.catalog.entry import Body, Entry, register_of_head
from hartig_protocol.catalog.held import Held
from hartig_protocol.catalog.index import Index
from hartig_protocol.catalog.life import Calendar
from hartig_protocol.limits import BODY_KEPT_MS, DAY_MS, HOUR_MS, THREAD_KEPT_MS
from support.records import NOW_MS, seeded
from support.shelf import HUB, NETWORK, NOON, OTHER, PROOFS, UNTRUSTED, Shelf, at, need


def entry(number: int, **fields: object) -> Entry:
    """An entry of one of three authors, in a place of its own."""
    made = Entry(
        number,
        seeded(f"id {number}", 32),
        16,
        seeded(f"author {number % 3}", 32),
        seeded(f"thread {number}", 16),
        number * 7,
        "network",
        number,
        None,
        NOW_MS + number,
        NOW_MS + number * HOUR_MS,
        False,
        Body.HERE,
        seeded(f"running {number}", 16),
    )
    return made._replace(**fields)


def test_an_entry_says_what_decides_in_its_place_and_which_place_that_is() -> None:
    made = entry(4)
    assert made.order == (made.expires, 4, made.id)
    assert made._replace(expires=None).order == (0, 4, made.id)
    assert made.register == (made.author, "place", 28)
    assert made._replace(kind=1, place=None).register is None  # a charter


def test_whatever_comes_and_goes_the_rest_is_found() -> None:
    random = Random(1)
    with patch.object(arrivals, "SEGMENT_ROWS", 8):
        held, model = Held(), dict[int, Entry]()
        for number in range(1, 400):
            model[number] = entry(number)
            held.put(model[number])
            for gone in random.sample(sorted(model), min(len(model), random.choice([0, 0, 1, 2]))):
                held.remove(held.index.find(model.pop(gone).id))
        assert len(held) == len(model)
        assert [held.entry(row) for row in held.arrivals.after(0)] == list(model.values())
        newest = [held.rows.numbers[row] for row in held.arrivals.newest_first()]
        assert newest == sorted(model, reverse=True)
        for number in range(402):
            row = held.arrivals.find(number)
            assert (held.entry(row) if row >= 0 else None) == model.get(number)
            made = entry(number)
            assert held.index.find(made.id) == row
            assert held.registers.find((made.author, "place", number * 7)) == row
        for author in {one.author for one in model.values()} | {seeded("nobody", 32)}:
            for places in (0, 7, 1_000, 402 * 7):
                known = [one.place for one in model.values() if one.author == author and (one.place or 0) < places]
                found = held.registers.filled(author, "place", places)
                assert [held.rows.places[row] for row in found] == known
            assert list(held.registers.filled(author, "hub", 402 * 7)) == []
        assert [held.rows.numbers[row] for row in islice(held.shared_after(200), 5)] == [n for n in model if n > 200][
            :5
        ]


def test_nothing_is_left_of_what_went() -> None:
    held = Held()
    for number in range(1, 200):
        held.put(entry(number, audience="hub" if number % 2 else seeded(str(number), 16)))
    for number in range(1, 200):
        held.remove(held.index.find(entry(number).id))
    assert (len(held), held.shared_count, held.shared_posts) == (0, 0, 0)
    assert not held.newest_of
    assert not any(held.index.ids)
    assert not held.registers._pages
    assert not list(held.rows.authors)
    assert not list(held.arrivals.after(0))
    assert held.arrivals.find(7) == -1
    size = len(held.rows.numbers)
    for number in range(200, 300):
        held.put(entry(number))
    assert len(held.rows.numbers) == size, "free rows are used again"


def test_what_is_loaded_at_once_is_as_if_it_had_come_one_by_one() -> None:
    random = Random(3)
    kinds, audiences = (1, 2, 3, 16, 17, 32), ("network", "hub", seeded("partner", 16))
    came = [
        entry(number, kind=random.choice(kinds), audience=random.choice(audiences), ends=random.random() < 0.2,
              body=random.choice([*Body]), place=random.choice([None, number * 7]))
        for number in range(1, 300)
    ]  # fmt: skip
    came = [one if one.kind in (1, 3) or one.place is not None else one._replace(place=5) for one in came]
    one_by_one, at_once = Held(), Held()
    for one in came:
        one_by_one.put(one)
    at_once.load(random.sample(came, len(came)))
    one_by_one.put(last := entry(300))
    at_once.put(last)
    assert len(at_once) == len(one_by_one) == 300
    for held in (one_by_one, at_once):
        assert [held.entry(row) for row in held.arrivals.after(0)] == [*came, last]
        assert [held.rows.numbers[row] for row in held.rows.of_kind(17)] == [one.n for one in came if one.kind == 17]
    assert at_once.index.ids == one_by_one.index.ids
    assert at_once.newest_of == one_by_one.newest_of
    assert (at_once.shared_count, at_once.shared_posts) == (one_by_one.shared_count, one_by_one.shared_posts)
    for one in came:
        rows = [held.registers.find_of(held.index.find(one.id)) for held in (one_by_one, at_once)]
        assert rows[0] == rows[1]
        for held in (one_by_one, at_once):
            held.remove(held.index.find(one.id))
    assert list(at_once.rows.authors) == [last.author]


def steps_of(thread: bytes, count: int) -> list[Entry]:
    """A chain, in its order; the arrival numbers follow it."""
    steps: list[Entry] = []
    for seq in range(1, count + 1):
        prev = steps[-1].id if steps else None
        steps.append(entry(seq, kind=128, thread=thread, seq=seq, prev=prev, place=1, expires=None))
    return steps


def test_a_chain_whose_steps_came_in_another_order_is_loaded_in_its_own() -> None:
    thread = seeded("a thread", 16)
    steps = steps_of(thread, 5)
    for order in ([5, 4, 3, 2, 1], [2, 1, 3, 5, 4]):
        held = Held()
        held.load([step._replace(n=n) for step, n in zip(steps, order, strict=True)])
        assert held.chains[thread].steps == [step.id for step in steps]
        assert held.chains[thread].fork is None


def test_a_step_that_no_chain_leads_to_is_loaded_into_none() -> None:
    thread = seeded("a thread", 16)
    first, second, third = steps_of(thread, 3)
    rival = second._replace(n=4, id=seeded("rival", 32))
    above = third._replace(n=5, id=seeded("above", 32), prev=seeded("nowhere", 32))
    held = Held()
    held.load([first, second, third, rival, above])
    assert held.chains[thread].steps == [first.id]
    assert held.chains[thread].fork == tuple(sorted([second.id, rival.id]))


@pytest.mark.parametrize("fields", [{"body": 3}, {"body": 255}, {"id": bytes(31)}])
def test_rows_refuse_what_no_record_can_have(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="columns"):
        Held().load([entry(1), entry(2, **fields)])


@pytest.mark.parametrize("places", [0, 4])
def test_at_a_start_goes_what_its_author_may_write_no_more(places: int) -> None:
    fifth = NETWORK.hub(5)
    proofs = [NETWORK.grant(fifth.public, place=5, places=4)] if places else []
    other, low, high = need(), NETWORK.need(fifth, place=3), NETWORK.need(fifth, place=4)
    shelf = Shelf(NETWORK.grant(fifth.public, place=5, places=9), other, low, high)
    held = [one for one in shelf.catalog.entries.values() if one.kind == 16]
    again, commit = Catalog(NETWORK.id), Commit()
    again.load(held, [*PROOFS, *proofs], shelf.catalog.last_n, shelf.catalog.running)
    again.refresh(NOON, commit)
    assert commit.removed == ([high.id] if places else [low.id, high.id])
    assert other.id in again.entries


def test_what_goes_while_a_kind_is_gone_over_is_left_out() -> None:
    shelf = Shelf(*(need(place=place, nonce=place) for place in range(4)))
    found = shelf.catalog.registers.of_kind(16)
    first = next(found)
    gone, *rest = [one.id for one in shelf.catalog.registers.of_kind(16)][1:]
    row = shelf.catalog.held.index.find(gone)
    shelf.catalog.held.remove(row)
    assert shelf.catalog.held.put(entry(99, kind=17)) == row, "its row is given to another"
    assert [one.id for one in found] == rest
    assert first.id not in rest


def test_ids_are_told_apart_where_one_lies_across_two_others() -> None:
    index = Index()
    low, high = b"\x10\x05" + bytes(28) + b"\x10\x07", b"\x10\x06" + bytes(30)
    index.add(low, 0)
    index.add(high, 1)
    assert (index.find(low), index.find(high)) == (0, 1)
    assert index.find(b"\x10\x05") == -1
    assert index.find((low + high)[30:62]) == -1
    assert list(index.beginning_with((low + high)[30:38])) == []
    assert list(index.beginning_with(b"\x10\x05" + bytes(6))) == [0]


def test_ids_of_one_bucket_are_found_whatever_came_first() -> None:
    random, held = Random(2), Index()
    model = {b"\x10\x05" + seeded(f"id {row}", 30): row for row in range(50)}
    for record_id in random.sample(sorted(model), 50):
        held.add(record_id, model[record_id])
    for gone in random.sample(sorted(model), 20):
        held.remove(gone, model.pop(gone))
    assert held.ids[0x100] == b"".join(sorted(model))
    assert list(held.rows[0x100]) == [model[record_id] for record_id in sorted(model)]
    assert all(held.find(record_id) == row for record_id, row in model.items())


def test_what_changed_lately_is_known_by_bucket_and_long_ago_it_may_be_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TOUCHES_MAX", 4)
    held, ids = Index(), [bytes([number]) * 32 for number in range(10)]
    for row, record_id in enumerate(ids):
        held.add(record_id, row)
    assert held.changed_since(held.tick - 3) == [index.bucket_of(record_id) for record_id in ids[-3:]]
    assert held.changed_since(0) == range(index.BUCKETS)


def test_the_calendar_gives_what_is_due_and_no_more_than_it_is_asked_for() -> None:
    calendar, due = Calendar(), {n: HOUR_MS + n for n in range(1, 40)}
    for n, due_ms in due.items():
        calendar.add(due_ms, n)
    calendar.add(HOUR_MS, 99)
    calendar.add(9 * HOUR_MS, 100)
    assert not list(calendar.due(HOUR_MS - 1, due.get, 50))
    assert list(calendar.due(HOUR_MS + 5, due.get, 50)) == [1, 2, 3, 4, 5]
    assert list(calendar.due(HOUR_MS + 39, due.get, 30)) == list(range(6, 36))
    assert list(calendar.due(2 * HOUR_MS, due.get, 50)) == list(range(36, 40))


def test_steps_that_fit_no_chain_do_not_keep_a_hub_from_starting() -> None:
    post = need()
    one = NETWORK.step(HUB, post)
    two = NETWORK.step(HUB, post, one)
    held = [held for held in Shelf(post, one, two).catalog.entries.values() if held.id != one.id]
    again = Catalog(NETWORK.id)
    again.load(held, [], 99, bytes(16))
    assert again.chains[post.head.thread].kept == []
    assert again.entries[two.id].prev is None


# --- Seen from outside


def test_the_views_show_the_catalog() -> None:
    post = need()
    revoke = NETWORK.revoke(OTHER.public)
    catalog = Shelf(post, revoke).catalog
    assert repr(catalog.entries) == f"<Entries {len(catalog.entries)}>"
    assert repr(catalog.registers) == f"<Registers {len(catalog.registers)}>"
    assert post.id in catalog.entries
    assert catalog.entries.get(b"short") is None
    assert post.id[:31] not in catalog.entries
    with pytest.raises(KeyError):
        catalog.entries[bytes(32)]
    held = catalog.entries[post.id]
    assert catalog.registers[HUB.public, "place", post.head.place or 0] == held
    assert (HUB.public, "place", 99) not in catalog.registers
    assert (HUB.public, "hub", post.head.place or 0) not in catalog.registers
    assert (bytes(32), "place", 0) not in catalog.registers
    assert catalog.registers[revoke.head.author, "revoke", revoke.head.thread].id == revoke.id
    assert (HUB.public, "revoke", revoke.head.thread) not in catalog.registers
    with pytest.raises(KeyError):
        catalog.registers[HUB.public, "place", 99]
    private = need(place=post.head.place or 0, audience="hub")
    for record in (post, revoke, private, NETWORK.step(HUB, post), need(place=99)):
        found = catalog.held.registers.find_for(record.head)
        assert found == catalog.held.registers.find(register_of_head(record.head) or (b"", "", 0))
        assert (found >= 0) == (record.head.place != 99 and record is not private)
    catalog.held.remove(catalog.held.index.find(revoke.id))
    assert (revoke.head.author, "revoke", revoke.head.thread) not in catalog.registers
    assert len(list(catalog.registers.of_kind(32))) == sum(one.kind == 32 for one in catalog.entries.values())
    assert list(catalog.registers.of_kind(16)) == [held]


def test_what_may_be_shared_is_found_by_its_beginning_and_by_its_number() -> None:
    posts = [need(place=place) for place in range(4)]
    private = need(place=9, audience="hub")
    catalog = Shelf(*posts, private).catalog
    assert catalog.find_prefix(posts[2].id[:8]) == posts[2].id
    assert catalog.find_prefix(private.id[:8]) is None
    n = catalog.entries[posts[1].id].n
    assert catalog.ids_after(n, 10) == [(n + 1, posts[2].id), (n + 2, posts[3].id)]
    assert catalog.ids_after(n, 1) == [(n + 1, posts[2].id)]
    assert catalog.shared_count == len(catalog.entries) - 1
    assert catalog.newest_posts(3) == [posts[3].id, posts[2].id, posts[1].id]


def test_the_running_hash_is_known_while_its_record_is_held() -> None:
    shelf = Shelf(need(), need(place=1))
    catalog = shelf.catalog
    for held in catalog.entries.values():
        assert catalog.running_at(held.n) == held.running
    gone = catalog.entries[need().id].n
    shelf.take(NETWORK.revise(HUB, need()))
    assert catalog.running_at(gone) is None
    assert catalog.running_at(0) is None


# --- Life


def test_a_sweep_lets_go_so_many_and_the_next_ones_the_rest() -> None:
    posts = [need(place=place) for place in range(6)]
    shelf = Shelf(*posts)
    over = at((posts[0].head.expires or 0) + THREAD_KEPT_MS)
    with patch("hartig_protocol.catalog.catalog.SWEPT_MAX", 4):
        assert len(set(shelf.sweep(over).removed) & {post.id for post in posts}) == 4
        assert len(set(shelf.sweep(over).removed) & {post.id for post in posts}) == 2


def test_a_body_that_came_back_goes_again_when_it_is_due() -> None:
    record = need()
    step = NETWORK.step(HUB, record, body=b"\x80")
    due = at((record.head.expires or 0) + BODY_KEPT_MS)
    shelf = Shelf(record, step)
    for _ in range(2):
        assert set(shelf.sweep(due).bodies_removed) == {record.id, step.id}
        assert shelf.take(step, record) == ["body_back"] * 2
    assert set(shelf.sweep(due).bodies_removed) == {record.id, step.id}
    later = NETWORK.step(HUB, record, step, body=b"\x80")
    assert shelf.take(later) == ["ACCEPTED"]
    assert set(shelf.sweep(due).bodies_removed) == {later.id}
    assert {record.id, step.id, later.id} <= set(shelf.sweep(at(due.wall_ms + THREAD_KEPT_MS)).removed)


def test_what_was_loaded_is_swept_like_what_came() -> None:
    record = need()
    step = NETWORK.step(HUB, record, body=b"\x80")
    ended = NETWORK.revise(HUB, need(place=1), ends=True)
    shelf = Shelf(record, step, ended, NETWORK.step(HUB, ended))
    again = Catalog(NETWORK.id)
    proofs = [proof for proof in PROOFS if proof.id in shelf.ids]
    again.load(iter(list(shelf.catalog.entries.values())), proofs, shelf.catalog.last_n, shelf.catalog.running)
    again.refresh(NOON, Commit())
    commit = Commit()
    again.sweep(at((record.head.expires or 0) + BODY_KEPT_MS), commit)
    assert set(commit.bodies_removed) >= {record.id, step.id}
    assert dict(again.newest_of) == dict(shelf.catalog.newest_of)


def test_the_steps_of_a_register_that_keeps_its_proof_may_lose_theirs_and_come_back() -> None:
    note = NETWORK.unknown(NETWORK.hub(5), place=3, kind=33)
    step = NETWORK.step(NETWORK.hub(5), note)
    shelf = Shelf(NETWORK.grant(NETWORK.hub(5).public, place=5))
    assert shelf.take(note, step) == ["ACCEPTED"] * 2
    shelf.take(NETWORK.grant(NETWORK.hub(5).public, place=5, rank="member", seq=2))
    assert step.id in shelf.commit.removed
    assert note.id in shelf.ids
    shelf.take(NETWORK.grant(NETWORK.hub(5).public, place=5, seq=3))
    assert shelf.take(step) == ["ACCEPTED"]


def test_time_alone_changes_who_may_act_and_only_when_a_grant_ends() -> None:
    fifth = NETWORK.hub(5)
    brief = NETWORK.grant(fifth.public, place=5, expires=NOW_MS + DAY_MS)
    shelf = Shelf(brief, NETWORK.need(fifth))
    authority = shelf.catalog.authority
    assert not shelf.catalog.refresh(at(NOW_MS + 2 * HOUR_MS), Commit())
    assert shelf.catalog.authority is authority
    assert not shelf.catalog.sweep(UNTRUSTED, Commit())
    assert shelf.catalog.refresh(at(NOW_MS + DAY_MS), Commit())
    assert shelf.catalog.refresh(UNTRUSTED, Commit())
    assert shelf.catalog.authority.standing(fifth.public) is not None

"""What steps are found by: both stores alike, and what is filled in for a store that was made before there was a table.

Each test of the first part runs against SQLite and against the twin in dicts.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hartig_node.ports import STEPS_ABOUT_MAX, Store
from hartig_node.store.backup import restore
from hartig_node.store.checking import find_problems
from hartig_node.store.connection import connect
from hartig_node.store.facts import step_facts
from hartig_node.store.verify import verify
from hartig_protocol.events import Commit
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.records.steps import Verb
from node.store.arrivals import Arrivals
from node.store.conftest import Opener
from support.records import NOW_MS, Network, key, random_bytes_from, seeded

NET = Network()
HUB, OTHER = NET.hub(1), NET.hub(2)
OFFER, NEED = NET.offer(HUB, place=1), NET.need(OTHER, place=1)
CLAIM_ID, STEP_ID = seeded("claim", 32), seeded("step", 32)


def said(verb: str, before: Record | None = None, *, on: Record = OFFER, **facts: Any) -> Record:
    author = HUB if on is OFFER else OTHER
    return NET.step(author, on, before, kind=Kind.STEP, facts={"verb": verb, **facts})


def chain(on: Record, *each: tuple[str, Mapping[str, Any]]) -> list[Record]:
    steps: list[Record] = []
    for verb, facts in each:
        steps.append(said(verb, steps[-1] if steps else None, on=on, **facts))
    return steps


OPENED = ("count", {"quantity": 9, "why": "opened"})
LOT = chain(
    OFFER,
    OPENED,
    ("promise", {"claim": CLAIM_ID, "quantity": 2, "hold": 60}),
    ("allot", {"hub": OTHER.public, "quantity": 1}),
    ("release", {"of": CLAIM_ID, "why": "declined"}),
    ("handover", {"quantity": 1, "claim": CLAIM_ID}),
    ("handover", {"quantity": 1, "of": STEP_ID}),
    ("count", {"quantity": 1, "why": "given_back", "of": STEP_ID}),
    ("count", {"quantity": 1, "why": "found", "of": CLAIM_ID}),
    ("surrender", {"quantity": 1}),
    ("allot", {"hub": OTHER.public, "quantity": 2}),
)
NEEDED = chain(
    NEED,
    ("count", {"quantity": 5, "why": "needed"}),
    ("claim", {"lot": OFFER.head.thread, "quantity": 1, "asks": 1}),
    ("claim", {"lot": seeded("other lot", 16), "quantity": 1, "asks": 1}),
    ("claim", {"lot": OFFER.head.thread, "quantity": 2, "asks": 2}),
    ("cancel", {"of": CLAIM_ID}),
    ("receive", {"of": STEP_ID, "how": "ok", "quantity": 1}),
    ("give_back", {"of": STEP_ID, "quantity": 1}),
)


def wires(found: Any) -> list[Any]:
    return [one.wire for one in found]


async def test_claims_are_found_by_the_offer_that_they_ask_page_by_page(store: Store) -> None:
    await store.commit(Arrivals().commit(OFFER, *LOT, NEED, *NEEDED))
    first = await store.claims_on(OFFER.head.thread, 0, 1)
    assert wires(first) == [NEEDED[1].wire]
    rest = await store.claims_on(OFFER.head.thread, first[0].n, 99)
    assert wires(rest) == [NEEDED[3].wire]
    assert list(await store.claims_on(OFFER.head.thread, rest[0].n, 99)) == []
    assert list(await store.claims_on(NEED.head.thread, 0, 99)) == []


async def test_steps_are_found_by_the_record_that_they_name(store: Store) -> None:
    await store.commit(Arrivals().commit(OFFER, *LOT, NEED, *NEEDED))
    assert wires(await store.steps_about(CLAIM_ID)) == [LOT[at].wire for at in (1, 3, 4, 7)] + [NEEDED[4].wire]
    assert wires(await store.steps_about(STEP_ID)) == [LOT[at].wire for at in (5, 6)] + [
        NEEDED[at].wire for at in (5, 6)
    ]
    assert list(await store.steps_about(OFFER.id)) == []


async def test_of_many_steps_about_one_record_the_first_are_returned(store: Store) -> None:
    many = chain(OFFER, *[("release", {"of": CLAIM_ID, "why": "declined"})] * (STEPS_ABOUT_MAX + 3))
    await store.commit(Arrivals().commit(OFFER, *many))
    assert wires(await store.steps_about(CLAIM_ID)) == [step.wire for step in many[:STEPS_ABOUT_MAX]]


async def test_what_is_set_aside_is_found_by_the_hub(store: Store) -> None:
    await store.commit(Arrivals().commit(OFFER, *LOT))
    found = await store.allotments_to(OTHER.public, 0, 1)
    assert wires(found) == [LOT[2].wire]
    assert wires(await store.allotments_to(OTHER.public, found[0].n, 5)) == [LOT[9].wire]
    assert list(await store.allotments_to(HUB.public, 0, 5)) == []


async def test_the_threads_of_an_author_that_have_steps_are_told_with_their_kinds(store: Store) -> None:
    mine, bare = NET.need(HUB, place=2), NET.offer(HUB, place=3)
    others = [NET.offer(OTHER, place=4), NET.step(OTHER, NET.offer(OTHER, place=4))]  # a chain of an unknown kind
    on_mine = NET.step(HUB, mine, kind=Kind.STEP, facts={"verb": "close"})
    await store.commit(Arrivals().commit(OFFER, *LOT, NEED, *NEEDED, mine, on_mine, bare, *others))
    expected = sorted([(OFFER.head.thread, int(Kind.OFFER)), (mine.head.thread, int(Kind.NEED))])
    assert list(await store.chains_of(HUB.public)) == expected
    assert list(await store.chains_of(OTHER.public)) == [(NEED.head.thread, int(Kind.NEED))]
    assert list(await store.chains_of(key("nobody").public)) == []


async def test_the_offers_that_are_asked_are_told_once_each(store: Store) -> None:
    assert set(await store.lots_asked()) == set()
    await store.commit(Arrivals().commit(OFFER, *LOT, NEED, *NEEDED))
    asked = [step.head.facts["lot"] for step in NEEDED if step.head.facts["verb"] == "claim"]
    assert set(await store.lots_asked()) == set(asked)
    assert OFFER.head.thread in asked
    await store.commit(Commit(removed=[step.id for step in NEEDED]))
    assert set(await store.lots_asked()) == set()


async def test_steps_that_go_are_found_no_more(store: Store) -> None:
    await store.commit(Arrivals().commit(OFFER, *LOT, NEED, *NEEDED))
    await store.commit(Commit(removed=[step.id for step in [*LOT, NEEDED[1]]]))
    assert wires(await store.claims_on(OFFER.head.thread, 0, 9)) == [NEEDED[3].wire]
    assert wires(await store.steps_about(CLAIM_ID)) == [NEEDED[4].wire]
    assert list(await store.allotments_to(OTHER.public, 0, 9)) == []
    assert list(await store.chains_of(HUB.public)) == []


async def test_a_repeated_commit_finds_each_step_once(store: Store) -> None:
    commit = Arrivals().commit(OFFER, *LOT)
    await store.commit(commit)
    await store.commit(commit)
    assert wires(await store.allotments_to(OTHER.public, 0, 9)) == [LOT[2].wire, LOT[9].wire]


async def test_what_a_newer_version_writes_is_kept_whatever_it_says(store: Store) -> None:
    odd: dict[str, Any] = {"claim": [1], "of": {"a": True}, "lot": 7, "hub": None}
    newer = said("barter", **odd)
    # Facts that a known verb does not have may be anything, too.
    more = said("surrender", newer, quantity=1, **odd)
    last = said("count", more, quantity=1, why="found", claim=[2], lot=CLAIM_ID, hub=OTHER.public)
    await store.commit(Arrivals().commit(OFFER, newer, more, last))
    assert wires(await store.read_thread(OFFER.head.thread)) == [one.wire for one in (OFFER, newer, more, last)]
    assert list(await store.allotments_to(OTHER.public, 0, 9)) == []
    assert list(await store.steps_about(CLAIM_ID)) == []


def test_every_verb_that_can_name_a_record_is_looked_at() -> None:
    found = {step.head.facts["verb"] for step in [*LOT, *NEEDED] if (facts := step_facts(step, 1)) and facts.about}
    silent = {Verb.ALLOT, Verb.SURRENDER, Verb.CLAIM, Verb.CLOSE, Verb.CONTACT}  # contact: below
    assert found == set(Verb) - silent
    contact = NET.step(HUB, OFFER, kind=Kind.STEP, facts={"verb": "contact", "of": STEP_ID}, body=contact_body())
    facts = step_facts(contact, 3)
    assert facts is not None
    assert (facts.n, facts.about) == (3, STEP_ID)


def contact_body() -> bytes:
    return b"\x81\xa3box\xc4\x31" + bytes(49)


# --- SQLite alone: stores from before there was a table


def forget_the_table(database: Path) -> None:
    """Make a store what the version before would have left."""
    connection = sqlite3.connect(database)
    connection.execute("DROP TABLE steps")
    connection.execute("DROP INDEX records_thread")
    connection.execute("CREATE INDEX records_thread ON records(thread)")
    connection.execute("PRAGMA user_version=1")
    connection.commit()
    connection.close()


async def older(opened: Opener, folder: Path) -> None:
    store = await opened(folder)
    await store.commit(Arrivals().commit(OFFER, *LOT, NEED, *NEEDED))
    await store.close()
    forget_the_table(folder / "hartig.db")


async def test_an_older_store_learns_what_its_steps_name(opened: Opener, tmp_path: Path) -> None:
    await older(opened, tmp_path / "hub")
    store = await opened()
    assert list((await store.status()).problems) == []
    assert wires(await store.claims_on(OFFER.head.thread, 0, 9)) == [NEEDED[1].wire, NEEDED[3].wire]
    assert wires(await store.allotments_to(OTHER.public, 0, 9)) == [LOT[2].wire, LOT[9].wire]
    assert len(await store.chains_of(OTHER.public)) == 1
    await store.close()
    assert whole(tmp_path / "hub" / "hartig.db")


async def test_more_steps_than_are_filled_in_at_once_are_all_filled_in(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await older(opened, tmp_path / "hub")
    monkeypatch.setattr("hartig_node.store.schema._FILLED_AT_ONCE", 2)
    store = await opened()
    assert await store._read(lambda at: at.execute("SELECT count(*) FROM steps").fetchone()) == (
        len(LOT) + len(NEEDED),
    )


async def test_a_step_that_this_version_would_not_take_is_kept_without_a_name(opened: Opener, tmp_path: Path) -> None:
    await older(opened, tmp_path / "hub")
    planted = sqlite3.connect(tmp_path / "hub" / "hartig.db")
    planted.execute("UPDATE records SET head = X'00' WHERE id = ?", (LOT[2].id,))
    planted.commit()
    planted.close()
    store = await opened()
    assert wires(await store.allotments_to(OTHER.public, 0, 9)) == [LOT[9].wire]
    await store.close()
    assert whole(tmp_path / "hub" / "hartig.db")


async def test_an_older_backup_is_verified_and_restored(opened: Opener, tmp_path: Path) -> None:
    await older(opened, tmp_path / "hub")
    assert verify(tmp_path / "hub").ok
    (tmp_path / "hub" / "hartig.db").rename(tmp_path / "old backup")
    assert verify(tmp_path / "old backup").ok
    restore(tmp_path / "old backup", tmp_path / "again", NOW_MS, random_bytes_from("restoring"))
    store = await opened(tmp_path / "again")
    assert len(await store.claims_on(OFFER.head.thread, 0, 9)) == 2


async def test_a_table_that_does_not_fit_the_records_is_damage(opened: Opener, tmp_path: Path) -> None:
    store = await opened()
    await store.commit(Arrivals().commit(OFFER, *LOT))
    await store._write(lambda at: at.execute("UPDATE steps SET n = 99 WHERE n = 3"))
    await store.close()
    connection = connect(tmp_path / "hub" / "hartig.db", immutable=True)
    problems = find_problems(connection, thorough=False)
    connection.close()
    assert problems == ["1 steps have no record", "1 steps cannot be found by what they name"]


def whole(database: Path) -> bool:
    connection = connect(database, immutable=True)
    problems = find_problems(connection, thorough=True)
    connection.close()
    return problems == []

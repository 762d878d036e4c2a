"""Normalising, terms, and that a search finds exactly what a plain scan finds."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hartig_node.ports import PostFilter
from hartig_node.searching import (
    TERM_CHARACTERS_MAX,
    TERMS_MAX,
    body_text,
    has_terms,
    normalise,
    search_text,
    terms,
    wanted_terms,
)
from hartig_node.store import indexing, posts, reading
from hartig_node.store.applying import apply
from hartig_node.store.connection import connect_writer
from hartig_node.store.rows import Change
from hartig_node.store.schema import migrate
from node.store.arrivals import Arrivals
from support.records import NOW_MS, Network

NET = Network()
HUB = NET.hub(1)


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("  Two\t\nWords ", "two words"),
        ("Été à l'ÉCOLE", "ete a l'ecole"),
        ("Straße", "strasse"),
        ("Νερό", "νερο"),
        ("ДЁГОТЬ", "деготь"),
        ("İstanbul", "istanbul"),
        ("ﬁn ½ ①", "fin 1⁄2 1"),
        ("أَحْتَاجُ إلى آلة", "احتاج الى اله".replace("اله", "الة")),
        ("مـــاء", "ماء"),
        ("שָׁלוֹם", "שלום"),
        ("ポスト ﾊﾞｽ", normalise("ポスト バス")),
        ("หมู่บ้าน", normalise("หมู่บ้าน")),
        ("饮用水", "饮用水"),
        ("a\u200db\u00adc\ufeff", "abc"),
        ("nul\x00and\x7fdel", "nul and del"),
        ("👩\u200d🍳 ❤\ufe0f", "👩🍳 ❤"),
        ("\ud800x", "x"),
        ("", ""),
    ],
)
def test_normalising(text: str, normalised: str) -> None:
    assert normalise(text) == normalised


def test_marks_that_make_another_letter_stay() -> None:
    assert normalise("ハ") != normalise("バ")
    assert normalise("कि") != normalise("क")
    assert normalise("ؤ") != normalise("و")


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once.encode().decode() == once
    assert "\x00" not in once


@given(st.text(max_size=300))
def test_terms_are_bounded_normalised_and_differ(query: str) -> None:
    found = terms(query)
    assert len(found) <= TERMS_MAX
    assert len(set(found)) == len(found)
    assert all(0 < len(term) <= TERM_CHARACTERS_MAX and " " not in term for term in found)


def test_terms_of_a_query() -> None:
    assert terms(" Dlo  pwòp DLO\u3000水 ") == ("dlo", "pwop", "水")
    assert terms("") == ()
    assert wanted_terms(("É", " ", "\x00")) == ("e",)


def test_title_text_and_source_of_all_languages_are_searched_and_nothing_else() -> None:
    record = NET.need(
        HUB, title={"en": "One", "ht": "Youn"}, text={"es": "Dos"}, body={"source": "Three", "avoids": ["nut"]}
    )
    assert search_text(record) == "one\nyoun\ndos\nthree"
    assert search_text(record.without_body()) is None
    assert search_text(NET.unknown(HUB)) is None
    assert body_text(["no", "map"]) == ""
    assert body_text({"title": 5, "text": {"en": 7}, "source": None}) == ""


# --- Exactness

ALPHABETS = [
    "ab\"'%_*()-^: ",
    "aàáâäeèéÈÉ",
    "水饮用需要火",
    "ماءإأآاَُِ",
    "dlopwòp DLO",
    "каравайй ё",
    "👩🍳❤\ufe0f\u200d🙂",
    "ハバパばゴミ",
    "กข่ำ้หมู",
    "कखि़ीक्ष",
    "가각나물",
    "\x00\x01\ufffe\uffff\ufffdx",
]
some_text = st.sampled_from(ALPHABETS).flatmap(lambda letters: st.text(letters, min_size=1, max_size=14))
any_text = st.one_of(some_text, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = connect_writer(tmp_path / "search.db", sqlite3.Connection)
    migrate(made)
    yield made
    made.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    texts=st.lists(any_text, min_size=1, max_size=10),
    indexed=st.integers(0, 10),
    queries=st.lists(any_text, max_size=3),
    data=st.data(),
)
def test_a_search_finds_exactly_what_a_scan_finds(
    connection: sqlite3.Connection, texts: list[str], indexed: int, queries: list[str], data: st.DataObject
) -> None:
    records = [NET.need(HUB, place=place, title=text) for place, text in enumerate(texts)]
    normalised = [search_text(record) or "" for record in records]
    source = data.draw(st.sampled_from(normalised))
    start = data.draw(st.integers(0, max(0, len(source) - 1)))
    piece = source[start : start + data.draw(st.integers(1, 12))]
    connection.execute("BEGIN")
    try:
        apply(connection, Change.of(Arrivals().commit(*records)), [])
        indexing.index_batch(connection, indexed)
        for query in [*queries, piece]:
            asked = PostFilter(NOW_MS, terms=terms(query) or ("",))
            found = [post.n for post in posts.list_posts(connection, asked, None, 50).posts]
            wanted = wanted_terms(asked.terms)
            plain = [n for n in range(len(texts), 0, -1) if has_terms(normalised[n - 1], wanted)]
            assert found == plain, query
            assert [post.n for post in posts.scan_posts(connection, asked, None, 50).posts] == plain
    finally:
        connection.execute("ROLLBACK")


PLANS = [
    (PostFilter(NOW_MS), "SEARCH p USING INTEGER PRIMARY KEY"),
    (PostFilter(NOW_MS, author=HUB.public, category="food"), "SEARCH r USING INDEX records_author_of_posts"),
    (PostFilter(NOW_MS, category="food", kind=16), "SEARCH p USING INDEX posts_family"),
    (PostFilter(NOW_MS, category="food.bread", mode="lend"), "SEARCH p USING INDEX posts_category"),
    (PostFilter(NOW_MS, level="low", mode="lend"), "SEARCH p USING INDEX posts_level"),
    (PostFilter(NOW_MS, urgency="urgent", mode="lend"), "SEARCH p USING INDEX posts_urgency"),
    (PostFilter(NOW_MS, mode="lend", area="dr5rs"), "SEARCH p USING INDEX posts_mode"),
    (PostFilter(NOW_MS, area="dr5rs"), "SEARCH p USING INDEX posts_area"),
    (PostFilter(NOW_MS, terms=("water",), author=HUB.public), "SCAN s VIRTUAL TABLE"),
    (PostFilter(NOW_MS, unless_thread_in="hidden", unless_author_in="muted"), "SEARCH p USING INTEGER PRIMARY KEY"),
    (PostFilter(NOW_MS, area="dr5rs", unless_author_in="muted"), "SEARCH p USING INDEX posts_area"),
]


@pytest.mark.parametrize(("wanted", "first"), PLANS)
def test_lists_walk_the_index_that_leads_and_sort_nothing(
    connection: sqlite3.Connection, wanted: PostFilter, first: str
) -> None:
    connection.execute("BEGIN")
    apply(connection, Change.of(Arrivals().commit(NET.need(HUB))), [])
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    posts.list_posts(connection, wanted, None, 5)
    connection.set_trace_callback(None)
    lists = [sql for sql in asked if "LIMIT" in sql]
    plans = [[row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")] for sql in lists]
    connection.execute("ROLLBACK")
    assert plans[0][0].startswith(first)
    ordered = plans[:1]  # what is below a category, mostly nothing, may be sorted
    assert not any("TEMP B-TREE" in line for plan in ordered for line in plan)


@pytest.mark.parametrize("read", [reading.post, reading.read_thread])
def test_a_thread_is_found_by_its_beginning(connection: sqlite3.Connection, read: Callable[..., Any]) -> None:
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    read(connection, bytes(16))
    connection.set_trace_callback(None)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked[-1]}")]
    assert plan[0].startswith("SEARCH records USING INDEX records_thread")


def test_while_much_comes_in_indexing_waits_and_not_for_ever() -> None:
    turn = indexing.Turn()
    assert turn.has_come()
    turn.stored(10_000)
    assert turn.has_come(), "one import is no stream"
    for _ in range(3):
        turn.stored(indexing.MUCH // 2)
        turn.stored(indexing.MUCH // 2)
        assert not turn.has_come()
        assert not turn.has_come(), "a commit may take longer than the time between two calls"
    lull = [turn.has_come() for _ in range(indexing.QUIET_CALLS)]
    assert lull == [False] * (indexing.QUIET_CALLS - 1) + [True]
    for _ in range(20):
        turn.stored(indexing.MUCH - 1)
        assert turn.has_come(), "what people write is little"
    said = []
    for _ in range(indexing.YIELDS_MAX + 3):
        turn.stored(indexing.MUCH)
        said.append(turn.has_come())
    assert said == [True] + [False] * indexing.YIELDS_MAX + [True] * 2


def test_texts_of_another_form_are_indexed_again(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("BEGIN")
    indexing.keep_form(connection)
    apply(connection, Change.of(Arrivals().commit(NET.need(HUB))), [])
    assert indexing.index_batch(connection) == 0
    indexing.keep_form(connection)
    assert indexing.count_unindexed(connection) == 0
    monkeypatch.setattr(indexing, "FORM", "another")
    indexing.keep_form(connection)
    assert indexing.count_unindexed(connection) == 1
    assert indexing.index_batch(connection) == 0
    assert indexing.is_true(connection)
    connection.execute("COMMIT")


def test_forgotten_texts_leave_the_index_when_it_is_tidied(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_FORGOTTEN_MIN", 3)
    records = [NET.need(HUB, place=place, title=f"Blankets {place}") for place in range(20)]
    connection.execute("BEGIN")
    apply(connection, Change.of(Arrivals().commit(*records)), [])
    indexing.index_batch(connection)
    for n in range(1, 16):
        indexing.forget_text(connection, n)
    assert indexing.is_true(connection)
    for _ in range(50):
        indexing.tidy(connection)
    left = connection.execute("SELECT value FROM meta WHERE key = 'forgotten'").fetchone()
    connection.execute("COMMIT")
    if sqlite3.sqlite_version_info < (3, 42):
        assert left is None
    wanted = PostFilter(NOW_MS, terms=("blankets",))
    assert [post.n for post in posts.list_posts(connection, wanted, None, 50).posts] == [20, 19, 18, 17, 16]

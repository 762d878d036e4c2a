"""Two ways to open a need or an offer, one verdict: the quick way takes nothing that the careful way refuses.

And it takes every post whose facts and body have known names alone, so that it cannot fall asleep unnoticed. Tried on
every vector of a record, on some 20,000 posts with one part exchanged or one bit changed, and on random ones. That the
corpus would notice is shown by loosening the quick way's bounds, one after the other.
"""

import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.encoding import decode
from hartig_protocol.errors import EncodingError, RecordError
from hartig_protocol.limits import BODY_BYTES_MAX, INTEGER_MAX, LIFE_MS_MAX, REPEATS_BYTES_MAX
from hartig_protocol.records import opening, quick
from hartig_protocol.records.kinds import check_body, check_head
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.posts import ATTRIBUTE_LISTS
from hartig_protocol.records.record import Head, read_head
from protocol.vector_parts import governance, posts, records
from protocol.vector_parts.composing import HEAD_ORDER, STAMP, Fields, Wire, digest, pack
from protocol.vector_parts.desk import unhexed
from protocol.vector_parts.world import HUB, NEED_FACTS, NETWORK, POST_BODY, SEAT, card, grant, post_fields

BITS_SEED = 11
BITS_PER_POST = 900
MUTANTS_AT_LEAST = 20_000

FACTS_KNOWN = {*NEED_FACTS, "level", "level_at", "approx", "closes", "ends"}
BODY_KNOWN = {"title", "text", "source", "repeats", *ATTRIBUTE_LISTS}


def _in_order(values: Fields) -> Fields:
    return dict(sorted(values.items()))


# Values of every type at and around the bounds that a head or a body has.
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 16, 17, 18, 2**31 - 1, 2**31, 10**6, 10**6 + 1, 10**12, 10**12 + 1),
    *(20_000, 20_001, INTEGER_MAX, INTEGER_MAX + 1, -INTEGER_MAX, -INTEGER_MAX - 1, 1.0, 16.0, float("nan"), -0.0),
    *(STAMP - 1, STAMP, STAMP + 1, float(STAMP + 1), STAMP + LIFE_MS_MAX, STAMP + LIFE_MS_MAX + 1),
    *("", "hub", "network", "partners", "give", "low", "high", "open", "some", "legal", "ñ", "a\n", "LTR\n"),
    *(
        "水" * 160,
        "水" * 161,
        "a" * 32,
        "a" * 33,
        "a",
        "a" * 240,
        "a" * 241,
        *("a" * count for count in (REPEATS_BYTES_MAX, REPEATS_BYTES_MAX + 1)),
        "a" * 8192,
        "a" * 8193,
        "a" * 16_384,
    ),
    *(b"", b"hub", b"a\x00", bytes(15), bytes(16), bytes(17), bytes(31), bytes(32), bytes(33), HUB.public, NETWORK),
    *([], [1], [None], [1, 1], [1, 2], [2, 1], [True], [0, 1.0], [-1, 0], [0, INTEGER_MAX], [0, INTEGER_MAX + 1]),
    *(list(range(52)), list(range(53)), [1, 2, 3], ["a"], ["a", "a"], ["a", 1], [b"a"], [[]], [{}], ["a\n"], ["A"]),
    *(
        ["a" * 32],
        ["a" * 33],
        [f"a.{number}" for number in range(32)],
        [f"a.{number}" for number in range(33)],
        [None] * 9,
    ),
    *({}, {"en": "a"}, {"en": ""}, {"en": 1}, {"en": b"a"}, {"EN": "a"}, {"en\n": "a"}, {"ñ": "a"}, {"en-419": "ñ"}),
    *({"en": "a", "ht": "b"}, {"en": "a" * 480}, {"en": "a" * 481}, {"en": "a" * 8192}, {"en": "a" * 8193}),
    *({f"a{letter}": "a" for letter in "abcdefgh"[:count]} for count in (7, 8)),
    *({f"a{letter}": "a" for letter in "abcdefghi"}, {"a-" + "b" * 9: "a"}, {"en": {"en": {}}}, {1: 2}, {b"en": "a"}),
    *(msgpack.ExtType(1, b"a"), msgpack.Timestamp(1), [[[[[[[[[1]]]]]]]]]),
]
FIXED_VALUES = [value for values in posts.WRONG_FIXED.values() for value in values]
FIXED_VALUES += ["legal", "food.x-tamales", "a" * 32, "d7mpx", "C62", 10**12, True, 1.0, None, "a\n", "LT\n"]
POSTS: list[tuple[Fields, Fields]] = [
    (post_fields(facts=_in_order(NEED_FACTS | {"approx": True})), POST_BODY),
    (post_fields(kind=17, facts={"level": "some"}, audience="partners"), {"title": {"zh": "水"}}),
    (post_fields(kind=17, facts={"level": "low", "level_at": STAMP}), {"title": {"en": "a"}}),
    (post_fields(audience=NETWORK, facts={}, place=0), {"text": {}, "title": {"en": "a"}}),
    (post_fields(kind=17, facts={"closes": STAMP, "rule": "fair"}, subject=bytes(32)), {"title": {"en": "a"}}),
    (post_fields(facts={"ends": True}, body_hash=None, audience="hub"), POST_BODY),
]


def _raw(value: Any) -> bytes:
    """Encode as it stands, so that keys may fall and be of any type."""
    return bytes(msgpack.packb(value, use_bin_type=True))


def _head(fields: Fields, *, packed: Callable[[Any], bytes] = _raw) -> bytes:
    """Encode a head, in the thread to which it commits unless it names one."""
    full = {"body_hash": bytes(32)} | fields
    if "thread" not in full:
        committed = [full[name] for name in ("network", "kind", "author", "audience", "place", "subject", "fixed")]
        full["thread"] = digest("thread", _raw(committed))[:16]
    return packed([full[name] for name in HEAD_ORDER])


def _heads() -> Iterator[bytes]:
    for fields, _ in POSTS:
        yield _head(fields)
        for name in HEAD_ORDER:
            yield from (_head(fields | {name: value}) for value in VALUES)
        for at in range(4):
            fixed = fields["fixed"]
            yield from (_head(fields | {"fixed": [*fixed[:at], value, *fixed[at + 1 :]]}) for value in FIXED_VALUES)
        for name in sorted(FACTS_KNOWN | {"a", "zz"}):
            facts = {fact: value for fact, value in fields["facts"].items() if fact != name}
            yield _head(fields | {"facts": facts})
            yield from (_head(fields | {"facts": _in_order(facts | {name: value})}) for value in VALUES)
        yield _head(fields | {"facts": {"quantity": 1, "people": 1}})
        yield _head(fields | {"facts": {"quantity": 1, b"people": 1}})
        yield _head(fields | {"facts": {"level": "some", "quantity": 1}})
        for stamp in (-1, 0, INTEGER_MAX - 1, INTEGER_MAX):
            yield from (_head(fields | {"stamp": stamp, "expires": stamp + more}) for more in (0, 1, 2, LIFE_MS_MAX))
        yield from _changed_bits(_head(fields))
        yield _head(fields)[:-1]
        yield _head(fields) + b"\0"
        yield from _in_long_form(_head(fields))
        yield _raw([fields] * 15)
    for made in (card(), grant(SEAT, HUB, 0)):
        yield made.wire[0]
        yield from _changed_bits(made.wire[0])
    yield from (_raw(value) for value in VALUES)
    yield from (b"", bytes(2048), bytes(2049), b"\x91" * 2048, _head(POSTS[0][0] | {"subject": bytes(2000)}))
    yield _head(post_fields(facts={"source": bytes(2048)}))


def _bodies() -> Iterator[bytes]:
    for _, body in POSTS:
        yield pack(body)
        for name in sorted(BODY_KNOWN | {"a", "zz"}):
            rest = {key: value for key, value in body.items() if key != name}
            yield pack(rest)
            yield from (_raw(_in_order(rest | {name: value})) for value in VALUES)
        yield _raw(dict(sorted(body.items(), reverse=True)))
        yield _raw({"title": {"ht": "a", "en": "b"}})
        yield from _changed_bits(pack(body))
        yield from _in_long_form(pack(body))
        yield pack(body) + b"\0"
    yield from (_raw(value) for value in VALUES)
    yield from (b"", b"\x91" * 600, pack({"title": {"en": "a"}, "zz": bytes(BODY_BYTES_MAX)}))
    full = dict.fromkeys(("en", "es"), "a" * 8000)
    yield from (pack({"text": full, "title": {"en": "a" * count}}) for count in range(340, 360))


def _in_long_form(data: bytes) -> Iterator[bytes]:
    """Small integers and short texts with a byte more than they need; some are no msgpack any more."""
    for at, first in enumerate(data):
        if first < 0x80:
            yield data[:at] + b"\xcc" + data[at:]
        elif 0xA0 <= first < 0xC0:
            yield data[:at] + bytes((0xD9, first - 0xA0)) + data[at + 1 :]


def _changed_bits(data: bytes) -> Iterator[bytes]:
    chosen = random.Random(BITS_SEED)
    for _ in range(BITS_PER_POST):
        at = chosen.randrange(len(data))
        yield data[:at] + bytes([data[at] ^ 1 << chosen.randrange(8)]) + data[at + 1 :]


def _careful_head(data: bytes) -> Head | None:
    try:
        head = read_head(data)
        check_head(head)
    except (RecordError, EncodingError):
        return None
    return head


def _careful_body(data: bytes) -> Any:
    try:
        body = decode(data, BODY_BYTES_MAX)
        check_body(POST, body)
    except (RecordError, EncodingError):
        return None
    return body


POST = read_head(_head(post_fields()))


@cache
def _judged_heads() -> dict[bytes, Head | None]:
    """Every head of the corpus with the careful verdict."""
    return {data: _careful_head(data) for data in _heads()}


@cache
def _judged_bodies() -> dict[bytes, Any]:
    return {data: _careful_body(data) for data in _bodies()}


def _agree_on_head(data: bytes, careful: Head | None) -> bool:
    taken = quick.head_of_post(data)
    if taken is None:  # right for what is refused, and for what only the careful way knows
        return careful is None or careful.kind not in quick.POSTS or not FACTS_KNOWN.issuperset(careful.facts)
    return taken == careful and type(taken) is Head and repr(taken) == repr(careful)


def _agree_on_body(data: bytes, careful: Any) -> bool:
    return quick.is_body_of_post(data) == (careful is not None and BODY_KNOWN.issuperset(careful))


def _disagreements() -> Iterator[str]:
    yield from (data.hex() for data, careful in _judged_heads().items() if not _agree_on_head(data, careful))
    yield from (data.hex() for data, careful in _judged_bodies().items() if not _agree_on_body(data, careful))


def test_the_corpus_begins_with_what_is_well_formed() -> None:
    assert all(_careful_head(_head(fields)) and _careful_body(pack(body)) for fields, body in POSTS)


@pytest.mark.wide
def test_both_ways_agree_on_twenty_thousand_heads_and_bodies() -> None:
    heads, bodies = _judged_heads(), _judged_bodies()
    assert len(heads) + len(bodies) >= MUTANTS_AT_LEAST
    assert sum(careful is not None for careful in heads.values()) > 100
    assert sum(careful is not None for careful in bodies.values()) > 100
    assert next(_disagreements(), None) is None


def _always(*_: Any) -> bool:
    return True


def _unpacked(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException):
        return None


LOOSENED: dict[str, Any] = {
    "AREA_CHARACTERS_MAX": 6,
    "ATTRIBUTES_MAX": 33,
    "ATTRIBUTE_BYTES_MAX": 33,
    "AUDIENCES": frozenset({"hub", "network", "partners", ""}),
    "BODY_BYTES_MAX": 2**20,
    "CATEGORY_BYTES_MAX": 33,
    "DATES_MAX": 53,
    "INTEGER_MAX": INTEGER_MAX + 1,
    "LANGUAGES_MAX": 9,
    "NETWORK_ID_BYTES": 15,
    "NO_NETWORK": b"",
    "PLACE_MAX": 2**31,
    "QUANTITY_MAX": 10**12 + 1,
    "RECORD_ID_BYTES": 31,
    "THREAD_ID_BYTES": 15,
    "UNIT_CHARACTERS_MAX": 4,
    "VERSION_HIGHEST": 2,
    "VERSION_LOWEST": 0,
    "_SUBJECT_BYTES": dict.fromkeys((16, 17), (15, 16, 17, 32)),
    "_are_facts": lambda facts, _: quick._holds(facts, quick._FACTS),
    "_are_fixed": _always,
    "_has_body_or_ends": _always,
    "_have_forms": _always,
    "_holds": lambda values, checks: all(checks.get(name, _always)(value) for name, value in values.items()),
    "_is_attribute": lambda value: type(value) is str,
    "_is_audience": _always,
    "_is_language": _always,
    "_rises": _always,
    "committed_thread_id": lambda head: head.thread,
    "decode_untyped": _unpacked,
    "is_sensitive": lambda _: False,
    "is_strict_key": _always,
    "life_ms_max": lambda _: LIFE_MS_MAX + 1,
}


@pytest.mark.wide
@pytest.mark.parametrize("name", sorted(LOOSENED))
def test_the_corpus_notices_a_rule_that_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, name, LOOSENED[name])
    for table in (quick._have_forms, quick._is_language):
        getattr(table, "cache_clear", _always)()
    assert next(_disagreements(), None) is not None


@pytest.mark.wide
@pytest.mark.parametrize(
    ("table", "name"), [("_FACTS", name) for name in quick._FACTS] + [("_BODY", name) for name in quick._BODY]
)
def test_the_corpus_notices_a_fact_or_a_text_that_is_not_checked(
    table: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(getattr(quick, table), name, _always)
    assert next(_disagreements(), None) is not None


codes = st.sampled_from(["give", "lend", "low", "high", "open", "fair", "ask", "some", "gone", ""])
plain = st.none() | st.booleans() | st.integers(-2, 2**54) | st.floats() | st.binary(max_size=17) | st.text(max_size=4)
lists = st.lists(st.integers(-1, 2**54) | plain, max_size=3)
tags = st.sampled_from(["en", "ht", "zh-Hant", "es-419", "EN", "e", "ñ"]) | st.text(max_size=3)
fact_values = codes | plain | lists | st.dictionaries(tags, plain, max_size=2)
facts_of_posts = st.dictionaries(st.sampled_from(sorted(FACTS_KNOWN)) | st.text(max_size=2), fact_values, max_size=5)
texts = st.dictionaries(tags, st.text(max_size=9) | plain, max_size=3)
attributes = st.lists(st.sampled_from(["diet.vegan", "a", "A", "a.b-c", ""]) | plain, max_size=3)
body_values = st.text(max_size=9) | texts | attributes | plain
bodies_of_posts = st.dictionaries(st.sampled_from(sorted(BODY_KNOWN)) | st.text(max_size=2), body_values, max_size=5)


@settings(deadline=None)
@given(st.sampled_from(POSTS), facts_of_posts, st.booleans(), st.data())
def test_both_ways_agree_on_random_heads(post: Any, facts: Fields, is_sorted: bool, data: st.DataObject) -> None:
    fields = post[0] | {"facts": _in_order(facts) if is_sorted else facts}
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from([name for name in HEAD_ORDER if name != "facts"]))
        fields |= {name: data.draw(plain | lists | st.sampled_from(VALUES))}
    head = _head(fields)
    assert _agree_on_head(head, _careful_head(head))


@settings(deadline=None)
@given(bodies_of_posts, texts, st.booleans())
def test_both_ways_agree_on_random_bodies(body: Fields, title: Any, is_sorted: bool) -> None:
    body |= {"title": title}
    data = _raw(_in_order(body) if is_sorted else body)
    assert _agree_on_body(data, _careful_body(data))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_both_ways_agree_on_noise(noise: bytes) -> None:
    assert _agree_on_head(noise, _careful_head(noise))
    assert _agree_on_body(noise, _careful_body(noise))


def _wires_of_vectors() -> list[Wire]:
    made = [*records.vectors(), *posts.vectors(), *governance.vectors()]
    return [unhexed(vector["input"]) for vector in made if vector["check"] == "record"]


def _verdict(wire: Any) -> tuple[Any, ...]:
    try:
        record = open_record(wire)
    except RecordError as error:
        return error.code, str(error)
    return record, repr(record.head), record.body


def test_every_vector_has_the_same_verdict_code_and_words_without_the_quick_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wires = _wires_of_vectors()
    with_both = [_verdict(wire) for wire in wires]
    monkeypatch.setattr(opening, "head_of_post", lambda _: None)
    monkeypatch.setattr(opening, "is_body_of_post", lambda _: False)
    assert with_both == [_verdict(wire) for wire in wires]

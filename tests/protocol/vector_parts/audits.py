"""Vectors of F4 to F9, and of M3 where it is about audits: what two hubs say to compare their sets, and to mend them.

The sketches are made by `sketching`, which follows the SPEC's text alone. In a session the other hub dials, unless a
vector says that we do.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from protocol.vector_parts.composing import DAY_MS, HOUR_MS, STAMP, Fields, digest, pack, vector
from protocol.vector_parts.links import (
    FROM_THEM,
    FROM_US,
    HELD,
    HOUR,
    HOUR_NUMBER,
    THEIR_CARD,
    hello,
    session,
    through,
)
from protocol.vector_parts.sets import print_of
from protocol.vector_parts.sketching import (
    first_flight,
    indices_of,
    item_of,
    joined,
    key_of,
    older_of,
    short_of,
    symbols_of,
)
from protocol.vector_parts.world import CHARTER, OTHER_HUB, post

OUR_NONCE, THEIR_NONCE = bytes(range(32, 48)), bytes(range(48, 64))
KEY, OUR_KEY = key_of(THEIR_NONCE, OUR_NONCE), key_of(OUR_NONCE, THEIR_NONCE)
GREETED = hello(nonce=THEIR_NONCE)
THEY_DIALLED = {"links": [FROM_THEM | {"nonce": OUR_NONCE}]}
WE_DIALLED = {"links": [FROM_US | {"nonce": OUR_NONCE}]}
AUDIT, EQUAL, IDS, SKETCH, MORE, LIST, LACK, RECENT = 7, 8, 9, 17, 18, 19, 20, 21

IDS_HELD = sorted(made.id for made in [*HELD, THEIR_CARD])
POSTS = [post(name=100 + place, place=place) for place in range(2, 22)]
HELD_MANY = [*HELD, *POSTS]
MANY_IDS = sorted(made.id for made in [*HELD_MANY, THEIR_CARD])
OURS, MISSING = HELD_MANY[-1], post(OTHER_HUB, name=5)
ZERO_SHORT, SHORT = bytes(6), bytes.fromhex("0123456789ab")


def vectors() -> list[Fields]:
    """All vectors of these rules."""
    return [
        *_hours(),
        *_compared(),
        *_items(),
        *_places(),
        *_symbols(),
        *_asked(),
        *_asking(),
        *_listed(),
        *_ages(),
        *_recent(),
    ]


def _audit(count: int, fingerprint: bytes, as_of: int = HOUR) -> bytes:
    return pack([AUDIT, as_of // HOUR_MS, True, as_of // HOUR_MS, count, fingerprint])


def _said(rule: str, name: str, frames: Sequence[Any], **more: Any) -> Fields:
    """What comes in after their hello, on a link that they dialled."""
    return session(rule, name, [GREETED, *frames], **(THEY_DIALLED | more))


EQUAL_PRINT = print_of(HOUR.to_bytes(8, "big"), IDS_HELD)[:16]
EQUAL_AUDIT = _audit(len(IDS_HELD), EQUAL_PRINT)
UNEQUAL_AUDIT = _audit(len(IDS_HELD), bytes(16))
MANY_AUDIT = _audit(len(MANY_IDS), bytes(16))


def _hours() -> list[Fields]:
    """Who begins, for which hour, how often."""
    far = _audit(0, bytes(16), HOUR + DAY_MS)
    settled = [GREETED, through(), ["wait", 31_000]]
    return [
        session("F4", "who has dialled begins", settled, **WE_DIALLED, expect={"sends": [AUDIT]}),
        session("F4", "who was dialled does not", settled, **THEY_DIALLED, expect={"sends": [1]}),
        _said("F4", "an hour of theirs a day ahead", [far], expect={"sends": [AUDIT]}),
        _said("F4", "the same hour once more", [far, far], error="bad_message"),
        _said("F4", "four audits within a minute", [EQUAL_AUDIT] * 4, expect={"sends": [EQUAL]}),
        _said("F4", "five audits within a minute", [EQUAL_AUDIT] * 5, error="too_often"),
    ]


def _compared() -> list[Fields]:
    """Equal, or not: then the first answer is a sketch."""
    later = _audit(0, bytes(16), HOUR + HOUR_MS)
    flat = digest("fingerprint", HOUR.to_bytes(8, "big"), *IDS_HELD)[:16]
    either = [EQUAL, SKETCH]
    return [
        _said("F4", "equal sets", [EQUAL_AUDIT], expect={"sends": [EQUAL]}),
        _said("F4", "another count", [_audit(1, EQUAL_PRINT)], expect={"sends": [SKETCH]}),
        _said("F4", "another fingerprint", [UNEQUAL_AUDIT], expect={"sends": [SKETCH]}),
        _said("F4", "a fingerprint without buckets", [_audit(len(IDS_HELD), flat)], expect={"sends": [SKETCH]}),
        _said("F4", "a later hour of theirs", [later], expect={"sends": [SKETCH]}),
        _said("F4", "equal, then not", [EQUAL_AUDIT, UNEQUAL_AUDIT], expect={"sends": either}),
    ]


def _derived(rule: str, name: str, value: Any, function: str, *arguments: Any, **more: Any) -> Fields:
    return vector(rule, name, "derive", value, function=function, arguments=list(arguments), **more)


def _items() -> list[Fields]:
    """Keys, short ids and items."""
    short = short_of(KEY, CHARTER.id).to_bytes(6, "big")
    nonces, key, wrong = (THEIR_NONCE, OUR_NONCE), (KEY, CHARTER.id), {"error": "different"}
    plain = int.from_bytes(SHORT, "big")
    unkeyed = short_of(b"", CHARTER.id).to_bytes(6, "big")
    return [
        _derived("F5", "the key of a link", KEY, "sketch_key", *nonces),
        _derived("F5", "the nonces the other way round", OUR_KEY, "sketch_key", *nonces, **wrong),
        _derived("F5", "a short id", short, "short_id", *key),
        _derived("F5", "a short id without the key", unkeyed, "short_id", *key, **wrong),
        _derived("F5", "the beginning of the id", CHARTER.id[:6], "short_id", *key, **wrong),
        _derived("F5", "an item", item_of(plain).to_bytes(9, "big"), "item", SHORT),
        _derived("F5", "the item of 0", bytes(9), "item", ZERO_SHORT),
        _derived("F5", "the item of 1", bytes(5) + b"\x01" + bytes(3), "item", bytes(5) + b"\x01"),
        _derived("F5", "the largest item", item_of(2**48 - 1).to_bytes(9, "big"), "item", b"\xff" * 6),
        _derived("F5", "an item without a check value", SHORT + bytes(3), "item", SHORT, **wrong),
    ]


def _places() -> list[Fields]:
    """Which symbols hold a short id."""
    zero, other = [0, 1, 2, 3, 6, 11, 19, 44, 116, 122], [0, 1, 2, 5, 14, 21, 32, 50, 70, 197]
    last = 2**48 - 1
    return [
        _derived("F6", "where 0 goes", zero, "indices", ZERO_SHORT, 200),
        _derived("F6", "where 0x0123456789AB goes", other, "indices", SHORT, 200),
        _derived("F6", "where the last one goes", indices_of(last, 65_536), "indices", b"\xff" * 6, 65_536),
        _derived("F6", "not in symbol 0", zero[1:], "indices", ZERO_SHORT, 200, error="different"),
        _derived("F6", "where another one goes", other, "indices", ZERO_SHORT, 200, error="different"),
    ]


def _symbols() -> list[Fields]:
    """Symbols of a small set, and the difference that they name."""
    five, whole = IDS_HELD[:5], symbols_of(KEY, IDS_HELD[:5], 0, 16)
    swapped = whole[:32] + b"".join(whole[at + 9 : at + 10] + whole[at : at + 9] for at in range(32, len(whole), 10))
    wrong = {"error": "different"}
    found = {"lacking": [[joined(OUR_KEY, MISSING.id), True]]}
    there = [*(one for one in MANY_IDS if one != OURS.id), MISSING.id]
    flight = symbols_of(OUR_KEY, there, 0, 16)
    begun = {"records": HELD_MANY, "wants_sent": OURS.id}
    return [
        _derived("F7", "five ids in sixteen symbols", whole, "symbols", KEY, 0, 16, *five),
        _derived("F7", "four symbols more", symbols_of(KEY, five, 16, 20), "symbols", KEY, 16, 20, *five),
        _derived("F7", "no ids", bytes(32 + 160), "symbols", KEY, 0, 16),
        _derived("F7", "without the tally", whole[32:], "symbols", KEY, 0, 16, *five, **wrong),
        _derived("F7", "under the other key", symbols_of(OUR_KEY, five, 0, 16), "symbols", KEY, 0, 16, *five, **wrong),
        _derived("F7", "the count before the sum", swapped, "symbols", KEY, 0, 16, *five, **wrong),
        _answer("F7", "one that we lack, and one that they lack", len(there), [(0, flight)], **begun, expect=found),
        _answer("F7", "half a symbol", len(there), [(0, flight[:-5])], records=HELD_MANY, error="bad_message"),
        _answer("F7", "a tally alone", len(there), [(0, flight[:32])], records=HELD_MANY, error="bad_message"),
    ]


def _answer(rule: str, name: str, count: int, sketches: Iterable[tuple[int, bytes]], **more: Any) -> Fields:
    """We have dialled and asked; they answer with symbols."""
    frames = [pack([SKETCH, HOUR_NUMBER, count, first, symbols]) for first, symbols in sketches]
    return session(rule, name, [GREETED, through(), ["wait", 31_000], *frames], **(WE_DIALLED | more))


def _asked() -> list[Fields]:
    """They ask, we answer with symbols and with what they lack."""
    many = {"records": HELD_MANY}
    upto = first_flight(len(MANY_IDS) - 4, len(MANY_IDS))
    first = [len(MANY_IDS), 0, symbols_of(KEY, MANY_IDS, 0, 16)]
    more = [pack([MORE, HOUR_NUMBER, upto, b""]) for upto in range(17, 25)]
    wider = _audit(len(MANY_IDS) - 10, bytes(16))
    lack = pack([LACK, HOUR_NUMBER, joined(KEY, OURS.id), True])
    nothing = pack([LACK, HOUR_NUMBER, b"", True])
    too_much = pack([LACK, HOUR_NUMBER, b"".join(n.to_bytes(6, "big") for n in range(len(IDS_HELD) + 1)), True])
    second = [len(MANY_IDS), 16, symbols_of(KEY, MANY_IDS, 16, 20)]
    return [
        _said("F8", "the first flight", [MANY_AUDIT], **many, expect={"sketches": [first]}),
        _said(
            "F8",
            "a larger one where the counts are apart",
            [wider],
            **many,
            expect={"sketches": [[len(MANY_IDS), 0, symbols_of(KEY, MANY_IDS, 0, 23)]]},
        ),
        _derived("F8", "the counts are equal", 16, "first_flight", 25, 25),
        _derived("F8", "they are four apart", upto, "first_flight", 21, 25),
        _derived("F8", "they are seventy-nine apart", 126, "first_flight", 921, 1000),
        _derived("F8", "they are a hundred apart", 128, "first_flight", 900, 1000),
        _derived("F8", "as much as a list is worth", 113, "first_flight", 0, 100),
        _derived("F8", "the most", 128, "first_flight", 0, 10**9),
        _derived("F8", "as if the asked were the asker", 128, "first_flight", 1000, 100, error="different"),
        _said(
            "F8",
            "more symbols",
            [MANY_AUDIT, pack([MORE, HOUR_NUMBER, 20, b""])],
            **many,
            expect={"sketches": [first, second]},
        ),
        _said("F8", "more, seven times", [MANY_AUDIT, *more[:7]], **many),
        _said("F8", "more, eight times", [MANY_AUDIT, *more], **many, error="too_often"),
        _said(
            "F8",
            "more, but no more than was sent",
            [MANY_AUDIT, pack([MORE, HOUR_NUMBER, 16, b""])],
            **many,
            error="bad_message",
        ),
        _said(
            "F8",
            "more than a list is worth",
            [MANY_AUDIT, pack([MORE, HOUR_NUMBER, 29, b""])],
            **many,
            error="bad_message",
        ),
        _said(
            "F8", "as much as a list is worth, and no more", [MANY_AUDIT, pack([MORE, HOUR_NUMBER, 28, b""])], **many
        ),
        _said("F8", "what is lacking is sent", [MANY_AUDIT, lack], **many, wants_sent=OURS.id),
        _said(
            "F8",
            "in two parts",
            [MANY_AUDIT, pack([LACK, HOUR_NUMBER, joined(KEY, CHARTER.id), False]), lack],
            **many,
            wants_sent=OURS.id,
        ),
        _said("F8", "nothing is lacking", [UNEQUAL_AUDIT, nothing], expect={"sends": [SKETCH]}),
        _said("F8", "more is lacking than there is", [UNEQUAL_AUDIT, too_much], error="bad_message"),
        _said("F8", "a question of an audit that is over", [EQUAL_AUDIT, lack], expect={"sends": [EQUAL, 4]}),
    ]


def _asking() -> list[Fields]:
    """We ask; what they answer does not follow, or does not decode."""
    ours = symbols_of(OUR_KEY, IDS_HELD, 0, 16)
    count = len(IDS_HELD)
    noise = b"\xa5" * len(ours)
    flights = [(0, symbols_of(OUR_KEY, [*IDS_HELD, MISSING.id], 0, 16))]
    in_two = [(0, flights[0][1][:82]), (5, flights[0][1][82:])]
    found = {"lacking": [[joined(OUR_KEY, MISSING.id), True]]}
    return [
        _answer("F8", "one that we lack", count + 1, flights, expect=found),
        _answer("F8", "in two messages", count + 1, in_two, expect=found),
        _answer("F8", "nothing that we lack", count, [(0, ours)], expect={"lacking": [["", True]]}),
        _answer("F8", "not from the start", count, [(1, ours)], error="bad_message"),
        _answer("F8", "a symbol too many", count, [(0, ours + bytes(10))], error="bad_message"),
        _answer("F8", "symbols twice", count, [(0, ours[:82]), (0, ours[:82])], error="bad_message"),
        _answer("F8", "the list is asked for", count, [(0, noise)], expect={"sends": [LIST]}),
    ]


def _listed() -> list[Fields]:
    """The full list, from either side."""
    asks = pack([LIST, HOUR_NUMBER])
    two = sorted([MISSING.id, CHARTER.id])
    noise = [GREETED, through(), ["wait", 31_000], pack([SKETCH, HOUR_NUMBER, len(IDS_HELD), 0, b"\xa5" * 192])]

    def listed(name: str, ids: list[list[bytes]], **more: Any) -> Fields:
        frames = [pack([IDS, HOUR_NUMBER, part, number == len(ids)]) for number, part in enumerate(ids, 1)]
        return session("F8", name, [*noise, *frames], **(WE_DIALLED | more))

    lacking = {"lacking": [[joined(OUR_KEY, MISSING.id), True]]}
    return [
        _said("F8", "they ask for our list", [UNEQUAL_AUDIT, asks], expect={"listed": IDS_HELD}),
        _said("F8", "our list twice within a minute", [UNEQUAL_AUDIT, asks, asks], error="too_often"),
        _said(
            "F8",
            "our list again after a minute",
            [UNEQUAL_AUDIT, asks, ["wait", 40_000], pack([10, 1]), ["wait", 20_000], UNEQUAL_AUDIT, asks],
            expect={"listed": [*IDS_HELD, *IDS_HELD]},
        ),
        listed("their list names what we lack", [two], expect=lacking),
        listed("their list in two parts", [two[:1], two[1:]], expect=lacking),
        listed("their list names what they lack", [two], wants_sent=HELD[1].id),
        listed("a list that falls", [two[::-1]], error="bad_message"),
        listed("a list that falls from one part to the next", [two[1:], two[:1]], error="bad_message"),
        listed("a list with an id twice", [[MISSING.id, MISSING.id]], error="bad_message"),
    ]


AGES = [(1, 0), (HOUR_MS, 0), (HOUR_MS + 1, 1), (2 * HOUR_MS, 1), (2 * HOUR_MS + 1, 2), (4 * HOUR_MS, 2)]
LATEST_AGES = [(2048 * HOUR_MS, 11), (2048 * HOUR_MS + 1, 12), (400 * DAY_MS, 12)]


def _ages() -> list[Fields]:
    """How old records are, and what is never asked for by age."""
    made = [
        _derived("F9", f"{before} ms before the hour", age, "age", HOUR - before, HOUR)
        for before, age in AGES + LATEST_AGES
    ]
    wrong = {"error": "different"}
    flight = pack([SKETCH, HOUR_NUMBER, len(IDS_HELD), 0, symbols_of(OUR_KEY, IDS_HELD, 0, 16)])
    return [
        *made,
        _derived("F9", "two hours are not more than two", 2, "age", HOUR - 2 * HOUR_MS, HOUR, **wrong),
        _derived("F9", "twelve is the most", 13, "age", HOUR - 400 * DAY_MS, HOUR, **wrong),
        _unasked("what is recent, before any symbol", [_recently(0, MISSING.id)]),
        _unasked("what is recent, with the symbols", [_recently(0, MISSING.id), flight]),
    ]


def _unasked(name: str, frames: Sequence[bytes]) -> Fields:
    return session("F9", name, [GREETED, through(), ["wait", 31_000], *frames], **WE_DIALLED, error="bad_message")


def _recently(age: int, *ids: bytes) -> bytes:
    return pack([RECENT, HOUR_NUMBER, age, joined(OUR_KEY, *ids), True])


def _recent() -> list[Fields]:
    """They say what is older, and we list what is younger where that is all that differs, and is little."""
    early = {made.id: made.fields["stamp"] for made in [*HELD, THEIR_CARD]}
    late = [post(name=200 + place, place=place, stamp=HOUR - 3 * HOUR_MS) for place in range(2, 10)]
    older = {made.id: STAMP for made in POSTS[8:]} | early
    held = {"records": [*HELD, *POSTS[8:], *late]}
    listed = [[2, sorted(short_of(KEY, made.id) for made in late), True]]
    count = len(older) + len(late)
    begun = _audit(count - 3, bytes(16))
    sums = older_of(KEY, HOUR, older)
    other = older_of(KEY, HOUR, {**older, MISSING.id: STAMP})
    hidden = older_of(KEY, HOUR, {one: stamp for one, stamp in older.items() if one != POSTS[9].id})

    def more(name: str, upto: int, joined_sums: bytes, **expect: Any) -> Fields:
        return _said("F9", name, [begun, pack([MORE, HOUR_NUMBER, upto, joined_sums])], **held, expect=expect)

    return [
        more("what is recent", 26, sums, recent=listed),
        more("no longer than symbols", 21, sums, recent=listed),
        more("longer than symbols", 20, sums, recent=[]),
        more("something older differs, too", 26, other, recent=[]),
        more("something older that they lack", 26, hidden, recent=[]),
        more("no sums", 26, b"", recent=[]),
        _said(
            "F9",
            "what is lacking is sent after that",
            [begun, pack([MORE, HOUR_NUMBER, 26, sums]), pack([LACK, HOUR_NUMBER, joined(KEY, late[2].id), True])],
            **held,
            wants_sent=late[2].id,
        ),
    ]

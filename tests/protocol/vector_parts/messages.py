"""Vectors of part M and H2: frames, messages field by field, bounds, versions."""

from typing import Any
from zlib import crc32

from protocol.vector_parts.checks import checked
from protocol.vector_parts.composing import NOW, Fields, pack, seal, vector
from protocol.vector_parts.links import CHECK, HOUR_NUMBER, SECRET, hello, join, records_frame, session, through
from protocol.vector_parts.sets import EPOCH
from protocol.vector_parts.world import (
    HUB,
    NETWORK,
    NODE,
    OTHER_HUB,
    OTHER_NODE,
    POST_BODY,
    RECOVERY_HASH,
    post,
    post_fields,
)


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [*_frames(), *_checks(), *_versions()]


MESSAGES: dict[str, list[Any]] = {
    "Hello": [
        *[1, 1, 1, NETWORK, NODE, OTHER_NODE, bytes(16), HUB.public, []],
        *[EPOCH, [EPOCH, 7, CHECK], bytes(32), NOW, True, 5, True, False],
    ],
    "Join": [2, 1, 1, NETWORK, NODE, OTHER_NODE, SECRET, HUB.public, [RECOVERY_HASH, bytes(64)], bytes(64), []],
    "Admit": [3, []],
    "Records": [4, 0, [], True],
    "Ack": [5, 1],
    "Want": [6, [bytes(32)], 5],
    "Audit": [7, HOUR_NUMBER, True, HOUR_NUMBER, 4, CHECK, 5],
    "Equal": [8, HOUR_NUMBER, 5],
    "Ids": [9, HOUR_NUMBER, [bytes(32)], True],
    "Ping": [10, 1],
    "Pong": [11, 1],
    "Bye": [12, "full", "try again later"],
    "Through": [13, 5, CHECK, True, 2**32 - 1],
    "Have": [14, bytes(8), True],
    "Pull": [15, bytes(16), 5],
    "Prefer": [16, bytes(8), False],
    "Sketch": [17, HOUR_NUMBER, 5, 0, bytes(192)],
    "More": [18, HOUR_NUMBER, 20, bytes(72)],
    "List": [19, HOUR_NUMBER],
    "Lack": [20, HOUR_NUMBER, bytes(12), True, 5],
    "Recent": [21, HOUR_NUMBER, 3, bytes(12), True],
    "Enclosed": [22, NETWORK, 5, bytes(100)],
    "Abroad": [23, 1, 1, NETWORK, bytes(16), NODE, OTHER_NODE, HUB.public, [], [b"head", b"signature", None]],
}
MAY_BE_NIL = {("Hello", 10), ("Hello", 11), ("Join", 8), ("Abroad", 9)}


def _frame(rule: str, name: str, frame: Any, error: str | None = None) -> Fields:
    return vector(rule, name, "frame", frame if isinstance(frame, bytes) else pack(frame), error=error)


def _frames() -> list[Fields]:
    made = [_frame("M1", "a message", [10, 1])]
    shapes: dict[str, Any] = {
        "nothing": [],
        "no array": 10,
        "number 0": [0],
        "number 24": [24, 1],
        "text": ["10", 1],
        "true": [True, 1],
    }
    made += [_frame("M1", f"{name} as a frame", shape, "bad_message") for name, shape in shapes.items()]
    made += [
        _frame("M1", "not msgpack", b"\xc1", "not_msgpack"),
        _frame("M1", "not strict", b"\x92\xcc\x0a\x01", "not_strict"),
    ]
    for name, items in MESSAGES.items():
        made += [_frame("M2", name, items), _frame("M1", f"{name} with a field too many", [*items, 0], "bad_message")]
        if name not in ("Hello", "Join", "Abroad"):
            made.append(_frame("M1", f"{name} with a field too few", items[:-1], "bad_message"))
        for at in range(1, len(items)):
            wrong = [*items[:at], _wrong(items[at]), *items[at + 1 :]]
            made.append(_frame("M2", f"{name} with a wrong field {at}", wrong, "bad_message"))
            if (name, at) in MAY_BE_NIL:
                made.append(_frame("M2", f"{name} with nil as field {at}", [*items[:at], None, *items[at + 1 :]]))
    bounds = {
        "40 records in a hello": ([*MESSAGES["Hello"][:8], [0] * 40, *MESSAGES["Hello"][9:]], None),
        "165 records in a hello": ([*MESSAGES["Hello"][:8], [0] * 165, *MESSAGES["Hello"][9:]], "bad_message"),
        "a newcomer with no secret": ([*MESSAGES["Join"][:6], b"", *MESSAGES["Join"][7:]], None),
        "a secret of 15 bytes": ([*MESSAGES["Join"][:6], bytes(15), *MESSAGES["Join"][7:]], "bad_message"),
        "4 records of a newcomer": ([*MESSAGES["Join"][:10], [0] * 4], None),
        "5 records of a newcomer": ([*MESSAGES["Join"][:10], [0] * 5], "bad_message"),
        "256 records": ([4, 0, [0] * 256, True], None),
        "257 records": ([4, 0, [0] * 257, True], "bad_message"),
        "4,097 ids": ([9, HOUR_NUMBER, [bytes(32)] * 4097, True], "bad_message"),
        "records that were asked for": ([4, 1, [], True], None),
        "records of a stream": ([4, 2, [], False], None),
        "records sent for no known reason": ([4, 3, [], False], "bad_message"),
        "records with true as the reason": ([4, True, [], False], "bad_message"),
        "4,096 names": ([14, bytes(8 * 4096), False], None),
        "4,097 names": ([14, bytes(8 * 4097), False], "bad_message"),
        "half a name": ([14, bytes(12), False], "bad_message"),
        "512 pulled": ([15, bytes(8 * 512), 5], None),
        "513 pulled": ([15, bytes(8 * 513), 5], "bad_message"),
        "4,097 origins": ([16, bytes(8 * 4097), True], "bad_message"),
        "half an origin": ([16, bytes(4), True], "bad_message"),
        "a short id of 8 bytes": ([20, HOUR_NUMBER, bytes(8), True, 5], "bad_message"),
        "hour 2,501,999,792": ([8, 2_501_999_792, 5], None),
        "an hour whose ms are beyond 2^53": ([8, 2_501_999_793, 5], "bad_message"),
        "sums of eleven ages": ([18, HOUR_NUMBER, 20, bytes(66)], "bad_message"),
        "no sums": ([18, HOUR_NUMBER, 20, b""], None),
        "age 11": ([21, HOUR_NUMBER, 11, b"", True], None),
        "age 12": ([21, HOUR_NUMBER, 12, b"", True], "bad_message"),
        "16,384 short ids": ([21, HOUR_NUMBER, 0, bytes(6 * 16384), True], None),
        "16,385 short ids": ([21, HOUR_NUMBER, 0, bytes(6 * 16385), True], "bad_message"),
        "a check of 33 bits": ([8, HOUR_NUMBER, 2**32], "bad_message"),
        "513 wanted": ([6, [bytes(32)] * 513, 5], "bad_message"),
        "a reason of 240 bytes": ([12, "full", "a" * 240], None),
        "a reason of 241 bytes": ([12, "full", "a" * 241], "bad_message"),
        "an integer below 0": ([10, -1], "bad_message"),
        "a frame of 262,104 bytes in another": ([22, NETWORK, 1, bytes(262_104)], None),
        "one of a byte more": ([22, NETWORK, 1, bytes(262_105)], "bad_message"),
    }
    made += [_frame("M3", name, frame, error) for name, (frame, error) in bounds.items()]
    spoiled = seal(post_fields(OTHER_HUB), [HUB], POST_BODY)
    sound = post(OTHER_HUB, name="sound")
    mixed = [spoiled, 7, [1, 2], sound, [b"", b"", b""]]
    return [
        *made,
        session("M4", "a good record beside bad ones", [hello(), records_frame(mixed)], wants_kept=sound.id),
        session("M4", "a bad record", [hello(), records_frame(mixed)], wants_kept=spoiled.id, error="not_kept"),
        session("M4", "a bad message", [hello(), pack([4, 0, 7, True])], error="bad_message"),
    ]


def _checks() -> list[Fields]:
    """Frames of a link that were lost, doubled or came out of turn."""
    first, second = (records_frame([post(OTHER_HUB, name=name, place=name)]) for name in (1, 2))
    whole = [hello(), first, second]
    right = checked(through(), crc32(b"".join(whole)))
    kept = {"wants_cursor": True}
    broken = {"error": "broken_stream"}
    question = pack([6, [bytes(32)]])
    return [
        session("M5", "all that was said has come", [*whole, right], **kept),
        session("M5", "nothing but the greeting", [hello(), checked(through(), crc32(hello()))], **kept),
        session("M5", "each check is over those before it, too", [*whole, right, through(6)], **kept),
        session("M5", "one is lost", [hello(), second, right], **broken),
        session("M5", "one is doubled", [hello(), first, first, second, right], **broken),
        session("M5", "two have changed places", [hello(), second, first, right], **broken),
        session("M5", "one was changed", [hello(), first, records_frame([]), right], **broken),
        session("M5", "the check counts its own frame", [hello(), checked(through(), crc32(right))], **broken),
        session("M5", "a question", [*whole, checked(question, crc32(b"".join(whole)))]),
        session("M5", "a question said twice", [hello(), *[checked(question, crc32(hello()))] * 2], **broken),
    ]


def _wrong(value: Any) -> Any:
    """Something of another type, or of another length."""
    if isinstance(value, bytes):
        return value[:-1] if len(value) <= 64 else None
    if isinstance(value, bool):
        return 1
    if isinstance(value, list) and value and isinstance(value[0], bytes) and len(value) > 1:
        return value[:-1]
    return None


def _versions() -> list[Fields]:
    made = [
        _frame("H2", f"versions {low} to {high}", hello(lowest=low, highest=high))
        for low, high in ((1, 1), (1, 9), (0, 1))
    ]
    for low, high in ((2, 2), (2, 9), (0, 0)):
        made += [
            _frame("H2", f"a hello with versions {low} to {high}", hello(lowest=low, highest=high), "version"),
            _frame(
                "H2",
                f"a hello of another shape, versions {low} to {high}",
                [1, low, high, "what a later version says"],
                "version",
            ),
            _frame("H2", f"a join with versions {low} to {high}", join(lowest=low, highest=high), "version"),
        ]
    return made

"""Vectors of F4, and of M3 where it is about audits: what two hubs say to compare their sets."""

from protocol.vector_parts.composing import DAY_MS, HOUR_MS, Fields, digest, pack
from protocol.vector_parts.links import HELD, HOUR, THEIR_CARD, hello, session
from protocol.vector_parts.world import CHARTER, OTHER_HUB, post


def vectors() -> list[Fields]:
    """All vectors of these rules."""
    ids = sorted(made.id for made in [*HELD, THEIR_CARD])
    print_ = digest("fingerprint", HOUR.to_bytes(8, "big"), *ids)[:16]
    equal = [7, HOUR, True, HOUR, len(ids), print_]
    unequal = [*equal[:5], bytes(16)]
    missing = post(OTHER_HUB, name=5).id
    two = sorted([missing, CHARTER.id])
    later = [7, HOUR + HOUR_MS, True, HOUR + HOUR_MS, 0, bytes(16)]
    far = [7, HOUR + DAY_MS, True, HOUR + DAY_MS, 0, bytes(16)]
    begun = [[0, hello()], [0, pack([7, HOUR - HOUR_MS, True, HOUR - HOUR_MS, 0, bytes(16)])]]
    return [
        session("F4", "equal sets", [hello(), pack(equal)], expect={"sends": [8]}),
        session("F4", "another count", [hello(), pack([*equal[:4], 1, print_])], expect={"sends": [9]}),
        session("F4", "another fingerprint", [hello(), pack([*equal[:5], bytes(16)])], expect={"sends": [9]}),
        session("F4", "equal sets, asked twice", [hello(), pack(equal), pack(equal)], expect={"sends": [8]}),
        session("F4", "the list twice within a minute", [hello(), pack(unequal), pack(unequal)], error="too_often"),
        session("F4", "a later hour of theirs", [hello(), pack(later)], expect={"sends": [9]}),
        session("F4", "an hour of theirs a day ahead", [hello(), pack(far)], expect={"sends": [7]}),
        session("F4", "the same hour once more", [hello(), pack(far), pack(far)], error="bad_message"),
        session(
            "F4",
            "their list names what we lack",
            [*begun, pack([9, HOUR, two, True])],
            expect={"sends": [7], "wanted": [missing.hex()]},
        ),
        session("F4", "a list that falls", [*begun, pack([9, HOUR, two[::-1], True])], error="bad_message"),
        session(
            "F4", "a list with an id twice", [*begun, pack([9, HOUR, [missing, missing], True])], error="bad_message"
        ),
        session(
            "F4",
            "an hour that is not full",
            [hello(), pack([7, HOUR + 1, True, HOUR + 1, 0, bytes(16)])],
            error="bad_message",
        ),
        session("M3", "an hour that is full", [hello(), pack(equal)]),
        session(
            "M3",
            "an hour that is not full",
            [hello(), pack([7, HOUR, True, HOUR + 1, 0, bytes(16)])],
            error="bad_message",
        ),
    ]

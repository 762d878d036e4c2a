"""Vectors of S3 to S10: what two hubs send each other once they have greeted.

Session vectors, as in `links`. The stream begins with the hello; names, questions, answers and preferences follow.
"""

from protocol.vector_parts.composing import Fields, pack
from protocol.vector_parts.links import CHECK, FROM_THEM, HELD, OWN_CARD, have, hello, records_frame, session, through
from protocol.vector_parts.sets import EPOCH, FIRST
from protocol.vector_parts.world import (
    CHARTER,
    HUB,
    HUB_GRANT,
    ORGANISER,
    ORGANISER_GRANT,
    OTHER_GRANT,
    OTHER_HUB,
    PROOFS,
    STRANGER,
    card,
    post,
    step,
)


def vectors() -> list[Fields]:
    """All vectors of these rules."""
    return [*_complete(), *_private(), *_starts(), *_dealt(), *_questions(), *_news(), *_origins(), *_feeding()]


THEIRS, OURS, PRIVATE = post(OTHER_HUB), post(), post(name=2, audience="hub")
HELD_HERE = [*HELD, OURS, PRIVATE]
LOST_STEP = step(THEIRS, 2, FIRST, author=OTHER_HUB)
MEMBERS = post(ORGANISER, name=7)
MANY = [post(hub, name=100 + place, place=place) for hub in (HUB, OTHER_HUB) for place in range(2, 42)]


def _complete() -> list[Fields]:
    cursor = {"cursor": [EPOCH.hex(), 5, CHECK.hex()]}
    newer = post(OTHER_HUB, name=9, expires=THEIRS.fields["expires"] + 1)
    bare = THEIRS.without_body
    wants = {"wants_cursor": True}
    gone = [have(THEIRS), through(), records_frame([], why=1, final=True)]
    return [
        session("S3", "nothing waits", [hello(), records_frame([THEIRS]), through()], **wants, expect=cursor),
        session("S3", "a bad record does not wait", [hello(), records_frame([7]), through()], **wants, expect=cursor),
        session(
            "S3",
            "a step without its register",
            [hello(), records_frame([LOST_STEP]), through()],
            **wants,
            error="no_cursor",
        ),
        session(
            "S3",
            "a step of a thread that is superseded here",
            [hello(), records_frame([THEIRS, LOST_STEP]), through()],
            records=[*HELD, newer],
            **wants,
            expect=cursor,
        ),
        session(
            "S3", "a record without its body", [hello(), records_frame([bare]), through()], **wants, error="no_cursor"
        ),
        session(
            "S3",
            "the body comes after all",
            [hello(), records_frame([bare]), through(), records_frame([THEIRS], why=1, final=True)],
            **wants,
            expect=cursor,
        ),
        session("S3", "named, and not here", [hello(), have(THEIRS), through()], **wants, error="no_cursor"),
        session(
            "S3",
            "named, pulled and here",
            [hello(), have(THEIRS), through(), records_frame([THEIRS], why=1, final=True)],
            **wants,
            expect=cursor,
        ),
        session("S3", "named, and held there no more", [hello(), *gone], **wants, error="no_cursor"),
        session("S3", "the same, and complete through it all", [hello(), *gone, through(6)], **wants),
        session(
            "S3", "a stream that waits for the audit", [hello(), through(0, final=False)], **wants, error="no_cursor"
        ),
    ]


def _private() -> list[Fields]:
    smuggled = post(OTHER_HUB, name=3, audience="hub")
    private = {"records": HELD_HERE, "wants_sent": PRIVATE.id, "error": "not_sent"}
    return [
        session("S4", "for the network", [hello()], records=HELD_HERE, wants_sent=OURS.id),
        session("S4", "for our hub alone", [hello()], **private),
        session("S4", "for our hub alone, asked by id", [hello(), pack([6, [PRIVATE.id]])], **private),
        session("S4", "for our hub alone, asked by name", [hello(), pack([15, PRIVATE.id[:8]])], **private),
        session(
            "S4", "for their hub alone", [hello(), records_frame([smuggled])], wants_kept=smuggled.id, error="not_kept"
        ),
    ]


def _starts() -> list[Fields]:
    governance = sorted(made.id.hex() for made in PROOFS)
    mixed = [HUB_GRANT, CHARTER, OWN_CARD, OTHER_GRANT, OURS]
    many = {"records": [*HELD, *MANY]}
    return [
        session("S5", "proofs go first", [hello()], records=mixed, expect={"first_sent": governance}),
        session("S5", "a new peer is sent the newest first", [hello()], **many, wants_sent=MANY[0].id),
        session(
            "S5",
            "one that holds much waits for the audit",
            [hello(count=70)],
            **many,
            wants_sent=MANY[0].id,
            error="not_sent",
        ),
        session(
            "S5", "one that catches up elsewhere hears names", [hello(eager=False)], expect={"sends": [1, 10, 14, 13]}
        ),
        session(
            "S5",
            "one that catches up elsewhere is sent nothing",
            [hello(eager=False)],
            records=HELD_HERE,
            wants_sent=OURS.id,
            error="not_sent",
        ),
    ]


def _dealt() -> list[Fields]:
    return [
        session("S6", "each message counts", [hello(), records_frame([THEIRS]), through()], expect={"acked": [1]}),
        session("S6", "names count", [hello(), have(THEIRS), have(OWN_CARD), through()], expect={"acked": [2]}),
        session("S6", "acknowledged what was sent", [hello(), pack([5, 1])]),
        session("S6", "acknowledged what was never sent", [hello(), pack([5, 99])], error="bad_message"),
    ]


def _questions() -> list[Fields]:
    unknown = post(OTHER_HUB, name=4)
    asked = {"records": HELD_HERE, "wants_sent": OURS.id}
    return [
        session("S7", "what is asked for by id", [hello(eager=False), pack([6, [OURS.id]])], **asked),
        session("S7", "what is asked for by name", [hello(eager=False), pack([15, OURS.id[:8]])], **asked),
        session(
            "S7",
            "a missing predecessor is asked for",
            [hello(), records_frame([THEIRS, LOST_STEP])],
            expect={"wanted": [FIRST.id.hex()]},
        ),
        session(
            "S7",
            "what is not held is not sent",
            [hello(), pack([6, [unknown.id]])],
            records=HELD_HERE,
            wants_sent=unknown.id,
            error="not_sent",
        ),
        session(
            "S7", "an answer without a question", [hello(), records_frame([], why=1, final=True)], error="bad_message"
        ),
        session("S7", "a pull of nothing", [hello(), pack([15, b""])], error="bad_message"),
    ]


def _news() -> list[Fields]:
    return [
        session(
            "S8",
            "not back to where it came from",
            [hello(), records_frame([THEIRS], why=0)],
            wants_sent=THEIRS.id,
            error="not_sent",
        ),
        session(
            "S8",
            "what is named and lacking is pulled",
            [hello(), have(THEIRS)],
            expect={"pulled": [THEIRS.id[:8].hex()]},
        ),
        session("S8", "what is named and held is not", [hello(), have(OWN_CARD)], expect={"pulled": []}),
        session(
            "S8",
            "one question for all namers",
            [hello(), have(THEIRS), have(THEIRS)],
            expect={"pulled": [THEIRS.id[:8].hex()]},
        ),
    ]


def _origins() -> list[Fields]:
    pulled = [hello(), through(), have(THEIRS), records_frame([THEIRS], why=1, final=True)]
    hello_only = [hello(), through()]
    own = post(name=11)
    written = ["publish", [own.wire]]
    by_name = [hello(), pack([16, HUB.public[:8], False]), written]
    again = [hello(), through(), records_frame([THEIRS], why=0), records_frame([THEIRS], why=0)]
    return [
        session("S9", "their own records come at once in any case", pulled, expect={"preferred": []}),
        session(
            "S9",
            "who sends its own record twice is asked for nothing",
            again,
            expect={"preferred": []},
        ),
        session(
            "S9",
            "whose record had to be pulled from another is wanted from there",
            [*hello_only, have(MEMBERS), records_frame([MEMBERS], why=1, final=True)],
            records=[*HELD, ORGANISER_GRANT],
            expect={"preferred": [[ORGANISER.public[:8].hex(), True]]},
        ),
        session("S9", "an own record is sent at once", [hello(), written], wants_sent=own.id),
        session("S9", "by name where they prefer that", by_name, wants_sent=own.id, error="not_sent"),
        session(
            "S9", "named a little later", [*by_name, ["wait", 500]], expect={"named": [[0, own.id[:8].hex(), False]]}
        ),
    ]


def _feeding() -> list[Fields]:
    two = {"links": [FROM_THEM, FROM_THEM | {"peer_node": STRANGER.public}]}
    other = hello(ORGANISER, [CHARTER, ORGANISER_GRANT, card(ORGANISER, STRANGER.public)], own_node=STRANGER.public)
    named = [1, pack([14, post(ORGANISER, name=8).id[:8], True])]
    return [
        session(
            "S10",
            "the first is asked for records, the second for names",
            [[0, hello()], [1, other]],
            **two,
            expect={"eager": [True, False]},
        ),
        session(
            "S10",
            "when the first is done, the second too",
            [[0, hello()], [0, through()], [1, other]],
            **two,
            expect={"eager": [True, True]},
        ),
        session(
            "S10",
            "what others name meanwhile is not pulled",
            [[0, hello()], [1, other], named],
            **two,
            expect={"pulled": []},
        ),
        session(
            "S10",
            "it is pulled then",
            [[0, hello()], [1, other], named, [0, through()]],
            **two,
            expect={"pulled": [post(ORGANISER, name=8).id[:8].hex()]},
        ),
        session(
            "S10",
            "it is not pulled before",
            [[0, hello()], [1, other], named],
            **two,
            wants_pulled=post(ORGANISER, name=8).id[:8],
            error="not_pulled",
        ),
    ]

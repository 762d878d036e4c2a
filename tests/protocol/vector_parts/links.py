"""Vectors of part H: greetings; and what all sessions begin with, for the parts about what follows on a link.

A session vector names a hub with its key, node and records, the links it has, and the frames that come in on them. It
is valid where the link stays open and what is wanted has happened.
"""

from typing import Any

from protocol.vector_parts.checks import with_checks
from protocol.vector_parts.composing import (
    HOUR_MS,
    NOW,
    Fields,
    Made,
    Signer,
    digest,
    pack,
    prefix,
    seal,
    vector,
)
from protocol.vector_parts.sets import EPOCH, NEED
from protocol.vector_parts.world import (
    CHARTER,
    HUB,
    HUB_GRANT,
    MEMBER,
    MEMBER_GRANT,
    NETWORK,
    NODE,
    OTHER_GRANT,
    OTHER_HUB,
    OTHER_NODE,
    PROOFS,
    RECOVERY,
    SEAT,
    STRANGER,
    card,
    card_fields,
    consent,
    grant,
    handed,
    post,
    revoke,
    version,
)

HOUR = (NOW // HOUR_MS + 1) * HOUR_MS
HOUR_NUMBER = HOUR // HOUR_MS  # as it travels
OWN_CARD, THEIR_CARD = card(HUB, NODE), card(OTHER_HUB, OTHER_NODE)
HELD = [*PROOFS, OWN_CARD]
CHECK = bytes(range(16))
SECRET = bytes(range(16, 32))
FROM_THEM = {"peer_node": OTHER_NODE, "opened_by_us": False, "nonce": bytes(16)}
FROM_US = FROM_THEM | {"opened_by_us": True}


def hello(who: Signer = OTHER_HUB, records: Any = None, **changes: Any) -> bytes:
    """The frame of a hello to the hub under test."""
    path = [CHARTER, OTHER_GRANT, THEIR_CARD] if records is None else records
    fields = {
        "lowest": 1,
        "highest": 1,
        "network": NETWORK,
        "own_node": OTHER_NODE,
        "peer_node": NODE,
        "nonce": bytes(16),
        "hub": who.public,
        "records": [made.wire if isinstance(made, Made) else made for made in path],
        "epoch": EPOCH,
        "cursor": None,
        "newest": None,
        "time": NOW,
        "trusted": True,
        "count": 0,
        "eager": True,
        "alone": True,
    }
    return pack([1, *(fields | changes).values()])


def join(who: Signer = STRANGER, *, signer: Signer | None = None, **changes: Any) -> bytes:
    """The frame of a newcomer's greeting."""
    proof = (signer or who).sign(prefix("join") + changes.get("network", NETWORK) + OTHER_NODE + NODE)
    fields = {
        "lowest": 1,
        "highest": 1,
        "network": NETWORK,
        "own_node": OTHER_NODE,
        "peer_node": NODE,
        "secret": SECRET,
        "hub": who.public,
        "recovery": None,
        "proof": proof,
        "records": [],
    }
    return pack([2, *(fields | changes).values()])


def records_frame(records: list[Any], *, why: int = 2, final: bool = False) -> bytes:
    """The frame of a `Records` message."""
    wires = [made.wire if isinstance(made, Made) else made for made in records]
    return pack([4, why, wires, final])


def through(n: int = 5, *, final: bool = True) -> bytes:
    """The frame of a `Through` message, which `session` completes."""
    return pack([13, n, CHECK, final])


def have(*records: Made, now: bool = True) -> bytes:
    """The frame of a `Have` message."""
    return pack([14, b"".join(made.id[:8] for made in records), now])


def session(rule: str, name: str, frames: list[Any], *, error: str | None = None, **more: Any) -> Fields:
    """Frames from another hub on one link that it opened."""
    settings = {
        "network": NETWORK,
        "seed": HUB.seed,
        "node": NODE,
        "epoch": EPOCH,
        "now": NOW,
        "records": [made.wire for made in more.pop("records", HELD)],
        "links": [FROM_THEM],
    }
    given = [[0, frame] if isinstance(frame, bytes) else frame for frame in frames]
    return vector(rule, name, "session", with_checks(given), error=error, **(settings | more))


def vectors() -> list[Fields]:
    """All vectors of these parts."""
    return [
        *_greetings(),
        *_ends(),
        *_members(),
        *_joining(),
        *_doubled(),
        *_newest(),
    ]


def _greetings() -> list[Fields]:
    return [
        session("H1", "they greet, we answer", [hello()], expect={"sends": [1]}),
        session("H1", "we greet when we opened the link", [], links=[FROM_US], expect={"sends": [1]}),
        session("H1", "we say nothing before them", [], expect={"sends": []}),
        session("H1", "a ping after the greeting", [hello(), pack([10, 3])], expect={"sends": [11]}),
        session("H1", "a ping before the greeting", [pack([10, 3])], error="bad_message"),
        session("H1", "records before the greeting", [records_frame([])], error="bad_message"),
        session("H1", "a question before the greeting", [pack([6, [NEED.id]])], error="bad_message"),
        session("H1", "a second greeting", [hello(), hello()], error="bad_message"),
        session("H1", "an admission that nobody asked for", [pack([3, []])], error="bad_message"),
        session("H1", "a join on a link that we opened", [join()], links=[FROM_US], error="bad_message"),
    ]


def _ends() -> list[Fields]:
    return [
        session("H3", "network and both nodes", [hello()]),
        session("H3", "another network", [hello(network=bytes(16))], error="other_network"),
        session("H3", "another node of theirs", [hello(own_node=STRANGER.public)], error="wrong_node"),
        session("H3", "another node of ours", [hello(peer_node=STRANGER.public)], error="wrong_node"),
        session("H3", "a newcomer to another network", [join(network=bytes(16))], error="other_network"),
        session("H3", "a newcomer to another node", [join(peer_node=STRANGER.public)], error="wrong_node"),
    ]


def _members() -> list[Fields]:
    fresh = grant(OTHER_HUB, STRANGER, 0, invites=0)
    fresh_card = card(STRANGER, OTHER_NODE)
    no_card = [CHARTER, OTHER_GRANT]
    ousting = version(CHARTER, facts={"seats": [[STRANGER.public, bytes(32)]]})
    named = grant(SEAT, MEMBER, 5, recovery=consent(MEMBER))
    heir, heir_card = handed(RECOVERY, MEMBER, STRANGER), card(STRANGER, OTHER_NODE)
    facts = THEIR_CARD.fields["facts"] | {"ends": True}
    ended = seal(card_fields(OTHER_HUB, OTHER_NODE, seq=2, facts=facts), [OTHER_HUB])
    longer = post(OTHER_HUB, place=0, expires=THEIR_CARD.fields["expires"] + 1)
    second = card(OTHER_HUB, OTHER_NODE, place=7)
    return [
        session("H4", "a hub that is known", [hello()]),
        session("H4", "a hub with the path down to it", [hello(STRANGER, [CHARTER, OTHER_GRANT, fresh, fresh_card])]),
        session(
            "H4", "with a later charter", [hello(STRANGER, [CHARTER, version(CHARTER), OTHER_GRANT, fresh, fresh_card])]
        ),
        session("H4", "by a charter that ousts its giver", [hello(records=[CHARTER, ousting])], error="not_a_member"),
        session("H4", "with the revocation that made it", [hello(STRANGER, [CHARTER, named, heir, heir_card])]),
        session("H4", "without it", [hello(STRANGER, [CHARTER, named, heir_card])], error="not_a_member"),
        session("H4", "no grant", [hello(STRANGER, [CHARTER, fresh_card])], error="not_a_member"),
        session(
            "H4",
            "a gap in the path",
            [hello(STRANGER, [CHARTER, fresh, fresh_card])],
            records=[CHARTER, HUB_GRANT, OWN_CARD],
            error="not_a_member",
        ),
        session("H4", "rank member", [hello(MEMBER, [CHARTER, MEMBER_GRANT])], error="not_a_member"),
        session("H4", "revoked", [hello()], records=[*HELD, revoke(SEAT, OTHER_HUB)], error="revoked"),
        session("H4", "no card", [hello(records=no_card)], error="wrong_card"),
        session(
            "H4",
            "a card with another node",
            [hello(records=[*no_card, card(OTHER_HUB, STRANGER.public)])],
            error="wrong_card",
        ),
        _again("its card has ended", [ended], error="wrong_card"),
        _again("another thread took its card's place", [longer], error="wrong_card"),
        _again("another card of its names the node", [second, ended]),
        session("H4", "our own key", [hello(HUB, [CHARTER, HUB_GRANT, card(HUB, OTHER_NODE)])], error="own_key"),
    ]


def _again(name: str, said: list[Made], **more: Any) -> Fields:
    """A hub greets and says something; then it greets once more on another link, which is judged."""
    frames = [[0, hello()], [0, records_frame(said)], [1, hello()]]
    return session("H4", name, frames, links=[FROM_THEM, FROM_THEM], judged_link=1, **more)


def _joining() -> list[Fields]:
    given = grant(HUB, STRANGER, 0, invites=0)
    admission = {"admission": {"grant": given.wire}}
    recovery = consent(STRANGER)
    path = sorted(made.id.hex() for made in (CHARTER, HUB_GRANT, given, OWN_CARD))
    late = [
        *HELD,
        grant(HUB, OTHER_HUB, 0, invites=0),
        grant(HUB, MEMBER, 1, invites=0),
        grant(HUB, SEAT, 2, invites=0),
    ]
    no_room = {"admission": {"grant": grant(HUB, STRANGER, 3, invites=0).wire}}
    hashed = {"function": "invite_secret_hash", "arguments": [SECRET]}
    return [
        session("H5", "signed over both nodes", [join()], **admission, expect={"sends": [3]}),
        session("H5", "signed by another key", [join(signer=OTHER_HUB)], **admission, error="bad_signature"),
        session(
            "H5",
            "a proof made for another link",
            [join(proof=STRANGER.sign(prefix("join") + NETWORK + NODE + OTHER_NODE))],
            **admission,
            error="bad_signature",
        ),
        *_asking_which(),
        *_joining_without(given),
        session(
            "H6",
            "a good secret",
            [join(recovery=recovery)],
            **admission,
            expect={"sends": [3], "asked": True, "admitted": path},
            wants_kept=given.id,
        ),
        session(
            "H6",
            "one that stands already",
            [join(OTHER_HUB)],
            expect={"sends": [3], "asked": False, "admitted": sorted(made.id.hex() for made in [*PROOFS, OWN_CARD])},
        ),
        session("H6", "a bad secret", [join()], admission={"refuse": "bad_invite"}, error="bad_invite"),
        session("H6", "no invites left", [join()], records=late, **no_room, error="no_invites"),
        vector("H6", "the secret's hash", "derive", digest("invite secret", SECRET), **hashed),
        vector("H6", "a plain hash", "derive", digest("body", SECRET), error="different", **hashed),
    ]


def _asking_which() -> list[Fields]:
    """A newcomer that does not know the network yet: it may be shown, and nobody is admitted."""
    unknown = join(network=bytes(16), secret=b"")
    shown = {"admission": {"refuse": "not_admitted_yet", "shows": True}, "expect": {"admitted": [CHARTER.id.hex()]}}
    return [
        session("H5", "asks which network this is, and sees it", [unknown], **shown, error="not_admitted_yet"),
        session(
            "H5",
            "asks which network this is, and is told nothing",
            [unknown],
            admission={"refuse": "not_open"},
            expect={"admitted": []},
            error="not_open",
        ),
        session(
            "H5",
            "who stands already asks which network this is",
            [join(OTHER_HUB, network=bytes(16), secret=b"")],
            **shown,
            error="not_admitted_yet",
        ),
        session("H5", "a secret for no network in particular", [join(network=bytes(16))], error="other_network"),
    ]


def _joining_without(given: Made) -> list[Fields]:
    """Newcomers without a secret: proven by what they bring, or let in by the node."""
    brought = join(secret=b"", records=[given.wire])
    kept_out = card(STRANGER, OTHER_NODE)
    refuse = {"admission": {"refuse": "not_open"}, "error": "not_open"}
    good = {"admission": {"grant": given.wire}, "expect": {"sends": [3], "asked": True}}
    return [
        session("H6", "records that prove that it stands", [brought], expect={"sends": [3], "asked": False}),
        session("H6", "records that prove nothing", [join(secret=b"", records=[kept_out.wire])], **refuse),
        session("H6", "a key that was removed", [join()], records=[*HELD, revoke(SEAT, STRANGER)], error="revoked"),
        session("H6", "a card brought by a newcomer", [join(records=[given.wire, kept_out.wire])], wants_kept=given.id),
        session(
            "H6",
            "no card is taken from a newcomer",
            [join(records=[given.wire, kept_out.wire])],
            wants_kept=kept_out.id,
            error="not_kept",
        ),
        session("H6", "no secret, where the node lets it in", [join(secret=b"")], **good),
        session("H6", "no secret, where it does not", [join(secret=b"")], **refuse),
    ]


def _doubled() -> list[Fields]:
    """Both hubs dialled at once: link 0 is theirs, link 1 ours."""
    both = {"links": [FROM_THEM, FROM_US]}
    theirs_stays = OTHER_NODE < NODE
    stays, goes = (0, 1) if theirs_stays else (1, 0)
    frames = [[0, hello()], [1, hello()]]
    return [
        session("H7", "the link that the lower node id opened", frames, **both, judged_link=stays),
        session("H7", "the other one", frames, **both, judged_link=goes, error="doubled"),
        session("H7", "whichever was greeted first", frames[::-1], **both, judged_link=stays),
        session(
            "H7", "the other one, whichever was greeted first", frames[::-1], **both, judged_link=goes, error="doubled"
        ),
    ]


def _newest() -> list[Fields]:
    lost = post(name="lost").id
    return [
        session("H8", "none", [hello()], expect={"wanted": []}),
        session("H8", "one that is held", [hello(newest=OWN_CARD.id)], expect={"wanted": []}),
        session("H8", "one that is not held is asked for", [hello(newest=lost)], expect={"wanted": [lost.hex()]}),
        session("H8", "one that is named but not shown", [hello(newest=lost)], wants_kept=lost, error="not_kept"),
    ]

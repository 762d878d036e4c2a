"""Vectors of part B: bundles as files, and what becomes of the records out of one."""

import hashlib
from collections.abc import Sequence
from typing import Any

from protocol.vector_parts.composing import DAY_MS, NOW, STAMP, Fields, Made, Signer, pack, prefix, signer, vector
from protocol.vector_parts.world import (
    CHARTER,
    HUB,
    HUB_GRANT,
    NETWORK,
    ORGANISER_GRANT,
    OTHER_GRANT,
    OTHER_HUB,
    PACT_FACTS,
    PARTNER,
    PROOFS,
    SEAT,
    STRANGER,
    THIRD,
    pact,
    post,
    revoke,
)

MAGIC = b"Hartig bundle 1. To read it on a hub: hartig bundle read FILE\r\n\x1a\n"
TAG = b"\xc1HB"
EPOCH, CHECK = bytes(range(16)), bytes(range(16, 32))
HEADER: list[Any] = [1, NETWORK, HUB.public, EPOCH, 7, CHECK, 3, STAMP, NETWORK]
NEED, OFFER = post(), post(kind=17, name=2, place=2)
RECORDS: tuple[Made, ...] = (CHARTER, HUB_GRANT, NEED, OFFER)
WRONG: dict[int, list[Any]] = {
    2: [None, b""],
    3: [None, bytes(15)],
    4: [None, -1, True, b""],
    5: [None, bytes(17)],
    6: [None, -1],
    7: [None, -1, "now"],
    8: [None, bytes(17)],
}


def frame(letter: bytes, payload: bytes) -> bytes:
    """One frame."""
    return TAG + letter + len(payload).to_bytes(4, "big") + payload


def sealed(name: str, fields: Any, key: Signer = HUB) -> bytes:
    """Fields and a signature over them under the prefix of this name."""
    said = pack(fields)
    return pack([said, key.sign(prefix(name) + said)])


def begin(header: Any = None, **more: Any) -> bytes:
    """The beginning of a bundle, right or wrong."""
    return MAGIC + frame(b"h", sealed("bundle header", HEADER if header is None else header, **more))


def frames(records: Sequence[Made]) -> list[bytes]:
    """A frame for each record."""
    return [frame(b"r", pack(list(made.wire))) for made in records]


def end_of(before: bytes, count: int, **more: Any) -> bytes:
    """The end that belongs to what stands before it."""
    content = hashlib.sha256(prefix("bundle content") + before).digest()
    return frame(b"e", sealed("bundle end", [count, content], **more))


def bundle(records: Sequence[Made] = RECORDS, header: Sequence[Any] = HEADER) -> bytes:
    """A whole bundle."""
    before = begin(header) + b"".join(frames(records))
    return before + end_of(before, len(records))


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [*_files(), *_headers(), *_records(), *_ends(), *_damages(), *_carried(), *_abroad()]


def _good(
    rule: str, name: str, data: bytes, records: Sequence[Made] = RECORDS, lost: int = 0, after: int = 0
) -> Fields:
    expect = {"records": [made.id for made in records], "lost": lost, "after": after}
    return vector(rule, name, "bundle", data, network=NETWORK, expect=expect)


def _bad(rule: str, name: str, data: bytes, error: str, records: Sequence[Made] | None = None, lost: int = 0) -> Fields:
    expect = {} if records is None else {"expect": {"records": [made.id for made in records], "lost": lost}}
    return vector(rule, name, "bundle", data, network=NETWORK, error=error, **expect)


def _files() -> list[Fields]:
    rest = bundle()[len(MAGIC) :]
    return [
        _good("B1", "a bundle of four records", bundle()),
        _good("B1", "a bundle of none", bundle([]), []),
        _bad("B1", "an empty file", b"", "not_a_bundle"),
        _bad("B1", "a picture", b"\x89PNG\r\n\x1a\n", "not_a_bundle"),
        _bad("B1", "of a later version", MAGIC.replace(b"1", b"2", 1) + rest, "version"),
        _bad("B1", "its line end changed by a mail program", MAGIC.replace(b"\r\n", b"\n") + rest, "damaged_bundle"),
        _bad("B1", "its text cut off", MAGIC[:40], "damaged_bundle"),
        _bad("B1", "it begins with a record", MAGIC + frames([CHARTER])[0], "damaged_bundle"),
        _bad("B1", "a header of 513 bytes", MAGIC + frame(b"h", bytes(513)), "damaged_bundle"),
        _bad("B1", "its header cut off", begin()[:-1], "damaged_bundle"),
    ]


def _headers() -> list[Fields]:
    made = [
        _good("B2", "a signed header", bundle()),
        _bad("B2", "signed by another hub", begin(key=OTHER_HUB), "damaged_bundle"),
        _bad("B2", "signed under another prefix", MAGIC + frame(b"h", sealed("bundle end", HEADER)), "damaged_bundle"),
        _bad(
            "B2", "of another network, for its own hubs", begin([1, PARTNER, *HEADER[2:-1], PARTNER]), "other_network"
        ),
        _bad("B2", "of this network, for a partner", begin([*HEADER[:-1], PARTNER]), "other_network"),
        _bad("B2", "of a later version", begin([2, b"", HUB.public, "more"]), "version"),
        _bad("B2", "a field short", begin(HEADER[:-1]), "damaged_bundle"),
        _bad("B2", "a field long", begin([*HEADER, 0]), "damaged_bundle"),
        _bad("B2", "a map", begin({}), "damaged_bundle"),
        _bad("B2", "not strict", MAGIC + frame(b"h", pack([b"\xcc\x01", HUB.sign(b"")])), "damaged_bundle"),
    ]
    wrong = [(at, value) for at, values in WRONG.items() for value in values]
    return made + [
        _bad("B2", f"field {at} is {value!r:.30}", begin([*HEADER[:at], value, *HEADER[at + 1 :]]), "damaged_bundle")
        for at, value in wrong
    ]


def _records() -> list[Fields]:
    private = post(name=3, place=3, audience="hub")
    return [
        _moves("B3", "proofs first, then the others in their order", RECORDS),
        _fails("B3", "a record that should never have left its hub", [*RECORDS, private], "private"),
    ]


def _ends() -> list[Fields]:
    parts = frames(RECORDS)
    before = begin() + b"".join(parts)
    return [
        _good("B4", "the end that its hub signed", before + end_of(before, 4)),
        _bad("B4", "no end", before, "missing", RECORDS),
        _bad(
            "B4",
            "signed by another hub",
            before + end_of(before, 4, key=OTHER_HUB),
            "missing",
            RECORDS,
            len(end_of(before, 4)),
        ),
        _bad("B4", "another count", before + end_of(before, 5), "changed", RECORDS),
        _bad(
            "B4", "a record left out since", begin() + b"".join(parts[:3]) + end_of(before, 4), "changed", RECORDS[:3]
        ),
        _bad("B4", "the end of another bundle", begin() + end_of(before, 4), "changed", []),
    ]


def _damages() -> list[Fields]:
    whole, parts = bundle(), frames(RECORDS)
    before = begin() + b"".join(parts)
    end = end_of(before, 4)
    noise = parts[0] + bytes(50)
    made = [
        _good("B5", "bytes behind the end are not looked at", whole + bytes(9), after=9),
        _bad("B5", "cut off in a record", before[:-20], "missing", RECORDS[:3], len(parts[3]) - 20),
        _bad("B5", "fifty bytes of nothing", begin() + noise + b"".join(parts[1:]) + end, "changed", RECORDS, 50),
        _bad("B5", "records behind a wrong end", begin() + parts[0] + end + b"".join(parts[1:]), "changed", RECORDS),
        _bad("B5", "another letter", before + frame(b"x", b"\xc0") + end, "changed", RECORDS, 9),
        _bad("B5", "no record", before + frame(b"r", b"\xc0") + end, "changed", RECORDS, 9),
        _bad("B5", "after 1,024 that were none a reader may stop", begin() + b"\xc1HBx" * 1_024 + parts[0], "missing"),
    ]
    at = len(begin()) + len(parts[0])
    left = [RECORDS[0], *RECORDS[2:]]
    for name, length in (("none", 0), ("one too few", 10), ("longer than allowed", 19_489), ("enormous", 2**32 - 1)):
        data = whole[: at + 4] + length.to_bytes(4, "big") + whole[at + 8 :]
        made.append(_bad("B5", f"a wrong length: {name}", data, "changed", left, len(parts[1])))
    return made


def _moves(rule: str, name: str, records: Sequence[Made], **more: Any) -> Fields:
    """Carried to another hub, which notes how far it holds what the first one has."""
    expect = {"cursor": [EPOCH, 7, CHECK]}
    return vector(rule, name, "carried", bundle(records), expect=expect, **_reader(), **more)


def _fails(rule: str, name: str, given: Sequence[Made], error: str, **more: Any) -> Fields:
    """Carried to another hub, where something is refused or lacking."""
    return vector(rule, name, "carried", bundle(given), error=error, **(_reader() | more))


def _reader() -> Fields:
    return {
        "network": NETWORK,
        "seed": OTHER_HUB.seed,
        "now": NOW,
        "records": [made.wire for made in PROOFS],
    }


def _carried() -> list[Fields]:
    thief = signer("thief")
    unproven = post(author=STRANGER, name=4)
    stolen = post(author=OTHER_HUB, name=5)
    voided = [made.wire for made in (*PROOFS, revoke(SEAT, OTHER_HUB))]
    stranger = {"records": [made.wire for made in (CHARTER, OTHER_GRANT)]}
    early = post(name=6, place=4, stamp=NOW + DAY_MS)
    return [
        _moves("B6", "all that a hub has", RECORDS),
        _moves("B6", "what is refused as early passes", [*RECORDS, early]),
        _moves("B6", "further than before", RECORDS, cursor=[EPOCH, 6, CHECK]),
        _moves("B6", "another life of the hub's store", RECORDS, cursor=[bytes(16), 9, CHECK]),
        _fails("B6", "a record of a revoked key", [*RECORDS, stolen], "revoked", seed=thief.seed, records=voided),
        _fails("B6", "a record without its proof waits", [*RECORDS, unproven], "waits"),
        _fails("B6", "the hub does not stand", [CHARTER], "stays", **stranger),
        _fails("B6", "no further than before", RECORDS, "stays", cursor=[EPOCH, 8, CHECK]),
    ]


def _abroad() -> list[Fields]:
    """For a partner network: what crosses to it, by the pact that counts."""
    by = pact(facts=PACT_FACTS | {"categories": [], "areas": []})
    offer, home = post(kind=17, name=2, place=2, audience="partners"), post(kind=17, name=3, place=3)
    crossing = [CHARTER, ORGANISER_GRANT, HUB_GRANT, by, offer]
    said: Fields = _reader() | {"partner": PARTNER, "pact": by.wire, "records": [CHARTER.wire]}
    whole, asking = [*HEADER[:-1], PARTNER], [*HEADER[:3], bytes(16), 0, bytes(16), 4, STAMP, PARTNER]

    def carries(name: str, data: bytes, **more: Any) -> Fields:
        return vector("B7", name, "carried", data, **(said | more))

    return [
        carries("what crosses", bundle(crossing, whole), expect={"cursor": [EPOCH, 7, CHECK]}),
        carries("what does not", bundle([*crossing, home], whole), error="not_shared"),
        carries("a post where nothing is agreed", bundle(crossing, whole), pact=None, error="not_shared"),
        carries("what asks a network to agree", bundle(crossing[:-1], asking), pact=None, error="stays"),
        carries("for a third network", bundle(crossing, whole), partner=THIRD, error="other_network"),
    ]

"""Heads of governance records, with every field an argument (SPEC, part G).

In: what a person or a program decided. Out: a head for `opening.sign_record`, which checks it. Founding, the board,
the command line and tests all write by these, so that nobody builds a head by hand.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hartig_protocol.limits import LIFE_LONG_MS_MAX, VERSION_HIGHEST
from hartig_protocol.records.governance import CONSENTED, Defaults
from hartig_protocol.records.keys import SigningKey, recovery_consent
from hartig_protocol.records.record import NO_KEY, NO_NETWORK, Head, Kind, thread_id

Recovery = tuple[bytes, bytes]  # a recovery key's hash, and the consent of the key that it recovers (SPEC G8)


def charter_head(
    *,
    name: str,
    seats: Sequence[tuple[bytes, bytes]],
    threshold: int,
    signers: Sequence[bytes],
    defaults: Defaults,
    nonce: bytes,
    stamp: int,
    network: bytes = NO_NETWORK,
    seq: int = 1,
    prev: bytes | None = None,
) -> Head:
    """Return a version of a charter; `seats` are keys with the hashes of their recovery keys.

    Sign it with the keys of `signers` in rising order, whatever the order in which they are given. `network` and `prev`
    (the record id of the version before) belong to the versions after the first.
    """
    facts = {
        "name": name.encode(),
        "seats": [list(seat) for seat in seats],
        "threshold": threshold,
        "signers": sorted(signers),
        "defaults": {
            "places": defaults.places,
            "invites": defaults.invites,
            "retention_days": defaults.retention_days,
            "open": defaults.open,
            "languages": list(defaults.languages),
        },
    }
    return _head(network, Kind.CHARTER, NO_KEY, None, nonce, seq, stamp, None, facts, prev)


def grant_head(
    *,
    network: bytes,
    author: bytes,
    place: int,
    subject: bytes,
    rank: str,
    places: int,
    invites: int,
    stamp: int,
    expires: int,
    seq: int = 1,
    gateway: bool = False,
    recovery: Recovery | None = None,
    approx: bool = False,
    ends: bool = False,
) -> Head:
    """Return a grant in the author's invite number `place`; with `ends` one that takes back what stood there."""
    facts: dict[str, Any] = {"ends": True} if ends else {"rank": rank, "places": places, "invites": invites}
    if recovery is not None and not ends:
        facts["recovery"] = list(recovery)
    facts |= {name: True for name, is_said in (("gateway", gateway and not ends), ("approx", approx)) if is_said}
    return _head(network, Kind.GRANT, author, place, subject, seq, stamp, expires, facts)


def revoke_head(
    *,
    network: bytes,
    author: bytes,
    subject: bytes,
    stamp: int,
    expires: int,
    seq: int = 1,
    successor: bytes | None = None,
    recovery: Recovery | None = None,
    consent: bytes | None = None,
) -> Head:
    """Return a revocation; `recovery` is the successor's own, for when it is lost in its turn (SPEC A9).

    `consent`: the subject's, where the author is its recovery key; the second half of its `recovery_of`.
    """
    said = {"successor": successor, "recovery": recovery and list(recovery), "consent": consent}
    facts = {name: one for name, one in said.items() if one is not None}
    fixed = [] if consent is None else CONSENTED
    return _head(network, Kind.REVOKE, author, None, subject, seq, stamp, expires, facts, fixed=fixed)


def pact_head(
    *,
    network: bytes,
    author: bytes,
    place: int,
    partner: bytes,
    stamp: int,
    expires: int,
    seq: int = 1,
    terms: Mapping[str, Any] | None = None,
    approx: bool = False,
) -> Head:
    """Return one side of an agreement with a partner network; without `terms` one that ends it.

    `terms` are kinds, categories, areas and retention_days (SPEC X1).
    """
    facts: dict[str, Any] = {"ends": True} if terms is None else {**terms}
    facts |= {"approx": True} if approx else {}
    return _head(network, Kind.PACT, author, place, partner, seq, stamp, expires, facts, audience=partner)


def pact_times(now_ms: int, until_ms: int, least_ms: int, *, approx: bool) -> tuple[int, int]:
    """Return stamp and expires of a side that is to last until then, and no less than what it stands in for.

    `approx`: nobody vouches for the time, so that it takes the longest life (L).
    """
    stamp = max(now_ms, least_ms - LIFE_LONG_MS_MAX)
    latest = stamp + LIFE_LONG_MS_MAX
    return stamp, latest if approx else min(max(until_ms, least_ms), latest)


def recovery_of(key: SigningKey, network: bytes, hash_: bytes) -> Recovery:
    """Return what a grant or a revocation says of this key's recovery key, with the key's consent."""
    return hash_, key.sign(recovery_consent(network, key.public, hash_))


def _head(
    network: bytes,
    kind: Kind,
    author: bytes,
    place: int | None,
    subject: bytes,
    seq: int,
    stamp: int,
    expires: int | None,
    facts: dict[str, Any],
    prev: bytes | None = None,
    fixed: Sequence[str] = (),
    audience: str | bytes = "network",
) -> Head:
    thread = thread_id(network, kind, author, audience, place, subject, [*fixed])
    return Head(
        VERSION_HIGHEST, network, int(kind), author, thread, place, subject, [*fixed], seq, prev, stamp, expires,
        audience, facts, None,
    )  # fmt: skip

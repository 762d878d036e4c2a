"""Which side of an agreement stands: a function of the set of records held, as everything about authority (SPEC X3).

In: accepted pacts, who stands, the time. Out: the one that counts about a network, or none. Called by `partners`.
"""

from collections.abc import Iterable

from hartig_protocol.records.governance import Rank
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.trust.authority import Authority

_PACT = int(Kind.PACT)


def standing_pact(
    records: Iterable[Record], authority: Authority, partner: bytes, expired_at_ms: int | None
) -> Pact | None:
    """Return our network's side of the agreement with a partner; None where there is none, or no longer.

    Of all that those say who may, the highest rank's word counts, then what lasts longest (SPEC R10): so whoever may
    make an agreement may end it, too, by a version that ends.

    Args:
        records: governance records that are held, in any order.
        authority: who stands by them.
        partner: the network id that the agreement is with, 16 bytes.
        expired_at_ms: what expires at or before this moment is over; None where the clock is not trusted.
    """
    found = [
        ((authority.standings[head.author].rank, head.expires or 0, head.seq, record.id), head)
        for record in records
        if (head := record.head).kind == _PACT and head.subject == partner and may_agree(authority, head.author)
    ]
    if not found:
        return None
    order, head = max(found, key=lambda one: one[0])
    is_over = expired_at_ms is not None and (head.expires or 0) <= expired_at_ms
    return None if head.ends or is_over else Pact.of(order[-1], head)


def may_agree(authority: Authority, author: bytes) -> bool:
    """Tell whether somebody may speak for the network about agreements: a trustee or an organiser."""
    standing = authority.standing(author)
    return standing is not None and standing.rank >= Rank.ORGANISER

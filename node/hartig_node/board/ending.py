"""Why nothing more may be said in a chain, asked anew each time: no answer is kept, because time and records go on.

In: the head of a need or an offer, what the catalog holds, the time. Out: an `EndReason`, or None while the chain may
go on, and what people read of it. `signing` refuses to sign by it, `books` shows it.
"""

from hartig_node.board.errors import BoardError
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Now
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.records.record import Head, Kind

# What is wrong, by reason; what to do about it follows from the kind of the post.
_DETAILS = {
    EndReason.FORKED: "two copies of the same hub have written about this post, so nobody can tell what is promised",
    EndReason.RESTORED: "this post is from before this hub was restored from an older copy of its folder",
    EndReason.WITHDRAWN: "this post was withdrawn",
    EndReason.VOID: "this post does not stand any more, or who wrote it may not post any more",
    EndReason.EXPIRED: "the time of this post is over",
}
COUNT_ANEW = "count what is there, and post it anew with that quantity"
CONFIRM_NEED = "ask how much is still needed, and post the need anew with that quantity"


def end_reason(catalog: Catalog, post: Head, now: Now, seq_floor: int = 0) -> EndReason | None:
    """Return why the chain of a need or an offer has ended, the gravest reason first; None where it goes on.

    Registers with a seq below `seq_floor` were written before this hub was restored: their chains never go on (design,
    section 4). Pass it for own posts alone.
    """
    chain = catalog.chains.get(post.thread)
    if chain is not None and chain.fork is not None:
        return EndReason.FORKED
    standing = catalog.standing_of(post)
    if standing is None:
        return EndReason.VOID
    seq, expires_ms, ends = standing
    if seq < seq_floor:
        return EndReason.RESTORED
    if ends:
        return EndReason.WITHDRAWN
    if not catalog.authority.may_write(post.author, post.kind, post.place):
        return EndReason.VOID
    if now.trusted and expires_ms <= now.wall_ms:
        return EndReason.EXPIRED
    return None


def way_on(kind: int) -> str:
    """Return what people can do when the chain of a need or an offer has ended."""
    return CONFIRM_NEED if kind == Kind.NEED else COUNT_ANEW


def has_ended(reason: EndReason, kind: int) -> BoardError:
    """Say that nothing more can be said about a need or an offer, and what to do."""
    return BoardError("chain_ended", _DETAILS[reason], way_on(kind))


def is_full(kind: int) -> BoardError:
    """Say that the chain of a need or an offer is as long as it may be (SPEC D2)."""
    return BoardError("chain_ended", "as much was said about this post as fits", way_on(kind))

"""What a hub takes along to a new key: its posts, whom it let in and whom it removed, and nothing of its doubts.

All that the old key signed is void with it, and gone from the store in the commit that removes the key. So what is
still true is kept in private rows of that same commit: posts wait to be counted (`anew`), but needs about which nothing
was said are posted again by themselves. The doubts about the old key's past are forgotten: the new one has none.

In: a context whose pen holds the old key, while nothing runs. Out: rows and records. Who calls: `daemon/recovering`.
"""

from collections.abc import Collection, Sequence

from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.belonging.census import Census
from hartig_node.board.belonging.falling import without
from hartig_node.board.belonging.people import is_over
from hartig_node.board.context import Context
from hartig_node.board.keeping.anew import begun_of, kept_until
from hartig_node.board.posts.asked import SPACE_ASKED, AskedLives
from hartig_node.board.signing import (
    KEY_CLAIMED,
    KEY_CLAIMS_FLOOR,
    KEY_RESTORES,
    KEY_SEQ_FLOOR,
    SPACE_SETTING,
    SPACE_SIGNED,
    logged,
)
from hartig_node.board.times import rfc3339
from hartig_protocol.events import PrivateRow
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.limits import LIFE_LONG_MS_MAX, LIFE_REVOKE_MS_MAX
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Head, Kind, Record
from hartig_protocol.records.writing import grant_head, revoke_head
from hartig_protocol.values import value

KEY_REKEYED = b"rekeyed"  # the key to which this folder has gone over; written in the commit that decides it


@value
class Said:
    """A membership or a removal by the old key. `known`: the log of what was signed has it; else a thief may have."""

    record: Record
    known: bool

    @property
    def key(self) -> bytes:
        """Whom it is about."""
        return self.record.head.subject

    @property
    def is_removal(self) -> bool:
        """Whether it removes rather than lets belong."""
        return self.record.head.kind == Kind.REVOKE


async def posts_taken_along(context: Context) -> list[PrivateRow]:
    """Return rows by which own standing posts are begun anew under the new key."""
    ledger, asked, now = Ledger(context), AskedLives(context.store, b""), context.clock.now()
    await asked.load()
    rows = []
    for entry in sorted(context.pen.own_posts(), key=lambda entry: entry.n):
        if entry.ends or (now.trusted and asked.end_of(entry.thread, entry.expires or 0) <= now.wall_ms):
            continue
        book = await ledger.book(entry.thread)
        begun = None if book is None or book.chain.is_closed else begun_of(book, EndReason.VOID)
        if begun is None:
            continue
        if begun.again and not (book and book.post.head.facts.get("approx")):
            begun.draft["expires_at"] = rfc3339(asked.end_of(entry.thread, entry.expires or 0))
        rows.append(begun.row(kept_until(context.clock)))
        rows.append(PrivateRow(SPACE_ASKED, entry.thread, None))
    return rows


def start_clean(new: bytes) -> list[PrivateRow]:
    """Return rows that forget the doubts about the old key, and say to which key this folder goes over."""
    doubts = (KEY_SEQ_FLOOR, KEY_CLAIMED, KEY_CLAIMS_FLOOR, KEY_RESTORES)
    return [*(PrivateRow(SPACE_SETTING, key, None) for key in doubts), PrivateRow(SPACE_SETTING, KEY_REKEYED, new)]


# --- Who belongs by the old key's word


async def said_by(context: Context) -> list[Said]:
    """Return the memberships that the old key gave and that stand, by its invites, then the removals by it alone."""
    now, own = context.clock.now(), context.pen.key.public
    census = Census(context.pen.catalog, {}, own)
    grants = [one for one in census.given_by(own) if not is_over(one.head, now)]
    removals = [one for one in without(census, now, {own}).removals if one.head.author == own]
    return [Said(one, await _is_known(context, one)) for one in (*grants, *removals)]


async def _is_known(context: Context, record: Record) -> bool:
    return await context.store.private_get(SPACE_SIGNED, record.id) is not None


def staying(said: Sequence[Said], keep: Collection[bytes], drop: Collection[bytes]) -> list[Said]:
    """Return what the new key says again: what is known, and of both what was asked for.

    Of a key that was let in and removed later it is the removal that `keep` and `drop` are about.
    """
    removed = {one.key for one in said if one.is_removal}
    stay = [
        one
        for one in said
        if (one.is_removal or one.key not in removed) and one.key not in drop and (one.known or one.key in keep)
    ]
    back = removed - {one.key for one in stay}
    return [*(one for one in said if one.known and not one.is_removal and one.key in back), *stay]


def said_again(said: Sequence[Said], key: SigningKey, now_ms: int) -> list[tuple[Record, PrivateRow]]:
    """Sign all of it again with the new key, with the line of the log of each."""
    records = [sign_record(_again(one.record.head, key.public, now_ms), None, [key]) for one in said]
    return [(record, logged(record)) for record in records]


def _again(before: Head, author: bytes, now_ms: int) -> Head:
    """Return what was said, in another's name: a membership for as long as it had."""
    facts, recovery = before.facts, before.facts.get("recovery")
    named = None if recovery is None else (recovery[0], recovery[1])
    if before.kind == Kind.REVOKE:
        return revoke_head(
            network=before.network,
            author=author,
            subject=before.subject,
            stamp=now_ms,
            expires=now_ms + LIFE_REVOKE_MS_MAX,
            successor=facts.get("successor"),
            recovery=named,
        )
    return grant_head(
        network=before.network,
        author=author,
        place=before.place or 0,
        subject=before.subject,
        rank=facts["rank"],
        places=facts["places"],
        invites=facts["invites"],
        stamp=now_ms,
        expires=min(before.expires or 0, now_ms + LIFE_LONG_MS_MAX),
        gateway=facts.get("gateway", False),
        recovery=named,
        approx=facts.get("approx", False),
    )

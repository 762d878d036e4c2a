"""What a hub takes along to a new key: its posts, the memberships that it gave, and nothing of its doubts.

All that the old key signed is void with it, and gone from the store in the commit that removes the key. So what is
still true is kept in private rows of that same commit: posts wait to be counted (`anew`), but needs about which nothing
was said are posted again by themselves. The doubts about the old key's past are forgotten: the new one has none.

In: a context whose pen holds the old key, while nothing runs. Out: rows and grants. Who calls: `daemon/recovering`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hartig_node.board.accounts.ledger import Ledger
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
from hartig_protocol.catalog.entry import Entry
from hartig_protocol.events import PrivateRow
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.limits import LIFE_LONG_MS_MAX
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record, sign_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.records.writing import grant_head

KEY_REKEYED = b"rekeyed"  # the key to which this folder has gone over; written in the commit that decides it


@dataclass(frozen=True)
class Given:
    """A membership that the old key gave. `known`: the log of what this hub signed has it; else a thief may have."""

    grant: Record
    known: bool


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


# --- Memberships


async def given_by(context: Context) -> list[Given]:
    """Return the memberships that the old key gave and that stand, in the order of its invites."""
    now, own = context.clock.now(), context.pen.key.public
    found = []
    for entry in _grants(context):
        stored = await context.store.read_record(entry.id)
        if entry.author != own or stored is None or (now.trusted and (entry.expires or 0) <= now.wall_ms):
            continue
        known = await context.store.private_get(SPACE_SIGNED, entry.id) is not None
        found.append(Given(open_record(stored.wire, verify_signature=False), known))
    return found


def _grants(context: Context) -> list[Entry]:
    grants = context.pen.catalog.registers.of_kind(Kind.GRANT)
    return sorted((entry for entry in grants if not entry.ends), key=lambda entry: entry.place or 0)


def given_again(given: Sequence[Given], key: SigningKey, now_ms: int) -> list[tuple[Record, PrivateRow]]:
    """Sign memberships again with the new key, each for as long as it had, with the line of the log of each."""
    signed = []
    for one in given:
        before = one.grant.head
        facts = before.facts
        recovery = facts.get("recovery")
        head = grant_head(
            network=before.network,
            author=key.public,
            place=before.place or 0,
            subject=before.subject,
            rank=facts["rank"],
            places=facts["places"],
            invites=facts["invites"],
            stamp=now_ms,
            expires=min(before.expires or 0, now_ms + LIFE_LONG_MS_MAX),
            gateway=facts.get("gateway", False),
            recovery=None if recovery is None else (recovery[0], recovery[1]),
            approx=facts.get("approx", False),
        )
        record = sign_record(head, None, [key])
        signed.append((record, logged(record)))
    return signed

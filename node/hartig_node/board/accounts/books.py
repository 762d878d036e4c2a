"""Books: one need or offer with its chain, and deals: one claim with what both chains say of it.

In: records of one thread, as the store has them or as commits bring them. Out: `Book` and `Deal`, for `ledger`, which
keeps them, and for the use cases. A book's chain follows from its last step alone, because each step names the one
before: whether a book is up to date is told by comparing its last step with the catalog's chain.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from hartig_node.board.ending import end_reason
from hartig_node.clock import Clock
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.chains import Chain, Link
from hartig_protocol.catalog.entry import POSTS, Entry
from hartig_protocol.events import Commit
from hartig_protocol.exchange.chains import EndReason, fold
from hartig_protocol.exchange.deal import DealState, Mark, marks_of, state_of
from hartig_protocol.exchange.lot import LotChain, Promise
from hartig_protocol.exchange.need import Claim, NeedChain
from hartig_protocol.exchange.step import Step
from hartig_protocol.records.record import Head, Record
from hartig_protocol.values import value

_BYTES_A_STEP = 512  # how much of a post weighs as much as a step
_ASKED_A_STEP = 2  # how many of those who ask weigh as much as a step
_LENDS = "lend"


@dataclass(slots=True)
class Asked:
    """Who asks of an offer, as far as arrivals were read (`after`, by network): needs by claim, in that order."""

    after: dict[bytes, int] = field(default_factory=dict)
    needs: dict[bytes, bytes] = field(default_factory=dict)

    def take(self, claim: bytes, need: bytes) -> None:
        """Take a claim that has arrived; one that went and came back stands where it came back."""
        self.needs.pop(claim, None)
        self.needs[claim] = need


class Shelf(Protocol):
    """What a book is compared with: our own pen with its catalog, or what is held of a partner network (`Abroad`)."""

    @property
    def catalog(self) -> Catalog:
        """What is accepted."""

    def is_own(self, author: bytes) -> bool:
        """Tell whether this hub writes the chains of an author."""

    def end_of(self, post: Head) -> EndReason | None:
        """Return why the chain of a post has ended."""


@value
class Abroad:
    """The posts of a partner network, none of which is ours."""

    catalog: Catalog
    clock: Clock

    def is_own(self, _author: bytes) -> bool:
        """Tell that this hub writes in none of their chains."""
        return False

    def end_of(self, post: Head) -> EndReason | None:
        """Return why the chain of a post has ended."""
        return end_reason(self.catalog, post, self.clock.now())


class Book:
    """A need or an offer as it stands on disk, and the state of its chain."""

    def __init__(self, post: Record, chain: LotChain | NeedChain, last: tuple[int, bytes] | None, shelf: Shelf) -> None:
        self.post, self.last = post, last
        self.asked = Asked()
        self._chain, self._shelf = chain, shelf

    def __repr__(self) -> str:
        return f"<Book {self._chain!r}>"

    @property
    def thread(self) -> bytes:
        """The id of the post."""
        return self.post.head.thread

    @property
    def kind(self) -> int:
        """Whether it is a need or an offer."""
        return self.post.head.kind

    @property
    def is_mine(self) -> bool:
        """Whether this hub posted it, and so writes its chain."""
        return self._shelf.is_own(self.post.head.author)

    @property
    def ended(self) -> EndReason | None:
        """Why its chain has ended, by the records and the time of this moment."""
        return self._shelf.end_of(self.post.head)

    @property
    def chain(self) -> LotChain | NeedChain:
        """The state of its chain, with what has ended it by now."""
        self._chain.ended = self.ended
        return self._chain

    @property
    def weight(self) -> int:
        """How much memory it takes, about, in steps."""
        size = len(self.post.head_bytes) + len(self.post.body_bytes or b"")
        return size // _BYTES_A_STEP + len(self.asked.needs) // _ASKED_A_STEP + (self.last[0] if self.last else 0)

    def contact_due_ms(self, contact: bytes) -> int | None:
        """Return when a contact that was said in its chain is due to go; None while the deal goes on."""
        return self._shelf.catalog.contact_due_ms(contact)

    # --- Keeping up

    def is_held(self) -> bool:
        """Tell whether all that is in this book is part of what the catalog holds."""
        if self.last is None:
            return True
        chain = self._shelf.catalog.chains.get(self.thread)
        seq, step = self.last
        return chain is not None and len(chain.steps) >= seq and chain.steps[seq - 1] == step

    def is_level(self) -> bool:
        """Tell whether the catalog's chain goes no further than this book, whose steps are durable."""
        chain = self._shelf.catalog.chains.get(self.thread)
        return self.is_held() and (0 if chain is None else len(chain.steps)) == (self.last[0] if self.last else 0)

    def take(self, entry: Entry, record: Record) -> bool:
        """Take what was added to this thread; tell whether the book is right now, or must be read anew.

        Commits may bring what the book has already, and what the catalog has let go of since.
        """
        if entry.kind in POSTS:
            if _order(record) > _order(self.post):
                self.post = record
            return True
        chain = self._shelf.catalog.chains.get(self.thread)
        if chain is None or not self.is_held():
            return False
        if entry.seq > len(chain.steps) or chain.steps[entry.seq - 1] != entry.id:
            return True  # it does not stand: evidence of a fork
        seq = self.last[0] if self.last else 0
        if entry.seq == seq + 1:
            self._chain.apply(Step.of(record))
            self.last = (entry.seq, entry.id)
        return entry.seq <= seq + 1


def book_of(post: Record, steps: Iterable[tuple[bytes, Head]], shelf: Shelf) -> Book:
    """Return the book of a post with the steps that are kept, by id; only those that stand count (SPEC T3)."""
    chain, kept = Chain(), {}
    for step, head in sorted(steps, key=lambda one: (one[1].seq, one[0])):
        link = chain.place(step, head.seq, head.prev)
        if link is Link.EXTENDS or link is Link.FORKS:
            chain.add(step, head.seq, head.prev, link)
            kept[step] = head
    standing = (Step.of_head(one, kept[one]) for one in chain.steps)
    state = fold(post.head.kind, standing, thread=post.head.thread)
    last = (len(chain.steps), chain.steps[-1]) if chain.steps else None
    return Book(post, state, last, shelf)


def follow(book: Book, commit: Commit) -> bool:
    """Take what a commit changed; tell whether the book is right now."""
    for entry, record in commit.added:
        if entry.thread == book.thread and not book.take(entry, record):
            return False
    return not has_lost(book, gone_with(commit))


def gone_with(commit: Commit) -> set[bytes]:
    """Return the ids of what went with a commit, and of what lost or found its text."""
    return {*commit.removed, *commit.bodies_removed, *(record.id for record in commit.bodies_added)}


def has_lost(book: Book, gone: set[bytes]) -> bool:
    """Tell whether a book misses something of what went: its post, or steps that went though another version came."""
    return bool(gone) and (book.post.id in gone or not book.is_held())


def _order(record: Record) -> tuple[int, int, bytes]:
    return (record.head.expires or 0, record.head.seq, record.id)


# --- Deals


@value
class Deal:
    """A claim, and what became of it. `lot` is None where the offer that it asks is not here."""

    claim: Claim
    need: Book
    lot: Book | None
    state: DealState
    promise: Promise | None  # the open one, or the last there was
    marks: frozenset[Mark]

    @property
    def id(self) -> bytes:
        """The id of the claim, by which people and programs name the deal."""
        return self.claim.id


def deal_of(claim: Claim, need: Book, lot: Book | None) -> Deal:
    """Return what became of a claim."""
    chain = lot_chain(lot)
    lender = need if lot is None else lot
    is_loan = lender.post.head.facts.get("mode") == _LENDS
    marks = marks_of(claim, chain, need_ended=need.chain.is_over, is_loan=is_loan)
    promise = None if chain is None else chain.promises.get(chain.last_promise_of.get(claim.id, b""))
    return Deal(claim, need, lot, state_of(marks), promise, marks)


def lot_chain(book: Book | None) -> LotChain | None:
    """Return the chain of an offer; None where it is not here, or is something else."""
    chain = None if book is None else book.chain
    return chain if isinstance(chain, LotChain) else None


def claim_in(need: Book | None, claim_id: bytes) -> Claim | None:
    """Return a claim that stands in the book of a need; None where it does not."""
    chain = None if need is None else need.chain
    return chain.claims.get(claim_id) if isinstance(chain, NeedChain) else None

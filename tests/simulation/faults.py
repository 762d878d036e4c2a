"""Planted faults: each breaks one promise of the core, and some world must notice.

Used by `test_planted_faults` and, for the one about hash seeds, by `story` in processes of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.verdict import ACCEPTED, Verdict
from hartig_protocol.events import Action, Now
from hartig_protocol.records import opening
from hartig_protocol.records.record import Record
from hartig_protocol.sync import inbound
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.state import Inbound, Step


@contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """Tell, then send, then store."""
    right = Step.actions

    def actions(self: Step) -> list[Action]:
        return right(self)[::-1]

    with patch.object(Step, "actions", actions):
        yield


@contextmanager
def keep_cursor_across_epochs() -> Iterator[None]:
    """Believe any cursor, as if a store never changed its past."""
    with patch.object(Cursors, "confirmed", lambda _self, _peer, _epoch, cursor, _running: cursor[1] if cursor else 0):
        yield


@contextmanager
def count_stripped_bodies_as_known() -> Iterator[None]:
    """Accept a record without asking for its body."""
    with patch.object(Record, "lacks_body", False):
        yield


@contextmanager
def let_the_last_stand() -> Iterator[None]:
    """Let whatever comes last take the place: a verdict that depends on the order of arrival."""
    right = Catalog.judge

    def judge(self: Catalog, record: Record, now: Now) -> Verdict:
        verdict = right(self, record, now)
        return ACCEPTED if verdict.code == "superseded" else verdict

    with patch.object(Catalog, "judge", judge):
        yield


@contextmanager
def forward_before_verify() -> Iterator[None]:
    """Open what peers send without looking at signatures."""

    def open_unverified(wire: Any) -> Record:
        return opening.open_record(wire, verify_signature=False)

    with patch.object(inbound, "open_record", open_unverified):
        yield


@contextmanager
def expire_by_any_clock() -> Iterator[None]:
    """Let things go by a clock that nobody trusts."""
    right = Catalog.sweep

    def sweep(self: Catalog, now: Now, commit: Any) -> bool:
        return right(self, Now(now.wall_ms, now.steady_ms, trusted=True), commit)

    with patch.object(Catalog, "sweep", sweep):
        yield


@contextmanager
def ask_in_the_order_of_a_set() -> Iterator[None]:
    """Iterate a set unsorted: the trace then follows the hash seed of the process."""
    right = inbound.want

    def want(into: Inbound, ids: Iterable[bytes]) -> None:
        right(into, set(ids))

    with patch.object(inbound, "want", want):
        yield


SEEN_BY_INVARIANTS: tuple[Callable[[], Any], ...] = (
    acknowledge_before_commit,
    keep_cursor_across_epochs,
    count_stripped_bodies_as_known,
    let_the_last_stand,
    forward_before_verify,
    expire_by_any_clock,
)

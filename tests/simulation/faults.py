"""Planted faults: each breaks one promise of the core, and some world must notice.

Used by `test_planted_faults` and, for the one about hash seeds, by `story` in processes of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from hartig_protocol import hub
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.verdict import ACCEPTED, Verdict
from hartig_protocol.events import Action, Now, PublishAnswered, RecordsCarried, SendFrame
from hartig_protocol.records import opening
from hartig_protocol.records.record import Record
from hartig_protocol.sync import bundle, inbound, pulling, spreading
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.messages import Audit, Equal
from hartig_protocol.sync.state import Inbound, Session, Step, SyncState
from hartig_protocol.trust.authority import Authority


@contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """Tell people that it is kept, then store it."""
    right = Step.actions

    def actions(self: Step) -> list[Action]:
        return sorted(right(self), key=lambda action: not isinstance(action, PublishAnswered))

    with patch.object(Step, "actions", actions):
        yield


@contextmanager
def send_before_store() -> Iterator[None]:
    """Send to peers what is not durable yet."""
    right = Step.actions

    def actions(self: Step) -> list[Action]:
        return sorted(right(self), key=lambda action: not isinstance(action, SendFrame))

    with patch.object(Step, "actions", actions):
        yield


@contextmanager
def keep_cursor_across_epochs() -> Iterator[None]:
    """Believe any cursor, as if a store never changed its past."""
    with patch.object(Cursors, "confirmed", lambda _self, _peer, _epoch, cursor, _running: cursor[1] if cursor else 0):
        yield


@contextmanager
def believe_void_cursors() -> Iterator[None]:
    """Believe a cursor of the right epoch without its running hash."""

    def confirmed(_self: Cursors, _peer: bytes, epoch: bytes, cursor: Any, _running_at: Any) -> int:
        return cursor[1] if cursor and cursor[0] == epoch else 0

    with patch.object(Cursors, "confirmed", confirmed):
        yield


@contextmanager
def count_what_is_named_as_held() -> Iterator[None]:
    """Let a name do for the record: what a peer names and we lack is not pulled, and its cursor moves."""
    with patch.object(pulling, "have_received", lambda _state, _session, _step, _message: None):
        yield


@contextmanager
def answer_equal_without_looking() -> Iterator[None]:
    """Answer every audit with "equal"."""

    def audit_received(_state: SyncState, session: Session, step: Step, message: Audit) -> None:
        step.send(session, Equal(message.as_of))

    with patch.dict(hub._OPEN, {Audit: audit_received}):
        yield


@contextmanager
def look_at_no_check() -> Iterator[None]:
    """Take what comes on a link for all that was said on it: as if nothing were ever lost under way."""
    with patch.object(Inbound, "hear", lambda _self, _frame, _message: None):
        yield


@contextmanager
def take_what_revoked_keys_wrote_from_bundles() -> Iterator[None]:
    """Ask nobody whether the author of a record on a stick may write."""
    right = bundle.records_carried

    def records_carried(state: SyncState, step: Step, event: RecordsCarried) -> None:
        with patch.object(Authority, "may_write", lambda *_: True):
            right(state, step, event)

    with patch.object(bundle, "records_carried", records_carried):
        yield


@contextmanager
def count_stripped_bodies_as_known() -> Iterator[None]:
    """Accept a record without asking for its body."""
    with patch.object(Record, "lacks_body", False):
        yield


@contextmanager
def let_the_last_stand() -> Iterator[None]:
    """Let whatever comes last take the place: a verdict that depends on the order of arrival."""
    right = Catalog._judge

    def judge(self: Catalog, record: Record, row: int, now: Now) -> Verdict:
        verdict = right(self, record, row, now)
        return ACCEPTED if verdict.code == "superseded" else verdict

    with patch.object(Catalog, "_judge", judge):
        yield


@contextmanager
def forward_before_verify() -> Iterator[None]:
    """Open what peers send without looking at signatures."""

    right = inbound.open_records

    def open_unverified(wires: Any) -> tuple[list[Record], int]:
        with patch.object(opening, "is_signed", lambda *_: True):
            return right(wires)

    with patch.object(inbound, "open_records", open_unverified):
        yield


@contextmanager
def expire_by_any_clock() -> Iterator[None]:
    """Let things go by a clock that nobody trusts."""
    right = Catalog.sweep

    def sweep(self: Catalog, now: Now, commit: Any, own: bytes = b"") -> bool:
        return right(self, Now(now.wall_ms, now.steady_ms, trusted=True), commit, own)

    with patch.object(Catalog, "sweep", sweep):
        yield


@contextmanager
def name_in_the_order_of_a_set() -> Iterator[None]:
    """Iterate a set unsorted: the trace then follows the hash seed of the process."""
    right = spreading.name_later

    def name_later(session: Session, step: Step, ids: Iterable[bytes]) -> None:
        right(session, step, set(ids))

    with patch.object(spreading, "name_later", name_later):
        yield


SEEN_BY_INVARIANTS: tuple[Callable[[], Any], ...] = (
    acknowledge_before_commit,
    send_before_store,
    believe_void_cursors,
    count_what_is_named_as_held,
    answer_equal_without_looking,
    take_what_revoked_keys_wrote_from_bundles,
    keep_cursor_across_epochs,
    count_stripped_bodies_as_known,
    let_the_last_stand,
    forward_before_verify,
    expire_by_any_clock,
)

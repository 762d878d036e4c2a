"""The record's shape: what follows from a head, and how it looks in a log."""

import pytest

from hartig_protocol.records.governance import Charter, Defaults
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import HEAD_FIELDS, body_due, body_hash, record_id, thread_due, thread_id
from protocol.vector_parts.composing import DAY_MS, HEAD_ORDER, digest
from protocol.vector_parts.world import (
    CHARTER,
    DEFAULTS,
    HUB,
    NETWORK,
    RECOVERY_HASH,
    SEAT,
    SECOND_SEAT,
    grant,
    post,
    step,
)

NEED = open_record(post().wire)


def test_a_head_has_the_fields_of_the_specification_in_their_order() -> None:
    assert HEAD_FIELDS == HEAD_ORDER
    assert NEED.head.as_list() == [post().fields[name] for name in HEAD_ORDER]


def test_ids_hashes_and_threads_are_those_of_a_second_writer() -> None:
    head = NEED.head
    committed = (head.network, head.kind, head.author, head.audience, head.place, head.subject, head.fixed)
    assert record_id(NEED.head_bytes) == post().id
    assert thread_id(*committed) == post().thread
    assert body_hash(NEED.body_bytes or b"") == digest("body", post().wire[2] or b"")


def test_a_log_line_shows_id_kind_seq_and_thread() -> None:
    assert repr(NEED) == f"<Record {NEED.id.hex()[:12]} kind 16 seq 1 thread {NEED.head.thread.hex()[:8]}>"


def test_kinds_from_128_are_chains() -> None:
    assert open_record(step(post(), 1, None).wire).head.is_chain
    assert not NEED.head.is_chain


@pytest.mark.parametrize(("due", "days"), [(body_due, 7), (thread_due, 35)])
def test_bodies_are_due_after_a_week_and_threads_after_five(due: object, days: int) -> None:
    assert callable(due)
    assert due(1000) == 1000 + days * DAY_MS
    assert due(None) is None


def test_only_true_ends_a_thread() -> None:
    assert open_record(grant(SEAT, HUB, 0, ends=True).wire).head.ends
    assert not NEED.head.ends


def test_a_charter_reads_as_it_was_written() -> None:
    charter = Charter.of(open_record(CHARTER.wire).head)
    assert charter.name == "Cité Nord"
    assert charter.seats == ((SEAT.public, RECOVERY_HASH), (SECOND_SEAT.public, bytes(32)))
    assert charter.threshold == 1
    assert charter.defaults == Defaults(**(DEFAULTS | {"languages": ("en", "ht")}))
    assert CHARTER.id[:16] == NETWORK

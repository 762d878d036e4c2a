"""Bundles in the core: what a new one says of this hub, and what becomes of records out of one (SPEC, part B).

In: records that were read out of a bundle, and that it was whole. They are judged like any others; what waits, waits
under the hub that wrote the bundle. Out: verdicts, and the cursor for that hub, which moves if nothing is lacking.
Who calls: `hub`. The bytes of a bundle are the business of `bundle_file`.
"""

from collections.abc import Sequence

from hartig_protocol.catalog.entry import Body
from hartig_protocol.catalog.verdict import Outcome, Verdict
from hartig_protocol.errors import RecordError
from hartig_protocol.events import (
    BundleEnded,
    CarriedAnswered,
    Cursor,
    Now,
    OwnRecordClaimed,
    RecordsCarried,
    Refusal,
)
from hartig_protocol.limits import CARRIED_WAITING_MAX, WAITING_PER_PEER_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Record, Wire, record_id
from hartig_protocol.sync import inbound
from hartig_protocol.sync.bundle_file import BundleHeader
from hartig_protocol.sync.greeting import judge_standing
from hartig_protocol.sync.state import Carried, Step, SyncState

# Refusals of records that are what they say: they pass in a stream too, and hold nothing up (SPEC W1).
PASSING = frozenset({"bad_step", "body_due", "early", "expired", "forked", "replaced", "revoked", "superseded"})
NO_ROOM = "no_room"  # it would have waited, but too much does already


def new_header(state: SyncState, now: Now, reader: bytes | None = None) -> BundleHeader:
    """Return the header of a bundle that begins now: all that is accepted through the newest arrival.

    `reader`: the network that it is for, if not that of the records; then the state is of what crosses to it.
    """
    catalog = state.catalog
    return BundleHeader(
        state.network,
        state.hub_key.public,
        state.epoch,
        catalog.last_n,
        catalog.running,
        catalog.shared_count,
        now.wall_ms,
        reader or state.network,
    )


def records_carried(state: SyncState, step: Step, event: RecordsCarried) -> None:
    """Judge records out of a bundle like any others, and say what became of each."""
    opened = [_open(state, wire) for wire in event.records]
    records = [item for item in opened if isinstance(item, Record)]
    place = _place(state, event.hub)
    room = WAITING_PER_PEER_MAX - state.waiting.count(place) if place else 0
    new = [record for record in records if record.id not in state.catalog.entries]
    verdicts = inbound.ingest(state, step, records, None, live=False, carrier=place)
    refusals = _refusals(state, records, verdicts, room)
    for record in new:
        if record.head.author == state.hub_key.public:
            step.order(OwnRecordClaimed(record.id, record.head.kind, record.head.seq, event.hub))
    inbound.settle_shelf(state, step, place)
    answers = tuple(refusals[item.id] if isinstance(item, Record) else item for item in opened)
    step.tell(CarriedAnswered(event.ticket, answers, state.waiting.count(_shelf(event.hub))))


def bundle_ended(state: SyncState, step: Step, event: BundleEnded) -> None:
    """Commit "complete through n" of the hub that wrote the bundle, unless something of it waits (SPEC B6).

    What waited when the hub's bundle before ended, and still does, is let go with all that waits beside it: what it
    needs may not exist any more, and the bundles that follow would never count.
    """
    shelf = _shelf(event.hub)
    ids = state.waiting.ids(shelf)
    waiting = len(ids)
    cursor = Cursor(event.hub, event.epoch, event.n, event.check)
    carried = state.carried
    if ids & carried.waited.get(shelf, frozenset()):
        state.waiting.forget_peer(shelf)
    state.carried = Carried(waited={one: before for one, before in carried.waited.items() if state.waiting.count(one)})
    if state.waiting.count(shelf):
        state.carried.waited[shelf] = ids
    if not waiting and not carried.spilled and _may_move(state, cursor) and state.cursors.advance(cursor):
        step.commit.cursors.append(cursor)
    step.tell(CarriedAnswered(event.ticket, (), waiting))


def _open(state: SyncState, wire: Wire) -> Record | Refusal | None:
    """Return the record, why it is none of ours, or None where it is held already and need not be verified again."""
    held = state.catalog.entries.get(record_id(wire[0]))
    if held is not None and (held.body is not Body.GONE or wire[2] is None):
        return None
    try:
        record = open_record(wire)
    except RecordError as error:
        return Refusal(error.code, str(error))
    if record.head.audience == "hub":
        return Refusal("private", "it should never have left the hub that wrote it")
    return record


def _shelf(hub: bytes) -> bytes:
    """Return the name under which a bundle's records wait: a link with its hub that ends takes only its own along."""
    return b"bundle of " + hub


def _place(state: SyncState, hub: bytes) -> bytes:
    """Return under whom records of a bundle may wait: its hub, unless very much waits already."""
    return _shelf(hub) if len(state.waiting) < CARRIED_WAITING_MAX else b""


def _refusals(
    state: SyncState, records: Sequence[Record], verdicts: dict[bytes, Verdict], room: int
) -> dict[bytes, Refusal | None]:
    """Say of each record why it was let go, or None where it is held or waits; `room`: how many more could wait."""
    given = inbound.refusals_of(state, records, verdicts)
    refusals = dict(zip((record.id for record in records), given, strict=True))
    lacking = [one for one, refusal in refusals.items() if refusal and verdicts[one].outcome is Outcome.WAITS]
    refusals.update(dict.fromkeys(lacking[:room]))
    no_room = Refusal(NO_ROOM, "what it needs has not come, and too much waits already")
    return refusals | dict.fromkeys(lacking[room:], no_room)


def _may_move(state: SyncState, cursor: Cursor) -> bool:
    """Whether a hub that stands has said more with a bundle than it has said on a link."""
    if not cursor.n or cursor.peer == state.hub_key.public or judge_standing(state, cursor.peer) is not None:
        return False
    if any(one.peer_hub == cursor.peer and one.peer_epoch != cursor.epoch for one in state.open_sessions()):
        return False
    held = state.cursors.ours(cursor.peer)
    return held is None or held[0] != cursor.epoch or held[1] < cursor.n

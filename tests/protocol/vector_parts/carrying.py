"""Runs the vectors of part B: reads a bundle, and hands what was in it to a hub.

In: a vector with the bytes of a bundle. Out: how it ended or why it was refused, and what was seen. `running` names
both checks in its table.
"""

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.errors import RemoteError
from hartig_protocol.events import BundleEnded, CarriedAnswered, Cursor, Now, RecordsCarried, RecordsPublished
from hartig_protocol.hub import Hub
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Wire, record_id
from hartig_protocol.sync.bundle_file import BundleReader
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.state import SyncState
from protocol.vector_parts.desk import Seen, Vector, selection_of, unhexed


def bundle(vector: Vector) -> Seen:
    """Read a bundle in pieces of an odd size."""
    try:
        reader, wires = _read(vector)
    except RemoteError as error:
        return error.code, {}
    ids = [record_id(wire[0]).hex() for wire in wires]
    seen = {"records": ids, "lost": reader.bytes_lost, "after": reader.bytes_after}
    return None if reader.is_whole else reader.ending.value, seen


def _read(vector: Vector) -> tuple[BundleReader, list[Wire]]:
    reader, data = BundleReader(unhexed(vector.get("partner", vector["network"]))), unhexed(vector["input"])
    wires = [wire for at in range(0, len(data), 77) for wire in reader.feed(data[at : at + 77])]
    return reader, [*wires, *reader.finish()]


def carried(vector: Vector) -> Seen:
    """Carry a bundle to a hub, and see whether it notes how far it holds what the writer has."""
    try:
        reader, wires = _read(vector)
    except RemoteError as error:
        return error.code, {}
    assert reader.is_whole, "its frames are not what this vector is about"
    assert reader.header is not None, "it is whole"
    header, now = reader.header, Now(vector["now"], 0)
    hub = _hub(vector, header.hub, now)
    answer = _answer(hub, RecordsCarried(1, tuple(wires), header.hub), now)
    refused = [refusal.code for refusal in answer.refusals if refusal is not None and refusal.code != "early"]
    if refused:
        return refused[0], {}
    before = hub.state.cursors.ours(header.hub)
    answer = _answer(hub, BundleEnded(2, header.hub, header.epoch, header.n, header.check), now)
    after = hub.state.cursors.ours(header.hub)
    if answer.waiting or after == before or after is None:
        return "waits" if answer.waiting else "stays", {}
    return None, {"cursor": [after[0].hex(), after[1], after[2].hex()]}


def _hub(vector: Vector, writer: bytes, now: Now) -> Hub:
    epoch, n, check = unhexed(vector.get("cursor", ["", 0, ""]))
    held = [Cursor(writer, epoch, n, check)] if n else []
    network = unhexed(vector["network"])
    state = SyncState(
        network,
        SigningKey(unhexed(vector["seed"])),
        bytes(32),
        bytes(16),
        Catalog(network, selection_of(vector)),
        Cursors(held),
    )
    hub = Hub(state, now)
    hub.handle(RecordsPublished(0, tuple(tuple(wire) for wire in unhexed(vector["records"]))), now)
    return hub


def _answer(hub: Hub, event: RecordsCarried | BundleEnded, now: Now) -> CarriedAnswered:
    (answer,) = [action for action in hub.handle(event, now) if isinstance(action, CarriedAnswered)]
    return answer

"""Runs one vector against the package: vector in, error code (or None) and what was seen out.

`run` is the whole interface. What a vector names as `expect` must be in what was seen. Nothing is made here: all bytes
come from the vector, so the same files serve another implementation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hartig_node.board.errors import BoardError
from hartig_node.board.partners.code import read_code
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import Body, Entry
from hartig_protocol.catalog.fingerprint import fingerprint, ids_as_of
from hartig_protocol.catalog.stock import START_CHECK
from hartig_protocol.catalog.verdict import Outcome, Verdict
from hartig_protocol.catalog.waiting import WaitingPlace
from hartig_protocol.encoding import decode
from hartig_protocol.errors import RemoteError
from hartig_protocol.events import Commit, Now, Told
from hartig_protocol.limits import SKETCH_ID_BYTES
from hartig_protocol.partners.partner import epoch_of, mark_of
from hartig_protocol.records.governance import Charter
from hartig_protocol.records.invites import read_invite
from hartig_protocol.records.keys import (
    PREFIX_ARRIVALS,
    PREFIX_INVITE_SECRET,
    recovery_consent,
    recovery_hash,
    sha256,
    verify,
)
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, body_hash, record_id
from hartig_protocol.records.words import pairing_words
from hartig_protocol.sync.audit import agreed_hour_ms
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.framing import unpack
from hartig_protocol.sync.greeting import join_proof
from hartig_protocol.sync.recent import age_of
from hartig_protocol.sync.sketch import SKETCH_CHECK_BYTES, first_flight, indices_below, item_of, short_id, sketch_key
from hartig_protocol.sync.sketch_coding import Encoder
from hartig_protocol.trust.agreements import standing_pact
from hartig_protocol.trust.authority import authority_of, is_governance
from hartig_protocol.trust.charters import charters_of
from protocol.vector_parts import carrying, chained
from protocol.vector_parts.desk import Seen, Vector, selection_of, session, unhexed


def run(vector: Vector) -> Seen:
    """Run a vector; return the error code, or None where its input was taken, and what else was seen."""
    return CHECKS[vector["check"]](vector)


# --- One input alone


def _decode(vector: Vector) -> Seen:
    try:
        decode(unhexed(vector["input"]), vector["bytes_max"], ascii_only=vector.get("ascii", False))
    except RemoteError as error:
        return error.code, {}
    return None, {}


def _verify(vector: Vector) -> Seen:
    good = verify(*(unhexed(vector[name]) for name in ("key", "message", "input")))
    return None if good else "bad_signature", {}


def _record(vector: Vector) -> Seen:
    try:
        record = open_record(unhexed(vector["input"]))
    except RemoteError as error:
        return error.code, {"message": str(error)}
    assert record.wire == tuple(unhexed(vector["input"]))
    return None, {"id": record.id.hex(), "thread": record.head.thread.hex()}


def _derive(vector: Vector) -> Seen:
    derived = DERIVATIONS[vector["function"]](*unhexed(vector["arguments"]))
    return None if derived == unhexed(vector["input"]) else "different", {}


def _running_hash(*ids: bytes) -> bytes:
    check = START_CHECK
    for arrived in ids:
        check = sha256(PREFIX_ARRIVALS, check, arrived)[: len(START_CHECK)]
    return check


def _short(key: bytes, record: bytes) -> bytes:
    return short_id(key, record).to_bytes(SKETCH_ID_BYTES, "big")


def _item(short: bytes) -> bytes:
    return item_of(int.from_bytes(short, "big")).to_bytes(SKETCH_ID_BYTES + SKETCH_CHECK_BYTES, "big")


def _symbols(key: bytes, first: int, upto: int, *ids: bytes) -> bytes:
    parts: list[bytes] = []
    job = Encoder([b"".join(ids)], key).flight(first, upto, parts)
    while not job.step():
        pass
    return b"".join(parts)


DERIVATIONS: dict[str, Callable[..., Any]] = {
    "record_id": record_id,
    "body_hash": body_hash,
    "network_id": lambda head: record_id(head)[:16],
    "recovery_hash": recovery_hash,
    "recovery_consent": recovery_consent,
    "join_proof": join_proof,
    "invite_secret_hash": lambda secret: sha256(PREFIX_INVITE_SECRET, secret),
    "pairing_words": lambda *parts: pairing_words(*parts).encode(),
    "running_hash": _running_hash,
    "fingerprint": lambda hour, *ids: fingerprint(list(ids), int.from_bytes(hour, "big")),
    "sketch_key": sketch_key,
    "short_id": _short,
    "item": _item,
    "indices": lambda short, upto: indices_below(int.from_bytes(short, "big"), upto),
    "symbols": _symbols,
    "first_flight": first_flight,
    "fair_shares": chained.shares,
    "partition_epoch": lambda epoch, own, other: epoch_of(epoch, mark_of(own, other)),
    "age": age_of,
}


def _frame(vector: Vector) -> Seen:
    try:
        unpack(unhexed(vector["input"]))
    except RemoteError as error:
        return error.code, {}
    return None, {}


def _hour(vector: Vector) -> Seen:
    mine, theirs = (vector["mine"], vector["mine_trusted"]), (vector["theirs"], vector["theirs_trusted"])
    agreed = agreed_hour_ms(*mine, *theirs)
    assert agreed == agreed_hour_ms(*theirs, *mine), "both sides compute the same"
    return None if agreed == vector["input"] else "different", {}


# --- Sets


@dataclass
class Offered:
    """A catalog to which records are offered; what waits is offered again after each acceptance."""

    catalog: Catalog
    now: Now
    waiting: dict[bytes, Record] = field(default_factory=dict)
    rows: list[tuple[Entry, Record]] = field(default_factory=list)

    def offer(self, record: Record) -> Verdict:
        """Offer one record, then whatever waits; return the verdict on the one."""
        verdict = self._take(record)
        accepted = verdict.outcome is Outcome.ACCEPTED
        while accepted:
            accepted = self._retry()
        return verdict

    def _retry(self) -> bool:
        """Offer all that waits once more; tell whether any of it was accepted."""
        verdicts = [self._take(record) for record in list(self.waiting.values())]
        return any(verdict.outcome is Outcome.ACCEPTED for verdict in verdicts)

    def _take(self, record: Record) -> Verdict:
        commit = Commit()
        ((_, verdict),) = self.catalog.take([record], self.now, commit)
        self.waiting.pop(record.id, None)
        if verdict.outcome is Outcome.WAITS:
            self.waiting[record.id] = record
        self.rows.extend(commit.added)
        return verdict

    @property
    def kept(self) -> list[str]:
        """All ids held, sorted, in hex."""
        return sorted(held.hex() for held in self.catalog.entries)

    @property
    def bodies(self) -> list[str]:
        """The ids of those whose body is held, sorted, in hex."""
        return sorted(entry.id.hex() for entry in self.catalog.entries.values() if entry.body is Body.HERE)


def offered(vector: Vector, records: list[Record]) -> Offered:
    """A catalog of the vector's network that was offered these records one after the other."""
    given = Offered(
        Catalog(unhexed(vector["network"]), selection_of(vector)),
        Now(vector["now"], 0, trusted=vector.get("trusted", True)),
    )
    for record in records:
        given.offer(record)
    return given


def records_of(vector: Vector) -> list[Record]:
    """The records that a vector gives beside its input."""
    return [open_record(wire) for wire in unhexed(vector["records"])]


def _catalog(vector: Vector) -> Seen:
    given = offered(vector, records_of(vector))
    record = open_record(unhexed(vector["input"]))
    verdict = given.offer(record)
    error = None if verdict.outcome in (Outcome.ACCEPTED, Outcome.KNOWN) else verdict.code
    if "sweep_at" in vector:
        given.catalog.sweep(Now(vector["sweep_at"], 0, trusted=vector["trusted"]), Commit())
        error = error or (None if record.id in given.catalog.entries else "gone")
    return error, {"kept": given.kept, "bodies": given.bodies}


def _authority(vector: Vector) -> Seen:
    records = records_of(vector)
    charters = [record for record in records if record.head.kind == Kind.CHARTER]
    standing = charters_of(unhexed(vector["network"]), charters).standing
    assert standing is not None
    given = [record for record in records if is_governance(record.head.kind) and record.head.kind != Kind.CHARTER]
    authority = authority_of(Charter.of(standing.head), given, vector["now"] if vector["trusted"] else None)
    seen: dict[str, Any] = {"proven": sorted(proven.hex() for proven in authority.proven)}
    standing = authority.standing(unhexed(vector["input"]))
    if standing is None:
        return "no_standing", seen
    seen |= {"rank": int(standing.rank), "places": standing.places, "invites": standing.invites}
    return None, seen | {"until": standing.until_ms}


def _pact(vector: Vector) -> Seen:
    given = offered(vector, records_of(vector)).catalog
    at_ms = vector["now"] if vector["trusted"] else None
    pact = standing_pact(given.governance.values(), given.authority, unhexed(vector["partner"]), at_ms)
    if pact is None:
        return "none", {}
    return None if pact.id == unhexed(vector["input"]) else "different", {}


def _crosses(vector: Vector) -> Seen:
    selection = selection_of(vector)
    assert selection is not None
    return None if selection.crosses(open_record(unhexed(vector["input"])).head) else "not_shared", {}


def _waiting(vector: Vector) -> Seen:
    place, record = WaitingPlace(), open_record(unhexed(vector["input"]))
    reason = ("proof", record.head.author)
    for number in range(vector["already"]):
        among = vector.get("among", False) and number == 0
        place.add(b"peer", record if among else replace(record, id=number.to_bytes(32, "big")), reason)
    assert place.add(b"another peer", record, reason), "one neighbour's room is no other's"
    return None if place.add(b"peer", record, reason) else "full", {}


def _cursor(vector: Vector) -> Seen:
    cursors, cursor = Cursors(), unhexed(vector["input"])
    for n, check in vector["told"]:
        cursors.tell(Told(b"peer", n, unhexed(check)))
    arrivals = {0: START_CHECK} | {n: unhexed(check) for n, check in vector.get("arrivals", [])}
    after = cursors.confirmed(b"peer", unhexed(vector["epoch"]), tuple(cursor) if cursor else None, arrivals.get)
    confirmed = cursor is not None and after == cursor[1] and (after or cursor[2] == START_CHECK)
    return None if confirmed else "void", {"after": after}


def _audit_set(vector: Vector) -> Seen:
    record = open_record(unhexed(vector["input"]))
    given = offered(vector, records_of(vector))
    given.offer(record)
    assert record.id in given.catalog.entries
    return None if record.id in ids_as_of(given.catalog, vector["hour"]) else "outside", {}


# --- Invites


def _invite(vector: Vector) -> Seen:
    try:
        invite = read_invite(vector["input"])
    except RemoteError as error:
        return error.code, {}
    assert read_invite(invite.link) == invite
    fields = [invite.network.hex(), invite.inviter_node.hex(), invite.secret.hex(), invite.expires, invite.uses]
    return None, {"fields": [*fields, list(invite.addresses)], "link": invite.link}


def _partner_code(vector: Vector) -> Seen:
    try:
        code = read_code(vector["input"])
    except BoardError:
        return "bad_code", {}
    assert read_code(code.text) == code
    hubs = [[one.node.hex(), list(one.addresses)] for one in code.speakers]
    return None, {"fields": [code.network.hex(), code.name, hubs], "code": code.text}


CHECKS: dict[str, Callable[[Vector], Seen]] = {
    "decode": _decode,
    "verify": _verify,
    "record": _record,
    "derive": _derive,
    "frame": _frame,
    "hour": _hour,
    "catalog": _catalog,
    "authority": _authority,
    "waiting": _waiting,
    "pact": _pact,
    "crosses": _crosses,
    "cursor": _cursor,
    "audit_set": _audit_set,
    "session": session,
    "invite": _invite,
    "partner_code": _partner_code,
    "bundle": carrying.bundle,
    "carried": carrying.carried,
    "chain": chained.chain,
    "deal": chained.deal,
}

"""The set as of an agreed hour, and its fingerprint (SPEC, part F).

What is stamped at or after that hour, what is due to go by then, and what never leaves this hub is outside, so two
hubs that have exchanged until quiet name the same set although their clocks differ.
"""

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import Body, Entry
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.records.keys import PREFIX_FINGERPRINT, sha256
from hartig_protocol.trust.authority import Authority, authority_of, is_governance
from hartig_protocol.trust.lasting import due_governance

FINGERPRINT_BYTES = 16


def next_hour_ms(wall_ms: int) -> int:
    """Return the next full hour after a moment, in ms."""
    return (wall_ms // HOUR_MS + 1) * HOUR_MS


def ids_as_of(catalog: Catalog, hour_ms: int) -> list[bytes]:
    """Return the ids that belong to the set as of an hour, sorted."""
    due = due_governance(catalog.governance.values(), hour_ms)
    authority = authority_of(catalog.charter, catalog.governance.values(), hour_ms)
    return sorted(
        entry.id
        for entry in catalog.entries.values()
        if not entry.is_private
        and entry.stamp < hour_ms
        and (entry.id not in due if is_governance(entry.kind) else _is_inside(catalog, authority, entry, hour_ms))
    )


def _is_inside(catalog: Catalog, authority: Authority, entry: Entry, hour_ms: int) -> bool:
    """Judge thread, body and proof by that hour, whatever this hub's own clock says."""
    register = entry
    if entry.is_chain and entry.register is not None:
        register = catalog.registers[entry.register]
    due_ms = register.thread_due
    if due_ms is not None and due_ms <= hour_ms:
        return False
    if entry.body is Body.GONE and not catalog.is_body_due(entry, hour_ms):
        return False
    return authority.may_write(entry.author, entry.kind, entry.place)


def fingerprint(ids: list[bytes], hour_ms: int) -> bytes:
    """Return the fingerprint of a sorted list of ids as of an hour: a hash over all of them.

    A sum of hashes would be quicker to keep up but could be met by chosen records (Wagner, CRYPTO 2002); this cannot.
    """
    return sha256(PREFIX_FINGERPRINT, hour_ms.to_bytes(8, "big"), *ids)[:FINGERPRINT_BYTES]


class AuditSet:
    """Remembers the last set that was computed, so that ten neighbours who ask at once cost one computation."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._key: tuple[int, int] | None = None
        self._ids: list[bytes] = []
        self._fingerprint = b""

    def as_of(self, hour_ms: int) -> tuple[list[bytes], bytes]:
        """Return the sorted ids and their fingerprint as of an hour."""
        key = (self._catalog.generation, hour_ms)
        if key != self._key:
            self._ids = ids_as_of(self._catalog, hour_ms)
            self._fingerprint = fingerprint(self._ids, hour_ms)
            self._key = key
        return self._ids, self._fingerprint

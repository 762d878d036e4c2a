"""Opening and signing: the only ways from bytes to a `Record` and from a head to bytes (SPEC, parts R and K).

In: the wire form `[head, signature, body or nil]` as a decoded list, or a head with keys. Out: a `Record` that is well
formed and authentic, or a `RecordError` that says what is wrong.
"""

from collections.abc import Iterable
from typing import Any

from hartig_protocol.encoding import decode, encode
from hartig_protocol.errors import EncodingError, LocalError, RecordError
from hartig_protocol.limits import BODY_BYTES_MAX, KIND_CHAIN_LOWEST, SIGNATURE_BYTES, STEP_BODY_BYTES_MAX
from hartig_protocol.records.governance import is_consented
from hartig_protocol.records.keys import PREFIX_RECORD_SIGNATURE, SigningKey, verify
from hartig_protocol.records.kinds import check_body, check_head
from hartig_protocol.records.quick import POSTS, head_of_post, is_body_of_post
from hartig_protocol.records.record import Head, Kind, Record, body_hash, read_head, record_id, record_of

_CHARTER, _REVOKE = int(Kind.CHARTER), int(Kind.REVOKE)  # plain numbers: looked at for every record that comes


def open_record(wire: Any, *, verify_signature: bool = True, known_id: bytes | None = None) -> Record:
    """Read one record from its decoded wire form, and check all that can be checked of it alone.

    `verify_signature` is false only for records from our own store, which were verified when they came in, and for
    `open_records`, which verifies afterwards. `known_id` is `record_id` of this very head, if it was computed already.
    Raises `RecordError` with a stable code; never anything else for any input.
    """
    if type(wire) not in (list, tuple) or len(wire) != 3:
        raise RecordError("bad_record", "a record is an array of head, signature and body")
    head_bytes, signature, body_bytes = wire
    if type(head_bytes) is not bytes or type(signature) is not bytes:
        raise RecordError("bad_record", "head and signature must be byte strings")
    if body_bytes is not None and type(body_bytes) is not bytes:
        raise RecordError("bad_record", "a body is a byte string or nil")
    try:
        head = head_of_post(head_bytes) or _read_checked_head(head_bytes)
        if body_bytes is not None:
            _check_body_bytes(head, body_bytes)
            if head.kind not in POSTS or not is_body_of_post(body_bytes):
                check_body(head, decode(body_bytes, BODY_BYTES_MAX))
    except EncodingError as error:
        raise RecordError(error.code, str(error)) from error
    if verify_signature and not is_signed(head, head_bytes, signature):
        raise RecordError("bad_signature", f"the signature of this kind {head.kind} record does not verify")
    return record_of(known_id or record_id(head_bytes), head, head_bytes, signature, body_bytes)


def open_records(wires: Iterable[tuple[bytes | None, Any]]) -> tuple[list[Record], int]:
    """Open many, each given with its `known_id`; return the good ones in their order, and how many were bad.

    All are read before any is verified: a verification pushes everything else out of the processor's nearest caches,
    and reading takes twice as long there.
    """
    read, refused = [], 0
    for known_id, wire in wires:
        try:
            read.append(open_record(wire, verify_signature=False, known_id=known_id))
        except RecordError:
            refused += 1
    signed = [record for record in read if is_signed(record.head, record.head_bytes, record.signature)]
    return signed, refused + len(read) - len(signed)


def _read_checked_head(head_bytes: bytes) -> Head:
    head = read_head(head_bytes)
    check_head(head)
    return head


def _check_body_bytes(head: Head, body_bytes: bytes) -> None:
    limit = STEP_BODY_BYTES_MAX if head.kind >= KIND_CHAIN_LOWEST else BODY_BYTES_MAX
    if len(body_bytes) > limit:
        raise RecordError("too_large", f"a body of {len(body_bytes)} bytes where at most {limit} are allowed")
    if head.body_hash is None:
        raise RecordError("bad_body", "a body came with a head that names none")
    if body_hash(body_bytes) != head.body_hash:
        raise RecordError("bad_body", "the body is not the one that the head names")


def is_signed(head: Head, head_bytes: bytes, signature: bytes) -> bool:
    """Tell whether the author, or every signer of a charter in order, signed this head (SPEC R4, G2).

    And whether the subject of a revocation gave the consent that it carries, if it carries one (SPEC G8).
    """
    message = PREFIX_RECORD_SIGNATURE + head_bytes
    if head.kind != _CHARTER:
        return verify(head.author, message, signature) and (head.kind != _REVOKE or is_consented(head))
    keys = head.facts["signers"]
    parts = [signature[at : at + SIGNATURE_BYTES] for at in range(0, len(signature), SIGNATURE_BYTES)]
    return len(parts) == len(keys) and all(verify(key, message, part) for key, part in zip(keys, parts, strict=True))


def sign_record(head: Head, body_bytes: bytes | None, keys: list[SigningKey]) -> Record:
    """Sign a head with the author's key (a charter: with the keys of all its signers, in any order).

    Raises `RecordError` if the record would not be accepted as well formed anywhere.
    """
    head_bytes = encode(head.as_list())
    message = PREFIX_RECORD_SIGNATURE + head_bytes
    in_order = sorted(keys, key=lambda key: key.public)
    record = open_record((head_bytes, b"".join(key.sign(message) for key in in_order), body_bytes))
    if record.lacks_body:
        raise LocalError("a record is signed together with its body")
    return record

"""Proposed rules of a network as a file that trustees pass round: written, signed one after another, published.

In: the rules that stand, as the API gives them, and what is to change. Out: JSON with the head to be signed, the
signatures so far, and the same in words. What a trustee signs is read from the head itself, never from the words. Who
is to sign stands in the head, so it is decided before the first signs. Called by `network`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hartig_node.client.errors import ClientError
from hartig_node.wording import how_many
from hartig_protocol.encoding import encode
from hartig_protocol.errors import EncodingError, RecordError
from hartig_protocol.records.governance import Charter, Defaults
from hartig_protocol.records.keys import PREFIX_RECORD_SIGNATURE, SigningKey, recovery_hash, verify
from hartig_protocol.records.kinds import check_head
from hartig_protocol.records.record import Head, Kind, read_head
from hartig_protocol.records.writing import charter_head

Json = dict[str, Any]
FILE_BYTES_MAX = 64 * 1024
_FORM = "hartig rules 1"


@dataclass
class Proposal:
    """New rules on their way: the head, and the signatures so far by key."""

    head_bytes: bytes
    signatures: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def head(self) -> Head:
        """What is to be signed."""
        return read_head(self.head_bytes)

    @property
    def signers(self) -> list[bytes]:
        """The keys that sign, in their order."""
        return list(self.head.facts["signers"])

    @property
    def missing(self) -> list[bytes]:
        """The keys that have not signed yet."""
        return [key for key in self.signers if key not in self.signatures]

    @property
    def signature(self) -> bytes:
        """The signature field of the record, once nobody is missing."""
        return b"".join(self.signatures[key] for key in self.signers)

    def sign(self, key: SigningKey) -> None:
        """Add one signature."""
        if key.public not in self.signers:
            detail = f"the key {key.public.hex()[:8]}… is not among those who are to sign these rules"
            hint = "`hartig network draft --signers` names who signs, before anybody has signed"
            raise ClientError(detail, hint)
        self.signatures[key.public] = key.sign(PREFIX_RECORD_SIGNATURE + self.head_bytes)

    def merge(self, other: "Proposal") -> None:
        """Take the signatures of another copy of the same rules."""
        if other.head_bytes != self.head_bytes:
            raise ClientError("these files hold different rules", "publish one of them")
        self.signatures |= other.signatures

    # --- As a file

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        value = {
            "form": _FORM,
            "says": list(rules_lines(self.head)),
            "missing": [key.hex() for key in self.missing],
            "head": self.head_bytes.hex(),
            "signatures": {key.hex(): said.hex() for key, said in sorted(self.signatures.items())},
        }
        part = path.with_name(path.name + ".part")
        try:
            part.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise ClientError(f"{path} cannot be written: {error.strerror}", "name another file") from error

    @classmethod
    def read(cls, path: Path) -> "Proposal":
        """Read a file and check all that it holds; raises `ClientError`."""
        try:
            with path.open("rb") as file:
                value = json.loads(file.read(FILE_BYTES_MAX))
            head_bytes = bytes.fromhex(value["head"])
            signatures = {bytes.fromhex(key): bytes.fromhex(said) for key, said in value["signatures"].items()}
            head = read_head(head_bytes)
            check_head(head)
        except OSError as error:
            raise ClientError(f"{path} cannot be read: {error.strerror}", "is it where you think?") from error
        except (ValueError, KeyError, TypeError, AttributeError, EncodingError, RecordError) as error:
            raise ClientError(f"{path} holds no rules: {error}", "`hartig network draft FILE` writes some") from error
        if head.kind != Kind.CHARTER:
            raise ClientError(f"{path} holds something else than rules", "do not sign it")
        message = PREFIX_RECORD_SIGNATURE + head_bytes
        wrong = [key for key, said in signatures.items() if not verify(key, message, said)]
        if wrong:
            raise ClientError(f"a signature in {path} is not right: {wrong[0].hex()[:8]}…", "have it signed again")
        return cls(head_bytes, signatures)


def propose(standing: Json, changes: Json, nonce: bytes, now_ms: int) -> Proposal:
    """Return proposed rules: those that stand, but for the changes; raises `ClientError`."""
    defaults = {**standing["defaults"], **changes.get("defaults", {})}
    head = charter_head(
        name=changes.get("name") or standing["name"],
        seats=changes["seats"],
        threshold=changes["threshold"],
        signers=changes["signers"],
        defaults=Defaults(
            defaults["places"], defaults["invites"], defaults["retention_days"], defaults["open"],
            tuple(defaults["languages"]),
        ),
        nonce=nonce,
        stamp=now_ms,
        network=bytes.fromhex(standing["id"]),
        seq=int(standing["version"]) + 1,
        prev=bytes.fromhex(standing["record"]),
    )  # fmt: skip
    try:
        head_bytes = encode(head.as_list())
        check_head(read_head(head_bytes))
    except (EncodingError, RecordError) as error:
        raise ClientError(f"such rules cannot be: {error}", "`hartig network` shows those that stand") from error
    return Proposal(head_bytes)


def trustee_of(key: bytes, seats: list[tuple[bytes, bytes]]) -> int | None:
    """Return for which trustee a key signs: by its own key, or the recovery key; None for none."""
    for at, (own, hash_) in enumerate(seats):
        if key == own or recovery_hash(key) == hash_:
            return at
    return None


def rules_lines(head: Head) -> list[str]:
    """Say what rules say, in words."""
    rules = Charter.of(head)
    defaults = rules.defaults
    join = "anybody who meets a hub may join" if defaults.open else "by invite only"
    return [
        f"{rules.name}: rules, version {head.seq}",
        f"{how_many(len(rules.seats), 'trustee')}, of whom {rules.threshold} must agree to change the rules",
        *(f"  trustee {at} {key.hex()}" for at, (key, _) in enumerate(rules.seats, start=1)),
        f"who may join: {join}",
        f"languages: {', '.join(defaults.languages)}",
        f"a trustee may have {how_many(defaults.places, 'post')} and invite {defaults.invites:,}",
        f"what is over is kept {how_many(defaults.retention_days, 'day')}",
    ]

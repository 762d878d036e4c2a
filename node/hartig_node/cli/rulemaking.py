"""How trustees change the rules of their network: draft, sign one after another, publish.

In: the options of `hartig network`. Out: a file (`rules`) that trustees pass round, and at last the records that put
the new rules in force, with the memberships given again that trustees gave who leave. Each says what is still missing,
and who has to do what. Called by `network`.
"""

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.members import name_all
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.rules import Proposal, propose, rules_lines, trustee_of
from hartig_node.cli.session import Session
from hartig_node.cli.signing import Signer, publish, read_key, who_return
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import how_many
from hartig_node.client.errors import ClientError
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import NONCE_BYTES
from hartig_protocol.records.governance import GRANTED_RANKS
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record

Json = dict[str, Any]
Seats = list[tuple[bytes, bytes]]


# --- Drafting


def draft(session: Session, options: argparse.Namespace) -> int:
    """Write proposed rules to a file."""
    standing = session.node.members.network()
    if "trustees" not in standing:
        raise ClientError("the rules of this network are not here yet", "`hartig peers` shows who could send them")
    before = _seats(standing)
    seats = [
        seat for at, seat in enumerate(before) if at not in {_number(one, before) for one in options.remove_trustee}
    ]
    seats += [_new_seat(text, options) for text in options.add_trustee]
    threshold = options.threshold or min(int(standing["threshold"]), max(len(seats), 1))
    if options.invites is not None:
        _check_invites(session, options.invites, [key.hex() for key, _ in seats if key in dict(before)])
    changes: Json = {"seats": seats, "threshold": threshold, "signers": _signers(options, standing, before, seats)}
    if options.name:
        changes["name"] = options.name
    said = {name: getattr(options, name) for name in ("open", "places", "invites", "retention_days")}
    defaults: Json = {name: one for name, one in said.items() if one is not None}
    if options.languages:
        defaults["languages"] = [tag.strip() for tag in options.languages.split(",")]
    now_ms = int(datetime.fromisoformat(str(session.node.clock()["now"])).timestamp() * 1000)
    proposal = propose(standing, {**changes, "defaults": defaults}, os.urandom(NONCE_BYTES), now_ms)
    path = options.file[0] if options.file else Path(f"rules-{proposal.head.seq}.json")
    if path.exists():
        raise ClientError(f"there is a file at {path} already", "name another: `hartig network draft FILE`")
    proposal.write(path)
    code = _say(session, proposal, path, before)
    if leaving := _leaving(proposal, standing):
        _say_leaving(session, session.node.members.without(leaving))
    return code


def _check_invites(session: Session, count: int, trustees: list[str]) -> None:
    """Refuse fewer invites than a trustee has used: somebody whom it let in would not belong any more."""
    for key in trustees:
        used = session.node.members.get(key)["invites_in_use"]
        if count < used:
            detail = f"trustee {key[:8]} has used {used}, and somebody let in by it would not belong any more"
            raise ClientError(f"{count} invites are too few: {detail}", f"give at least {used}")


def _leaving(proposal: Proposal, standing: Json) -> list[str]:
    """Return the keys of the trustees who are none any more by these rules."""
    stay = {bytes(key) for key, _ in proposal.head.facts["seats"]}
    return [key.hex() for key, _ in _seats(standing) if key not in stay]


def _say_leaving(session: Session, without: Json) -> None:
    """Say who would go with the trustees who leave, and who would come back."""
    note = session.out.note
    name_all(note, "With the trustees who leave, would not belong any more:", without["falls"], without["falls_count"])
    name_all(
        note,
        "Would belong again, whom they or their organisers had removed:",
        without["returns"],
        without["returns_count"],
    )
    if without["falls"] or without["removals"]:
        note("Publish with --key FILE of a trustee who stays: that gives these memberships and removals again.")


def _seats(rules: Json) -> Seats:
    return [(bytes.fromhex(one["key"]), bytes.fromhex(one["recovery"])) for one in rules["trustees"]]


def _number(text: str, seats: Seats) -> int:
    """Return which trustee a number (from 1) or the beginning of a key means."""
    if text.isdecimal() and 1 <= int(text) <= len(seats):
        return int(text) - 1
    found = [at for at, (key, _) in enumerate(seats) if len(text) >= 4 and key.hex().startswith(text.lower())]
    if len(found) != 1:
        raise UsageError(f"{text[:70]!r} is none of the {len(seats)} trustees", "`hartig network` lists them by number")
    return found[0]


def _new_seat(text: str, options: argparse.Namespace) -> tuple[bytes, bytes]:
    key, _, hash_ = text.partition(":")
    if len(key) == len(hash_) == 64:
        try:
            return bytes.fromhex(key), bytes.fromhex(hash_)
        except ValueError:
            pass
    return _seat_of(Path(text), options)


def _seat_of(path: Path, options: argparse.Namespace) -> tuple[bytes, bytes]:
    """Return what the rules say of a trustee, from both key files."""
    recovery = path.with_name(f"{path.stem}-recovery{path.suffix}")
    if not path.exists() or not recovery.exists():
        missing = recovery if path.exists() else path
        hint = f"`hartig key new {missing}` makes it; or give what `hartig network trustee FILE` showed"
        raise ClientError(f"there is no key at {missing}", hint)
    return read_key(options, str(path)).public, recovery_hash(read_key(options, str(recovery)).public)


def _signers(options: argparse.Namespace, standing: Json, before: Seats, after: Seats) -> list[bytes]:
    """Return the keys that are to sign: those named, else as many of those who stay as must agree."""
    if not options.signers:
        first = sorted(before, key=lambda seat: seat not in after)  # stable: those who stay come first
        return [key for key, _ in first[: int(standing["threshold"])]]
    named = [part.strip() for part in options.signers.split(",")]
    keys = [read_key(options, one).public if Path(one).is_file() else before[_number(one, before)][0] for one in named]
    seats = {trustee_of(key, before) for key in keys}
    if None in seats:
        raise ClientError("one of these keys is no trustee's", "`hartig network` lists the trustees")
    if len(seats) < int(standing["threshold"]):
        raise ClientError(f"{standing['threshold']} trustees must agree, and {len(seats)} would sign", "name more")
    return keys


def trustee(session: Session, options: argparse.Namespace) -> int:
    """Show what a new trustee hands to whoever writes the rules; nothing of it is secret."""
    key, hash_ = _seat_of(_file(options), options)
    session.out.json({"key": key.hex(), "recovery": hash_.hex()})
    session.out.line(f"{key.hex()}:{hash_.hex()}")
    return exits.OK


# --- Signing and publishing


def sign(session: Session, options: argparse.Namespace) -> int:
    """Add one signature to proposed rules; no hub is needed for it."""
    if not options.key:
        raise UsageError("which key is to sign?", f"hartig network sign {_file(options)} --key seat-1.key")
    path, proposal = _file(options), Proposal.read(_file(options))
    for line in rules_lines(proposal.head):
        session.out.note(isolate(clean(line)))
    _ask(options, "Sign these rules? Type yes: ")
    proposal.sign(read_key(options))
    proposal.write(path)
    return _say(session, proposal, path)


def publish_rules(session: Session, options: argparse.Namespace) -> int:
    """Put rules in force that all have signed who were to."""
    path, proposal = _file(options), Proposal.read(_file(options))
    for other in options.file[1:]:
        proposal.merge(Proposal.read(other))
    members = session.node.members
    standing = members.network()
    record = _checked(proposal, standing)
    leaving = _leaving(proposal, standing)
    again = _given_again(session, leaving, options) if leaving else []
    publish(members, [*again, record])
    rules = members.network()
    if rules.get("record") != record.id.hex():
        raise ClientError("other rules stand in the place of these", "`hartig network` shows both")
    session.out.json(rules)
    session.out.line(
        f"{path}: these rules count now, version {rules['version']}. Every hub follows as soon as it hears."
    )
    if again:
        removals = sum(one.head.kind == Kind.REVOKE for one in again)
        said = f"{how_many(len(again) - removals, 'membership')} and {how_many(removals, 'removal')}"
        session.out.line(f"Given again, of those by trustees who leave: {said}.")
    return exits.OK


def _given_again(session: Session, leaving: list[str], options: argparse.Namespace) -> list[Record]:
    """Sign again what trustees gave who leave, and whom they or their organisers removed; or ask whether all may go."""
    members = session.node.members
    without = members.without(leaving)
    if not options.key:
        if without["falls"] or without["removals"]:
            _say_leaving(session, without)
            _ask(options, "Publish all the same? Type yes: ")
        return []
    key = read_key(options)
    if key.public.hex() in leaving:
        raise ClientError("this key is that of a trustee who leaves", "sign with the key of one who stays")
    invited = [one for trustee in leaving for one in members.get(trustee).get("invited") or []]
    standing = [one for one in invited if one["state"] == "standing"]
    # Whom several had let in gets the highest of it again.
    given = {one["key"]: one for one in sorted(standing, key=lambda one: GRANTED_RANKS[one["rank"]])}
    # Organisers whose membership is given again go on, and so does their word.
    organisers = {key for key, one in given.items() if one["rank"] == "organiser"}
    removals = [one for one in without["removals"] if one["by"] not in organisers]
    returns = who_return(session, options, removals)
    signer = Signer(session, key)
    again = [*signer.remove_again(removals, returns), *signer.give_all_again(list(given.values()), {})]
    if removals:
        stay = [one for one in removals if one["key"] not in returns]
        name_all(session.out.note, "Stays removed, whom trustees who leave had removed:", stay)
        session.out.note("--return KEY lets one of those belong again; later only a new key does")
        _ask(options, "Publish so? Type yes: ")
    return again


def _checked(proposal: Proposal, standing: Json) -> Record:
    """Return the record, once everybody has signed and it follows what stands."""
    head = proposal.head
    if head.prev is None or head.prev.hex() != standing.get("record"):
        detail = f"these rules were to replace others than those that stand, version {standing.get('version')}"
        raise ClientError(detail, "`hartig network draft` begins anew from those")
    if missing := proposal.missing:
        who_have = f"{how_many(len(missing), 'trustee')} {'has' if len(missing) == 1 else 'have'} not signed yet"
        names = ", ".join(_signer_words(key, _seats(standing)) for key in missing)
        raise ClientError(f"{who_have}: {names}", "send them the file: `hartig network sign`")
    seats = {trustee_of(key, _seats(standing)) for key in proposal.signers}
    if None in seats or len(seats) < int(standing["threshold"]):
        raise ClientError(
            "these rules are not signed by enough trustees", "`hartig network draft --signers` names them"
        )
    try:
        return open_record((proposal.head_bytes, proposal.signature, None))
    except RecordError as error:
        raise ClientError(f"these rules are not right: {error}", "`hartig network draft` begins anew") from error


# --- Inside


def _say(session: Session, proposal: Proposal, path: Path, seats: Seats | None = None) -> int:
    """Say what the file holds now, what is missing, and who has to do what."""
    missing = proposal.missing
    signed = [key.hex() for key in proposal.signatures]
    session.out.json({"file": str(path), "signed": signed, "missing": [key.hex() for key in missing]})
    out = session.out
    if seats is not None:
        out.lines(isolate(clean(line)) for line in rules_lines(proposal.head))
    out.line(f"{path}: signed by {len(signed)} of {len(proposal.signers)}.")
    for key in missing:
        out.line(f"  still to sign: {_signer_words(key, seats or [])}")
    if missing:
        out.note(f"Next: each of them signs: hartig network sign {path} --key FILE; they may send the file on by mail.")
    else:
        out.note(f"Next, on any hub of the network: hartig network publish {path}")
    return exits.OK


def _signer_words(key: bytes, seats: Seats) -> str:
    at = trustee_of(key, seats)
    if at is None:
        return f"who holds the key {key.hex()[:16]}…"
    return f"trustee {at + 1}{'' if seats[at][0] == key else ', with the recovery key'} ({key.hex()[:16]}…)"


def _file(options: argparse.Namespace) -> Path:
    if not options.file:
        raise UsageError(f"`hartig network {options.action}` needs a file", "`hartig network draft FILE` writes one")
    return Path(options.file[0])


def _ask(options: argparse.Namespace, question: str) -> None:
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked", "say --yes to go on without a question")
    if input(question).strip().lower() != "yes":
        raise ClientError("nothing was done")

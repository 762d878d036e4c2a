"""`hartig revoke`: remove somebody from the network, after showing who would go with them."""

import argparse
import sys
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.members import key_of, who
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.signing import Signer, add_key_options, read_key
from hartig_node.cli.width import isolate
from hartig_node.cli.words import how_many
from hartig_node.client.errors import ClientError, NotFoundError

Json = dict[str, Any]
SHOWN_MAX = 20


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("who", metavar="KEY", help="a key, the first digits of it, or a name")
    keep = parser.add_mutually_exclusive_group()
    keep.add_argument("--keep", action="append", metavar="KEY", help="whom it invited and who stays; may be repeated")
    keep.add_argument("--keep-all", action="store_true", help="all whom it invited stay")
    parser.add_argument("--successor", metavar="KEY", help="the new key with which it goes on")
    parser.add_argument(
        "--recovery", metavar="HASH:CONSENT", type=_recovery,
        help="with --successor and --key: what `hartig recover hub` printed there, so that it can be recovered again",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_key_options(parser)


def _run(session: Session, options: argparse.Namespace) -> int:
    members = session.node.members
    person = members.get(options.who)
    options.successor = options.successor and key_of(options.successor)
    signer = Signer(session, read_key(options)) if options.key else None
    if options.recovery and not (signer and options.successor):
        raise ClientError("--recovery needs --successor and --key", "a trustee's or an organiser's key signs it")
    given = {one["key"]: one for one in person.get("invited") or [] if one.get("state") == "standing"}
    given.pop(options.successor, None)
    keep = list(given) if options.keep_all else [members.full_key(one) for one in options.keep or []]
    if len(set(keep)) < len(keep):
        raise ClientError("one key is named twice", "name each of those who are to stay once")
    for one in keep:
        _check_kept(one, given, person)
    _ask(session, options, person, keep)
    if signer is None:
        removal = members.remove(person["key"], keep=keep, successor=options.successor)
    else:
        removal = _signed(session, signer, person, [given[key] for key in keep], options)
    session.out.json(removal)
    session.out.line(f"{isolate(who(person))} is removed. Every hub drops what it posted, as soon as it hears of it.")
    if keep:
        session.out.line(f"Given anew: {how_many(len(keep), 'membership')} of those that it gave.")
    for one in removal["fell"][:SHOWN_MAX]:
        session.out.line(f"Does not belong any more: {isolate(who(one))} {one['key'][:8]}")
    if (more := len(removal["fell"]) - SHOWN_MAX) > 0:
        session.out.line(f"and {more:,} more")
    return exits.OK


def _recovery(text: str) -> tuple[bytes, bytes]:
    hash_, _, consent = text.partition(":")
    try:
        read = bytes.fromhex(hash_), bytes.fromhex(consent)
    except ValueError as error:
        raise argparse.ArgumentTypeError("copy all of it: two long numbers with a colon between") from error
    if (len(read[0]), len(read[1])) != (32, 64):
        raise argparse.ArgumentTypeError("copy all of it: 64 digits, a colon, 128 digits")
    return read


def _check_kept(key: str, given: Json, person: Json) -> None:
    if key not in given:
        hint = f"`hartig member show {person['key'][:8]}` lists them; whom those invited stays with them"
        raise ClientError(f"{key[:8]} was not invited by {who(person)}", hint)


def _ask(session: Session, options: argparse.Namespace, person: Json, keep: list[str]) -> None:
    """Say what would happen, and ask for a yes."""
    out = session.out
    fall = [one for one in person.get("rests_on_it") or [] if not set(keep) & set(one["path"])]
    hidden = int(person.get("rests_on_it_count") or 0) - len(person.get("rests_on_it") or [])
    out.note(f"{isolate(who(person))} ({person['rank']}, {person['key'][:8]}) would be removed, for good.")
    for one in fall[:SHOWN_MAX]:
        out.note(f"  would not belong any more: {isolate(who(one))} {one['key'][:8]}")
    if (more := len(fall) - SHOWN_MAX + hidden) > 0:
        out.note(f"  and {more:,} more")
    if fall:
        out.note("  --keep KEY lets those stay whom it invited itself, and with them all whom they invited")
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked", "say --yes to remove without a question")
    out.flush()
    if input("Remove? Type yes: ").strip().lower() != "yes":
        raise ClientError("nothing was done", "")


def _signed(session: Session, signer: Signer, person: Json, keep: list[Json], options: argparse.Namespace) -> Json:
    """Remove with a key outside the hub, all in one."""
    successor = options.successor
    _check_rank(signer.person, person)
    records = [signer.remove(person["key"], successor), *(signer.remove(one) for one in person.get("replaces") or [])]
    removed = [person["key"], *(person.get("replaces") or [])]
    anew, others = keep, {}
    if successor is not None:
        _check_successor(session, signer, person, successor)
        anew = [{"key": successor, "record": person["record"]}, *keep]
        others = {successor: {"recovery": options.recovery or signer.recovery_of(successor)}}
    records += signer.give_all_again(anew, others)
    before = list(session.node.members.list())
    signer.publish(records)
    after = {one["key"] for one in session.node.members.list()} | set(removed)
    fell = [one for one in before if one["key"] not in after]
    return {"removed": removed, "kept": [one["key"] for one in keep], "fell": fell}


def _check_successor(session: Session, signer: Signer, person: Json, successor: str) -> None:
    try:
        known = session.node.members.get(successor)
    except NotFoundError:
        known = {}
    if successor in (person["key"], signer.person["key"]) or known.get("rank") == "trustee":
        raise ClientError("the successor's key is a trustee's, or the one that signs or is removed", "name a new key")
    if known.get("state") == "removed":
        raise ClientError("the successor's key was removed from the network, for good", "name a new key")


def _check_rank(signer: Json, person: Json) -> None:
    order = ("member", "hub", "organiser", "trustee")
    if person["rank"] == "trustee":
        raise ClientError("trustees change by new rules alone", "`hartig network draft --remove-trustee KEY`")
    if order.index(signer["rank"]) <= max(order.index(person["rank"]), 1):
        needed = "a trustee" if person["rank"] == "organiser" else "an organiser"
        detail = f"only {needed} can remove this {person['rank']}; this key is that of a {signer['rank']}"
        raise ClientError(detail, f"sign with {needed}'s key")


REVOKE = Recipe(
    _options,
    _run,
    "hartig revoke 'Strike kitchen' --keep 'Corner shelf'",
    "`hartig member list --all`; who was removed comes back only with a new key.",
    "An organiser removes hubs and members, a trustee also organisers. --key FILE signs with their key.",
)

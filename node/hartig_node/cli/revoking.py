"""`hartig revoke`: remove somebody from the network, after showing who would go with them, and who would come back."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.members import key_of, name_all, who
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.signing import (
    Signer,
    add_key_options,
    add_return_options,
    keys_named,
    publish,
    read_key,
    who_return,
)
from hartig_node.cli.width import isolate
from hartig_node.cli.words import how_many
from hartig_node.client.errors import ClientError, NotFoundError
from hartig_protocol.records.record import Record

Json = dict[str, Any]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("who", metavar="KEY", help="a key, the first digits of it, or a name")
    keep = parser.add_mutually_exclusive_group()
    keep.add_argument("--keep", action="append", metavar="KEY", help="whom it invited and who stays; may be repeated")
    keep.add_argument("--keep-all", action="store_true", help="all whom it invited stay")
    add_return_options(parser)
    parser.add_argument("--successor", metavar="KEY", help="the new key with which it goes on")
    parser.add_argument(
        "--recovery", metavar="HASH:CONSENT", type=_recovery,
        help="with --successor and --key: what `hartig recover hub` printed there, so that it can be recovered again",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_key_options(parser)


def _run(session: Session, options: argparse.Namespace) -> int:
    """Sign, or have it tried, before anybody is asked: what is refused is refused first."""
    members = session.node.members
    person = members.get(options.who)
    options.successor = options.successor and key_of(options.successor)
    if options.recovery and not (options.key and options.successor):
        raise ClientError("--recovery needs --successor and --key", "a trustee's or an organiser's key signs it")
    signer = Signer(session, read_key(options)) if options.key else None
    if signer is not None:
        _check_rank(signer.person, person)
    given = {one["key"]: one for one in person.get("invited") or [] if one.get("state") == "standing"}
    given.pop(options.successor, None)
    options.keep = keys_named(session, options.keep, given, all_of_them=options.keep_all)
    if others := set(options.keep) - set(given):
        hint = f"`hartig member show {person['key'][:8]}` lists them; whom those invited stays with them"
        raise ClientError(f"{min(others)[:8]} was not invited by {who(person)}", hint)
    without = members.without([person["key"], *(person.get("replaces") or [])])
    options.returns = who_return(session, options, without["removals"])
    if signer is None:
        would, do = _by_this_hub(session, person, options)
    else:
        would, do = _by_key(session, signer, person, [given[key] for key in options.keep], without, options)
    _ask(session, options, person, would, without)
    removal = do()
    session.out.json(removal)
    _say(session, person, removal)
    return exits.OK


# --- Two hands that sign


def _by_this_hub(session: Session, person: Json, options: argparse.Namespace) -> tuple[Json, Callable[[], Json]]:
    """Return what this hub's key would do, and how to do it."""
    members, key = session.node.members, person["key"]
    named = {"keep": options.keep, "successor": options.successor, "returns": options.returns}
    return members.remove(key, **named, preview=True), lambda: members.remove(key, **named)


def _by_key(
    session: Session, signer: Signer, person: Json, keep: list[Json], without: Json, options: argparse.Namespace
) -> tuple[Json, Callable[[], Json]]:
    """Return what a key outside the hub would do, and how to do it: all is signed by now."""
    successor, gone = options.successor, [person["key"], *(person.get("replaces") or [])]
    anew, others = keep, {}
    if successor is not None:
        _check_successor(session, signer, person, successor)
        anew = [{"key": successor, "record": person["record"]}, *keep]
        others = {successor: {"recovery": options.recovery or signer.recovery_of(successor)}}
    again = signer.remove_again(without["removals"], options.returns)
    stay = [one.head.subject.hex() for one in again]
    records = [*again, *signer.give_all_again(anew, others)]
    records += [signer.remove(one, successor if one == person["key"] else None) for one in reversed(gone)]
    belong = {*options.keep, successor}
    fell = [one for one in without["falls"] if not belong & set(one["path"])]
    returned = [one for one in without["returns"] if one["key"] not in stay]
    would = {
        "removed": gone,
        "kept": options.keep,
        "stay_removed": stay,
        "fell": fell,
        "fell_count": without["falls_count"] - len(without["falls"]) + len(fell),
        "returned": returned,
        "returned_count": without["returns_count"] - len(without["returns"]) + len(returned),
    }
    return would, lambda: _hand_in(session, records, would, belong)


def _hand_in(session: Session, records: list[Record], would: Json, belong: set[str | None]) -> Json:
    """Hand in what was signed, and say what became of it."""
    members = session.node.members
    before = {one["key"]: one for one in members.list()}
    publish(members, records)
    after = {one["key"]: one for one in members.list()}
    fell = [one for key, one in before.items() if key not in after and key not in would["removed"]]
    returned = [one for key, one in after.items() if key not in before and key not in belong]
    done = {name: would[name] for name in ("removed", "kept", "stay_removed")}
    return {**done, "fell": fell, "returned": returned}


# --- What is said


def _ask(session: Session, options: argparse.Namespace, person: Json, would: Json, without: Json) -> None:
    """Say what would happen, and ask for a yes."""
    out, names = session.out, {one["key"]: one for one in without["removals"]}
    out.note(f"{isolate(who(person))} ({person['rank']}, {person['key'][:8]}) would be removed, for good.")
    name_all(out.note, "  would not belong any more:", would["fell"], would.get("fell_count"))
    if would["fell"]:
        out.note("  --keep KEY lets those stay whom it invited itself, and with them all whom they invited")
    name_all(out.note, "  stays removed:", [names.get(key, {"key": key}) for key in would["stay_removed"]])
    if would["stay_removed"]:
        out.note("  --return KEY lets one of those belong again whom it had removed")
    name_all(out.note, "  would belong again:", would["returned"], would.get("returned_count"))
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to be asked", "say --yes to remove without a question")
    out.flush()
    if input("Remove? Type yes: ").strip().lower() != "yes":
        raise ClientError("nothing was done", "")


def _say(session: Session, person: Json, removal: Json) -> None:
    out = session.out
    out.line(f"{isolate(who(person))} is removed. Every hub drops what it posted, as soon as it hears of it.")
    if kept := removal["kept"]:
        out.line(f"Given anew: {how_many(len(kept), 'membership')} of those that it gave.")
    if stay := removal["stay_removed"]:
        out.line(f"{how_many(len(stay), 'removal')} by it {'stays' if len(stay) == 1 else 'stay'}.")
    name_all(out.line, "Does not belong any more:", removal["fell"])
    name_all(out.line, "Belongs again:", removal["returned"])


# --- What is refused


def _recovery(text: str) -> tuple[bytes, bytes]:
    hash_, _, consent = text.partition(":")
    try:
        read = bytes.fromhex(hash_), bytes.fromhex(consent)
    except ValueError as error:
        raise argparse.ArgumentTypeError("copy all of it: two long numbers with a colon between") from error
    if (len(read[0]), len(read[1])) != (32, 64):
        raise argparse.ArgumentTypeError("copy all of it: 64 digits, a colon, 128 digits")
    return read


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

"""`hartig member`: who belongs, and letting others belong: list, show, add, renew, end, organiser, label."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.signing import Signer, add_key_options, read_key
from hartig_node.cli.tables import Column, table_lines
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import SHORT_ID_CHARACTERS, how_many
from hartig_node.client.errors import NotFoundError
from hartig_protocol.records.record import Record

Json = dict[str, Any]
ORGANISER_INVITES = 200
SHOWN_MAX = 20  # of each list of names
_COLUMNS = (Column("who", 48), Column("rank"), Column("until"), Column("key", 8))
_STATES = {"over": "not any more", "removed": "removed"}
_EXAMPLE = "for example: hartig member add KEY --rank member"


def who(person: Json) -> str:
    """Return a person's name, else their rank and the first digits of their key."""
    return clean(str(person.get("name") or f"{person.get('rank') or 'hub'} {str(person.get('key'))[:8]}"))


def name_all(write: Callable[[str], None], what: str, people: Sequence[Json], count: int | None = None) -> None:
    """Write a line for each of some people, and how many more there are of the `count` (unless given: all are here)."""
    for one in people[:SHOWN_MAX]:
        write(f"{what} {isolate(who(one))} {one['key'][:SHORT_ID_CHARACTERS]}")
    if (more := (len(people) if count is None else count) - len(people[:SHOWN_MAX])) > 0:
        write(f"{' ' * (len(what) - len(what.lstrip()))}and {more:,} more")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", default="list", choices=tuple(_ACTIONS), help="what to do (default: list)")
    parser.add_argument("who", nargs="?", metavar="KEY", help="a key, the first digits of one that is known, or a name")
    parser.add_argument("name", nargs="?", metavar="NAME", help="label: what to call it on this hub; '' takes it back")
    parser.add_argument("--all", action="store_true", help="list: former ones, too; renew: all that end within 60 days")
    parser.add_argument("--rank", choices=("member", "hub"), help="add: what it is to be (default hub)")
    parser.add_argument("--places", type=int, metavar="NUMBER", help="add: how many posts it may have at once")
    parser.add_argument("--invites", type=int, metavar="NUMBER", help="add: how many it may invite (default 20)")
    parser.add_argument("--days", type=float, metavar="DAYS", help="add, renew: how long from now (default 400)")
    parser.add_argument(
        "--partners", action=argparse.BooleanOptionalAction,
        help="add, renew: whether the hub speaks with partner networks (else as it was)",
    )  # fmt: skip
    add_key_options(parser)


def _run(session: Session, options: argparse.Namespace) -> int:
    if options.name is not None and options.action != "label":
        raise UsageError(f"{options.name!r} is one word too many", "`hartig member label KEY NAME` names somebody here")
    return _ACTIONS[options.action](session, options)


def _list(session: Session, options: argparse.Namespace) -> int:
    people = list(session.node.members.list(also_former=options.all))
    session.out.json(people)
    if not session.out.is_json:
        session.out.lines(table_lines(_COLUMNS, [_row(one) for one in people], session.out.columns))
    return exits.OK


def _row(person: Json) -> list[str]:
    deep = "  " * (len(person.get("path") or [0]) - 1)
    name = who(person) + (" (this hub)" if person.get("us") else "")
    until = _STATES.get(str(person.get("state"))) or _until(person)
    return [deep + name, str(person.get("rank")), until or "no end", str(person.get("key"))[:SHORT_ID_CHARACTERS]]


def _until(person: Json) -> str:
    """Return the day on which a membership ends; empty for a trustee's, which the rules say."""
    return str(person.get("until") or "")[:10]


def _until_words(person: Json) -> str:
    return f"until {_until(person)}" if _until(person) else "as long as the rules name it"


def _show(session: Session, options: argparse.Namespace) -> int:
    person = session.node.members.get(_named(options))
    session.out.json(person)
    session.out.lines(_person_lines(session, person))
    return exits.OK


def _person_lines(session: Session, person: Json) -> Iterable[str]:
    state = _STATES.get(str(person.get("state"))) or _until_words(person)
    yield session.out.paint(isolate(who(person)), "bold") + f"  {person.get('rank')}, {state}"
    yield f"  key       {person.get('key')}"
    if person.get("invited_by"):
        yield f"  invited   by {str(person['invited_by'])[:8]}"
    if person.get("successor"):
        yield f"  now       goes on as {str(person['successor'])[:8]}"
    yield f"  may have  {how_many(person['places'], 'post')} at once, and invite {person.get('invites_left'):,} more"
    for one in person.get("invited") or []:
        yield f"  invited {isolate(who(one))} {str(one.get('key'))[:8]}, {_invited_words(one)}"
    if person.get("gateway"):
        yield "  speaks    with partner networks"
    if removed := person.get("removals_made"):
        yield f"  has removed {how_many(removed, 'other')}"
    if resting := person.get("rests_on_it_count"):
        yield f"  without it {how_many(resting, 'other')} would not belong any more"


def _invited_words(one: Json) -> str:
    if one.get("ended"):
        return "taken back"
    if one.get("state") == "removed":
        return f"removed; its invite is free again after `hartig member end {str(one.get('key'))[:8]}`"
    return f"until {str(one.get('until'))[:10]}"


# --- Changing


def _add(session: Session, options: argparse.Namespace) -> int:
    members = session.node.members
    wishes = {"places": options.places, "invites": options.invites}
    key = key_of(_named(options))
    if options.key:
        signer = Signer(session, read_key(options))
        granted = signer.grant(key, days=options.days, rank=options.rank or "hub", gateway=options.partners, **wishes)
        signer.publish([*_removed_again(session, signer, granted), granted])  # it may have been an organiser so far
        return _say(session, members.get(key), "belongs now,")
    wishes |= {"rank": options.rank, "gateway": options.partners}
    return _say(session, members.grant(key, days=options.days, **wishes), "belongs now,")


def _organiser(session: Session, options: argparse.Namespace) -> int:
    """Make an organiser: of this hub, unless a key is named."""
    if not options.key:
        raise UsageError("only a trustee makes an organiser", "hartig member organiser KEY --key seat-1.key")
    members = session.node.members
    key = _known_or_new(session, options.who) if options.who else str(session.node.status()["hub"])
    signer = Signer(session, read_key(options))
    invites = ORGANISER_INVITES if options.invites is None else options.invites
    wishes = {"places": options.places, "invites": invites, "gateway": options.partners}
    signer.publish([signer.grant(key, days=options.days, rank="organiser", **wishes)])
    return _say(session, members.get(key), "is an organiser now,")


def _renew(session: Session, options: argparse.Namespace) -> int:
    members = session.node.members
    if not options.all:
        return _say(session, _renewed(session, options, members.full_key(_named(options))), "belongs")
    own = Signer(session, read_key(options)).person if options.key else members.get(str(session.node.status()["hub"]))
    ending = [one for one in own.get("invited") or [] if one.get("ends_soon")]
    renewed = [_renewed(session, options, one["key"]) for one in ending]
    session.out.json(renewed)
    for person in renewed:
        session.out.line(f"{isolate(who(person))} belongs {_until_words(person)}.")
    if not renewed:
        session.out.line("No membership that was given with this key ends within 60 days.")
    return exits.OK


def _renewed(session: Session, options: argparse.Namespace, key: str) -> Json:
    members = session.node.members
    if not options.key:
        return members.renew(key, days=options.days, gateway=options.partners)
    signer = Signer(session, read_key(options))
    signer.publish([signer.renew(key, options.days, gateway=options.partners)])
    return members.get(key)


def _end(session: Session, options: argparse.Namespace) -> int:
    members = session.node.members
    key = members.full_key(_named(options))
    if options.key:
        signer = Signer(session, read_key(options))
        ended = signer.end(key)
        again = _removed_again(session, signer, ended)
        signer.publish([*again, ended])
        person = members.get(key)
    else:
        again, person = [], members.end(key)
    session.out.json(person)
    still = f" It still belongs: {str(person.get('invited_by'))[:8]} invited it, too." * (person["state"] == "standing")
    session.out.line(f"The membership of {isolate(who(person))} is taken back.{still}")
    if again:
        session.out.line(f"Whom it had removed stays removed: {how_many(len(again), 'removal')} signed anew.")
    return exits.OK


def _say(session: Session, person: Json, said: str) -> int:
    session.out.json(person)
    session.out.line(f"{isolate(who(person))} {said} {_until_words(person)}.")
    return exits.OK


def _label(session: Session, options: argparse.Namespace) -> int:
    if options.name is None:
        raise UsageError("what is it to be called?", "hartig member label KEY 'Rosa, night desk'")
    person = session.node.members.label(_named(options), options.name)
    session.out.json(person)
    what = f"is called {isolate(who(person))} on this hub" if options.name else "has no name on this hub any more"
    session.out.line(f"{person['key'][:SHORT_ID_CHARACTERS]} {what}.")
    return exits.OK


def _removed_again(session: Session, signer: Signer, given: Record) -> list[Record]:
    """Sign anew the removals that count only by what a membership said so far that a key signs otherwise now."""
    before = [one["record"] for one in signer.person["invited"] if one["number"] == given.head.place]
    if not before or signer.person["rank"] not in ("organiser", "trustee"):
        return []
    return signer.remove_again(session.node.members.without([], before[0])["removals"])


def _known_or_new(session: Session, text: str) -> str:
    """Return the key of somebody who is known by a name or by the first digits, or a whole key."""
    try:
        return session.node.members.full_key(text)
    except NotFoundError:
        return key_of(text)


def _named(options: argparse.Namespace) -> str:
    if not options.who:
        raise UsageError(f"`hartig member {options.action}` needs a key", _EXAMPLE)
    return str(options.who)


def key_of(text: str) -> str:
    """Return the key of somebody who may be new here."""
    key = text.lower()
    if len(key) != 64 or set(key) - set("0123456789abcdef"):
        hint = "`hartig status --json` shows a hub's key, `hartig key show FILE` a person's"
        raise UsageError(f"{text[:70]!r} is no key of 64 digits", hint)
    return key


_ACTIONS: dict[str, Callable[[Session, argparse.Namespace], int]] = {
    "list": _list, "show": _show, "add": _add, "renew": _renew, "end": _end, "organiser": _organiser,
    "label": _label,
}  # fmt: skip

MEMBER = Recipe(
    _options,
    _run,
    "hartig member add KEY --rank member",
    "`hartig member list` shows everybody; `hartig invite` lets a hub join by itself; `hartig revoke` removes one.",
    "Who invited somebody renews that, or takes it back; organisers and trustees remove. --key signs with their key.",
)

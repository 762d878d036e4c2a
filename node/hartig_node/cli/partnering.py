"""`hartig partner`: partner networks: who they are, what is shared with them, and every change of that.

What changes our side is in `agreeing`, what is said in words in `partnerwords`.
"""

import argparse
from collections.abc import Callable
from itertools import islice
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.agreeing import accept, alter, leave, named, propose
from hartig_node.cli.commands import Recipe
from hartig_node.cli.partnerwords import (
    ALWAYS,
    COPIED,
    asking_lines,
    count_lines,
    partner_lines,
    post_line,
    speaker_lines,
    suggestion_lines,
)
from hartig_node.cli.session import Session
from hartig_node.cli.signing import add_key_options
from hartig_node.cli.width import clean
from hartig_node.cli.words import how_many
from hartig_node.client.errors import ClientError

Json = dict[str, Any]
SHOWN_DEFAULT = 20


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", default="list", choices=tuple(_ACTIONS), help="what to do (default: list)")
    parser.add_argument(
        "who", nargs="?", metavar="NAME",
        help="a network's name or id, or the first digits of it; propose: its code, or a file that holds it; "
        "take, pass: the first digits of a suggestion",
    )  # fmt: skip
    terms = parser.add_argument_group("propose, accept, change: what we share (accept: else the same as they)")
    terms.add_argument("--share", metavar="KINDS", help="offers, or offers,notes")
    terms.add_argument("--categories", metavar="CODES", help="only these, such as food,household; all: no limit")
    terms.add_argument("--area", metavar="GEOHASHES", help="only what begins so, such as u33d,u33e; all: no limit")
    terms.add_argument("--retention", type=int, metavar="DAYS", help="how long they are asked to keep it")
    until = terms.add_mutually_exclusive_group()
    until.add_argument("--days", type=float, metavar="DAYS", help="how long it is agreed, from now (default 365)")
    until.add_argument("--until", metavar="DAY", help="the same as a day")
    looking = parser.add_argument_group("show: posts of ours")
    which = looking.add_mutually_exclusive_group()
    which.add_argument("--kept", action="store_true", help="what is not shared, and why, instead of what is")
    which.add_argument("--both", action="store_true", help="both")
    looking.add_argument("--limit", type=int, default=SHOWN_DEFAULT, metavar="NUMBER", help="how many (default 20)")
    parser.add_argument("--qr", action="store_true", help="code: also as a picture to scan")
    parser.add_argument("--flag", action="store_true", help="take: flag it for all our hubs, instead of hiding it here")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_key_options(parser)


def _run(session: Session, options: argparse.Namespace) -> int:
    return _ACTIONS[options.action](session, options)


# --- Looking


def _list(session: Session, _options: argparse.Namespace) -> int:
    partners = session.node.partners
    overview, asking, suggested = partners.overview(), partners.proposals(), partners.suggestions()
    session.out.json({**overview, "proposals": asking, "suggestions": suggested})
    if session.out.is_json:
        return exits.OK
    out = session.out
    for one in overview["items"]:
        out.lines(partner_lines(session, one))
    for one in asking:
        out.lines(asking_lines(one))
    for one in suggested:
        out.lines(suggestion_lines(one))
    if not overview["items"] and not asking:
        out.note("There is no partner network. `hartig partner code` prints what organisers of another one need.")
        return exits.OK
    out.lines(speaker_lines(overview["speakers"]))
    out.line(COPIED)
    return exits.OK


def _code(session: Session, options: argparse.Namespace) -> int:
    code = session.node.partners.code()
    session.out.json(code)
    out, text = session.out, clean(str(code["code"]))
    out.line(text)
    if options.qr:
        from hartig_node.cli.inviting import picture_lines

        out.lines(out.paint(line, "picture") for line in picture_lines(text))
    out.note(
        f"For organisers of another network; it holds no secret. {how_many(len(code['hubs']), 'hub')} of ours in it."
    )
    out.note("There: hartig partner propose CODE --share offers")
    out.note(COPIED)
    return exits.OK


def _show(session: Session, options: argparse.Namespace) -> int:
    partners = session.node.partners
    network = partners.full_id(named(options))
    for asking in partners.proposals():
        if asking["id"] == network:
            session.out.json(asking)
            session.out.lines((*asking_lines(asking), ALWAYS, COPIED))
            return exits.OK
    one = partners.get(network)
    state = "kept" if options.kept else "all" if options.both else "shared"
    posts = list(islice(partners.shared(network, state), max(1, options.limit) + 1))
    session.out.json({**one, "items": posts[: options.limit]})
    if session.out.is_json:
        return exits.OK
    out = session.out
    out.lines(partner_lines(session, one))
    out.lines(count_lines(one["posts"]))
    out.lines(post_line(post) for post in posts[: options.limit])
    if len(posts) > options.limit:
        out.note("There are more: --limit NUMBER shows them.")
    out.line(ALWAYS)
    out.line(COPIED)
    return exits.OK


# --- What others ask and suggest


def _refuse(session: Session, options: argparse.Namespace) -> int:
    network = session.node.partners.full_id(named(options))
    session.node.partners.dismiss(network)
    session.out.json({"id": network, "refused": True})
    session.out.line("It is not shown any more, unless that network asks for something else.")
    return exits.OK


def _take(session: Session, options: argparse.Namespace) -> int:
    found = _suggestion(session, options)
    session.node.partners.take(found["id"], flag=options.flag)
    session.out.json(found)
    if options.flag:
        session.out.line("Flagged, for all our hubs to read. `hartig flag --undo` takes it back.")
    elif found["about"] == "post":
        session.out.line("The post is hidden at this hub. `hartig hide --undo` shows it again.")
    else:
        session.out.line("All that it posts is hidden at this hub. `hartig mute --undo` shows it again.")
    return exits.OK


def _pass(session: Session, options: argparse.Namespace) -> int:
    found = _suggestion(session, options)
    session.node.partners.pass_over(found["id"])
    session.out.json(found)
    session.out.line("It is left as it is, and not shown any more.")
    return exits.OK


def _suggestion(session: Session, options: argparse.Namespace) -> Json:
    digits = named(options).lower()
    found = [one for one in session.node.partners.suggestions() if len(digits) >= 4 and one["id"].startswith(digits)]
    if len(found) != 1:
        raise ClientError(f"{digits[:40]!r} names none of the suggestions", "`hartig partner` lists them")
    return found[0]


_ACTIONS: dict[str, Callable[[Session, argparse.Namespace], int]] = {
    "list": _list, "code": _code, "propose": propose, "accept": accept, "refuse": _refuse, "show": _show,
    "change": alter, "leave": leave, "take": _take, "pass": _pass,
}  # fmt: skip

PARTNER = Recipe(
    _options,
    _run,
    "hartig partner propose hartig-partner:... --share offers --categories food,household --area u33d",
    "`hartig partner show NAME` lists every post of ours that they get; `--for partners` posts one for them.",
    "Two networks agree, and nothing crosses before. Organisers and trustees agree for a network;\n"
    f"--key FILE signs with their key. {COPIED}",
)

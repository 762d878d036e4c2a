"""`hartig network`: the rules of the network, and how its trustees change them: draft, sign, publish."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.rulemaking import draft, publish_rules, sign, trustee
from hartig_node.cli.session import Session
from hartig_node.cli.signing import add_key_options, add_return_options
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import how_many

Json = dict[str, Any]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", default="show", choices=tuple(_ACTIONS), help="what to do (default: show)")
    parser.add_argument("file", nargs="*", type=Path, metavar="FILE", help="the proposed rules; trustee: a key file")
    drafting = parser.add_argument_group("draft")
    drafting.add_argument("--name", help="the network's name")
    drafting.add_argument(
        "--add-trustee", action="append", default=[], metavar="KEY:HASH|FILE",
        help="what `hartig network trustee` has shown, or the key file itself with its recovery key beside it",
    )  # fmt: skip
    drafting.add_argument("--remove-trustee", action="append", default=[], metavar="NUMBER|KEY", help="may be repeated")
    drafting.add_argument("--threshold", type=int, metavar="NUMBER", help="how many trustees must agree")
    joining = drafting.add_mutually_exclusive_group()
    joining.add_argument("--open", action="store_true", default=None, help="anybody who meets a hub may join")
    joining.add_argument("--by-invite", dest="open", action="store_false", help="only who was invited may join")
    drafting.add_argument("--places", type=int, metavar="NUMBER", help="how many posts a trustee may have")
    drafting.add_argument("--invites", type=int, metavar="NUMBER", help="how many a trustee may invite")
    drafting.add_argument("--retention", dest="retention_days", type=int, metavar="DAYS", help="to keep what is over")
    drafting.add_argument("--languages", metavar="TAGS", help="such as es,ht")
    drafting.add_argument(
        "--signers", metavar="NUMBERS", help="who will sign: trustees by number or key, or recovery key files: 1,3",
    )  # fmt: skip
    add_return_options(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_key_options(parser)


def _run(session: Session, options: argparse.Namespace) -> int:
    return _ACTIONS[options.action](session, options)


# --- Looking


def _show(session: Session, _options: argparse.Namespace) -> int:
    rules = session.node.members.network()
    session.out.json(rules)
    session.out.lines(_rules_lines(session, rules))
    return exits.OK


def _rules_lines(session: Session, rules: Json) -> Iterable[str]:
    if "trustees" not in rules:
        yield "The rules of this network are not here yet: they come with the first hub that this one meets."
        return
    yield session.out.paint(isolate(clean(str(rules["name"]))), "bold") + f"  rules, version {rules['version']}"
    yield f"  network    {rules['id']}"
    yield f"  trustees   {len(rules['trustees'])}; {rules['threshold']} must agree to change the rules"
    for at, one in enumerate(rules["trustees"], start=1):
        yield f"    {at}  {one['key']}" + (f"  {isolate(clean(str(one['name'])))}" if one.get("name") else "")
    defaults = rules["defaults"]
    yield f"  joining    {'whoever meets a hub may join' if defaults['open'] else 'by invite only'}"
    yield f"  languages  {', '.join(defaults['languages'])}"
    yield f"  trustees may have {how_many(defaults['places'], 'post')} and invite {defaults['invites']:,} each"
    for other in rules.get("others") or []:
        yield session.out.paint("warning:", "yellow") + f" there is another version {other['version']} of these rules,"
        yield f"  signed by {how_many(other['signed_by'], 'trustee')}: “{isolate(clean(str(other['name'])))}”."
        yield "  All hubs follow the one above."
        yield "  Somebody signed both, or a trustee's key is in other hands: trustees should talk to each other,"
        yield "  and publish a next version on which they agree: `hartig network draft`"


_ACTIONS: dict[str, Callable[[Session, argparse.Namespace], int]] = {
    "show": _show, "draft": draft, "sign": sign, "publish": publish_rules, "trustee": trustee,
}  # fmt: skip

NETWORK = Recipe(
    _options,
    _run,
    "hartig network draft rules-2.json --add-trustee seat-4.key --threshold 2",
    "each trustee who is to sign: `hartig network sign rules-2.json --key FILE`; then `hartig network publish`.",
    "The rules say who the trustees are, how many must agree, and who may join. Trustees change by new rules alone.",
)

"""`hartig revise`, `hartig renew`, `hartig withdraw`: what a hub does to its own posts later."""

import argparse
from collections.abc import Callable
from typing import Any

from hartig_node.cli import exits, failures, minding
from hartig_node.cli.commands import Recipe
from hartig_node.cli.drafting import add_draft_options, add_fixed_options, draft_from
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.showing import summary_lines
from hartig_node.cli.words import moment, short_id
from hartig_node.client.errors import ClientError, ProblemError, UnreachableError

Change = Callable[[str], dict[str, Any]]


def _revise_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="the post's id, or the first 8 digits of it")
    parser.add_argument("--title", metavar="TITLE", help="in a few words, in --language")
    parser.add_argument("--clear", nargs="+", action="extend", metavar="FIELD", help="fields to empty: quantity")
    minding.add_yes(parser)
    add_draft_options(parser)
    add_fixed_options(parser)


def _revise(session: Session, options: argparse.Namespace) -> int:
    patch = draft_from(options)
    if options.parent:
        patch["parent"] = session.node.full_id(options.parent)
    patch.update(dict.fromkeys(name.replace("-", "_") for name in options.clear or ()))
    if not patch:
        raise UsageError("nothing to change was said", "for example: hartig revise 1f2e3d4c --quantity 20")
    was_asked = minding.ask_before(session, options, patch)
    post = session.node.revise(options.id, patch)
    session.out.json(post)
    session.out.lines(summary_lines(post, session.out))
    if not was_asked:
        minding.say(session.out, post.get("warnings", ()))
    return exits.OK


def _renew_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="+", help="the post's id, or the first 8 digits of it")
    parser.add_argument("--days", type=float, metavar="DAYS", help="for so long from now (else as long as usual)")


def _renew(session: Session, options: argparse.Namespace) -> int:
    return _each(session, options.id, lambda one: session.node.renew(one, days=options.days), "stands until {until}")


def _withdraw_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="+", help="the post's id, or the first 8 digits of it")
    parser.add_argument("--even-if-promised", action="store_true", help="also what is promised: those who wait read so")


def _withdraw(session: Session, options: argparse.Namespace) -> int:
    force = options.even_if_promised
    return _each(session, options.id, lambda one: session.node.withdraw(one, force=force), "has ended")


def _each(session: Session, post_ids: list[str], change: Change, said: str) -> int:
    """Change posts one by one; what one of them lacks does not keep the others."""
    changed, codes = [], []
    for post_id in post_ids:
        try:
            post = change(post_id)
        except UnreachableError:
            raise
        except ClientError as error:
            codes.append(failures.report(error, session.out))
            if isinstance(error, ProblemError) and error.rule == "still_promised" and not session.out.is_json:
                session.out.note("        all the same: hartig withdraw --even-if-promised")
            continue
        changed.append(post)
        session.out.line(f"{short_id(post)} {said.format(until=moment(post.get('expires_at')))}")
    session.out.json(changed)
    if not codes:
        return exits.OK
    return exits.PARTLY if changed else codes[0]


REVISE = Recipe(
    _revise_options,
    _revise,
    "hartig revise 1f2e3d4c --quantity 20 --urgency urgent",
    "`hartig show 1f2e3d4c`.",
    "What is under `said once` below cannot be changed: end the post and make another.",
)
RENEW = Recipe(
    _renew_options,
    _renew,
    "hartig renew 1f2e3d4c --days 14",
    "`hartig list --mine` shows until when each stands.",
)
WITHDRAW = Recipe(
    _withdraw_options,
    _withdraw,
    "hartig withdraw 1f2e3d4c",
    "`hartig list --mine --ended` shows what has ended.",
)

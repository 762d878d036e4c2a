"""`hartig need` and `hartig offer`: one post from options, from a file, or from both."""

import argparse
from functools import partial

from hartig_node.cli import exits, minding
from hartig_node.cli.commands import Recipe
from hartig_node.cli.drafting import add_draft_options, add_fixed_options, draft_from
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.showing import summary_lines
from hartig_node.cli.words import short_id


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("category", nargs="?", help="what it is about: water.drinking (`hartig help categories`)")
    parser.add_argument("title", nargs="?", help="in a few words")
    add_draft_options(parser)
    add_fixed_options(parser)
    minding.add_yes(parser)


def _run(kind: str, session: Session, options: argparse.Namespace) -> int:
    draft = draft_from(options)
    if draft.get("kind", kind) != kind:
        raise UsageError(f"the file holds a draft of kind {draft['kind']!r:.40}", f"this is `hartig {kind}`")
    draft["kind"] = kind
    if options.category:
        draft["category"] = options.category
    _check(kind, draft)
    if options.parent:
        draft["parent"] = session.node.full_id(options.parent)
    if str(draft.get("audience", "network")) not in ("hub", "network", "partners"):
        draft["audience"] = session.node.partners.full_id(str(draft["audience"]))
    was_asked = minding.ask_before(session, options, draft)
    post = session.node.publish(draft)
    session.out.json(post)
    session.out.lines(summary_lines(post, session.out))
    if not was_asked:
        minding.say(session.out, post.get("warnings", ()))
    session.out.line(
        f"Change it with `hartig revise {short_id(post)}`, end it with `hartig withdraw {short_id(post)}`."
    )
    return exits.OK


def _check(kind: str, draft: dict[str, object]) -> None:
    for name in ("category", "title"):
        if not draft.get(name):
            example = f'hartig {kind} water.drinking "Drinking water for 40 people"'
            raise UsageError(f"a {name} is missing", f"write it as: {example}")


NEED = Recipe(
    _options,
    partial(_run, "need"),
    'hartig need water.drinking "Drinking water for 40 people" --quantity 40 --unit LTR --urgency high --days 3',
    "`hartig search water`: perhaps it is already there.",
    "What you share openly can be copied: leave out phone numbers, streets and names.",
)
OFFER = Recipe(
    _options,
    partial(_run, "offer"),
    'hartig offer household.bedding "Wool blankets, washed" --quantity 24 --satisfies condition.clean',
    "`hartig list --kind need`: perhaps somebody needs just that.",
    "What you share openly can be copied: leave out phone numbers, streets and names.",
)

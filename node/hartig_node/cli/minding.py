"""What in a text tells too much of people: asked about where somebody sits, and said in any case. Never a refusal.

In: a draft or a change, or what the hub says of one that is posted. Out: lines on stderr, and whether to go on. Called
by `posting`, `changing` and `importing`.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from hartig_node.cli.output import Output
from hartig_node.cli.session import Session
from hartig_node.cli.width import clean
from hartig_node.client.errors import ClientError, ProblemError

Json = Mapping[str, Any]

LOOKED_AT = ("title", "text", "source", "language")
LOOKS_LIKE = {
    "phone": "a phone number",
    "mail": "a mail address",
    "street": "where somebody lives",
    "name": "somebody's name",
}
_HINT = (
    "Everybody can read and copy what you post. How to reach people goes into --contact: only the other side reads it"
)


def add_yes(parser: argparse.ArgumentParser) -> None:
    """Take a word that spares the question."""
    parser.add_argument("--yes", action="store_true", help="do not ask where the text seems to tell of people")


def ask_before(session: Session, options: argparse.Namespace, draft: Json) -> bool:
    """Ask a person who sits here whether a text is to go out as it is; tell whether it was looked through.

    Raises `ClientError` where they say no.
    """
    if options.yes or session.out.is_json or not sys.stdin.isatty():
        return False
    try:
        found = session.node.warnings({name: draft[name] for name in LOOKED_AT if draft.get(name)})
    except ProblemError:  # a hub that is older than this program, or a draft that it will refuse anyway
        return False
    if found:
        say(session.out, found)
        session.out.flush()
        if input("Post it anyway? Type yes: ").strip().lower() != "yes":
            raise ClientError("nothing was posted", "leave that out, or put it into --contact")
    return True


def say(out: Output, found: Iterable[Json], where: str = "") -> None:
    """Say what was found, and what to do instead."""
    lines = list(lines_of(found, where))
    for line in lines:
        out.note(line)
    if lines:
        out.note(f"  {_HINT}.")


def lines_of(found: Iterable[Json], where: str = "") -> Iterable[str]:
    """Yield a line for each piece of text."""
    for one in found:
        field = str(one.get("pointer", "")).lstrip("/").partition("/")[0]
        what = LOOKS_LIKE.get(str(one.get("code")), "something about a person")
        yield f"{where}Look at the {field or 'text'} once more: “{clean(str(one.get('found')))}” looks like {what}."

"""`hartig watch`: what happens on the hub, as it happens, until Ctrl-C."""

import argparse
import json
from collections.abc import Mapping
from itertools import islice
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.session import Session
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import in_language, language, moment
from hartig_node.client.errors import NotFoundError

_SAID = {
    "post.added": "new",
    "post.changed": "changed",
    "post.ended": "ended",
    "deal.changed": "give and take",
    "peer.connected": "a hub connected",
    "peer.left": "a hub left",
    "member.added": "a hub joined the network",
    "member.changed": "a membership changed",
    "member.ended": "a hub is no longer in the network",
    "member.ending": "a membership ends soon, `hartig status` says which",
    "removal.added": "somebody was removed from the network",
    "agreement.asked": "another network asks to be our partner, `hartig partner` says what it would share",
    "agreement.added": "our side of an agreement with a partner network was said",
    "agreement.changed": "our side of an agreement with a partner network was changed",
    "agreement.ended": "our side of an agreement with a partner network was ended",
    "agreement.ending": "what is agreed with a partner network ends soon, `hartig status` says with which",
    "agreement.short": "a hub of a partner network gives less than another, `hartig status` says which",
    "partner.agreement.added": "a partner network said its side of an agreement",
    "partner.agreement.changed": "a partner network changed its side of an agreement",
    "partner.agreement.ended": "a partner network ended its side of an agreement",
    "partner.removal.added": "a partner network has removed somebody, `hartig partner` asks what to do here",
    "partner.record.added": "something else came from a partner network, such as a flag, `hartig partner` shows those",
    "partner.post.added": "new at a partner network",
    "partner.post.changed": "changed at a partner network",
    "partner.post.ended": "ended at a partner network",
    "partner.deal.changed": "give and take at a partner network",
    "network.changed": "the network has new rules",
    "network.forked": "there are two versions of the rules",
}

_OF_DEALS = "thread"  # where an event about a deal names its post


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--after", type=int, metavar="NUMBER", help="begin after this event instead of now")
    parser.add_argument("--count", type=int, metavar="NUMBER", help="end after so many events")


def _run(session: Session, options: argparse.Namespace) -> int:
    for event in islice(session.node.events(options.after), options.count):
        if session.out.is_json:
            line = json.dumps({"id": event.number, "event": event.name, "data": event.value})
        else:
            line = _line(session, event.name, event.value)
        session.out.raw(line)
        session.out.flush()
    return exits.OK


def _line(session: Session, name: str, value: Any) -> str:
    facts: Mapping[str, Any] = value if isinstance(value, dict) else {}
    said = _SAID.get(name, name.replace(".", " "))
    parts = [moment(facts.get("at")), said]
    if post_id := facts.get("post") or facts.get(_OF_DEALS):
        parts += [str(facts.get("kind", "")), str(post_id)[:8], _title(session, str(post_id))]
    elif hub := facts.get("hub"):
        parts.append(str(hub)[:8])
    return "  ".join(part for part in parts if part)


def _title(session: Session, post_id: str) -> str:
    try:
        post = session.node.post(post_id)
    except NotFoundError:
        return ""
    return isolate(clean(in_language(post.get("title"), language())))


WATCH = Recipe(
    _options,
    _run,
    "hartig watch",
    "`hartig show ID` with the digits of a line.",
    "With --json each event is one line.",
)

"""`hartig flag`, `hide` and `mute`: what all hubs should look at again, and what people here need not see."""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.stock import hub_id
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import in_language, language, moment
from hartig_node.client.errors import ClientError, NotFoundError

Json = dict[str, Any]

REASONS = {
    "unsafe": "not safe",
    "false": "not true",
    "spam": "advertising",
    "rude": "rude",
    "private": "says too much about a person",
    "other": "something else",
}
_HUB_DIGITS = 64


def _options(what: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", nargs="?", help=what)
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--undo", action="store_true", help="take it back")
        which.add_argument("--list", action="store_true", help="see what there is")

    return add


def _flag_options(parser: argparse.ArgumentParser) -> None:
    _options("a post or a hub: its id, or the first 8 digits of it; or the hub's name")(parser)
    reasons = ", ".join(f"{name} ({words})" for name, words in REASONS.items())
    parser.add_argument("--why", choices=tuple(REASONS), help=f"the reason: {reasons}")
    parser.add_argument("--text", metavar="WORDS", help="a sentence for who looks at it, in the hub's language")
    parser.add_argument("--mine", action="store_true", help="with --list: only those of this hub")


def _note_options(what: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        _options(what)(parser)
        parser.add_argument("--note", metavar="WORDS", help="why, for the organisers here")

    return add


def _wanted(options: argparse.Namespace, example: str) -> str:
    if options.id is None:
        raise UsageError("what is meant?", f"for example: {example}, or --list")
    return str(options.id)


def _subject(session: Session, text: str) -> str:
    """Return the id of the post, or else of the hub, that is meant."""
    if len(text) == _HUB_DIGITS:
        return hub_id(session, text)
    try:
        return session.node.full_id(text)
    except NotFoundError:
        return hub_id(session, text)
    except ClientError as error:
        if type(error) is not ClientError:  # not "this is no id of a post" but something that went wrong
            raise
        return hub_id(session, text)


# --- Commands


def _flag(session: Session, options: argparse.Namespace) -> int:
    moderation, out = session.node.moderation, session.out
    if options.list:
        about = None if options.id is None else _subject(session, options.id)
        return _listed(session, moderation.flags(about, mine=options.mine), _flag_line, "Nothing is flagged.")
    subject = _subject(session, _wanted(options, "hartig flag 9a8b7c6d --why unsafe"))
    if options.undo:
        moderation.take_back(subject)
        return _undone(session, subject, "It is taken back.")
    if options.why is None:
        raise UsageError("why is it flagged?", f"--why says it: {', '.join(REASONS)}")
    flag = moderation.flag(subject, options.why, options.text)
    out.json(flag)
    out.line(f"Flagged: {REASONS[options.why]}. All hubs read it; it is shown all the same.")
    return exits.OK


def _hide(session: Session, options: argparse.Namespace) -> int:
    moderation = session.node.moderation
    if options.list:
        return _listed(session, moderation.hidden(), _hidden_line, "No post is hidden here.")
    post = session.node.full_id(_wanted(options, "hartig hide 9a8b7c6d"))
    if options.undo:
        moderation.show(post)
        return _undone(session, post, "It is shown again.")
    session.out.json(moderation.hide(post, options.note))
    session.out.line("It is hidden at this hub. Deals about it go on, and other hubs show it.")
    return exits.OK


def _mute(session: Session, options: argparse.Namespace) -> int:
    moderation = session.node.moderation
    if options.list:
        return _listed(session, moderation.muted(), _hidden_line, "No hub is muted here.")
    hub = hub_id(session, _wanted(options, "hartig mute 'Strike kitchen'"))
    if options.undo:
        moderation.unmute(hub)
        return _undone(session, hub, "Its posts are shown again.")
    session.out.json(moderation.mute(hub, options.note))
    session.out.line("All that it posts is hidden at this hub. Deals with it go on, and other hubs show it.")
    return exits.OK


def _undone(session: Session, subject: str, words: str) -> int:
    session.out.json({"id": subject})
    session.out.line(words)
    return exits.OK


# --- Lists


def _listed(session: Session, found: Iterable[Json], line: Callable[[Json], str], nothing: str) -> int:
    items = list(found)
    session.out.json(items)
    session.out.lines(line(one) for one in items)
    if not items:
        session.out.note(nothing)
    return exits.OK


def _called(one: Json) -> str:
    called = in_language(one.get("title"), language()) or str(one.get("name") or "")
    return f"{str(one.get('id', ''))[:8]}  {isolate(clean(called or '(not held any more)'))}"


def _flag_line(flag: Json) -> str:
    by = "this hub" if flag.get("mine") else str(flag.get("hub_name") or str(flag.get("hub", ""))[:8])
    why, text = REASONS.get(str(flag.get("why")), str(flag.get("why"))), in_language(flag.get("text"), language())
    said = f": {isolate(clean(text))}" if text else ""
    return f"{_called(flag)}: {why}, says {isolate(clean(by))}, {moment(flag.get('at'))}{said}"


def _hidden_line(hidden: Json) -> str:
    said = [moment(hidden.get("at")), *(isolate(clean(str(hidden[name]))) for name in ("by", "note") if name in hidden)]
    return f"{_called(hidden)}: since {', '.join(said)}"


FLAG = Recipe(
    _flag_options,
    _flag,
    "hartig flag 9a8b7c6d --why unsafe --text 'The tins are bulging.'",
    "`hartig flag 9a8b7c6d --undo` takes it back; `hartig hide` keeps it from the people here.",
    "All hubs read it beside the post, and so do partner networks that read the post.\n"
    "Nothing is hidden by it, and after 90 days it is over.",
)
HIDE = Recipe(
    _note_options("a post of another hub: its id, or the first 8 digits of it"),
    _hide,
    "hartig hide 9a8b7c6d --note 'sold, not given'",
    "`hartig hide 9a8b7c6d --undo`; `hartig list --hidden` shows it all the same.",
    "At this hub alone, and nobody else hears of it.",
)
MUTE = Recipe(
    _note_options("another hub: its name, or its id or the first 8 digits of it (`hartig peers`)"),
    _mute,
    "hartig mute 'Strike kitchen' --note 'asks for money'",
    "`hartig mute 'Strike kitchen' --undo`; `hartig list --hidden` shows its posts all the same.",
    "Its posts are hidden at this hub, those that come later too; its flags count for nothing here.",
)

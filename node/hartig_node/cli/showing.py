"""`hartig show`, and how a post is written out for people."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.accounts import book_deals, book_facts, progress_facts
from hartig_node.cli.commands import Recipe
from hartig_node.cli.elsewhere import others_for, others_of_need
from hartig_node.cli.moderating import REASONS
from hartig_node.cli.output import COLUMNS_DEFAULT, Output
from hartig_node.cli.recurring import how_often
from hartig_node.cli.session import Session
from hartig_node.cli.width import clean, isolate, width, wrap
from hartig_node.cli.words import amount, in_language, language, moment, short_id
from hartig_node.client.errors import NotFoundError

_KINDS = {"need": "needed", "offer": "offered"}
_AUDIENCES = {"network": "everybody in this network", "hub": "this hub alone", "partners": "partner networks too"}
_STATES = {"standing": "stands", "expired": "its time is over", "ended": "has ended"}
_LABEL_COLUMNS = 16


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="+", help="the post's id, or the first 8 digits of it")


def _run(session: Session, options: argparse.Namespace) -> int:
    posts = [session.node.post(one) for one in options.id]
    session.out.json(posts[0] if len(posts) == 1 else posts)
    if session.out.is_json:
        return exits.OK
    for index, post in enumerate(posts):
        if index:
            session.out.line()
        book = _book(session, post)
        session.out.lines(detail_lines(post, session.out, book))
        session.out.lines(book_deals(book, session.out))
        session.out.lines(others_for(post, others_of_need(session, post)))
    return exits.OK


def _book(session: Session, post: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the account of a post; nothing where there is none any more."""
    try:
        return session.node.deals.book(str(post["id"]))
    except NotFoundError:
        return {}


def summary_lines(post: Mapping[str, Any], output: Output) -> list[str]:
    """Return the two lines that tell a post from others."""
    title = clean(in_language(post.get("title"), language()))
    said = [_KINDS.get(str(post.get("kind")), ""), _category(post), amount(post, language()), how_often(post)]
    until = f"until {moment(post.get('expires_at'))}"
    return [
        f"{output.paint(short_id(post), 'bold')}  {isolate(title)}",
        f"{' ' * 10}{', '.join(one for one in (*said, until) if one)}",
    ]


def detail_lines(post: Mapping[str, Any], output: Output, book: Mapping[str, Any]) -> Iterator[str]:
    """Yield everything that a post says, as lines that fit the terminal."""
    columns = output.columns or COLUMNS_DEFAULT
    yield from summary_lines(post, output)[:1]
    for label, value in (*_facts(post), *progress_facts(post, book), *book_facts(book)):
        first, *others = wrap(clean(value, keep_lines=True), columns - _LABEL_COLUMNS)
        painted = output.paint(label, "dim")
        yield f"{painted}{' ' * max(1, _LABEL_COLUMNS - width(label))}{isolate(first)}"
        yield from (f"{' ' * _LABEL_COLUMNS}{isolate(line)}" for line in others)


def _category(post: Mapping[str, Any]) -> str:
    from hartig_protocol.records import categories

    return categories.label(str(post.get("category", "")), language())


def _facts(post: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is said, each with its label in front."""
    yield "id", str(post.get("id", ""))
    yield "what", f"{_KINDS.get(str(post.get('kind')), '?')}: {_category(post)} ({post.get('category')})"
    for name in ("title", "text"):
        texts = post.get(name)
        for tag, text in sorted(texts.items()) if isinstance(texts, dict) else ():
            yield f"{name} ({clean(str(tag))})", str(text)
    yield from _how_much(post)
    yield from _codes(post)
    yield from _when(post)
    audience = str(post.get("audience", ""))
    yield "who may see it", _AUDIENCES.get(audience, f"partner network {audience}")
    held_by = "this hub" if post.get("mine") else str(post.get("author_name") or post.get("author", ""))
    yield "held by", held_by
    if "network" in post:
        yield "partner network", f"{post.get('network_name') or 'without a name yet'} ({post['network']})"
    yield from moderation_facts(post)
    for name in ("source", "parent"):
        if name in post:
            yield {"parent": "belongs to"}.get(name, name), str(post[name])


def moderation_facts(post: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield who flagged a post or its hub, and why it is hidden here."""
    flags, hidden = post.get("flags") or {}, post.get("hidden")
    for flag in flags.get("first", ()):
        by = "this hub" if flag.get("mine") else str(flag.get("hub_name") or flag.get("hub", ""))
        about = "its hub " if flag.get("about") == "hub" else ""
        yield "flagged", f"{about}{REASONS.get(str(flag.get('why')), flag.get('why'))}, says {by}"
    if hidden:
        what = "its hub is muted" if hidden.get("why") == "muted" else "yes"
        yield "hidden here", ", ".join(str(one) for one in (what, hidden.get("by"), hidden.get("note")) if one)


def _how_much(post: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if much := amount(post, language()):
        yield "how much", much
    for name, label in (("people", "for people"), ("mode", "how"), ("rule", "who gets it"), ("urgency", "urgency")):
        if name in post:
            yield label, str(post[name])
    if "level" in post:
        said_at = f", said at {moment(post['level_at'])}" if "level_at" in post else ""
        yield "open shelf", f"{post['level']}{said_at}: who comes takes"
    for name, label in (("area", "area"), ("reach_km", "reach in km")):
        if name in post:
            yield label, str(post[name])


def _codes(post: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from hartig_protocol.records import attributes

    for name in ("requires", "avoids", "satisfies", "contains", "unknown"):
        if codes := post.get(name):
            yield name, ", ".join(attributes.label(str(code), language()) for code in codes)


def _when(post: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    state = str(post.get("state"))
    yield "state", _STATES.get(state, state)
    yield "posted", moment(post.get("published_at"), with_year=True)
    yield "until", moment(post.get("expires_at"), with_year=True)
    window = post.get("window")
    if isinstance(window, dict):
        yield "between", " and ".join(moment(window.get(end), with_year=True) for end in ("from", "to"))
    if often := how_often(post):
        yield "how often", often
    if "next_date" in post:
        yield "next on", moment(post["next_date"], with_year=True)
    if dates := post.get("dates"):
        yield "on", ", ".join(moment(one, with_year=True) for one in dates)
    if "best_before" in post:
        yield "best before", moment(post["best_before"], with_year=True)


SHOW = Recipe(
    _options,
    _run,
    "hartig show 1f2e3d4c",
    "`hartig ask` for what is offered; `hartig revise`, `renew` or `withdraw` where the post is this hub's.",
)

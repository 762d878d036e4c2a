"""What `hartig partner` says in words: terms, networks, posts that cross or stay."""

from collections.abc import Iterable, Sequence
from typing import Any

from hartig_node.cli.moderating import REASONS
from hartig_node.cli.session import Session
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import SHORT_ID_CHARACTERS, how_many, in_language, language, moment, short_id

Json = dict[str, Any]
COPIED = "What is shared can be copied; how long the partner keeps it is asked, not assured."
ALWAYS = "Always shared: the rules, who belongs, who was removed, and the cards of hubs."
KINDS = {"offers": "offer", "notes": "note"}
_KIND_WORDS = {one: word for word, one in KINDS.items()}
_STATES = {"waiting": "has not answered yet", "agreed": "agreed", "left": "has ended its side: nothing crosses"}
WHY_KEPT = {
    "audience": "not meant for partner networks",
    "need": "a need is asked of one partner alone",
    "kind": "of a kind that is not shared",
    "category": "of a category that is not shared",
    "area": "of an area that is not shared",
}


def partner_lines(session: Session, one: Json) -> Iterable[str]:
    """Yield what is agreed with one network."""
    yield session.out.paint(isolate(called(one)), "bold") + f"  {short(one)}  {_STATES[one['state']]}"
    yield f"  we share    {terms_words(one['ours'])}"
    if one.get("theirs"):
        yield f"  they share  {terms_words(one['theirs'])}"
    heard = "nothing yet" if one.get("heard_at") is None else moment(one["heard_at"])
    yield f"  heard last  {heard}; {how_many(one['links'], 'hub')} of theirs connected"
    for hub in one.get("short") or []:
        who = isolate(clean(str(hub.get("hub_name") or hub["hub"][:8])))
        missing = how_many(hub["missing"], "entry", "entries")
        yield session.out.paint(f"  gives less  {who} did not give {missing} that another hub of theirs gave", "yellow")


def asking_lines(one: Json) -> Iterable[str]:
    """Yield what a network asks for, and how to answer."""
    who = f"{isolate(called(one))} {short(one)}"
    yield f"{who} asks to be your partner network. It would share {terms_words(one['terms'])}."
    yield f"  yes: hartig partner accept {short(one)}    no: hartig partner refuse {short(one)}"


def speaker_lines(speakers: Sequence[Json]) -> Iterable[str]:
    """Yield who of ours speaks with partner networks."""
    names = ", ".join(isolate(clean(str(one.get("hub_name") or one["hub"][:8]))) for one in speakers) or "none"
    yield f"Hubs of ours that speak with partner networks: {names}"
    if len(speakers) < 2:
        yield "  Fewer than two: when that one is away, nothing crosses. `hartig member renew KEY --partners` adds one."


def suggestion_lines(one: Json) -> Iterable[str]:
    """Yield whom a network has removed or what it flags, and what can be done about it."""
    network = isolate(clean(str(one.get("network_name") or one["network"][:8])))
    by = isolate(clean(str(one.get("by_name") or str(one.get("by") or "somebody")[:8])))
    if one.get("about") == "post":
        yield from _flag_lines(one, network, by)
        return
    who = isolate(clean(str(one.get("name") or str(one["key"])[:8])))
    here = " It belongs to this network, too." if one.get("belongs_here") else ""
    yield f"{network} has removed {who}, by {by}, {moment(one['at'])}.{here}"
    yield f"  hide here what it posts: hartig partner take {short(one)}    leave it: hartig partner pass {short(one)}"


def _flag_lines(one: Json, network: str, by: str) -> Iterable[str]:
    whose = (
        "a post of this hub" if one.get("mine") else "a post of our network" if one.get("belongs_here") else "a post"
    )
    title = isolate(clean(in_language(one.get("title"), language()) or "(its words are gone)"))
    why = REASONS.get(str(one.get("why")), str(one.get("why")))
    text = in_language(one.get("text"), language())
    said = f": {isolate(clean(text))}" if text else ""
    yield f"{network}, by {by}, flags {whose}, {title} ({str(one['post'])[:8]}), as {why}{said}  {moment(one['at'])}"
    if one.get("mine"):
        yield f"  change or withdraw it, or leave it: hartig partner pass {short(one)}"
    else:
        yield f"  hide it here: hartig partner take {short(one)}    leave it: hartig partner pass {short(one)}"
        yield f"  flag it for our hubs: hartig partner take {short(one)} --flag"


def called(one: Json) -> str:
    """Return what a network is called."""
    return clean(str(one.get("name") or "a network without a name yet"))


def short(one: Json) -> str:
    """Return the first digits of an id."""
    return str(one["id"])[:SHORT_ID_CHARACTERS]


def terms_words(terms: Json) -> str:
    """Say in words what one side shares, what it asks, and until when."""
    from hartig_protocol.records import categories

    kinds = " and ".join(_KIND_WORDS.get(one, one) for one in reversed(terms["kinds"]))
    labels = ", ".join(categories.label(code, language()) for code in terms["categories"]) or "all categories"
    areas = f"within {', '.join(terms['areas'])}" if terms["areas"] else "everywhere"
    asked = f"asks to keep it {how_many(terms['retention_days'], 'day')} at most"
    return f"{kinds}: {labels}, {areas}; {asked}; until {str(terms['until'])[:10]}"


def count_lines(counts: Json) -> Iterable[str]:
    """Yield how many posts are shared, and how many are not and why."""
    yield f"  posts       {counts['shared']:,} shared, with what was asked and promised of them"
    for why, words in WHY_KEPT.items():
        if counts.get(why):
            yield f"              {counts[why]:,} not shared: {words}"


def post_line(post: Json) -> str:
    """Return one post, with why it is not shared where it is not."""
    title = isolate(clean(in_language(post.get("title"), language()) or "(its words are gone)"))
    why = f"  (not shared: {WHY_KEPT[post['kept']]})" if post.get("kept") else ""
    return f"  {short_id(post)}  {post['kind']}  {post['category']}  {title}{why}"

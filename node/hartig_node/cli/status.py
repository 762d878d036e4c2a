"""`hartig status` and `hartig peers`: how the hub is, whom it knows, and why something is not as it should be."""

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.output import Output
from hartig_node.cli.session import Session
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import duration, how_many, moment

_STATES = {
    "member": "belongs to the network",
    "joining": "is not let in yet",
    "no_network": "belongs to no network yet",
    "over": "does not belong to its network any more",
    "removed": "was removed from its network",
}
_DESK_STATES = {
    "shut": "no device is paired (`hartig pair`)",
    "off": "their pages are switched off in hartig.toml",
    "blocked": "their door does not open, see below",
}
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}
_PEER_STATES = {"open": "connected", "closed": "not connected", "refused": "not connected"}


def _no_options(parser: argparse.ArgumentParser) -> None:
    """Take what every command takes."""


def _status(session: Session, _options: argparse.Namespace) -> int:
    report = session.node.status()
    out = session.out
    out.json(report)
    if not out.is_json:
        out.lines(_status_lines(report, out))
    return exits.OK


def _status_lines(report: Mapping[str, Any], out: Output) -> Iterable[str]:
    network, clock = report.get("network") or {}, report.get("clock") or {}
    state = str(report.get("state"))
    named = isolate(clean(str(network.get("name") or "without a name")))
    yield out.paint(isolate(clean(str(report.get("name") or "This hub"))), "bold") + f" {_STATES.get(state, state)}"
    yield f"  network    {named} ({str(network.get('id', ''))[:8]})"
    posts, entries = int(report.get("posts") or 0), int(report.get("records") or 0)
    in_all = how_many(entries, "entry", "entries")
    yield f"  posts      {how_many(posts, 'need or offer', 'needs and offers')}; {in_all} in all"
    yield f"  hubs       {how_many(int(report.get('peers_open') or 0), 'other hub')} connected (`hartig peers`)"
    for one in report.get("partners") or []:
        name = isolate(clean(str(one.get("name") or f"network {str(one.get('id'))[:8]}")))
        held, links = how_many(one["records"], "entry", "entries"), how_many(one["links"], "hub")
        yield f"  partner    {name}: {held} of theirs here, {links} of theirs connected (`hartig partner`)"
    if said := _belonging_line(report):
        yield f"  belongs    {said}"
    if said := fetching_line(report):
        yield f"  all there  {said}"
    if said := intake_line(report):
        yield f"  coming in  {said}"
    if said := desk_line(report):
        yield f"  organisers {said}"
    trust = "" if clock.get("trusted", True) else " (about right: it stood still while the hub was off; `hartig clock`)"
    yield f"  clock      {moment(clock.get('now'), with_year=True)}{trust}"
    yield f"  running    for {duration(report.get('uptime_s'))}, version {clean(str(report.get('version', '?')))}"
    problems = report.get("problems") or []
    if not problems:
        yield out.paint("All is well.", "green")
    yield from problem_lines(problems, out)


def _belonging_line(report: Mapping[str, Any]) -> str:
    """Say as what the hub belongs, and until when; empty where it does not."""
    own = report.get("belonging") or {}
    if not own.get("rank"):
        return ""
    until = f" until {str(own['until'])[:10]}" if own.get("until") else ""
    return clean(f"as {own['rank']}{until}, may invite {_number(own.get('invites_left'))} more (`hartig member`)")


def intake_line(report: Mapping[str, Any]) -> str:
    """Say whose posts come faster than the hub takes them in; empty where nothing waits."""
    intake = report.get("intake") or {}
    if not intake.get("waiting"):
        return ""
    most: Mapping[str, Any] = next(iter(intake.get("by") or []), {})
    name = isolate(clean(str(most.get("name") or str(most.get("hub") or "")[:8])))
    who = f"hubs that {name} invited" if most.get("hub") else "hubs that nobody here knows"
    return f"posts by {who} come faster than this hub takes them in; others' go first"


def fetching_line(report: Mapping[str, Any]) -> str:
    """Say how far the hub has come in fetching what the others have; empty where nothing can be said."""
    fetching, complete_at = report.get("fetching") or {}, report.get("complete_at")
    held, total = fetching.get("held"), fetching.get("total")
    if isinstance(held, int) and isinstance(total, int) and held < total:
        return f"not yet: fetching what the others have, {held:,} of {total:,}"
    if complete_at is None:
        return ""
    if not report.get("peers_open"):
        return f"on {moment(complete_at)}; no other hub is connected now"
    return f"since {moment(complete_at)}"


def desk_line(report: Mapping[str, Any]) -> str:
    """Say where the organisers' pages are, or how they are opened; empty where nothing can be said."""
    desk = report.get("desk") or {}
    addresses = desk.get("addresses") or []
    if desk.get("state") == "open" and addresses:
        return clean(str(addresses[0]))
    return _DESK_STATES.get(str(desk.get("state")), "")


def problem_lines(problems: Iterable[Mapping[str, Any]], out: Output) -> Iterable[str]:
    """Yield what is wrong, and under each what to do."""
    for problem in problems:
        severity = str(problem.get("severity", "warning"))
        yield f"{out.paint(f'{severity}:', _COLOURS.get(severity, 'bold'))} {clean(str(problem.get('what', '')))}"
        if hint := problem.get("hint"):
            yield f"  do: {clean(str(hint))}"
        if problem.get("code") == "count_anew":
            yield "  `hartig recount` shows what waits to be counted"


def _peers(session: Session, _options: argparse.Namespace) -> int:
    peers = session.node.peers()
    out = session.out
    out.json(peers)
    progress = _progress(session) if any(peer.get("fetching") for peer in peers) and not out.is_json else ""
    for peer in peers:
        out.lines(_peer_lines(peer, out, progress))
    if not peers:
        out.note(
            "No other hub is known yet. Hubs on the same network find each other by themselves;\n"
            "`hartig invite` brings a new one in, and `hartig doctor` looks for what is in the way."
        )
    return exits.OK


def _progress(session: Session) -> str:
    """Return how much of the hub that feeds this one is here, as far as it is known."""
    fetching = session.node.status().get("fetching") or {}
    return f"{_number(fetching.get('held'))} of {_number(fetching.get('total'))}" if fetching else "the last of it"


def _peer_lines(peer: Mapping[str, Any], out: Output, progress: str) -> Iterable[str]:
    state = str(peer.get("state"))
    name = peer.get("name") or f"hub {str(peer.get('hub') or peer.get('node') or '?')[:8]}"
    said = out.paint(_PEER_STATES.get(state, state), "green" if state == "open" else "yellow")
    yield f"{out.paint(isolate(clean(str(name))), 'bold')}  {said}"
    facts = [
        f"at {peer['address']}" if peer.get("address") else "",
        _how_met(peer) if state == "open" else "",
    ]
    if said_facts := ", ".join(fact for fact in facts if fact):
        yield f"  {clean(said_facts)}"
    if peer.get("fetching"):
        yield f"  fetching what it has: {progress}"
    if state != "open" and peer.get("reason"):
        yield f"  why: {clean(str(peer['reason']))}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "?"


STATUS = Recipe(
    _no_options,
    _status,
    "hartig status",
    "`hartig doctor` looks closer where something is wrong.",
)
PEERS = Recipe(
    _no_options,
    _peers,
    "hartig peers",
    "`hartig doctor` where no hub can be reached; `hartig invite` to bring in another.",
)


# How a hub's address became known -> what people read.
_FOUND_BY = {
    "mdns": "found on the local network",
    "typed": "found at an address in hartig.toml",
    "invite": "found at the address in the invite",
    "card": "found at the address that it gives",
    "remembered": "found where it was before",
}


def _how_met(peer: Mapping[str, Any]) -> str:
    if not peer.get("opened_by_us"):
        return "it called us"
    return f"we called it, {_FOUND_BY.get(str(peer.get('found_by')), 'found somehow')}"

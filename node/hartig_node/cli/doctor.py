"""`hartig doctor`: what the node says of itself and what this machine shows, as one list, worst first.

Works without a running node. The exit code says how bad it is.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from hartig_node.cli import exits, local_checks
from hartig_node.cli.commands import Recipe
from hartig_node.cli.session import Session
from hartig_node.cli.status import problem_lines
from hartig_node.cli.words import how_many
from hartig_node.client.errors import ClientError, UnreachableError

Problem = Mapping[str, Any]
_SAYS_WHY_ALONE = {"no_interface", "removed", "membership_over"}
_FOR_WANT_OF_A_NETWORK = {"alone", "peer_unreachable"}
_ORDER = {"error": 0, "warning": 1, "note": 2}
_ANSWERS = "the hub answers"
# How each check should be -> what is so where it is not.
NOT_SO = {
    _ANSWERS: "the hub does not answer",
    "the hub's folder is there and private": "the hub's folder is not there, or not private",
    "the disk has room": "the disk is nearly full, or cannot be read",
    "this machine has a network": "this machine has no network",
    "the door for this command is open": "the door for this command is shut",
    "somebody vouches for the clock": "nobody vouches for the clock",
}


def _no_options(parser: argparse.ArgumentParser) -> None:
    """Take what every command takes."""


def _run(session: Session, _options: argparse.Namespace) -> int:
    problems: list[Problem] = []
    checked = [_ask_node(session, problems)]
    if not session.place.url:
        checked += _check_machine(session, problems, asked=checked[0])
    if {problem.get("code") for problem in problems} & _SAYS_WHY_ALONE:
        # The reason for all of these is said already, and nothing at those hubs would help.
        problems = [problem for problem in problems if problem.get("code") not in _FOR_WANT_OF_A_NETWORK]
    problems.sort(key=lambda problem: _ORDER.get(str(problem.get("severity")), 1))
    code = _exit_code(problems, answered=checked[0]["ok"])
    session.out.json({"healthy": code == exits.OK, "checks": checked, "problems": problems})
    if not session.out.is_json:
        _say(session, checked, problems)
    return code


def _ask_node(session: Session, problems: list[Problem]) -> dict[str, Any]:
    """Ask the node; add what it says. Where nobody answers, say so once."""
    try:
        _, blocking = session.node.ready()
        problems.extend(session.node.status().get("problems", []))
        problems.extend(_silent_peers(session))
    except UnreachableError as error:
        if session.place.url:
            problems.append(_problem("unreachable", error.detail, error.hint))
        return _check(_ANSWERS, ok=False)
    except ClientError as error:
        problems.append(_problem("api", error.detail, error.hint))
        return _check(_ANSWERS, ok=True)
    known = {problem.get("code") for problem in problems}
    problems.extend(problem for problem in blocking if problem.get("code") not in known)
    return _check(_ANSWERS, ok=True)


def _silent_peers(session: Session) -> list[Problem]:
    """Say why hubs that we know cannot be reached; one that is connected by another way is no problem."""
    peers = session.node.peers()
    connected = {peer.get("hub") for peer in peers if peer.get("state") == "open"}
    return [
        {
            "code": "peer_unreachable",
            "severity": "note",
            "what": f"{peer.get('name') or 'hub ' + str(peer.get('hub') or peer.get('node'))[:8]}: {peer['reason']}",
            "hint": "nothing, if that hub is switched off; else look there with `hartig doctor`",
        }
        for peer in peers
        if peer.get("state") != "open" and peer.get("reason") and peer.get("hub") not in connected
    ]


def _check_machine(session: Session, problems: list[Problem], *, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Check this machine; what the node has said already is not said twice."""
    known = {problem.get("code") for problem in problems}
    place = session.place
    checks: list[tuple[str, Callable[[], list[local_checks.Finding]]]] = [
        ("the hub's folder is there and private", lambda: local_checks.check_folder(place)),
        ("the disk has room", lambda: local_checks.check_disk(place)),
        ("this machine has a network", local_checks.check_interfaces),
    ]
    if not asked["ok"]:
        checks += [
            ("the door for this command is open", lambda: local_checks.check_socket(place)),
            ("somebody vouches for the clock", local_checks.check_clock),
        ]
    results = []
    for name, check in checks:
        findings = check()
        problems.extend(finding.as_json() for finding in findings if finding.code not in known)
        results.append(_check(name, ok=not findings))
    return results


def _check(name: str, *, ok: bool) -> dict[str, Any]:
    """One check by its name, which says how it should be, and in `found` how it is."""
    return {"check": name, "ok": ok, "found": name if ok else NOT_SO[name]}


def _problem(code: str, what: str, hint: str) -> Problem:
    return {"code": code, "severity": "error", "what": what, "hint": hint}


def _exit_code(problems: list[Problem], *, answered: bool) -> int:
    if not answered:
        return exits.UNREACHABLE
    severities = {problem.get("severity") for problem in problems}
    if "error" in severities:
        return exits.UNWELL
    return exits.PARTLY if "warning" in severities else exits.OK


def _say(session: Session, checked: list[dict[str, Any]], problems: list[Problem]) -> None:
    out = session.out
    for check in checked:
        said = out.paint("good", "green") if check["ok"] else out.paint("look", "red")
        out.line(f"{said}  {check['found']}")
    if problems:
        out.line()
    out.lines(problem_lines(problems, out))
    serious = sum(problem.get("severity") != "note" for problem in problems)
    out.line(f"\n{how_many(serious, 'thing')} to look at." if serious else "\nAll is well.")


DOCTOR = Recipe(
    _no_options,
    _run,
    "hartig doctor",
    "do what stands under each problem, worst first, and ask again.",
    "Exit code 0: all is well; 3: look at it; 4: no answer; 7: the hub does not do its work.",
)

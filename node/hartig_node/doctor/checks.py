"""From facts about a node to problems, each with what to do. Pure: the facts are handed in."""

from collections.abc import Sequence
from typing import Any

from hartig_protocol.values import value

NOTE, WARNING, ERROR = 1, 2, 3
SEVERITIES = {NOTE: "note", WARNING: "warning", ERROR: "error"}

# code -> severity, and whether the node does not do its work until it is mended. Named in node/API.md, by test.
PROBLEMS: dict[str, tuple[int, bool]] = {
    "starting": (NOTE, True),
    "disk_full": (ERROR, True),
    "store": (ERROR, False),
    "stopped_signing": (ERROR, False),
    "restored": (WARNING, False),
    "count_anew": (WARNING, False),
    "removed": (ERROR, True),
    "membership_over": (ERROR, True),
    "membership_ends": (WARNING, False),
    "memberships_end": (WARNING, False),
    "rules_forked": (WARNING, False),
    "few_speakers": (WARNING, False),
    "agreements_end": (WARNING, False),
    "partner_short": (WARNING, False),
    "partner_silent": (WARNING, False),
    "partner_few_speakers": (NOTE, False),
    "no_recovery_kit": (NOTE, False),
    "recovery_key_here": (NOTE, False),
    "clock": (WARNING, False),
    "joining": (NOTE, False),
    "no_network": (ERROR, True),
    "alone": (NOTE, False),
    "no_interface": (NOTE, False),
    "no_multicast": (WARNING, False),
    "door_closed": (WARNING, False),
}


@value
class Problem:
    """Something that is not as it should be."""

    code: str
    what: str
    hint: str

    @property
    def severity(self) -> int:
        """1 for a note, 2 for a warning, 3 for an error."""
        return PROBLEMS[self.code][0]

    @property
    def blocks(self) -> bool:
        """Whether the node does not do its work until this is mended."""
        return PROBLEMS[self.code][1]

    def as_json(self) -> dict[str, Any]:
        """The problem as the node API gives it."""
        return {"code": self.code, "severity": SEVERITIES[self.severity], "what": self.what, "hint": self.hint}


def judge(
    *,
    clock_trusted: bool,
    stuck: str | None,
    store_problems: Sequence[str],
    state: str,
    peers_open: int,
    hubs_known: int,
) -> list[Problem]:
    """Return the problems that follow from these facts.

    `state` is member, joining, no_network, or over or removed of what belonged once (see `board/belonging/rules`);
    `hubs_known` counts the other hubs of the network.
    """
    found = []
    if stuck is not None:
        found.append(Problem("disk_full", stuck, "free some space; what was posted so far is safe"))
    found.extend(Problem("store", text, "see 'hartig verify' and 'hartig restore'") for text in store_problems)
    if not clock_trusted:
        what = "this hub does not know the time, which stood still while it was off: dates are about right, "
        what += "and nothing expires"
        hint = "compare what `hartig clock` shows with a watch, and do what it says; a time server does it, too"
        found.append(Problem("clock", what, hint))
    if state == "joining":
        what = "this hub is not let in yet: it looks for the hub that invited it, or waits for the one that it asked"
        hint = "start that hub, and see with 'hartig peers' whether it can be reached; where words were compared, "
        hint += "its people say yes with 'hartig invite --words'"
        found.append(Problem("joining", what, hint))
    elif state == "no_network":
        found.append(Problem("no_network", "this hub belongs to no network", "run 'hartig init' or 'hartig join'"))
    elif state == "member" and hubs_known and not peers_open:
        others = f"none of the {hubs_known} other hubs" if hubs_known > 1 else "the one other hub"
        what = f"{others} of this network can{'' if hubs_known > 1 else 'not'} be reached now"
        found.append(Problem("alone", what, "this hub goes on alone; see 'hartig peers' for why"))
    return found

"""What is gone through wholly, and how deep: each part of the custody rules with the trouble that belongs to it.

`HARTIG_CUSTODY_DEEPER=n` goes n moves deeper, for a night (each move costs three to ten times as much). One offer of
two units at `a`; `b` needs one, `c` needs two; `b` has a shelf of its own for what is set aside. All interleavings of
what a scope allows are gone through, with any hub hearing any other at any moment or never; each state is visited once:

    scope           moves   states   in a window, until somebody is heard
    calm                7   38,036        0   deals that cross, gifts, a crash before the commit
    uncounted           7   21,024        0   restored after a first count that the backup lacks
    restored            6   61,013       23   a backup at any time, restored twice
    old image           6   17,494      891   put back without a word, people come with promises it does not know
    cloned              6   59,651    3,216   two copies run at once, for one shelf
    set aside           6   35,126      514   stock set aside at the beginning; either hub is restored
    setting aside       6   21,193        0   the same from before, without restores
    handed on           8   15,897        0   an offer of an offer of an offer, all of which give back what is left
    restored below      6   33,805    1,003   the same, two restores
    everything          4   46,859    1,828   all of it at once
"""

import os
from dataclasses import replace

from simulation.custody.rules import PLANTED
from simulation.custody.search import Scope

DEEPER = int(os.environ.get("HARTIG_CUSTODY_DEEPER", "0"))
_DEAL = frozenset({"asks", "promises", "hands over", "releases", "cancels"})
_TREE = frozenset({"sets aside", "sets aside further", "accepts", "surrenders", "counts back"})

SCOPES = [
    # Asking, promising, handing over and cancelling cross; people take without asking; a crash before the commit.
    Scope("calm", _DEAL | {"gives", "receives", "crashes"}, 7, (("crashes", 1),)),
    # A first count after the backup: the offer was there, and nobody had counted.
    Scope("uncounted", _DEAL | {"opens", "restores", "opens anew"}, 7, (("restores", 1),), begun=""),
    # A backup at any time; `hartig restore`, twice; things handed over before it.
    Scope(
        "restored", _DEAL | {"backs up", "restores", "opens anew"}, 6, (("restores", 2), ("backs up", 1)), begun="asked"
    ),
    # An old image that does not know it, people who come with promises that it does not know.
    Scope("old image", _DEAL | {"is put back", "paper", "opens anew"}, 6, (("is put back", 1),), begun="asked"),
    # Two copies run at once, for one shelf.
    Scope("cloned", _DEAL | {"is cloned", "opens anew"}, 6, (("is cloned", 1),), begun="asked"),
    # Stock set aside before anything has happened, and after; either hub restored.
    Scope("set aside", _DEAL | _TREE | {"restores", "opens anew"}, 6, (("restores", 1),), begun="set aside"),
    Scope("setting aside", _DEAL | _TREE | {"gives"}, 6, begun="asked"),
    # Set aside from what was set aside: offers three deep, each of which gives back; either hub is restored.
    Scope("handed on", _TREE | {"gives"}, 8, begun="handed on"),
    Scope("restored below", _TREE | {"gives", "restores", "opens anew"}, 6, (("restores", 2),), begun="handed on"),
    # All of it at once.
    Scope(
        "everything",
        _DEAL
        | _TREE
        | {"gives", "receives", "crashes", "backs up", "restores", "is put back", "is cloned", "paper", "opens anew"},
        4,
        tuple((name, 1) for name in ("crashes", "backs up", "restores", "is put back", "is cloned")),
        begun="asked",
    ),
]

_TWO = frozenset({"asks", "promises", "hands over"})
_RESTORED = Scope("", _TWO | {"restores", "waits"}, 9, (("restores", 1),), begun="asked")
_STAGES = {
    "any hub that sees stock may promise": Scope("", _TWO | {"promises of others"}, 9, begun="asked"),
    "sync first, then promise after restore": _RESTORED,
    "wait out the hold, then promise after restore": _RESTORED,
    "an allotment that lapses with a hold": Scope("", _TWO | {"sets aside", "releases"}, 9, begun="asked"),
    "two child lots from one allotment": Scope("", frozenset({"asks", "promises", "accepts"}), 9, begun="set aside"),
    "what was given back is counted twice": Scope("", _TWO | {"counts back"}, 9, begun="given back"),
    "quantity taken from a revised offer": Scope("", _TWO | {"revises"}, 9, begun="asked"),
}


def stage(name: str) -> Scope:
    """Return the scope in which a planted rule must be seen to promise twice, and the real one never does."""
    return replace(_STAGES[name], name=name, promises_alone=True)


def planted(name: str) -> Scope:
    """Return that scope with the planted rule."""
    return replace(stage(name), rules=PLANTED[name])

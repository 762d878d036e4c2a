"""Going through all that can happen, breadth first, so that the first counterexample is the shortest.

In: a `Scope`: how things begin, what may happen, how many moves deep. Out: a `Found`: how many states there were, or a
trace to read. Every state is visited once; all interleavings to the depth are covered.
"""

from dataclasses import dataclass
from typing import Any

from simulation.custody.happening import all_heard, moves
from simulation.custody.rules import REAL, Rules
from simulation.custody.said import Thread, step_of
from simulation.custody.state import World, first_world
from simulation.custody.truth import judge

UNITS = 2
WISHES = (("b", 1), ("c", 2))


@dataclass(frozen=True)
class Scope:
    """A part of everything that is gone through wholly."""

    name: str
    allowed: frozenset[str]
    depth: int
    left: tuple[tuple[str, int], ...] = ()
    wishes: tuple[tuple[str, int], ...] = WISHES
    begun: str = "counted"
    rules: Rules = REAL
    promises_alone: bool = False  # what is only believed to be there is let pass

    def first(self) -> World:
        """How things begin."""
        return first_world(self.wishes, UNITS, self.left, begun=self.begun)


@dataclass
class Found:
    """What a search has seen. `in_windows`: states where something is wrong and nobody can know yet; of them
    `lasting` are still wrong when everybody has heard everything, and `unheard` because nobody had heard what was lost.
    """

    states: int = 0
    moves: int = 0
    in_windows: int = 0
    unheard: int = 0
    lasting: int = 0
    wrong: str = ""
    trace: tuple[Any, ...] = ()

    def __str__(self) -> str:
        lines = [f"{number}. {_line(told)}" for number, told in enumerate(unrolled(self.trace), 1)]
        return "\n".join([*lines, f"=> {self.wrong}"])


def search(scope: Scope, depth: int | None = None) -> Found:
    """Go through a scope; stop at the first state that breaks a rule outside of a window."""
    found, first = Found(states=1), scope.first()
    seen, known = {first}, 1  # to hash a world is dear: it is asked for and added in one
    layer: list[tuple[World, tuple[Any, ...]]] = [(first, ())]
    for _ in range(scope.depth if depth is None else depth):
        following = []
        for world, trace in layer:
            for told, after in moves(scope.rules, world, scope.allowed):
                found.moves += 1
                seen.add(after)
                if len(seen) == known:
                    continue
                known += 1
                verdict = judge(scope.rules, after, UNITS)
                if verdict.wrong and not verdict.is_window and not (scope.promises_alone and not verdict.is_promised):
                    found.states, found.wrong, found.trace = len(seen), verdict.wrong, (trace, told)
                    return found
                if verdict.is_window:
                    found.in_windows += 1
                    _must_heal(scope, after, found)
                following.append((after, (trace, told)))
        layer = following
    found.states = len(seen)
    return found


def _must_heal(scope: Scope, world: World, found: Found) -> None:
    """Where something is wrong in a window, it is right once everybody has heard everything.

    But for what was lost with a card before anybody had heard of it: an old image can never know of that.
    """
    verdict = judge(scope.rules, all_heard(scope.rules, world), UNITS)
    found.unheard += verdict.is_window
    found.lasting += bool(verdict.wrong) and not verdict.is_window


def unrolled(trace: tuple[Any, ...]) -> list[Any]:
    """What happened, from the beginning."""
    told = []
    while trace:
        trace, last = trace
        told.append(last)
    return told[::-1]


def _line(told: Any) -> str:
    return " ".join(_word(part) for part in told)


def _word(part: Any) -> str:
    if isinstance(part, Thread):
        return f"[{part}]"
    if isinstance(part, tuple):
        return ", ".join(f"{name} {_word(value)}" for name, value in part if name != "hold")
    return f"<{step_of(part).verb}>" if isinstance(part, bytes) else str(part)

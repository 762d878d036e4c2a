"""The chain rule: which steps of one chain are kept (SPEC, part T).

A chain has one writer. Two steps at one seq are a fork: kept are the steps below the lowest fork and the two lowest
ids at it; only those below stand, and the chain has ended. So what is kept is the same whatever came first.
"""

from dataclasses import dataclass, field
from enum import Enum, auto


class Link(Enum):
    """What becomes of a step."""

    EXTENDS = auto()
    KNOWN = auto()
    FORKS = auto()  # kept as evidence; whatever stood above goes
    WAITS = auto()  # its predecessor is not here
    BEYOND = auto()  # above a fork, or not among the two lowest ids at it, or names a predecessor that does not stand


@dataclass(slots=True)
class Chain:
    """The steps of one thread: `steps[i]` has seq i + 1; `fork` holds the two ids at seq len(steps) + 1."""

    steps: list[bytes] = field(default_factory=list)
    fork: tuple[bytes, bytes] | None = None

    def __repr__(self) -> str:
        return f"<Chain {len(self.steps)} steps{', forked' if self.fork else ''}>"

    @property
    def kept(self) -> list[bytes]:
        """The ids of all steps that are kept."""
        return [*self.steps, *(self.fork or ())]

    def place(self, step: bytes, seq: int, prev: bytes | None) -> Link:
        """Say what becomes of a step, changing nothing."""
        top = len(self.steps)
        if seq > top + 1:
            return Link.BEYOND if self.fork else Link.WAITS
        if prev != (self.steps[seq - 2] if seq > 1 else None):
            return Link.BEYOND
        if seq <= top:
            return Link.KNOWN if self.steps[seq - 1] == step else Link.FORKS
        if self.fork is None:
            return Link.EXTENDS
        if step in self.fork:
            return Link.KNOWN
        return Link.FORKS if step < self.fork[1] else Link.BEYOND

    def add(self, step: bytes, seq: int, prev: bytes | None, link: Link | None = None) -> list[bytes]:
        """Add a step that `place` said extends or forks; return the ids of the steps that go because of it.

        `link` is what `place` said, from whoever asked just before: then it is not asked again.
        """
        verdict = link or self.place(step, seq, prev)
        if verdict is Link.EXTENDS:
            self.steps.append(step)
            return []
        assert verdict is Link.FORKS
        rivals = [step, *(self.fork or ())] if seq > len(self.steps) else [step, self.steps[seq - 1]]
        first, second, *others = sorted(rivals)
        above = [*self.steps[seq:], *(self.fork or ())] if seq <= len(self.steps) else others
        del self.steps[seq - 1 :]
        self.fork = (first, second)
        return above

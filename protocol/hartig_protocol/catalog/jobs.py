"""Long work in slices: what a job is.

A hub serves its pages and its links on one thread, so nothing may hold that thread for long. Whatever grows with the
number of records is a job: the hub core runs one slice of it at a time, with the loop in between.
"""

from typing import Protocol


class Job(Protocol):
    """Work that is done in bounded slices. Whoever started it runs `step` until it says that all is done."""

    def step(self) -> bool:
        """Do one slice, of five milliseconds at most on a small computer; true when the whole is done."""
        ...


class Turn:
    """Work that is done in what follows it: a bounded part, and another turn for the rest."""

    def step(self) -> bool:
        """All is done at once."""
        return True

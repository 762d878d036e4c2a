"""Living through a world inside a test: what a failing seed says, and whether a planted fault is seen."""

import pytest

from simulation.invariants import BrokenInvariantError
from simulation.story import Story, lived


def live(seed: int) -> None:
    """Live through one world; a broken invariant fails the test with the line that runs it again."""
    broken = ""
    try:
        lived(seed)
    except BrokenInvariantError as error:
        broken = str(error)
    if broken:
        again = f"PYTHONPATH=tests .venv/bin/python -m simulation.story {seed}"
        pytest.fail(f"world {seed}: {broken}\nrun it again: {again}", pytrace=False)


def is_seen(story: Story) -> bool:
    """Whether this world notices that something is wrong."""
    try:
        story.run()
    except BrokenInvariantError:
        return True
    finally:
        story.world.end()
    return False

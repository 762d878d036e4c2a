"""All interleavings of the small model: with the real rules nothing is promised twice.

Without a window in every state; after an old image, a copy, or a lot begun after the backup: once all have heard it.
"""

from collections.abc import Callable

import pytest

from simulation.custody.scopes import DEEPER, SCOPES
from simulation.custody.search import Scope, search

SEES_ALL = {"calm", "uncounted", "setting aside", "handed on"}  # where there is no window at all
CAN_LOSE = {"old image", "everything"}  # where an old image may lack what nobody has heard of

pytestmark = pytest.mark.timeout(300 * 8**DEEPER)  # each move deeper costs so much


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
def test_nothing_is_promised_twice_outside_of_windows_which_all_close(
    scope: Scope, measured: Callable[[str], None]
) -> None:
    depth = scope.depth + DEEPER
    found = search(scope, depth)
    measured(f"custody, {scope.name}: {found.states} states in {depth} moves, {found.in_windows} in windows")
    assert not found.wrong, f"after these moves of {scope.name}:\n{found}"
    assert not found.lasting
    assert found.states > 1_000
    assert not (found.in_windows and scope.name in SEES_ALL)
    assert not found.unheard or scope.name in CAN_LOSE


@pytest.mark.parametrize("name", ["old image", "cloned"])
def test_an_old_image_or_a_copy_can_promise_twice_until_it_hears_of_it(name: str) -> None:
    scope = next(scope for scope in SCOPES if scope.name == name)
    assert search(scope, 4).in_windows

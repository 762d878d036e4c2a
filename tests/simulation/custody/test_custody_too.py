"""All interleavings of the small model (the other half of the scopes), and that a window is seen where there is one."""

from collections.abc import Callable

import pytest

from simulation.custody.scopes import DEEPER, SCOPES
from simulation.custody.search import Scope, search
from simulation.custody.test_custody import holds

pytestmark = pytest.mark.timeout(300 * 8**DEEPER)  # each move deeper costs so much


@pytest.mark.parametrize("scope", SCOPES[1::2], ids=lambda scope: scope.name)
def test_nothing_is_promised_twice(scope: Scope, measured: Callable[[str], None]) -> None:
    holds(scope, measured)


@pytest.mark.parametrize("name", ["old image", "cloned"])
def test_an_old_image_or_a_copy_can_promise_twice_until_it_hears_of_it(name: str) -> None:
    scope = next(scope for scope in SCOPES if scope.name == name)
    assert search(scope, 4).in_windows

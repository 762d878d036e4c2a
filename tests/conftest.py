"""For all tests: hypothesis profiles, and nothing outlives a test.

`HARTIG_DEEP=1` looks for longer: more examples, more worlds, more power cuts.
"""

import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("fast", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", parent=settings.get_profile("fast"), max_examples=2_000)
settings.load_profile("deep" if os.environ.get("HARTIG_DEEP") == "1" else "fast")


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """Fail a test that leaves a thread running; the event loop's own executor threads end with their loop."""
    before = set(threading.enumerate())
    yield
    left = [one for one in threading.enumerate() if one not in before and not one.name.startswith("asyncio")]
    for one in left:
        one.join(10)  # one that is just ending may end
    left = [one for one in left if one.is_alive()]
    assert not left, f"threads outlive this test: {left}"

"""For all tests: hypothesis profiles, nothing outlives a test, what is looked at for coverage, what workers take first.

`HARTIG_DEEP=1` looks for longer: more examples, more worlds, more power cuts.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("fast", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", parent=settings.get_profile("fast"), max_examples=2_000)
settings.load_profile("deep" if os.environ.get("HARTIG_DEEP") == "1" else "fast")

COMPUTES = "tests/simulation/"  # waits for nothing, and its cases share nothing
# Files that take longest, so that none of them is begun last. All others follow as they were found.
LONGEST = (
    "test_kill", "test_wheel", "test_power_cuts", "test_messages", "test_hubs", "test_floods", "test_bench", "test_try",
    "test_members", "test_recovering", "test_liveness", "test_time", "test_joining", "test_switch",
)  # fmt: skip
# Nobody looks at which lines these run, which would take them twice as long: others run them too, or none that count.
UNWATCHED = (
    "tests/privacy/",
    "tests/protocol/exchange/test_deal.py", "tests/protocol/exchange/test_judging.py",
    "tests/protocol/exchange/test_sharing.py", "tests/protocol/partners/test_order.py",
    "tests/protocol/sync/test_liveness.py", "tests/protocol/sync/test_odd_facts.py",
    "tests/protocol/trust/test_apart.py", "tests/protocol/trust/test_lasting.py", "tests/protocol/trust/test_model.py",
    "tests/node/board/belonging/test_story.py", "tests/node/board/test_events.py", "tests/node/cli/test_words.py",
    "tests/node/site/test_hostile.py", "tests/node/site/test_pages.py", "tests/node/store/test_model.py",
)  # fmt: skip
WAITS_UNTIL = 0.75  # of what is computed: it fills the cores while hubs wait, and ends the run in small pieces


def unit(nodeid: str) -> str:
    """What one worker takes whole: a file, but of what computes a single case."""
    return nodeid if nodeid.startswith(COMPUTES) and "[" in nodeid else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, deal out units."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Units(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    return Units(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers meet units of real hubs, and between them such that compute.

    Hubs wait for each other most of the time, worlds never: with both under way no core is idle. And leave out of the
    coverage what is `wide`, and what hypothesis chooses, since nobody knows beforehand which lines that runs.
    """
    for item in items:
        is_random = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if is_random or item.nodeid.startswith(UNWATCHED) or item.get_closest_marker("wide"):
            item.add_marker("no_cover")  # pytest-cov's own
    units = list(dict.fromkeys(unit(item.nodeid) for item in items))
    computing = [one for one in units if one.startswith(COMPUTES)]
    waiting = [one for one in units if not one.startswith(COMPUTES)]
    if not (hasattr(config, "workerinput") and computing and waiting):
        return
    waiting.sort(key=lambda one: LONGEST.index(Path(one).stem) if Path(one).stem in LONGEST else len(LONGEST))
    when = {one: WAITS_UNTIL * at / len(waiting) for at, one in enumerate(waiting)}
    when.update((one, at / len(computing)) for at, one in enumerate(computing))
    items.sort(key=lambda item: when[unit(item.nodeid)])


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

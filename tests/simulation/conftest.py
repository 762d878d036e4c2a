"""How many worlds a run lives through (`HARTIG_WORLDS=n` for more than the usual), and what measurements have shown."""

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

WORLDS_USUALLY = 2_000  # the goal is three minutes on two cores, so 0.18 s of one for each
BATCH = 20


def pytest_generate_tests(metafunc: Any) -> None:
    """Give each test that asks for `seeds` a batch of the worlds, which any worker may take."""
    if "seeds" in metafunc.fixturenames:
        count = int(os.environ.get("HARTIG_WORLDS", str(WORLDS_USUALLY)))
        batches = [range(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
        metafunc.parametrize("seeds", batches, ids=[f"{batch[0]}-{batch[-1]}" for batch in batches])


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile: so many states leave next to none, and would be looked through again and again."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say what was measured: it is shown when the run ends, also where the test passed, on whatever core it ran."""
    return lambda line: record_property("measured", line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show all that was measured."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    said = [line for report in reports for name, line in report.user_properties if name == "measured"]
    if said:
        terminalreporter.section("measured in virtual networks")
        for line in said:
            terminalreporter.write_line(line)
